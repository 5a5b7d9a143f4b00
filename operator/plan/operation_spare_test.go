package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// takes is the record of a Replace for which a disk takes the place of another.
func takes(operation, disk, by string) manifest.OperationRecord {
	return manifest.OperationRecord{
		Operation: operation, Type: v1alpha1.OperationReplace, Targets: []v1alpha1.OperationTarget{{Disk: disk}},
		Places: []manifest.RecordedPlace{{Disk: disk, By: by}},
	}
}

// A disk that another operation is about takes no place, whether it is found or named.
func TestReplaceLeavesOthersTheirSpares(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]manifest.OperationRecord{
		"takes a place": takes("other", "d3", "d1"),
		"is added":      {Operation: "other", Type: v1alpha1.OperationAdd, Targets: []v1alpha1.OperationTarget{{Disk: "d1"}}},
	} {
		in := operationWorld()
		replacing(&in)
		in.Others = []manifest.OperationRecord{other}
		draft := ComputeOperation(in)
		if why := draft.Plan.Steps[4].Why; len(draft.Plan.Blockers) > 0 || strings.Contains(why, "d1") {
			t.Errorf("%s: %s, blockers %+v", name, why, draft.Plan.Blockers)
		}
		in.Spec.Replacement = "d1"
		got := ComputeOperation(in).Plan.Blockers
		if len(got) != 1 || got[0].Reason != BlockerNoReplacement || !strings.Contains(got[0].Message, "operation other") {
			t.Errorf("%s: named: blockers %+v", name, got)
		}
		mine := takes("o", "d0", "d1")
		if disk := TakesOf(&mine, &other); disk != "d1" {
			t.Errorf("%s: takes %q of it", name, disk)
		}
	}
	again, other := takes("o", "d0", "d0"), takes("other", "d0", "")
	if disk := TakesOf(&again, &other); disk != "" {
		t.Errorf("what is made anew where it is takes %q of another", disk)
	}
}

// Of two operations for which the same disk was chosen, the one gets it that began earlier, unless it is the turn of the other.
func TestAdmissionOfOneDiskForTwo(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	place := func(operation string, id int32, after time.Duration, gone bool) manifest.OperationRecord {
		return manifest.OperationRecord{
			Operation: operation, Type: v1alpha1.OperationReplace, Final: true, Started: start.Add(after),
			Targets: []v1alpha1.OperationTarget{{Disk: "old-" + operation}}, OSDs: []manifest.RecordedOSD{{ID: id, UUID: "u", Gone: gone}},
			Places: []manifest.RecordedPlace{{Disk: "old-" + operation, Node: "n1", Rule: "flash", OSDs: []int32{id}, By: "wwn-1", Seal: "s"}},
		}
	}
	for name, tt := range map[string]struct {
		first, second manifest.OperationRecord
		want          int32
	}{
		"the first is earlier":    {place("a", 7, 0, true), place("b", 8, time.Hour, true), 7},
		"the second is earlier":   {place("a", 7, time.Hour, true), place("b", 8, 0, true), 8},
		"the earlier has no turn": {place("a", 7, time.Hour, true), place("b", 8, 0, false), 7},
		"the later has no turn":   {place("a", 7, 0, true), place("b", 8, time.Hour, false), 7},
	} {
		in := oneDisk()
		in.Disks[0].Status.Verdict.Seal = "s"
		in.Clusters[0].Operations = []manifest.OperationRecord{tt.first, tt.second}
		entry := Disks(in).Disks[0]
		if len(entry.OSDs) != 1 || entry.OSDs[0].ID == nil || *entry.OSDs[0].ID != tt.want {
			t.Errorf("%s: plan %+v, OSDs %+v; want osd.%d", name, entry.Plan, entry.OSDs, tt.want)
		}
	}
}

// A spare that is sealed anew before it is used is let go of, and found again as it is now.
func TestReplaceLetsGoOfASpare(t *testing.T) {
	t.Parallel()
	in := CarryObserved{OperationObserved: operationWorld(), Name: "o"}
	replacing(&in.OperationObserved)
	record := takes("o", "d0", "d1")
	record.Final, record.Plan.Steps = true, operationSteps(in.Spec)
	record.OSDs = []manifest.RecordedOSD{{ID: 0, UUID: "u0", Gone: true}}
	record.Places[0].Node, record.Places[0].Rule, record.Places[0].OSDs, record.Places[0].Seal = "h0", "r", []int32{0}, "before"
	in.Record = &record
	for _, want := range []string{"", "d1"} {
		steps := Carry(in).Steps
		if len(steps) != 1 {
			t.Fatalf("steps %+v", steps)
		}
		saved, is := steps[0].Do.(RecordOperation)
		if !is || saved.Record.Places[0].By != want || want != "" && saved.Record.Places[0].Seal != "s" {
			t.Fatalf("%+v is recorded, want %q", steps[0].Do, want)
		}
		in.Record = &saved.Record
	}
}

// The disk with the DB of an OSD that is destroyed, and waits for its new disk, can be replaced itself.
func TestReplaceOfDBDiskOfTheDestroyed(t *testing.T) {
	t.Parallel()
	in := operationWorld()
	replacing(&in)
	in.Ceph.Snapshot.OSDs[0].UUID, in.Ceph.Snapshot.OSDs[0].States = "00000000-0000-0000-0000-000000000000", []string{"destroyed"}
	for _, b := range ComputeOperation(in).Plan.Blockers {
		if b.Reason == v1alpha1.ReasonDeviceChanged {
			t.Errorf("refused: %s", b.Message)
		}
	}
}
