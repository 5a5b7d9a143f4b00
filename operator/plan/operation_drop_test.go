package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func (y *yard) refusal(disk string) *v1alpha1.Refusal {
	if y.dud == "" || disk != y.dud {
		return nil
	}
	return &v1alpha1.Refusal{Reason: handover.ReasonDiskUnreadable, Message: "it cannot be read"}
}

// drop holds to what the executor looks up, and does what it does.
func (y *yard) drop(do DropUnborn) {
	y.Helper()
	tree := newCRUSHTree(y.look())
	for _, osd := range do.OSDs {
		known := tree.osds[osd.ID]
		if !NeverRan(known, osd.UUID) || y.reservations[osd.ID].Leaving == "" {
			y.Errorf("%+v is let go, and is reserved as %+v", known, y.reservations[osd.ID])
		}
		if do.Purge {
			y.must(y.ceph.Admin().PurgeOSD(y.Context(), int(osd.ID)))
		} else {
			y.must(y.ceph.Admin().DestroyOSD(y.Context(), int(osd.ID)))
		}
		delete(y.reservations, osd.ID)
		for _, disk := range y.disks {
			disk.Status.OSDs = slices.DeleteFunc(disk.Status.OSDs, func(on v1alpha1.DiskOSD) bool { return on.UUID == osd.UUID })
		}
	}
}

// A new disk that fails before its OSD ever ran is told of, and does not keep the id: another disk takes the place, or nothing.
func TestReplaceWithADud(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		then func(y *yard)
		want v1alpha1.OperationState
	}{
		"another disk": {func(y *yard) {
			other := diskNamed(y.disks, "spare-2").DeepCopy()
			other.Name, other.Status.OSDs = "spare-other", nil
			y.disks = append(y.disks, other)
		}, v1alpha1.OperationSucceeded},
		"mended":    {func(y *yard) { y.dud = ""; y.must(y.mend()) }, v1alpha1.OperationSucceeded},
		"cancelled": {func(y *yard) { y.running["o"].Spec.Intent = v1alpha1.IntentCancel }, v1alpha1.OperationFailed},
		"deleted":   {func(y *yard) { y.running["o"].Deleting = true }, v1alpha1.OperationFailed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, 7)
			y.spares()
			y.dud = "spare-2"
			y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{y.disks[4].Name}})
			status := y.run("o")
			if said := status.Conditions[2].Message; !strings.Contains(said, "disk spare-2 failed: it cannot be read") {
				t.Fatalf("it says %s", said)
			}
			tt.then(y)
			for i := 0; i < 60 && !OperationFinished(&status); i++ {
				status = y.pass("o", i%3) // killed every now and then
				y.advance()
			}
			if status.State != tt.want {
				t.Fatalf("state %s: %+v", status.State, status.Conditions)
			}
			if tt.want == v1alpha1.OperationSucceeded {
				y.checkReplaced(true)
			} else if known := newCRUSHTree(y.look()).osds[4]; known != nil || y.reservations[4] != nil {
				t.Errorf("osd.4 is left: %+v, %+v", known, y.reservations[4])
			}
		})
	}
}

// Of an Add, a disk that fails is told of and given back, and one whose OSD has run stays.
func TestAddOfADud(t *testing.T) {
	t.Parallel()
	dud := func(states ...string) CarryObserved {
		in := adding()
		in.Ceph.Snapshot.OSDs[1].Up, in.Ceph.Snapshot.OSDs[1].States = false, states
		in.Disks[1].Status.Presence = v1alpha1.PresenceMissing
		return in
	}
	in := dud("exists", "new")
	var got Carried
	for range 2 {
		if got = Carry(in); len(got.Steps) == 0 {
			t.Fatalf("%+v", got.Status.Conditions)
		}
		if saved, is := got.Steps[0].Do.(RecordOperation); is {
			in.Record = &saved.Record
		}
	}
	if got.Steps[0].ID != "LeaveUnborn/1" {
		t.Errorf("steps %+v", got.Steps)
	}
	in.Reservations[0].Leaving = "o"
	got = Carry(in)
	if drop, is := got.Steps[0].Do.(DropUnborn); len(got.Steps) != 1 || !is || !drop.Purge {
		t.Fatalf("steps %+v", got.Steps)
	}
	in.Reservations, in.Ceph.Snapshot.OSDs = nil, slices.Delete(in.Ceph.Snapshot.OSDs, 1, 2)
	saved, is := Carry(in).Steps[0].Do.(RecordOperation)
	if !is {
		t.Fatal("that nothing is left is not recorded")
	}
	in.Record = &saved.Record
	if got = Carry(in); got.Status.State != v1alpha1.OperationFailed || !strings.Contains(got.Status.Conditions[3].Message, "never ran, was given back") {
		t.Errorf("%s: %+v", got.Status.State, got.Status.Conditions)
	}
	got = Carry(dud("exists"))
	if said := got.Status.Conditions[3].Message; len(got.Steps) > 0 || got.Status.State != v1alpha1.OperationFailed || !strings.Contains(said, "stays reserved") {
		t.Errorf("it has run: %+v, %s", got.Steps, said)
	}
}

