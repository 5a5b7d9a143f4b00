package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// wipingWorld is a cluster at rest whose StorageCluster is deleted with its disks erased.
func wipingWorld(t *testing.T) Observed {
	t.Helper()
	w, in := atRest(t)
	in.Deleting, in.Spec.DeletionPolicy, in.Wiping.UID = true, v1alpha1.DeletionWipe, "1"
	for _, disk := range w.disks {
		in.Wiping.Disks = append(in.Wiping.Disks, disk.DeepCopy())
	}
	return in
}

// recorded has the record that the first plan asks for stored, with its operations made, and all daemons stopped.
func recorded(in *Observed) {
	record := newWipe(*in)
	for i := range record.Operations {
		record.Operations[i].Made = true
		in.Wiping.Operations = append(in.Wiping.Operations, &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Name: record.Operations[i].Name}})
	}
	in.Wiping.Record, in.Deployed = &record, nil
}

// settledAs says what became of all disks.
func settledAs(result manifest.WipeResult) func(*Observed) {
	return func(in *Observed) {
		recorded(in)
		for i := range in.Wiping.Record.Operations {
			for j := range in.Wiping.Record.Operations[i].Disks {
				in.Wiping.Record.Operations[i].Disks[j].Result = result
			}
		}
		for _, disk := range in.Wiping.Disks {
			disk.Status.Claim, disk.Status.OSDs = nil, nil
		}
	}
}

// removed says that the directories of the cluster are gone from the nodes too.
func removed(in *Observed) {
	settledAs(manifest.WipeErased)(in)
	in.Wiping.Record.Asked = in.Now
	in.Wiping.Record.Directories = []manifest.WipeDirectory{{Node: "n1", Result: manifest.WipeRemoved}}
}

// nothingLeft has nothing stored of a cluster any more but what is known of its identity, and the record of its deletion.
func nothingLeft(identity, known bool) func(*Observed) {
	return func(in *Observed) {
		left := Observed{Key: in.Key, Now: in.Now, Nodes: in.Nodes, Spec: in.Spec, Deleting: true, Wiping: Wiping{UID: "1"}}
		if identity {
			left.Identity = in.Identity
		}
		if known {
			left.KnownFSID = in.Identity.FSID
		}
		*in = left
		recorded(in)
	}
}

// The record comes first, the erasure after the last daemon, and what is stored goes when nothing is left to be erased.
func TestWipePlan(t *testing.T) {
	t.Parallel()
	const record, release = "EnsureWipe", "ForgetCluster ReleaseCluster"
	for name, test := range map[string]struct {
		change func(in *Observed)
		want   string
	}{
		"nothing is recorded": {func(*Observed) {}, record},
		"the record is of another operator's pass": {func(in *Observed) {
			recorded(in)
			in.Deployed = []Deployed{{Daemon: DaemonID{DaemonMon, "a"}}, {Daemon: DaemonID{DaemonOSD, "0"}}}
		}, "StopDaemon/osd.0"},
		"only mons are left": {func(in *Observed) {
			recorded(in)
			in.Deployed = []Deployed{{Daemon: DaemonID{DaemonMon, "a"}}}
		}, "StopDaemon/mon.a"},
		"the pod of an OSD ends": {func(in *Observed) { recorded(in); leavingOn(in, "osd.3", "n2") }, ""},
		"stopped": {func(in *Observed) {
			recorded(in)
			in.Wiping.Record.Operations[0].Made = false
		}, "MakeOperation/wipe-main-1-1 RecordWipe"},
		"they are carried out":                {recorded, ""},
		"one was deleted":                     {func(in *Observed) { recorded(in); in.Wiping.Operations = nil }, "RecordWipe"},
		"all are erased":                      {settledAs(manifest.WipeErased), "RecordWipe"},
		"directories are gone":                {removed, release},
		"all are given up":                    {settledAs(manifest.WipeLeft), release},
		"it never had a mon":                  {nothingLeft(true, false), release},
		"killed when all of it was forgotten": {nothingLeft(false, true), release},
		"a claim is left": {func(in *Observed) {
			settledAs(manifest.WipeErased)(in)
			in.Wiping.Disks[0].Status.Claim = &v1alpha1.DiskClaim{FSID: in.Wiping.Record.FSID}
		}, ""},
		"the record of an operation is left": {func(in *Observed) {
			settledAs(manifest.WipeErased)(in)
			in.Wiping.Underway = []manifest.OperationRecord{{Operation: "x"}}
		}, ""},
		"paused":               {func(in *Observed) { settledAs(manifest.WipeErased)(in); in.Spec.Pause = v1alpha1.PauseAll }, ""},
		"the identity is lost": {func(in *Observed) { in.Identity, in.KnownFSID = nil, in.Identity.FSID }, record},
		"it never had one":     {func(in *Observed) { *in = Observed{Deleting: true, Spec: in.Spec} }, "ReleaseCluster"},
		"Retain by now": {func(in *Observed) {
			recorded(in)
			in.Spec.DeletionPolicy = v1alpha1.DeletionRetain
		}, "DropWipe ReleaseCluster"},
		"Retain, and one has begun": {func(in *Observed) {
			recorded(in)
			in.Spec.DeletionPolicy = v1alpha1.DeletionRetain
			in.Wiping.Underway = []manifest.OperationRecord{{Operation: in.Wiping.Record.Operations[0].Name}}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := wipingWorld(t)
			test.change(&in)
			p := Compute(in)
			got := strings.Join(stepIDs(p), " ")
			if got != test.want || len(p.Keep) > 0 {
				t.Errorf("%d kept; steps %s, want %s", len(p.Keep), got, test.want)
			}
		})
	}
}

