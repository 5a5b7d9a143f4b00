package plan

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// operationWorld has four hosts with an OSD each, and a pool of three copies; osd.0 on disk d0 is to be removed.
func operationWorld() OperationObserved {
	s := &ceph.Snapshot{
		OSDMap: ceph.OSDMap{BackfillFull: 0.9},
		PGs:    ceph.PGSummary{ByState: []ceph.PGStateCount{{State: "active+clean", Count: 8}}},
		Pools:  []ceph.Pool{{ID: 1, Name: "p", Type: ceph.Replicated, Size: 3, MinSize: 2}},
		CRUSH:  ceph.CRUSHMap{Rules: []ceph.CRUSHRule{{FailureDomain: "host"}}},
	}
	in := OperationObserved{
		Spec:    v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Disks: []string{"d0"}},
		Cluster: ClusterKey{"ns", "main"}, FSID: "f", Found: true, Generation: 1, PGs: map[int32][]ceph.PG{},
		Ceph: CephFacts{Reach: ReachAnswering, Snapshot: s, Fresh: true},
	}
	for i := range 4 {
		s.OSDs = append(s.OSDs, ceph.OSD{ID: i, UUID: fmt.Sprintf("u%d", i), Up: true, In: true, Weight: 1, CRUSHWeight: 1, TotalBytes: 1000, UsedBytes: 100})
		s.CRUSH.Buckets = append(s.CRUSH.Buckets, ceph.Bucket{
			ID: -1 - i, Name: fmt.Sprintf("h%d", i), Type: "host", Items: []ceph.CRUSHItem{{ID: i, Weight: 1}},
		})
		disk := &v1alpha1.StorageDisk{}
		disk.Name = fmt.Sprintf("d%d", i)
		disk.Status.Node = fmt.Sprintf("h%d", i)
		disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: "f"}
		disk.Status.OSDs = []v1alpha1.DiskOSD{{ID: int32(i), Role: v1alpha1.OSDRoleData, UUID: fmt.Sprintf("u%d", i)}}
		disk.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse, Seal: "s"}
		in.Disks = append(in.Disks, disk)
		in.PGs[int32(i)] = []ceph.PG{{ID: "1.0", Up: []int{i}, Bytes: 90}}
	}
	return in
}

func operationOf(kind v1alpha1.OperationType) func(*OperationObserved) {
	return func(in *OperationObserved) { in.Spec.Type = kind }
}

// wiping asks to wipe disk d0, which is nobody's, with a verdict.
func wiping(result v1alpha1.VerdictResult, reason string) func(*OperationObserved) {
	return func(in *OperationObserved) {
		in.Spec.Type = v1alpha1.OperationWipe
		in.Disks[0].Status.OSDs, in.Disks[0].Status.Claim = nil, nil
		in.Disks[0].Status.Verdict.Result = result
		if reason != "" {
			in.Disks[0].Status.Verdict.Reasons = []v1alpha1.Refusal{{Reason: reason, Message: "it is so"}}
		}
	}
}

// twoHosts asks for disks of two of the four hosts, while two copies are kept.
func twoHosts(in *OperationObserved) {
	in.Spec.Disks, in.Ceph.Snapshot.Pools[0].Size = []string{"d0", "d1"}, 2
}

