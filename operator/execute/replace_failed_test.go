package execute

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

// failedDisk is a disk that is missing, and has been since a time.
func failedDisk(since time.Time) *v1alpha1.StorageDisk {
	disk := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "d"}}
	disk.Status.Node, disk.Status.Presence = "n1", v1alpha1.PresenceMissing
	disk.Status.Conditions = []metav1.Condition{
		{Type: v1alpha1.ConditionUsable, Status: metav1.ConditionUnknown, LastTransitionTime: metav1.NewTime(since)},
		{Type: v1alpha1.ConditionFresh, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(since.Add(-time.Hour))},
	}
	return disk
}

// Right before an operation is made for it, the disk must have failed as long as was planned with.
func TestStillFailed(t *testing.T) {
	t.Parallel()
	since := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		change func(*v1alpha1.StorageDisk)
		want   bool
	}{
		"as it was":   {func(*v1alpha1.StorageDisk) {}, true},
		"there again": {func(d *v1alpha1.StorageDisk) { d.Status.Presence = v1alpha1.PresencePresent }, false},
		"it came and went": {func(d *v1alpha1.StorageDisk) {
			d.Status.Conditions[0].LastTransitionTime = metav1.NewTime(since.Add(time.Minute))
		}, false},
		"discover is silent": {func(d *v1alpha1.StorageDisk) {
			meta.SetStatusCondition(&d.Status.Conditions, metav1.Condition{Type: v1alpha1.ConditionFresh, Status: metav1.ConditionFalse})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := failedDisk(since)
			tt.change(disk)
			w := newWorld(t, disk)
			r := &run{Executor: w.executor, Target: w.target}
			err := r.stillFailed(t.Context(), plan.MakeReplace{Name: "o", Failed: plan.FailedDisk{Node: "n1", Since: since, Disks: []string{"d"}}})
			if (err == nil) != tt.want || err != nil && !apierrors.IsConflict(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A node that is cordoned, said to be off or not ready is worked on, and so are its disks.
func TestReplaceNeedsAnUndisturbedNode(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*corev1.Node)
		want   bool
	}{
		"well":      {func(*corev1.Node) {}, true},
		"cordoned":  {func(n *corev1.Node) { n.Spec.Unschedulable = true }, false},
		"off":       {func(n *corev1.Node) { n.Spec.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService}} }, false},
		"not ready": {func(n *corev1.Node) { n.Status.Conditions[0].Status = corev1.ConditionUnknown }, false},
		"being deleted": {func(n *corev1.Node) {
			n.DeletionTimestamp, n.Finalizers = new(metav1.NewTime(time.Now())), []string{"example.com/waits"}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}
			node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
			tt.change(node)
			w := newWorld(t, node)
			r := &run{Executor: w.executor, Target: w.target}
			err := r.undisturbed(t.Context(), plan.MakeReplace{Name: "o", Failed: plan.FailedDisk{Node: "n1"}})
			if (err == nil) != tt.want || err != nil && !apierrors.IsConflict(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// An operation is made for an OSD that Ceph itself names safe to destroy, and is down and out.
func TestStillLost(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ceph askedCeph
		want bool
	}{
		"safe":             {askedCeph{pgs: "active+clean", safe: []int{4}}, true},
		"Ceph cannot tell": {askedCeph{pgs: "active+clean"}, false},
		"it is up":         {askedCeph{pgs: "active+clean", safe: []int{4}, up: true}, false},
		"PGs recover":      {askedCeph{pgs: "active+undersized", safe: []int{4}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &run{Target: Target{Ceph: func() (ceph.Client, error) { return &tt.ceph, nil }}}
			failed := plan.FailedDisk{Node: "n1", OSDs: []manifest.RecordedOSD{{ID: 4, UUID: "u4"}}}
			if err := r.stillLost(t.Context(), plan.MakeReplace{Name: "o", Failed: failed}); (err == nil) != tt.want || err != nil && !apierrors.IsConflict(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}
