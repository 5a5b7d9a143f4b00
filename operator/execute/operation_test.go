package execute

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// A disk that an operation, known before, has chosen since the plan was made keeps another one from beginning with it.
func TestBeginLeavesOthersTheirSpares(t *testing.T) {
	t.Parallel()
	for by, begins := range map[string]bool{"spare": false, "another": true} {
		w := newWipeWorld(t, nil, livesOn)
		record := func(name, disk, by string) manifest.OperationRecord {
			return manifest.OperationRecord{
				Operation: name, Type: v1alpha1.OperationReplace, Plan: v1alpha1.OperationPlan{ID: "p"},
				Targets: []v1alpha1.OperationTarget{{Disk: disk}}, Places: []manifest.RecordedPlace{{Disk: disk, By: by}},
			}
		}
		w.make(t, w.builderOf().OperationConfigMap(record("other", "d1", by)))
		object := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "o", UID: "o"}}
		w.make(t, object)
		operations := &Operations{Client: w, Live: w, Applier: NewApplier(w), Events: &events.FakeRecorder{}}
		target := OperationTarget{
			Object: object, Cluster: client.ObjectKey{Namespace: "ns", Name: "main"}, FSID: fsid, Others: map[string]bool{"other": true},
			Recheck: func(context.Context) (plan.OperationDraft, *ceph.Snapshot, error) {
				return plan.OperationDraft{Plan: v1alpha1.OperationPlan{ID: "p"}}, nil, nil
			},
		}
		begin := step(plan.BeginOperation{Record: record("o", "d0", "spare")}, "begin")
		if _, err := operations.Run(t.Context(), target, []plan.Step{begin}); err != nil {
			t.Error(err)
		}
		if found := w.exists(t, &corev1.ConfigMap{}, manifest.OperationRecordName("main", "o")); found != begins {
			t.Errorf("the other takes %s: it has begun: %t", by, found)
		}
	}
}