// What is to be let go, and comes up before it is, runs again and stays: the operation ends with it, and is not refused for ever.
func TestDropOfWhatRan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		leaving string
		change  func(in *CarryObserved)
		steps   []string
		want    v1alpha1.OperationState
		says    string
	}{
		"before it is marked": {"", func(*CarryObserved) {}, []string{"RecordOperation"}, v1alpha1.OperationSucceeded, "osd.1"},
		"marked":              {"o", func(*CarryObserved) {}, []string{"StayOSDs/1", "RecordOperation"}, v1alpha1.OperationSucceeded, "osd.1"},
		"marked, and down again": {"o", func(in *CarryObserved) {
			in.Ceph.Snapshot.OSDs[1].Up, in.Ceph.Snapshot.OSDs[1].States = false, []string{"exists"}
		}, []string{"StayOSDs/1", "RecordOperation"}, v1alpha1.OperationFailed, "stays reserved"},
		"let go, and another has its number": {"", func(in *CarryObserved) {
			in.Reservations, in.Ceph.Snapshot.OSDs[1].UUID = nil, "another"
		}, []string{"RecordOperation"}, v1alpha1.OperationFailed, "was given back"},
	} {
		in := adding()
		in.Reservations[0].Leaving = tt.leaving
		in.Disks[1].Status.Presence = v1alpha1.PresenceMissing
		in.Record.Drops = []manifest.RecordedDrop{{Disk: "d1", OSDs: []manifest.RecordedOSD{{ID: 1, UUID: "u1", Dead: true}}, Why: "it is missing"}}
		tt.change(&in)
		var steps []string
		got := Carry(in)
		for ; len(got.Steps) == 1 && len(steps) < 5; got = Carry(in) {
			steps = append(steps, got.Steps[0].ID)
			switch do := got.Steps[0].Do.(type) {
			case RecordOperation:
				in.Record = &do.Record
			case StayOSDs:
				in.Reservations[0].Leaving = ""
			}
		}
		said := got.Status.Conditions[2].Message + got.Status.Conditions[3].Message
		if !slices.Equal(steps, tt.steps) || got.Status.State != tt.want || !strings.Contains(said, tt.says) {
			t.Errorf("%s: steps %v, then %s: %+v", name, steps, got.Status.State, got.Status.Conditions)
		}
	}
}

// A place stays with the disk whose OSD came up while it was to be let go, and no other disk is looked for.
func TestDropOfWhatRanKeepsItsPlace(t *testing.T) {
	t.Parallel()
	in := waitsForSpare("d1")
	in.Reservations = []Reservation{{ID: 0, UUID: "n0", Data: Part{Disk: "d1", Count: 1}}}
	in.Record.Drops = []manifest.RecordedDrop{{Disk: "d1", OSDs: []manifest.RecordedOSD{{ID: 0, UUID: "n0", Dead: true}}, Why: "it failed"}}
	in.Ceph.Snapshot.OSDs[0].UUID, in.Ceph.Snapshot.OSDs[0].States, in.Ceph.Snapshot.OSDs[0].Up = "n0", []string{"exists", "up"}, true
	steps := Carry(in).Steps
	saved, is := steps[0].Do.(RecordOperation)
	if len(steps) != 1 || !is || !saved.Record.Drops[0].Done || saved.Record.Places[0].By != "d1" {
		t.Errorf("steps %+v", steps)
	}
}