// While another operation is carried out, which needs Ceph, nothing is stopped; once the record is stored, nothing runs again.
func TestWipeWaitsForOperations(t *testing.T) {
	t.Parallel()
	in := wipingWorld(t)
	in.Wiping.Underway = []manifest.OperationRecord{{Operation: "remove-x"}}
	if p := Compute(in); len(p.Steps) != 0 || len(p.Keep) == 0 {
		t.Errorf("steps %v, %d kept", stepIDs(p), len(p.Keep))
	}
	deployed := in.Deployed
	recorded(&in)
	in.Deployed, in.Dependents = deployed, v1alpha1.ClusterDependents{Pools: new(int32(1))} // one that was made only now
	if p := Compute(in); len(p.Steps) == 0 || len(p.Keep) != 0 {
		t.Errorf("once it is recorded: steps %v, %d kept", stepIDs(p), len(p.Keep))
	}
}

func TestWipeRecord(t *testing.T) {
	t.Parallel()
	in := Observed{Key: ClusterKey{"ns", "main"}, Identity: &Identity{FSID: "12345678-9"}, Wiping: Wiping{UID: "9b2f00aa-77"}}
	for i := range int32(130) {
		disk := fmt.Sprintf("d%03d", i)
		in.Reservations = append(in.Reservations, Reservation{ID: i, UUID: fmt.Sprint("u", i), Data: Part{Disk: disk}, DB: &Part{Disk: "db"}})
		in.Wiping.Disks = append(in.Wiping.Disks, &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: disk}, Status: v1alpha1.StorageDiskStatus{Node: "n"}})
	}
	claimed := func(name, fsid string, label *v1alpha1.BlueStoreLabel) {
		disk := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: name}}
		disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}
		disk.Status.Content = &v1alpha1.DiskContent{BlueStore: label}
		in.Wiping.Disks = append(in.Wiping.Disks, disk)
	}
	claimed("e-labelled", "12345678-9", &v1alpha1.BlueStoreLabel{FSID: "12345678-9", OSDID: new(int32(500)), OSDUUID: "u500"})
	claimed("e-empty", "12345678-9", nil)
	claimed("e-foreign", "12345678-9", &v1alpha1.BlueStoreLabel{FSID: "other", OSDID: new(int32(1)), OSDUUID: "u1"})
	claimed("e-other", "other", &v1alpha1.BlueStoreLabel{FSID: "other", OSDID: new(int32(1)), OSDUUID: "u1"})
	record := newWipe(in)
	var sizes []int
	for _, operation := range record.Operations {
		sizes = append(sizes, len(operation.Disks))
	}
	if diff := cmp.Diff([]int{64, 64, 4}, sizes); diff != "" || record.Operations[2].Name != "wipe-main-9b2f00aa-3" {
		t.Errorf("operations (-want +got):\n%s%+v", diff, record.Operations[2])
	}
	if db := record.Disk("db"); len(db.OSDs) != 130 || record.Disk("d007").Node != "n" || record.Disk("e-labelled") == nil {
		t.Errorf("DB disk %+v", db)
	}
	in.Wiping.UID = "9b2f00ab-77" // made anew with the disks and the keys, and deleted again
	if again := newWipe(in); again.FSID != record.FSID || again.Operations[0].Name == record.Operations[0].Name {
		t.Errorf("what an earlier deletion did is taken for done: %s", again.Operations[0].Name)
	}
	for _, name := range []string{"e-empty", "e-foreign", "e-other"} {
		if record.Disk(name) != nil {
			t.Errorf("%s is to be erased", name)
		}
	}
}

