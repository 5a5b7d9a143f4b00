package plan

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

var failedAt = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// saidFor are the conditions of a disk of which something has been said for so long before failedAt, and whose node has reported
// for so long.
func saidFor(said time.Duration, kind string, status metav1.ConditionStatus, fresh time.Duration) []metav1.Condition {
	return []metav1.Condition{
		{Type: kind, Status: status, LastTransitionTime: metav1.NewTime(failedAt.Add(-said))},
		{Type: v1alpha1.ConditionFresh, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(failedAt.Add(-fresh))},
	}
}

// How long a disk has failed counts from the last silence of discover; what nobody vouches for does not count.
func TestFailedSince(t *testing.T) {
	t.Parallel()
	const unknown = metav1.ConditionUnknown
	stale := saidFor(time.Hour, v1alpha1.ConditionUsable, unknown, time.Hour)
	stale[1].Status = metav1.ConditionFalse
	for name, tt := range map[string]struct {
		presence   v1alpha1.Presence
		conditions []metav1.Condition
		want       time.Duration // less than zero: not known
	}{
		"missing":                     {v1alpha1.PresenceMissing, saidFor(20*time.Minute, v1alpha1.ConditionUsable, unknown, time.Hour), 20 * time.Minute},
		"its node just came back":     {v1alpha1.PresenceMissing, saidFor(time.Hour, v1alpha1.ConditionUsable, unknown, time.Minute), time.Minute},
		"discover is silent":          {v1alpha1.PresenceMissing, stale, -1},
		"nothing is said":             {v1alpha1.PresenceMissing, nil, -1},
		"said for a node that went":   {v1alpha1.PresenceMissing, saidFor(time.Hour, v1alpha1.ConditionUsable, metav1.ConditionFalse, time.Hour), -1},
		"errors":                      {v1alpha1.PresencePresent, saidFor(15*time.Minute, v1alpha1.ConditionHealthy, metav1.ConditionFalse, time.Hour), 15 * time.Minute},
		"errors, and nobody tells it": {v1alpha1.PresencePresent, saidFor(time.Hour, v1alpha1.ConditionUsable, unknown, time.Hour), -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := &v1alpha1.StorageDisk{Status: v1alpha1.StorageDiskStatus{Presence: tt.presence, Conditions: tt.conditions}}
			since, ok := FailedSince(disk)
			if ok != (tt.want >= 0) || ok && failedAt.Sub(since) != tt.want {
				t.Errorf("since %s, %v", since, ok)
			}
		})
	}
}