// What has run is never let go, whatever becomes of its disk.
func TestNeverRan(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		osd  *ceph.OSD
		want bool
	}{
		"not in Ceph":     {nil, true},
		"new":             {&ceph.OSD{UUID: "u", States: []string{"exists", "new"}}, true},
		"only the id":     {&ceph.OSD{UUID: "0", States: []string{"exists", "destroyed"}}, true},
		"up":              {&ceph.OSD{UUID: "u", Up: true, States: []string{"exists", "up", "new"}}, false},
		"was up":          {&ceph.OSD{UUID: "u", States: []string{"exists"}}, false},
		"another OSD":     {&ceph.OSD{UUID: "v", States: []string{"exists", "new"}}, false},
		"another, it ran": {&ceph.OSD{UUID: "v", States: []string{"exists"}}, false},
	} {
		if got := NeverRan(tt.osd, "u"); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// waitsForSpare has destroyed osd.0 of disk d0, and waits for disk d1 if by says so.
func waitsForSpare(by string) CarryObserved {
	in := CarryObserved{OperationObserved: operationWorld(), Name: "o"}
	replacing(&in.OperationObserved)
	record := takes("o", "d0", by)
	record.Final, record.Drained, record.Plan.Steps = true, true, operationSteps(in.Spec)
	record.OSDs = []manifest.RecordedOSD{{ID: 0, UUID: "u0", Gone: true}}
	record.Places[0].Node, record.Places[0].Rule, record.Places[0].OSDs, record.Places[0].Seal = "h0", "r", []int32{0}, "s"
	in.Record, in.Disks[0].Status.OSDs = &record, nil
	in.Ceph.Snapshot.OSDs[0].UUID, in.Ceph.Snapshot.OSDs[0].States = "00000000-0000-0000-0000-000000000000", []string{"exists", "destroyed"}
	in.Ceph.Snapshot.OSDs[0].Up = false
	return in
}

// A disk that is named in the place of another and goes bad is told of, with what to do, and the operation can end.
func TestNamedSpareGoesBad(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(in *CarryObserved)
		says   string
	}{
		"missing":     {func(in *CarryObserved) { in.Disks[1].Status.Presence = v1alpha1.PresenceMissing }, "disk d1 is missing"},
		"gone":        {func(in *CarryObserved) { in.Disks = slices.Delete(in.Disks, 1, 2) }, "disk d1 is missing"},
		"sealed anew": {func(in *CarryObserved) { in.Disks[1].Status.Verdict.Seal = "other" }, "its seal is another"},
		"another's":   {func(in *CarryObserved) { in.Disks[1].Status.Claim.Name = "other" }, "of another cluster"},
		"rejected":    {func(in *CarryObserved) { in.Disks[1].Status.Verdict.Result = v1alpha1.VerdictRejected }, "not empty any more"},
		"no rule": {func(in *CarryObserved) {
			in.Disks[1].Status.Plan = &v1alpha1.DiskPlan{Reason: v1alpha1.PlanReasonNoRuleMatches}
		}, "NoRuleMatches"},
		"another's by": {func(in *CarryObserved) {
			in.Others = []manifest.OperationRecord{{Operation: "p", Targets: []v1alpha1.OperationTarget{{Disk: "d1"}}}}
		}, "operation p is about it"},
		"in service": {func(in *CarryObserved) {
			in.Reservations = []Reservation{{ID: 9, UUID: "u9", Data: Part{Disk: "d1", Count: 1}}}
		}, "disk d1 has other OSDs"},
		"it fails": {func(in *CarryObserved) {
			in.Reservations = []Reservation{{ID: 0, UUID: "n0", Data: Part{Disk: "d1", Count: 1}}}
			in.Deployed = []Deployed{{Daemon: DaemonID{DaemonOSD, "0"}, Refusal: &v1alpha1.Refusal{Reason: handover.ReasonForeignOSD, Message: "it is somebody's"}}}
		}, "disk d1 failed: it is somebody's"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := waitsForSpare("d1")
			in.Spec.Replacement = "d1"
			tt.change(&in)
			got := Carry(in)
			complete := got.Status.Conditions[2]
			if len(got.Steps) > 0 || complete.Reason != v1alpha1.ReasonWaitingForDisk || !strings.Contains(complete.Message, tt.says) ||
				!strings.Contains(complete.Message, "kubectl seamount cancel o") || !strings.Contains(complete.Message, "put that right") {
				t.Errorf("steps %+v, %s: %s", got.Steps, complete.Reason, complete.Message)
			}
			in.Spec.Intent = v1alpha1.IntentCancel
			first := Carry(in).Steps
			if saved, is := first[0].Do.(RecordOperation); len(first) != 1 || !is || len(saved.Record.Drops) > 0 != (name == "it fails") {
				t.Errorf("cancelled: %+v", first) // what others have on the disk is not let go
			}
			in.Spec.Intent, in.Record.Final, in.Record.OSDs[0].Gone = "", false, false
			if in.Reservations == nil {
				again := Carry(in)
				if said := again.Status.Conditions[2].Message; len(again.Steps) > 0 || !strings.Contains(said, "nothing is stopped or destroyed") {
					t.Errorf("before anything is destroyed: %+v, %s", again.Steps, said)
				}
			}
		})
	}
}