// What became of a disk is what its operation reports; only a person gives it up.
func TestWipeSettles(t *testing.T) {
	t.Parallel()
	ended := func(deleting bool, result v1alpha1.ReportResult) *v1alpha1.StorageOperation {
		o := &v1alpha1.StorageOperation{ObjectMeta: metav1.ObjectMeta{Name: "o"}}
		o.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ConditionFailed, Status: metav1.ConditionTrue}}
		if deleting {
			o.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
		}
		if result != "" {
			o.Status.Targets = []v1alpha1.OperationTarget{{Disk: "d", Report: &v1alpha1.TargetReport{Result: result, Message: "no"}}}
		}
		return o
	}
	usable := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "d"}}
	usable.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable}
	running := ended(true, v1alpha1.ReportVerified)
	running.Status.Conditions = nil
	for name, test := range map[string]struct {
		operation *v1alpha1.StorageOperation
		disks     []*v1alpha1.StorageDisk
		want      manifest.WipeResult
	}{
		"runs":                        {running, nil, ""},
		"erased":                      {ended(false, v1alpha1.ReportVerified), nil, manifest.WipeErased},
		"erased, and deleted":         {ended(true, v1alpha1.ReportVerified), nil, manifest.WipeErased},
		"failed":                      {ended(false, ""), nil, ""},
		"failed, and deleted":         {ended(true, ""), nil, manifest.WipeLeft},
		"refused, and deleted":        {ended(true, v1alpha1.ReportRefused), nil, manifest.WipeLeft},
		"gone":                        {nil, nil, manifest.WipeLeft},
		"gone, and the disk is empty": {nil, []*v1alpha1.StorageDisk{usable}, manifest.WipeErased},
	} {
		record := &manifest.WipeRecord{Operations: []manifest.WipeOperation{{Name: "o", Made: true, Disks: []manifest.WipedDisk{{Disk: "d"}}}}}
		w := Wiping{Record: record, Disks: test.disks}
		if test.operation != nil {
			w.Operations = append(w.Operations, test.operation)
			if got := Unnoted(record, test.operation); got != (test.want != "") {
				t.Errorf("%s: unnoted %t", name, got)
			}
		}
		w.settle(&record.Operations[0])
		if got := record.Disk("d"); got.Result != test.want || got.Message == "" && test.want == manifest.WipeLeft {
			t.Errorf("%s: %+v, want %s", name, got, test.want)
		}
	}
}

// A disk that the deletion is done with is nobody's: no claim, no request, no OSD, whatever is still reserved on it.
func TestWipedDiskIsFree(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	in := DisksInput{Nodes: w.nodes, Disks: w.disks, Clusters: []DiskCluster{w.diskCluster()}}
	name := in.Clusters[0].Reservations[0].Data.Disk
	record := &manifest.WipeRecord{Operations: []manifest.WipeOperation{{Disks: []manifest.WipedDisk{{Disk: name, Result: manifest.WipeLeft}}}}}
	in.Clusters[0].Wipe, in.Clusters[0].Closed = record, true
	decided := Disks(in)
	for _, entry := range decided.Disks {
		free := entry.Claim == nil && entry.Request == nil && len(entry.Serving) == 0 && len(entry.OSDs) == 0
		if free != (entry.Disk == name) {
			t.Errorf("%s: claim %+v, request %+v, serving %v", entry.Disk, entry.Claim, entry.Request, entry.Serving)
		}
	}
}