func TestOperationBlockers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*OperationObserved)
		want   string
	}{
		"none":            {func(*OperationObserved) {}, ""},
		"drain":           {operationOf(v1alpha1.OperationDrain), ""},
		"no cluster":      {func(in *OperationObserved) { in.Found = false }, v1alpha1.ReasonWaitingForCluster},
		"unknown disk":    {func(in *OperationObserved) { in.Spec.Disks = []string{"d0", "none"} }, BlockerUnknownDisk},
		"other cluster":   {func(in *OperationObserved) { in.Disks[0].Status.Claim.Name = "other" }, BlockerNotOfCluster},
		"former cluster":  {func(in *OperationObserved) { in.Disks[0].Status.Claim.FSID = "g" }, BlockerNotOfCluster},
		"two hosts":       {twoHosts, BlockerSeveralDomains},
		"wipe in service": {operationOf(v1alpha1.OperationWipe), BlockerInService},
		"wipe mounted":    {wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonMounted), v1alpha1.ReasonMounted},
		"wipe filesystem": {wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonFilesystem), ""},
		"wipe no erase":   {func(in *OperationObserved) { wiping("", "")(in); in.Spec.Erase = v1alpha1.EraseNone }, BlockerNothingToDo},
		"wipe missing": {func(in *OperationObserved) {
			wiping("", "")(in)
			in.Disks[0].Status.Presence = v1alpha1.PresenceMissing
		}, v1alpha1.ReasonDiskMissing},
		"add, no rule":     {func(in *OperationObserved) { wiping("", "")(in); in.Spec.Type = v1alpha1.OperationAdd }, BlockerNotSelected},
		"disk without OSD": {func(in *OperationObserved) { in.Disks[0].Status.OSDs = nil }, BlockerNoTargets},
		"node without OSD": {func(in *OperationObserved) { in.Spec.Disks, in.Spec.Node = nil, "h9" }, BlockerNoTargets},
		"missing disk":     {func(in *OperationObserved) { in.Disks[0].Status.Presence = v1alpha1.PresenceMissing }, ""},
		"stale":            {func(in *OperationObserved) { in.Ceph.Fresh = false }, v1alpha1.ReasonStaleData},
		"PGs not known":    {func(in *OperationObserved) { delete(in.PGs, 0) }, v1alpha1.ReasonStaleData},
		"another uuid":     {func(in *OperationObserved) { in.Ceph.Snapshot.OSDs[0].UUID = "other" }, v1alpha1.ReasonDeviceChanged},
		"not clean":        {func(in *OperationObserved) { in.Ceph.Snapshot.PGs.ByState[0].State = "active+degraded" }, v1alpha1.ReasonDataNotClean},
		"not sealed":       {func(in *OperationObserved) { in.Disks[0].Status.Verdict.Seal = "" }, BlockerNotSealed},
		"DB elsewhere":     {func(in *OperationObserved) { in.Disks[0].Status.OSDs[0].DBDisk = "d9" }, BlockerSharedDBDisk},
		"wipe a living OSD": {func(in *OperationObserved) {
			wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD)(in)
			in.Disks[0].Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "f", OSDUUID: "u0"}}
		}, BlockerInService},
		"wipe an OSD, silent": {func(in *OperationObserved) {
			wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD)(in)
			in.Disks[0].Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "f", OSDUUID: "gone"}}
			in.Ceph.Fresh = false
		}, v1alpha1.ReasonStaleData},
		"wipe an orphan": {func(in *OperationObserved) {
			wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD)(in)
			in.Disks[0].Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "f", OSDUUID: "gone"}}
		}, ""},
		"too few hosts": {func(in *OperationObserved) { in.Ceph.Snapshot.Pools[0].Size = 4 }, v1alpha1.ReasonTooFewDomains},
		"no room":       {func(in *OperationObserved) { in.Ceph.Snapshot.OSDs[3].UsedBytes = 890 }, v1alpha1.ReasonNoRoom},
		"full, not moved to": {func(in *OperationObserved) {
			in.Ceph.Snapshot.OSDs[3].UsedBytes, in.PGs[0] = 890, nil
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := operationWorld()
			tt.change(&in)
			got := ComputeOperation(in).Plan.Blockers
			if len(got) == 0 && tt.want == "" {
				return
			}
			if len(got) != 1 || got[0].Reason != tt.want || got[0].Message == "" || got[0].Remedy == "" {
				t.Errorf("blockers %+v, want %s", got, tt.want)
			}
		})
	}
}

