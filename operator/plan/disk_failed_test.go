package plan

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// A disk has failed when discover on a node that is well says so; a node that is off, or is worked on, proves nothing.
func TestDiskFailed(t *testing.T) {
	t.Parallel()
	healthy := func(status metav1.ConditionStatus, reason string) func(*draft) {
		return func(d *draft) {
			d.disk.Status.Presence = v1alpha1.PresencePresent
			d.disk.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionHealthy, Status: status, Reason: reason}}
		}
	}
	for name, tt := range map[string]struct {
		change func(*draft)
		want   bool
	}{
		"missing":            {func(*draft) {}, true},
		"there":              {func(d *draft) { d.disk.Status.Presence = v1alpha1.PresencePresent }, false},
		"SMART fails":        {healthy(metav1.ConditionFalse, v1alpha1.ReasonSMARTFailing), true},
		"media errors":       {healthy(metav1.ConditionFalse, v1alpha1.ReasonMediaErrors), true},
		"I/O errors":         {healthy(metav1.ConditionFalse, v1alpha1.ReasonIOErrors), true},
		"worn out":           {healthy(metav1.ConditionFalse, v1alpha1.ReasonWearOut), false},
		"healthy":            {healthy(metav1.ConditionTrue, v1alpha1.ReasonNoErrors), false},
		"not known":          {healthy(metav1.ConditionUnknown, v1alpha1.ReasonNotReported), false},
		"nobody's":           {func(d *draft) { d.owned = false }, false},
		"operated on":        {func(d *draft) { d.operation = &manifest.OperationRecord{} }, false},
		"node gone":          {func(d *draft) { d.node = nil }, false},
		"node not ready":     {func(d *draft) { d.node.Ready = false }, false},
		"node cordoned":      {func(d *draft) { d.node.Unschedulable = true }, false},
		"node being deleted": {func(d *draft) { d.node.Deleting = true }, false},
		"discover silent":    {func(d *draft) { d.node.Discover = DiscoverSilent }, false},
		"discover not known": {func(d *draft) { d.node.Discover = "" }, false},
		"node said to be off": {func(d *draft) {
			d.node.Taints = []corev1.Taint{{Key: corev1.TaintNodeOutOfService}}
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &draft{
				disk:  &v1alpha1.StorageDisk{Status: v1alpha1.StorageDiskStatus{Node: "n1", Presence: v1alpha1.PresenceMissing}},
				node:  &Node{Name: "n1", Ready: true, Discover: DiscoverReporting},
				owned: true,
			}
			tt.change(d)
			if got := d.failed(); (got != "") != tt.want {
				t.Errorf("got %q", got)
			}
		})
	}
}

// The policy approves what the operator made only while the disk is still gone, and never when many are gone at once; what is
// not needed any more ends.
func TestPolicyOfFailedDisks(t *testing.T) {
	t.Parallel()
	const ends, waits, begins = v1alpha1.OperationSuperseded, v1alpha1.OperationAwaitingApproval, v1alpha1.OperationRunning
	for name, tt := range map[string]struct {
		change func(*CarryObserved)
		want   v1alpha1.OperationState
	}{
		"gone":                  {func(*CarryObserved) {}, begins},
		"manual":                {func(in *CarryObserved) { in.Approvals.FailedDisks = v1alpha1.ApprovalManual }, waits},
		"there again":           {func(in *CarryObserved) { in.Disks[0].Status.Presence = v1alpha1.PresencePresent }, waits},
		"node does not answer":  {func(in *CarryObserved) { in.Nodes["h0"] = false }, waits},
		"discover is silent":    {func(in *CarryObserved) { in.Reporting["h0"] = false }, waits},
		"up again":              {func(in *CarryObserved) { in.Ceph.Snapshot.OSDs[0].Up = true }, ends},
		"in again":              {func(in *CarryObserved) { in.Ceph.Snapshot.OSDs[0].In = true }, waits},
		"no OSD is on it":       {func(in *CarryObserved) { in.Disks[0].Status.OSDs = nil }, ends},
		"Ceph does not answer":  {func(in *CarryObserved) { in.Ceph.Fresh = false }, v1alpha1.OperationRefused},
		"the day is used up":    {func(in *CarryObserved) { in.Automatic = 2 }, waits},
		"data is lacking":       {func(in *CarryObserved) { in.Ceph.Snapshot.PGs.ByState[0].State = "active+undersized" }, waits},
		"the DB of others":      {func(in *CarryObserved) { in.Disks[0].Status.OSDs[0].Role = v1alpha1.OSDRoleDB }, waits},
		"many of the node gone": {shelfGone, waits},
		"a person's, and up again": {func(in *CarryObserved) {
			in.Made, in.Ceph.Snapshot.OSDs[0].Up, in.Approvals.FailedDisks = false, true, v1alpha1.ApprovalManual
		}, waits},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := CarryObserved{
				OperationObserved: operationWorld(), Name: "o", Made: true, Nodes: map[string]bool{"h0": true}, Reporting: map[string]bool{"h0": true},
				Approvals: Approvals{FailedDisks: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2},
			}
			replacing(&in.OperationObserved)
			in.Ceph.Snapshot.OSDs[0].Up, in.Ceph.Snapshot.OSDs[0].In, in.PGs[0] = false, false, nil
			in.Disks[0].Status.Presence = v1alpha1.PresenceMissing
			tt.change(&in)
			carried := Carry(in)
			if carried.Status.State != tt.want || OperationFinished(&carried.Status) != (tt.want == ends) {
				t.Errorf("state %s, want %s: %+v", carried.Status.State, tt.want, carried.Status.Conditions)
			}
		})
	}
}

// shelfGone lets three disks of the node go at once.
func shelfGone(in *CarryObserved) {
	for _, disk := range in.Disks[2:4] {
		disk.Status.Node, disk.Status.Presence = "h0", v1alpha1.PresenceMissing
	}
}