// erasing is an operation that a deletion made, of the disk d0 with osd.0.
func erasing() CarryObserved {
	in := CarryObserved{OperationObserved: operationWorld(), Name: "o", UID: "o", DeletionOf: "1"}
	in.Nodes, in.Reporting = map[string]bool{"h0": true, "h1": true}, map[string]bool{"h0": true, "h1": true}
	in.Spec = v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationWipe, Disks: []string{"d0", "d1"}}
	in.Wipe = &manifest.WipeOperation{Name: "o", Made: true, Disks: []manifest.WipedDisk{
		{Disk: "d0", Node: "h0", OSDs: []manifest.RecordedOSD{{ID: 0, UUID: "u0"}}}, {Disk: "d1", Node: "h1", OSDs: []manifest.RecordedOSD{{ID: 1, UUID: "u1"}}},
	}}
	for i, disk := range in.Disks {
		disk.Status.Verdict.Reasons = []v1alpha1.Refusal{{Reason: v1alpha1.ReasonInUse, Message: "an OSD"}}
		disk.Status.Content = &v1alpha1.DiskContent{BlueStore: &v1alpha1.BlueStoreLabel{FSID: "f", OSDID: new(int32(i)), OSDUUID: fmt.Sprint("u", i)}}
	}
	return in
}

// The deletion approves what its record names, and DataLoss alone; nothing that still runs is erased.
func TestWipeBegins(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(in *CarryObserved)
		want   string
	}{
		"named":                              {func(*CarryObserved) {}, "Running True/ByPolicy begins"},
		"not named":                          {func(in *CarryObserved) { in.Wipe = nil }, "Refused False/AwaitingApproval"},
		"held":                               {func(in *CarryObserved) { in.Spec.Intent = v1alpha1.IntentHold }, "Held True/ByPolicy"},
		"paused":                             {func(in *CarryObserved) { in.Paused = true }, "Held True/ByPolicy"},
		"Ceph does not answer":               {func(in *CarryObserved) { in.Ceph = CephFacts{Reach: ReachUnreachable} }, "Running True/ByPolicy begins"},
		"a disk is not known":                {func(in *CarryObserved) { in.Disks = in.Disks[1:] }, "Running True/ByPolicy begins"},
		"a disk is mounted":                  {func(in *CarryObserved) { in.Disks[0].Status.Verdict.Reasons[0].Reason = v1alpha1.ReasonMounted }, "Running True/ByPolicy begins"},
		"an OSD has a Deployment":            {func(in *CarryObserved) { in.Deployed = []Deployed{{Daemon: DaemonID{DaemonOSD, "1"}}} }, "Held True/ByPolicy"},
		"a pod is left":                      {func(in *CarryObserved) { in.Leaving = []Leaving{{DaemonID{DaemonOSD, "1"}, "h1"}} }, "Held True/ByPolicy"},
		"a pod is left where nobody answers": {func(in *CarryObserved) { in.Leaving = []Leaving{{DaemonID{DaemonOSD, "1"}, "h9"}} }, "Running True/ByPolicy begins"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := erasing()
			test.change(&in)
			carried := Carry(in)
			approved := carried.Status.Conditions[0]
			got := fmt.Sprintf("%s %s/%s", carried.Status.State, approved.Status, approved.Reason)
			if len(carried.Steps) > 0 {
				got += " begins"
			}
			if got != test.want {
				t.Errorf("%s, want %s: %+v", got, test.want, carried.Status.Plan)
			}
			if in.Wipe != nil && (len(carried.Status.Targets) != 2 || !slices.Equal(carried.Status.Plan.Risks, []v1alpha1.Risk{v1alpha1.RiskDataLoss})) {
				t.Errorf("targets %+v, risks %v", carried.Status.Targets, carried.Status.Plan.Risks)
			}
		})
	}
	in := erasing()
	b := beginning{in: in, draft: ComputeOperation(in.OperationObserved)}
	b.draft.Plan.Risks = append(b.draft.Plan.Risks, v1alpha1.RiskForeignData)
	if approved, _ := b.approval(); approved.Status == "True" {
		t.Error("the deletion accepts the loss of somebody else's data")
	}
}

