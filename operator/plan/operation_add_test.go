package plan

import (
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// adding has begun to add disk d1, which the cluster has taken and osd.1 is on.
func adding() CarryObserved {
	in := CarryObserved{OperationObserved: operationWorld(), Name: "o"}
	in.Spec = v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationAdd, Disks: []string{"d1"}}
	in.Record = &manifest.OperationRecord{
		Operation: "o", Type: v1alpha1.OperationAdd, Final: true, Targets: []v1alpha1.OperationTarget{{Disk: "d1", Seal: "s"}},
		Plan: v1alpha1.OperationPlan{Steps: operationSteps(in.Spec)},
	}
	in.Reservations = []Reservation{{ID: 1, UUID: "u1", Data: Part{Disk: "d1", Count: 1}}}
	return in
}

func TestAddEnds(t *testing.T) {
	t.Parallel()
	untaken := func(in *CarryObserved) {
		in.Reservations, in.Disks[1].Status.OSDs = nil, nil
		in.Disks[1].Status.Verdict.Result = v1alpha1.VerdictUsable
	}
	for name, tt := range map[string]struct {
		change func(*CarryObserved)
		state  v1alpha1.OperationState
		says   string
	}{
		"it serves":     {func(*CarryObserved) {}, v1alpha1.OperationSucceeded, "osd.1"},
		"it is down":    {func(in *CarryObserved) { in.Ceph.Snapshot.OSDs[1].Up = false }, v1alpha1.OperationRunning, "osd.1 is prepared"},
		"half reserved": {func(in *CarryObserved) { in.Reservations[0].Data.Count = 2 }, v1alpha1.OperationRunning, "d1 is taken"},
		"not begun":     {func(in *CarryObserved) { untaken(in); in.Record.Final = false }, v1alpha1.OperationRunning, "1 disk taken"},
		"not taken": {func(in *CarryObserved) {
			untaken(in)
			in.Disks[1].Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanWait, Reason: v1alpha1.PlanReasonNoDBSpace, Message: "no room"}
		}, v1alpha1.OperationRunning, "no room"},
		"given up":  {func(in *CarryObserved) { untaken(in); in.Deleting = true }, v1alpha1.OperationFailed, "deleted"},
		"exchanged": {func(in *CarryObserved) { untaken(in); in.Disks[1].Status.Verdict.Seal = "other" }, v1alpha1.OperationFailed, "not the one that was approved"},
		"pulled":    {func(in *CarryObserved) { untaken(in); in.Disks[1].Status.Presence = v1alpha1.PresenceMissing }, v1alpha1.OperationFailed, "missing"},
		"for DBs": {func(in *CarryObserved) {
			untaken(in)
			in.Disks[1].Status.Plan = &v1alpha1.DiskPlan{Action: v1alpha1.PlanProvide, Reason: v1alpha1.PlanReasonMatched}
		}, v1alpha1.OperationSucceeded, "d1 for DBs"},
		"Ceph is silent": {func(in *CarryObserved) { in.Ceph.Fresh = false }, v1alpha1.OperationRunning, "when Ceph answers"},
		"held":           {func(in *CarryObserved) { in.Spec.Intent = v1alpha1.IntentHold }, v1alpha1.OperationHeld, "Hold"},
		"too late":       {func(in *CarryObserved) { untaken(in); in.Spec.Intent = v1alpha1.IntentCancel }, v1alpha1.OperationFailed, "was not taken"},
		"cancelled": {func(in *CarryObserved) { untaken(in); in.Record.Final, in.Spec.Intent = false, v1alpha1.IntentCancel },
			v1alpha1.OperationRunning, "undone"},
	} {
		in := adding()
		tt.change(&in)
		got := Carry(in).Status
		if message := got.Conditions[2].Message + got.Conditions[3].Message; got.State != tt.state || !strings.Contains(message, tt.says) {
			t.Errorf("%s: %s: %s; want %s with %q", name, got.State, message, tt.state, tt.says)
		}
	}
}

// Of the disks that wait for a person, the rules take those that an operation brings in, as they were approved, and keep those that
// take a place until it is theirs.
func TestAdmission(t *testing.T) {
	t.Parallel()
	add := manifest.OperationRecord{Operation: "o", Type: v1alpha1.OperationAdd, Final: true, Targets: []v1alpha1.OperationTarget{{Disk: "wwn-1", Seal: "s"}}}
	replace := manifest.OperationRecord{
		Operation: "o", Type: v1alpha1.OperationReplace, Final: true, Targets: []v1alpha1.OperationTarget{{Disk: "old"}},
		OSDs:   []manifest.RecordedOSD{{ID: 7, UUID: "u", Gone: true}},
		Places: []manifest.RecordedPlace{{Disk: "old", Node: "n1", Rule: "flash", OSDs: []int32{7}, By: "wwn-1", Seal: "s"}},
	}
	for name, tt := range map[string]struct {
		record func() manifest.OperationRecord
		want   string
		id     int32
	}{
		"none":                  {func() manifest.OperationRecord { return manifest.OperationRecord{} }, v1alpha1.PlanReasonAwaitingApproval, -1},
		"approved":              {func() manifest.OperationRecord { return add }, v1alpha1.PlanReasonMatched, -1},
		"approved as it was":    {func() manifest.OperationRecord { r := *add.Copy(); r.Targets[0].Seal = "other"; return r }, v1alpha1.PlanReasonAwaitingApproval, -1},
		"not recorded as begun": {func() manifest.OperationRecord { r := *add.Copy(); r.Final = false; return r }, v1alpha1.PlanReasonAwaitingApproval, -1},
		"cancelled":             {func() manifest.OperationRecord { r := *add.Copy(); r.Cancelling = true; return r }, v1alpha1.PlanReasonAwaitingApproval, -1},
		"another disk":          {func() manifest.OperationRecord { r := *add.Copy(); r.Targets[0].Disk = "e"; return r }, v1alpha1.PlanReasonAwaitingApproval, -1},
		"takes a place":         {func() manifest.OperationRecord { return replace }, v1alpha1.PlanReasonMatched, 7},
		"the place is not free": {func() manifest.OperationRecord { r := *replace.Copy(); r.OSDs[0].Gone = false; return r }, v1alpha1.PlanReasonExcludedByOperation, -1},
		"not what was chosen":   {func() manifest.OperationRecord { r := *replace.Copy(); r.Places[0].Seal = "other"; return r }, v1alpha1.PlanReasonExcludedByOperation, -1},
		"about to be chosen":    {func() manifest.OperationRecord { r := *replace.Copy(); r.Places[0].By = ""; return r }, v1alpha1.PlanReasonExcludedByOperation, -1},
		"the place is elsewhere": {func() manifest.OperationRecord {
			r := *replace.Copy()
			r.Places[0].By, r.Places[0].Node = "", "n2"
			return r
		}, v1alpha1.PlanReasonAwaitingApproval, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := oneDisk()
			in.Disks[0].Status.Verdict.Seal = "s"
			in.Clusters[0].Spec.Approvals.NewDisks = v1alpha1.ApprovalManual
			in.Clusters[0].Operations = []manifest.OperationRecord{tt.record()}
			entry := Disks(in).Disks[0]
			id := int32(-1)
			if len(entry.OSDs) == 1 && entry.OSDs[0].ID != nil {
				id = *entry.OSDs[0].ID
			}
			if entry.Plan == nil || entry.Plan.Reason != tt.want || id != tt.id {
				t.Errorf("plan %+v, id %d; want %s, %d", entry.Plan, id, tt.want, tt.id)
			}
		})
	}
}