// The id of an OSD whose DB was a slice of a disk that stays can be given up: first its slice is let go, then the id, and nothing is
// left to wait for. It does not matter whether that disk is there.
func TestGiveUpWithSlice(t *testing.T) {
	t.Parallel()
	for _, presence := range []v1alpha1.Presence{v1alpha1.PresencePresent, v1alpha1.PresenceMissing} {
		in := waitsForSpare("")
		in.Disks[1].Status.Node, in.Disks[1].Status.Presence = "h1", presence
		in.Disks[1].Status.OSDs = []v1alpha1.DiskOSD{{ID: 0, Role: v1alpha1.OSDRoleDB, UUID: "u0", Slice: "slice"}}
		if said := Carry(in).Status.Conditions[2].Message; !strings.Contains(said, "the slice for its DB on disk d1") || !strings.Contains(said, "cancel o") {
			t.Errorf("it says %s", said)
		}
		in.Spec.Intent = v1alpha1.IntentCancel
		steps := Carry(in).Steps
		saved, is := steps[0].Do.(RecordOperation)
		if len(steps) != 1 || !is || !saved.Record.GivenUp {
			t.Fatalf("steps %+v", steps)
		}
		in.Record = &saved.Record
		if steps := Carry(in).Steps; len(steps) > 0 {
			t.Errorf("before the slice is let go: %+v", steps)
		}
		in.Disks[1].Status.OSDs = nil
		if steps = Carry(in).Steps; len(steps) != 1 || steps[0].ID != "PurgeDestroyed/0" {
			t.Fatalf("steps %+v", steps)
		}
		in.Ceph.Snapshot.OSDs = in.Ceph.Snapshot.OSDs[1:]
		if got := Carry(in); got.Status.State != v1alpha1.OperationFailed || len(got.Steps) > 0 {
			t.Errorf("%+v, %+v", got.Steps, got.Status)
		}
	}
}

// The deletion of a cluster whose disks are erased waits for nobody who waits for a disk, also when Ceph does not answer any more.
func TestDeletionSupersedes(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *CarryObserved){
		"no spare": func(*CarryObserved) {},
		"no Ceph":  func(in *CarryObserved) { in.Ceph.Fresh = false },
		"a spare":  func(in *CarryObserved) { in.Record.Places[0].By = "d1" },
		"it begins": func(in *CarryObserved) {
			in.Reservations = []Reservation{{ID: 0, UUID: "n0", Data: Part{Disk: "d1", Count: 1}}}
		},
		"an Add": func(in *CarryObserved) { in.Record.Type, in.Spec.Type = v1alpha1.OperationAdd, v1alpha1.OperationAdd },
	} {
		in := waitsForSpare("")
		in.Erased, in.DeletionOf = true, "uid"
		change(&in)
		got := Carry(in)
		if len(got.Steps) > 0 || got.Status.State != v1alpha1.OperationSuperseded || !OperationFinished(&got.Status) {
			t.Errorf("%s: steps %+v, %s: %+v", name, got.Steps, got.Status.State, got.Status.Conditions)
		}
	}
	in := waitsForSpare("")
	in.Erased, in.Record.OSDs[0].Gone = true, false
	if got := Carry(in).Status.State; got == v1alpha1.OperationSuperseded {
		t.Error("what is not taken out of Ceph yet is given up")
	}
	in = waitsForSpare("")
	in.Erased, in.Disks[1].Status.OSDs = true, []v1alpha1.DiskOSD{{ID: 0, Role: v1alpha1.OSDRoleDB, UUID: "u0", Slice: "slice"}}
	steps := Carry(in).Steps
	if saved, is := steps[0].Do.(RecordOperation); !is || !saved.Record.GivenUp {
		t.Errorf("with a slice: %+v", steps)
	}
}

// An operation that takes a disk away comes before one that wanted it: else it would wait for ever to have it erased.
func TestAdmissionYieldsToAnother(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	in.Disks[0].Status.Verdict.Seal = "s"
	wants := manifest.OperationRecord{
		Operation: "o", Type: v1alpha1.OperationReplace, Final: true, Targets: []v1alpha1.OperationTarget{{Disk: "old"}},
		OSDs:   []manifest.RecordedOSD{{ID: 7, UUID: "u", Gone: true}},
		Places: []manifest.RecordedPlace{{Disk: "old", Node: "n1", Rule: "flash", OSDs: []int32{7}, By: "wwn-1", Seal: "s"}},
	}
	removes := manifest.OperationRecord{
		Operation: "p", Type: v1alpha1.OperationRemove, Final: true, Targets: []v1alpha1.OperationTarget{{Disk: "wwn-1"}},
		Disks: []manifest.RecordedDisk{{Disk: "wwn-1", Seal: "s", Asked: true}}, Erase: v1alpha1.EraseSignatures,
	}
	in.Clusters[0].Operations = []manifest.OperationRecord{wants, removes}
	entry := Disks(in).Disks[0]
	if entry.Request == nil || entry.Request.Action != v1alpha1.DiskActionErase || len(entry.OSDs) > 0 {
		t.Errorf("request %+v, OSDs %+v, plan %+v", entry.Request, entry.OSDs, entry.Plan)
	}
}
