package execute

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func TestSpeakForGone(t *testing.T) {
	t.Parallel()
	gone := func(node string) bool { return node == "n1" || node == "n4" }
	for name, test := range map[string]struct {
		before, after v1alpha1.StorageDiskStatus
	}{
		"its node is gone": {
			v1alpha1.StorageDiskStatus{Node: "n1", Presence: v1alpha1.PresencePresent, OtherNodes: []string{"n2"}},
			v1alpha1.StorageDiskStatus{Node: "n1", Presence: v1alpha1.PresenceMissing, OtherNodes: []string{"n2"}},
		},
		"another that saw it is gone": {
			v1alpha1.StorageDiskStatus{Node: "n2", Presence: v1alpha1.PresencePresent, OtherNodes: []string{"n3", "n4"}},
			v1alpha1.StorageDiskStatus{Node: "n2", Presence: v1alpha1.PresencePresent, OtherNodes: []string{"n3"}},
		},
		"nobody is gone": {
			v1alpha1.StorageDiskStatus{Node: "n2", Presence: v1alpha1.PresencePresent, OtherNodes: []string{"n3"}},
			v1alpha1.StorageDiskStatus{Node: "n2", Presence: v1alpha1.PresencePresent, OtherNodes: []string{"n3"}},
		},
		"it was missing before": {
			v1alpha1.StorageDiskStatus{Node: "n1", Presence: v1alpha1.PresenceMissing},
			v1alpha1.StorageDiskStatus{Node: "n1", Presence: v1alpha1.PresenceMissing},
		},
		"no node reported it": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "d"}, Status: test.before}
			w := newWorld(t, disk)
			read := func() *v1alpha1.StorageDisk {
				var d v1alpha1.StorageDisk
				if err := w.Get(t.Context(), client.ObjectKey{Name: "d"}, &d); err != nil {
					t.Fatal(err)
				}
				return &d
			}
			first := read()
			wrote, err := SpeakForGone(t.Context(), w, first, gone)
			if err != nil || wrote == cmp.Equal(test.before, test.after) {
				t.Errorf("wrote %v, %v", wrote, err)
			}
			if diff := cmp.Diff(test.after, read().Status); diff != "" {
				t.Error(diff)
			}
			if again, err := SpeakForGone(t.Context(), w, read(), gone); again || err != nil {
				t.Errorf("wrote again: %v, %v", again, err)
			}
			if _, err := SpeakForGone(t.Context(), w, first, gone); wrote && !apierrors.IsConflict(err) {
				t.Errorf("a disk that has changed: %v", err)
			}
		})
	}
}