// A disk is asked to be erased only while it is there, is sealed, and is empty or holds the OSDs that were recorded and nothing
// else. It waits alone, and is named.
func TestWipeTouchesItsOwnOnly(t *testing.T) {
	t.Parallel()
	status := func(in *CarryObserved) *v1alpha1.StorageDiskStatus { return &in.Disks[0].Status }
	for name, test := range map[string]struct {
		change func(in *CarryObserved)
		why    string // empty: it is asked
	}{
		"its OSD": {func(*CarryObserved) {}, ""},
		"empty": {func(in *CarryObserved) {
			status(in).Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "s"}
			status(in).Content = nil
		}, ""},
		"an orphan": {func(in *CarryObserved) {
			status(in).Verdict.Result, status(in).Verdict.Reasons[0].Reason = v1alpha1.VerdictRejected, v1alpha1.ReasonOrphanOSD
		}, ""},
		"a DB":                 {func(in *CarryObserved) { status(in).Content.BlueStore.FSID = "" }, ""},
		"gone":                 {func(in *CarryObserved) { in.Disks = in.Disks[1:] }, "no StorageDisk"},
		"missing":              {func(in *CarryObserved) { status(in).Presence = v1alpha1.PresenceMissing }, "missing"},
		"its node is off":      {func(in *CarryObserved) { in.Nodes["h0"] = false }, "node h0 does not answer"},
		"discover is silent":   {func(in *CarryObserved) { in.Reporting["h0"] = false }, "discover on node h0 is silent"},
		"not sealed":           {func(in *CarryObserved) { status(in).Verdict.Seal = "" }, "no seal"},
		"not known":            {func(in *CarryObserved) { status(in).Verdict.Result = v1alpha1.VerdictUnknown }, "not known"},
		"rejected for nothing": {func(in *CarryObserved) { status(in).Verdict.Reasons = nil }, "not known"},
		"never judged":         {func(in *CarryObserved) { status(in).Verdict = nil }, "no seal"},
		"mounted":              {func(in *CarryObserved) { status(in).Verdict.Reasons[0].Reason = v1alpha1.ReasonMounted }, "not just this cluster's"},
		"a filesystem": {func(in *CarryObserved) {
			status(in).Verdict.Reasons = append(status(in).Verdict.Reasons, v1alpha1.Refusal{Reason: v1alpha1.ReasonFilesystem, Message: "ext4"})
		}, "ext4"},
		"another OSD":     {func(in *CarryObserved) { status(in).Content.BlueStore.OSDUUID = "other" }, "another OSD"},
		"another cluster": {func(in *CarryObserved) { status(in).Content.BlueStore.FSID = "g" }, "another OSD"},
		"not claimed":     {func(in *CarryObserved) { status(in).Claim = nil }, "does not claim"},
		"another's claim": {func(in *CarryObserved) { status(in).Claim.FSID = "g" }, "does not claim"},
		"Retain by now":   {func(in *CarryObserved) { in.Wipe = nil }, "deletionPolicy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := erasing()
			in.Record = new(Carry(in).Steps[0].Do.(BeginOperation).Record)
			test.change(&in)
			carried := Carry(in)
			message := carried.Status.Targets[0].Message
			if test.why != "" && !strings.Contains(message, test.why) {
				t.Errorf("the target says %q, want %q", message, test.why)
			}
			asked := false
			for _, step := range carried.Steps {
				record := step.Do.(RecordOperation).Record
				asked = record.Disk("d0").Asked
				if in.Wipe != nil && !record.Disk("d1").Asked {
					t.Error("the other disk is kept back")
				}
			}
			if asked != (test.why == "") {
				t.Errorf("asked: %t; the target says %q", asked, message)
			}
		})
	}
}

