package app

import (
	"fmt"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// addWorld is a world in which new disks wait for a person, with two of them, one of which is to be added, and that is approved.
type addWorld struct {
	*operationWorld
	wanted, other string
}

func newAddWorld(t *testing.T) *addWorld {
	t.Helper()
	w := newRemovalWorld(t, func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentHold })
	w.byHand(func() {
		cluster := w.cluster()
		cluster.Spec.Approvals = &v1alpha1.ApprovalsSpec{NewDisks: v1alpha1.ApprovalManual}
		cluster.Generation++
		w.must(w.api.Update(t.Context(), cluster))
	})
	wanted, other := w.spare(), emptyDisk("n1", 8)
	w.byHand(func() { w.must(w.api.Create(t.Context(), other)) })
	w.turn()
	w.turn()
	if plan := w.diskNamed(wanted).Status.Plan; plan == nil || plan.Reason != v1alpha1.PlanReasonAwaitingApproval {
		t.Fatalf("plan %+v", plan)
	}
	w.ask(v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationAdd, Disks: []string{wanted}})
	w.writes = nil
	return &addWorld{operationWorld: w, wanted: wanted, other: other.Name}
}

// added lets the operation come to its end, and holds the world to what it promises: one OSD more, on the disk that was named, and the
// other disk waits on.
func (w *addWorld) added() {
	w.Helper()
	status := w.until(v1alpha1.OperationSucceeded)
	if status.Progress.Percent != 100 {
		w.Errorf("progress %+v", status.Progress)
	}
	w.fail = nil
	for range 5 {
		w.turn()
	}
	disk, left := w.diskNamed(w.wanted), w.diskNamed(w.other)
	if len(disk.Status.OSDs) != 1 || disk.Status.State != v1alpha1.DiskInService {
		w.Fatalf("%s is %s with %+v", w.wanted, disk.Status.State, disk.Status.OSDs)
	}
	if osd := disk.Status.OSDs[0]; w.prepared[w.wanted+"/ "+osd.UUID] != 1 {
		w.Errorf("osd.%d was not prepared once: %v", osd.ID, w.prepared)
	}
	if len(left.Status.OSDs) > 0 || left.Status.Claim != nil || left.Status.Plan.Reason != v1alpha1.PlanReasonAwaitingApproval {
		w.Errorf("%s: plan %+v, claim %+v", left.Name, left.Status.Plan, left.Status.Claim)
	}
	w.live("five OSDs", w.healthy(3, 2, 5))
}

// Disks that wait for a person are taken once they are approved, and nothing else.
func TestAdd(t *testing.T) {
	t.Parallel()
	newAddWorld(t).added()
}

// Killed at any write, and with a new operator after that, the end is the same: one OSD, on the disk that was approved.
func TestAddKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	first := newAddWorld(t)
	first.until(v1alpha1.OperationSucceeded)
	for n := 0; n < len(first.writes); n += 2 * killStride { // each kills at two
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newAddWorld(t)
			w.killTwice(n)
			w.added()
		})
	}
}