// A disk has failed when discover on a node that is well says so; a node that is off, or is worked on, proves nothing.
func TestDiskFailed(t *testing.T) {
	t.Parallel()
	healthy := func(status metav1.ConditionStatus, reason string) func(*draft) {
		return func(d *draft) {
			d.disk.Status.Presence = v1alpha1.PresencePresent
			d.disk.Status.Conditions = saidFor(time.Hour, v1alpha1.ConditionHealthy, status, time.Hour)
			d.disk.Status.Conditions[0].Reason = reason
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
				disk: &v1alpha1.StorageDisk{Status: v1alpha1.StorageDiskStatus{
					Node: "n1", Presence: v1alpha1.PresenceMissing, Conditions: saidFor(time.Hour, v1alpha1.ConditionUsable, metav1.ConditionUnknown, time.Hour),
				}},
				node:  &Node{Name: "n1", Ready: true, Discover: DiscoverReporting},
				owned: true,
			}
			tt.change(d)
			if got, since := d.failed(); (got != "") != tt.want || tt.want && since.IsZero() {
				t.Errorf("got %q since %s", got, since)
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
		"gone":        {func(*CarryObserved) {}, begins},
		"manual":      {func(in *CarryObserved) { in.Approvals.FailedDisks = v1alpha1.ApprovalManual }, waits},
		"there again": {func(in *CarryObserved) { in.Disks[0].Status.Presence = v1alpha1.PresencePresent }, waits},
		"gone since just now": {func(in *CarryObserved) {
			in.Disks[0].Status.Conditions = saidFor(time.Minute, v1alpha1.ConditionUsable, metav1.ConditionUnknown, time.Hour)
		}, waits},
		"its node is not at work": {func(in *CarryObserved) { in.AtWork["h0"] = false }, waits},
		"up again":                {func(in *CarryObserved) { in.Ceph.Snapshot.OSDs[0].Up = true }, ends},
		"in again":                {func(in *CarryObserved) { in.Ceph.Snapshot.OSDs[0].In = true }, waits},
		"no OSD is on it":         {func(in *CarryObserved) { in.Disks[0].Status.OSDs = nil }, ends},
		"Ceph does not answer":    {func(in *CarryObserved) { in.Ceph.Fresh = false }, v1alpha1.OperationRefused},
		"the day is used up":      {func(in *CarryObserved) { in.Automatic = 2 }, waits},
		"data is lacking":         {func(in *CarryObserved) { in.Ceph.Snapshot.PGs.ByState[0].State = "active+undersized" }, waits},
		"the DB of others":        {func(in *CarryObserved) { in.Disks[0].Status.OSDs[0].Role = v1alpha1.OSDRoleDB }, waits},
		"a person's, and up again": {func(in *CarryObserved) {
			in.Made, in.Ceph.Snapshot.OSDs[0].Up, in.Approvals.FailedDisks = false, true, v1alpha1.ApprovalManual
		}, waits},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := madeForD0()
			tt.change(&in)
			carried := Carry(in)
			if carried.Status.State != tt.want || OperationFinished(&carried.Status) != (tt.want == ends) {
				t.Errorf("state %s, want %s: %+v", carried.Status.State, tt.want, carried.Status.Conditions)
			}
		})
	}
}

// shelfFails lets three disks of the node go at once, in whatever way: gone, or with errors.
func shelfFails(change func(*v1alpha1.StorageDisk)) func(*CarryObserved) {
	return func(in *CarryObserved) {
		for i, disk := range in.Disks[2:4] {
			disk.Status.Node, in.Ceph.Snapshot.OSDs[2+i].Up = "h0", false
			change(disk)
		}
	}
}

// failing are the conditions of a disk that answers with errors.
func failing(disk *v1alpha1.StorageDisk) {
	disk.Status.Conditions = saidFor(time.Hour, v1alpha1.ConditionHealthy, metav1.ConditionFalse, time.Hour)
	disk.Status.Conditions[0].Reason = v1alpha1.ReasonIOErrors
}