// What the agent refuses is not erased before the disk is another and its own again; deleted, the operation gives it up.
func TestWipeRefused(t *testing.T) {
	t.Parallel()
	in := erasing()
	in.Spec.Disks, in.Wipe.Disks, in.Disks = in.Spec.Disks[:1], in.Wipe.Disks[:1], in.Disks[:1]
	in.Record = new(Carry(in).Steps[0].Do.(BeginOperation).Record)
	step := func() v1alpha1.StorageOperationStatus {
		carried := Carry(in)
		for _, s := range carried.Steps {
			record := s.Do.(RecordOperation).Record
			in.Record = &record
		}
		return carried.Status
	}
	step()
	report := func(result v1alpha1.DiskReportResult) {
		in.Disks[0].Status.Report = &v1alpha1.DiskReport{ID: EraseRequest(in.Record.Erase, &in.Record.Disks[0], "h0").ID, Result: result}
		if result == v1alpha1.DiskReportRefused {
			in.Disks[0].Status.Report.Refusal = &v1alpha1.Refusal{Reason: "DiskChanged", Message: "it is another"}
		}
	}
	report(v1alpha1.DiskReportRefused)
	got := step()
	if complete := got.Conditions[2]; got.State != v1alpha1.OperationRunning || complete.Reason != v1alpha1.ReasonWaitingForDisk || !strings.Contains(complete.Message, "it is another") {
		t.Errorf("refused: %s %+v", got.State, got.Conditions)
	}
	deleted := in
	deleted.Deleting = true
	if got := Carry(deleted).Status; got.State != v1alpha1.OperationFailed || got.Targets[0].Report != nil {
		t.Errorf("deleted: %s %+v", got.State, got.Targets)
	}
	for result, words := range map[v1alpha1.DiskReportResult]string{v1alpha1.DiskReportFailed: "tries again", v1alpha1.DiskReportRefused: "refuses"} {
		report(result)
		if got := step().Targets[0].Message; !strings.Contains(got, words) {
			t.Errorf("%s: %s", result, got)
		}
	}
	report(v1alpha1.DiskReportRefused)
	in.Disks[0].Status.Verdict.Seal = "new"
	if step(); in.Record.Disks[0].Seal != "new" {
		t.Errorf("sealed anew: %+v", in.Record.Disks[0])
	}
	report(v1alpha1.DiskReportDone)
	if step(); !in.Record.Disks[0].Done {
		t.Errorf("erased: %+v", in.Record.Disks[0])
	}
	if got := step(); got.State != v1alpha1.OperationSucceeded {
		t.Errorf("at the end: %s", got.State)
	}
}

// When the StorageCluster is made anew while its deletion erases, nothing more is asked for: the disks may be in use again.
func TestWipeIsOutlived(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		deletionOf string
		erases     bool
	}{"as it was": {"1", true}, "made anew": {"", false}, "made anew, and deleted": {"2", false}} {
		in := erasing()
		in.Record = new(Carry(in).Steps[0].Do.(BeginOperation).Record)
		in.Record = new(Carry(in).Steps[0].Do.(RecordOperation).Record)
		in.DeletionOf = test.deletionOf
		message := Carry(in).Status.Targets[0].Message
		if strings.Contains(message, "is gone, and another one may use it") == test.erases {
			t.Errorf("%s: the target says %q", name, message)
		}
		in.Deleting = true
		if got := Carry(in).Status.State; (got == v1alpha1.OperationFailed) == test.erases {
			t.Errorf("%s: once it is deleted, it is %s", name, got)
		}
		w, _ := atRest(t)
		cluster := w.diskCluster()
		disk := cluster.Reservations[0].Data.Disk
		cluster.DeletionOf = test.deletionOf
		cluster.Operations = []manifest.OperationRecord{{
			Type: v1alpha1.OperationWipe, Erase: v1alpha1.EraseSignatures, Deletion: true, DeletionOf: "1", Final: true,
			Targets: []v1alpha1.OperationTarget{{Disk: disk}}, Disks: []manifest.RecordedDisk{{Disk: disk, Seal: "s", Asked: true}},
		}}
		for _, entry := range Disks(DisksInput{Nodes: w.nodes, Disks: w.disks, Clusters: []DiskCluster{cluster}}).Disks {
			asked := entry.Request != nil && entry.Request.Action == v1alpha1.DiskActionErase
			if entry.Disk == disk && asked != test.erases {
				t.Errorf("%s: its agent is asked %+v", name, entry.Request)
			}
		}
	}
}