func TestOperationRisks(t *testing.T) {
	t.Parallel()
	down := func(in *OperationObserved) { in.Ceph.Snapshot.OSDs[0].Up = false }
	for name, tt := range map[string]struct {
		change func(*OperationObserved)
		want   []v1alpha1.Risk
	}{
		"none":            {func(*OperationObserved) {}, nil},
		"down":            {down, []v1alpha1.Risk{v1alpha1.RiskRedundancyLoss}},
		"down, recovered": {func(in *OperationObserved) { down(in); in.PGs[0] = nil }, nil},
		"down, one copy": {func(in *OperationObserved) { down(in); in.Ceph.Snapshot.Pools[0].Size = 1 },
			[]v1alpha1.Risk{v1alpha1.RiskDataLoss, v1alpha1.RiskRedundancyLoss}},
		"DB disk": {func(in *OperationObserved) { in.Disks[0].Status.OSDs[0].Role = v1alpha1.OSDRoleDB }, []v1alpha1.Risk{v1alpha1.RiskSharedDB}},
		"no room": {func(in *OperationObserved) {
			for i := range in.Ceph.Snapshot.OSDs {
				in.Ceph.Snapshot.OSDs[i].UsedBytes = 500
			}
		}, []v1alpha1.Risk{v1alpha1.RiskNoRoomToHeal}},
		"wipe empty":   {wiping(v1alpha1.VerdictUsable, ""), nil},
		"wipe foreign": {wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonFilesystem), []v1alpha1.Risk{v1alpha1.RiskDataLoss, v1alpha1.RiskForeignData}},
		"wipe unknown": {wiping(v1alpha1.VerdictUnknown, ""), []v1alpha1.Risk{v1alpha1.RiskDataLoss, v1alpha1.RiskForeignData}},
		"wipe ours": {func(in *OperationObserved) {
			wiping(v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD)(in)
			in.Disks[0].Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "f"}}
		}, []v1alpha1.Risk{v1alpha1.RiskDataLoss}},
		"as before while stale": {func(in *OperationObserved) {
			in.Ceph.Fresh = false
			in.Previous = &v1alpha1.StorageOperationStatus{Plan: &v1alpha1.OperationPlan{Risks: []v1alpha1.Risk{v1alpha1.RiskNoRoomToHeal}}}
		}, []v1alpha1.Risk{v1alpha1.RiskNoRoomToHeal}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := operationWorld()
			tt.change(&in)
			if diff := cmp.Diff(tt.want, ComputeOperation(in).Plan.Risks); diff != "" {
				t.Errorf("risks (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOperationSteps(t *testing.T) {
	t.Parallel()
	for kind, want := range map[v1alpha1.OperationType]string{
		v1alpha1.OperationAdd: "Prepare!", v1alpha1.OperationDrain: "Drain WaitUntilSafe",
		v1alpha1.OperationRemove:  "Drain Stop Purge! Erase!",
		v1alpha1.OperationReplace: "Drain Stop Destroy! Erase! Prepare!",
		v1alpha1.OperationWipe:    "Erase!",
	} {
		var got []string
		for _, step := range operationSteps(v1alpha1.StorageOperationSpec{Type: kind}) {
			name := step.Name
			if step.Effect == v1alpha1.EffectFinal {
				name += "!"
			}
			got = append(got, name)
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", kind, text, want)
		}
	}
}

// A DB disk takes every OSD along that has its DB there.
func TestOperationOfDBDisk(t *testing.T) {
	t.Parallel()
	in := operationWorld()
	in.Disks[0].Status.OSDs = []v1alpha1.DiskOSD{{ID: 2, Role: v1alpha1.OSDRoleDB, UUID: "u2"}, {ID: 0, Role: v1alpha1.OSDRoleDB, UUID: "u0"}}
	got := ComputeOperation(in)
	if diff := cmp.Diff([]int32{0, 2}, got.Targets[0].OSDs); diff != "" {
		t.Errorf("OSDs (-want +got):\n%s", diff)
	}
	if moved := got.Plan.Outcome.BytesToMove.Value(); moved != 180 {
		t.Errorf("%d bytes are to move, want those of both", moved)
	}
}

func TestErasureChunksMove(t *testing.T) {
	t.Parallel()
	in := operationWorld()
	pool := &in.Ceph.Snapshot.Pools[0]
	pool.Type, pool.MinSize = ceph.Erasure, 3 // 2 data chunks
	if moved := ComputeOperation(in).Plan.Outcome.BytesToMove.Value(); moved != 45 {
		t.Errorf("%d bytes are to move, want one chunk of 45", moved)
	}
}

func approve(in *CarryObserved) {
	in.Spec.Approval = &v1alpha1.OperationApproval{PlanID: ComputeOperation(in.OperationObserved).Plan.ID, Approver: "alice"}
}

// An operation that has not begun waits, is refused, or begins.
func TestOperationStatus(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*CarryObserved)
		want   string
	}{
		"waits":     {func(*CarryObserved) {}, "AwaitingApproval False/AwaitingApproval Unknown/NotObserved False/Held False/NotFailed"},
		"approved":  {approve, "Running True/ByUser Unknown/NotObserved False/Running False/NotFailed begins"},
		"held":      {func(in *CarryObserved) { approve(in); in.Spec.Intent = v1alpha1.IntentHold }, "Held True/ByUser Unknown/NotObserved False/Held False/NotFailed"},
		"paused":    {func(in *CarryObserved) { approve(in); in.Paused = true }, "Held True/ByUser Unknown/NotObserved False/Held False/NotFailed"},
		"busy":      {func(in *CarryObserved) { approve(in); in.Busy = "a mon is being replaced" }, "Held True/ByUser Unknown/NotObserved False/WaitingForCluster False/NotFailed"},
		"cancelled": {func(in *CarryObserved) { in.Spec.Intent = v1alpha1.IntentCancel }, "Cancelled False/AwaitingApproval Unknown/NotObserved True/Cancelled False/NotFailed"},
		"stale":     {func(in *CarryObserved) { approve(in); in.Ceph.Fresh = false }, "Refused True/ByUser False/StaleData False/Held False/NotFailed"},
		"two hosts": {func(in *CarryObserved) { in.Spec.Disks = []string{"d0", "d1"} }, "Refused False/AwaitingApproval False/WouldLoseData False/Held False/NotFailed"},
		"approval of another": {func(in *CarryObserved) { in.Spec.Approval = &v1alpha1.OperationApproval{PlanID: "other"} },
			"AwaitingApproval False/PlanChanged Unknown/NotObserved False/Held False/NotFailed"},
		"another in another host": {func(in *CarryObserved) {
			approve(in)
			in.Others = []manifest.OperationRecord{{Operation: "other", Type: v1alpha1.OperationDrain, OSDs: []manifest.RecordedOSD{{ID: 1, UUID: "u1"}}}}
		}, "Held True/ByUser Unknown/NotObserved False/WaitingForOperation False/NotFailed"},
		"another that waits for a disk": {func(in *CarryObserved) {
			approve(in)
			in.Others = []manifest.OperationRecord{{
				Operation: "other", Type: v1alpha1.OperationReplace, Final: true, OSDs: []manifest.RecordedOSD{{ID: 1, UUID: "u1", Gone: true}},
			}}
		}, "Running True/ByUser Unknown/NotObserved False/Running False/NotFailed begins"},
		"policy": {func(in *CarryObserved) {
			in.Approvals = Approvals{Removals: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		},
			"Running True/ByPolicy Unknown/NotObserved False/Running False/NotFailed begins"},
		"policy, enough for today": {func(in *CarryObserved) {
			in.Automatic, in.Approvals = 2, Approvals{Removals: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		}, "AwaitingApproval False/AwaitingApproval Unknown/NotObserved False/Held False/NotFailed"},
		"policy, a risk": {func(in *CarryObserved) {
			in.Ceph.Snapshot.OSDs[0].Up = false
			in.Approvals = Approvals{Removals: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		}, "AwaitingApproval False/AwaitingApproval Unknown/NotObserved False/Held False/NotFailed"},
		"replace": {func(in *CarryObserved) { replacing(&in.OperationObserved); approve(in) },
			"Running True/ByUser Unknown/NotObserved False/Running False/NotFailed begins"},
		"replace, removals are automatic": {func(in *CarryObserved) {
			replacing(&in.OperationObserved)
			in.Approvals = Approvals{Removals: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		}, "AwaitingApproval False/AwaitingApproval Unknown/NotObserved False/Held False/NotFailed"},
		"replace, failed disks are automatic": {func(in *CarryObserved) {
			replacing(&in.OperationObserved)
			in.Approvals = Approvals{FailedDisks: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		}, "AwaitingApproval False/AwaitingApproval Unknown/NotObserved False/Held False/NotFailed"},
		"replace, failed disks are automatic, and it failed": {func(in *CarryObserved) {
			replacing(&in.OperationObserved)
			in.Ceph.Snapshot.OSDs[0].Up, in.Ceph.Snapshot.OSDs[0].In, in.PGs[0] = false, false, nil
			in.Approvals = Approvals{FailedDisks: v1alpha1.ApprovalAutomatic, MaxAutomaticPerDay: 2}
		}, "Running True/ByPolicy Unknown/NotObserved False/Running False/NotFailed begins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := CarryObserved{OperationObserved: operationWorld(), Name: "o"}
			tt.change(&in)
			carried := Carry(in)
			got := string(carried.Status.State)
			for _, c := range carried.Status.Conditions {
				got += fmt.Sprintf(" %s/%s", c.Status, c.Reason)
			}
			if len(carried.Steps) > 0 {
				got += " begins"
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			in.Previous = &carried.Status
			if len(in.PGs[0]) > 0 {
				in.PGs[0] = []ceph.PG{{ID: "1.0", Up: []int{0}, Bytes: 92}} // a little was written
			}
			if diff := cmp.Diff(carried.Status, Carry(in).Status); diff != "" {
				t.Errorf("the status does not rest (-before +after):\n%s", diff)
			}
		})
	}
}

func TestOperationIDFollowsItsTargets(t *testing.T) {
	t.Parallel()
	before := ComputeOperation(operationWorld()).Plan.ID
	if again := ComputeOperation(operationWorld()).Plan.ID; again != before {
		t.Errorf("the same input gave %s and %s", before, again)
	}
	for name, change := range map[string]func(*OperationObserved){
		"seal":     func(in *OperationObserved) { in.Disks[0].Status.Verdict.Seal = "other" },
		"identity": func(in *OperationObserved) { in.Disks[0].Status.Identity = &v1alpha1.DiskIdentity{Value: "other"} },
		"uuid":     func(in *OperationObserved) { in.Disks[0].Status.OSDs[0].UUID = "other" },
		"risk":     func(in *OperationObserved) { in.Ceph.Snapshot.OSDs[0].Up = false },
	} {
		in := operationWorld()
		change(&in)
		if got := ComputeOperation(in).Plan.ID; got == before {
			t.Errorf("another %s did not change the id", name)
		}
	}
}