// A shelf, a controller or a cable that fails takes many disks of a node at once, and not in one way only.
func TestDoubtOfAShelf(t *testing.T) {
	t.Parallel()
	missing := func(disk *v1alpha1.StorageDisk) { disk.Status.Presence = v1alpha1.PresenceMissing }
	for name, tt := range map[string]struct {
		change func(*CarryObserved)
		want   string
	}{
		"alone":           {func(*CarryObserved) {}, ""},
		"gone":            {shelfFails(missing), "3 disks of node h0 have failed at once"},
		"with errors":     {shelfFails(failing), "3 disks of node h0 have failed at once"},
		"others are well": {shelfFails(func(*v1alpha1.StorageDisk) {}), ""},
		"errors, and they serve": {func(in *CarryObserved) {
			shelfFails(failing)(in)
			in.Ceph.Snapshot.OSDs[2].Up, in.Ceph.Snapshot.OSDs[3].Up = true, true
		}, ""},
		"others just before":    {metMade(-time.Minute, "x", "y"), "3 disks failed at once"},
		"others just after":     {metMade(time.Minute, "x", "y"), "3 disks failed at once"},
		"one just before":       {metMade(-time.Minute, "x"), ""},
		"others a while before": {metMade(-time.Hour, "x", "y"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := madeForD0()
			tt.change(&in)
			if got := (&beginning{in: in}).doubtful(); (got == "") != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// metMade lets the operation meet one that was made so long after it for failed disks, and has ended.
func metMade(after time.Duration, disks ...string) func(*CarryObserved) {
	return func(in *CarryObserved) {
		own, other := madeReplace("o", "d0", v1alpha1.OperationAwaitingApproval, failedAt), madeReplace("p", "", v1alpha1.OperationSuperseded, failedAt)
		own.CreationTimestamp, other.CreationTimestamp = metav1.NewTime(failedAt), metav1.NewTime(failedAt.Add(after))
		other.Spec.Disks = disks
		in.Meet(own, own)
		in.Meet(own, other)
	}
}

// What the policy may not approve today it looks at again, although nobody wakes it; a person's operation waits for the person.
func TestPolicyLooksAgain(t *testing.T) {
	t.Parallel()
	in := madeForD0()
	in.Automatic = in.Approvals.MaxAutomaticPerDay
	if carried := Carry(in); carried.After <= 0 || carried.After > lookPolicy {
		t.Errorf("it is looked at after %s", carried.After)
	}
	in.Approvals.FailedDisks = v1alpha1.ApprovalManual
	if carried := Carry(in); carried.After != 0 {
		t.Errorf("what waits for a person is looked at after %s", carried.After)
	}
}

// A person who has an operation about the disk decides; the policy does nothing beside it.
func TestPolicyBesideAPerson(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*v1alpha1.StorageOperation)
		want   v1alpha1.OperationState
	}{
		"about the disk": {func(*v1alpha1.StorageOperation) {}, v1alpha1.OperationAwaitingApproval},
		"about the node": {func(o *v1alpha1.StorageOperation) { o.Spec.Disks, o.Spec.Node = nil, "h0" }, v1alpha1.OperationAwaitingApproval},
		"about another":  {func(o *v1alpha1.StorageOperation) { o.Spec.Disks = []string{"d2"} }, v1alpha1.OperationRunning},
		"it has ended": {func(o *v1alpha1.StorageOperation) {
			*o = *madeReplace("mine", "d0", v1alpha1.OperationSucceeded, failedAt)
			byPerson(o)
		}, v1alpha1.OperationRunning},
		"a mere question": {func(o *v1alpha1.StorageOperation) { o.Labels = map[string]string{v1alpha1.LabelWhatIf: "x"} }, v1alpha1.OperationRunning},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, mine := madeForD0(), madeReplace("mine", "d0", v1alpha1.OperationRefused, time.Time{})
			byPerson(mine)
			tt.change(mine)
			in.Meet(madeReplace("o", "d0", v1alpha1.OperationAwaitingApproval, time.Time{}), mine)
			if carried := Carry(in); carried.Status.State != tt.want {
				t.Errorf("state %s, want %s: %+v", carried.Status.State, tt.want, carried.Status.Conditions)
			}
		})
	}
}

// madeForD0 is an operation that was made because disk d0 is gone, under a policy.
func madeForD0() CarryObserved {
	in := CarryObserved{
		OperationObserved: operationWorld(), Name: "o", Made: true, Nodes: map[string]bool{"h0": true},
		Reporting: map[string]bool{"h0": true}, AtWork: map[string]bool{"h0": true},
		Approvals: Approvals{FailedDisks: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2},
	}
	replacing(&in.OperationObserved)
	in.Ceph.Snapshot.OSDs[0].Up, in.Ceph.Snapshot.OSDs[0].In, in.PGs[0] = false, false, nil
	in.Now, in.Disks[0].Status.Presence = failedAt, v1alpha1.PresenceMissing
	in.Disks[0].Status.Conditions = saidFor(time.Hour, v1alpha1.ConditionUsable, metav1.ConditionUnknown, time.Hour)
	return in
}
