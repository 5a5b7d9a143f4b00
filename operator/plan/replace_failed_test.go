package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// waitingFor are operations that wait for a person.
func waitingFor(names ...string) (operations []*v1alpha1.StorageOperation) {
	for _, name := range names {
		operation := &v1alpha1.StorageOperation{}
		operation.Name, operation.Status.State = name, v1alpha1.OperationAwaitingApproval
		operations = append(operations, operation)
	}
	return operations
}

// lostDisk is a cluster at rest in which the disk of osd.0 is gone, and what it held is whole elsewhere.
func lostDisk(t *testing.T) (in *Observed, disk string) {
	t.Helper()
	_, observed := atRest(t)
	in = &observed
	snapshot := *in.Ceph.Snapshot
	snapshot.OSDs = append([]ceph.OSD(nil), snapshot.OSDs...)
	in.Ceph.Snapshot = &snapshot
	disks := *in.Disks
	disks.Entries = append([]DiskEntry(nil), disks.Entries...)
	in.Disks = &disks
	for i := range in.Disks.Entries {
		entry := &in.Disks.Entries[i]
		if len(entry.Serving) == 1 && entry.Serving[0].ID == 0 {
			entry.Failed, disk = "node "+entry.Node+" does not see it any more", entry.Disk
			entry.FailedSince = in.Now.Add(-FailedFor)
		}
	}
	lostOSD(in).Up, lostOSD(in).In = false, false
	if disk == "" {
		t.Fatal("no disk has osd.0 alone")
	}
	return in, disk
}

func lostOSD(in *Observed) *ceph.OSD {
	for i := range in.Ceph.Snapshot.OSDs {
		if in.Ceph.Snapshot.OSDs[i].ID == 0 {
			return &in.Ceph.Snapshot.OSDs[i]
		}
	}
	return nil
}

func lostReservation(in *Observed) *Reservation {
	in.Reservations = append([]Reservation(nil), in.Reservations...)
	for i := range in.Reservations {
		if in.Reservations[i].ID == 0 {
			return &in.Reservations[i]
		}
	}
	return nil
}

// madeReplace is an operation that the operator made for a disk.
func madeReplace(name, disk string, state v1alpha1.OperationState, ended time.Time) *v1alpha1.StorageOperation {
	operation := &v1alpha1.StorageOperation{}
	operation.Name, operation.Labels = name, map[string]string{v1alpha1.LabelMadeFor: v1alpha1.MadeForFailedDisk}
	operation.Spec = v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{disk}}
	operation.Status.State = state
	if !ended.IsZero() {
		operation.Status.Conditions = []metav1.Condition{{
			Type: v1alpha1.ConditionComplete, Status: metav1.ConditionTrue, LastTransitionTime: metav1.NewTime(ended),
		}}
	}
	return operation
}

// madeBefore adds an operation that was made for the disk, and ended so long ago; less than zero: it has not.
func madeBefore(name string, state v1alpha1.OperationState, ago time.Duration, change ...func(*v1alpha1.StorageOperation)) func(*Observed, string) {
	return func(in *Observed, disk string) {
		var ended time.Time
		if ago >= 0 {
			ended = in.Now.Add(-ago)
		}
		operation := madeReplace(name, disk, state, ended)
		for _, do := range change {
			do(operation)
		}
		in.Operations = append(in.Operations, operation)
	}
}

func byPerson(o *v1alpha1.StorageOperation) { o.Labels = nil }

// notedAs says that the reservation names an operation, after what else is changed.
func notedAs(name string, before ...func(*Observed, string)) func(*Observed, string) {
	return func(in *Observed, disk string) {
		for _, change := range before {
			change(in, disk)
		}
		lostReservation(in).Replaced = name
	}
}

// One operation is made for a disk that failed, when what it held is whole elsewhere, and never against a person's word.
func TestReplaceFailed(t *testing.T) {
	t.Parallel()
	const first, second = "MakeReplace/replace-main-osd-0-1", "MakeReplace/replace-main-osd-0-2"
	for name, tt := range map[string]struct {
		change func(in *Observed, disk string)
		want   string
	}{
		"gone, and recovered elsewhere": {func(*Observed, string) {}, first},
		"it is still up":                {func(in *Observed, _ string) { lostOSD(in).Up = true }, ""},
		"it is still in":                {func(in *Observed, _ string) { lostOSD(in).In = true }, ""},
		"another OSD has its number":    {func(in *Observed, _ string) { lostOSD(in).UUID = "other" }, ""},
		"it is destroyed":               {func(in *Observed, _ string) { lostOSD(in).States = []string{"destroyed"} }, ""},
		"it recovers": {func(in *Observed, _ string) {
			in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: "active+undersized+degraded", Count: 1}}
		}, ""},
		"an object is unfound": {func(in *Observed, _ string) { in.Ceph.Snapshot.PGs.UnfoundObjects = 1 }, ""},
		"Ceph does not answer": {func(in *Observed, _ string) { in.Ceph.Fresh = false }, ""},
		"the disk is there":    {func(in *Observed, _ string) { in.Disks.Entries[entryOf(in, 0)].Failed = "" }, ""},
		"it failed just now": {func(in *Observed, _ string) {
			in.Disks.Entries[entryOf(in, 0)].FailedSince = in.Now.Add(time.Second - FailedFor)
		}, ""},
		"an operation takes it away": {func(in *Observed, _ string) { lostReservation(in).Leaving = "remove" }, ""},
		"deleting": {func(in *Observed, _ string) {
			in.Deleting, in.Dependents = true, v1alpha1.ClusterDependents{Pools: new(int32(1))}
		}, ""},
		"paused":                  {func(in *Observed, _ string) { in.Spec.Pause = v1alpha1.PauseAll }, ""},
		"made, and not noted yet": {madeBefore("replace-main-osd-0-1", v1alpha1.OperationAwaitingApproval, -1), first},
		"made and noted":          {notedAs("replace-main-osd-0-1", madeBefore("replace-main-osd-0-1", v1alpha1.OperationAwaitingApproval, -1)), ""},
		"a person's":              {madeBefore("mine", v1alpha1.OperationAwaitingApproval, -1, byPerson), ""},
		"a person's for the node": {madeBefore("mine", v1alpha1.OperationRunning, -1, byPerson, func(o *v1alpha1.StorageOperation) {
			o.Spec = v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationRemove, Node: "n1"}
		}), ""},
		"a person puts it elsewhere": {madeBefore("mine", v1alpha1.OperationRunning, -1, byPerson, func(o *v1alpha1.StorageOperation) {
			o.Spec.Replacement, o.Spec.Disks = o.Spec.Disks[0], []string{"other"}
		}), ""},
		"a question": {madeBefore("what-if-x", v1alpha1.OperationHeld, -1, func(o *v1alpha1.StorageOperation) {
			o.Labels = map[string]string{v1alpha1.LabelWhatIf: "x"}
		}), first},
		"of another disk": {madeBefore("other", v1alpha1.OperationRunning, -1, func(o *v1alpha1.StorageOperation) { o.Spec.Disks = []string{"other"} }), first},
		"cancelled": {madeBefore("replace-main-osd-0-1", v1alpha1.OperationCancelled, 48*time.Hour, func(o *v1alpha1.StorageOperation) {
			o.Spec.Intent = v1alpha1.IntentCancel
		}), ""},
		"cancelled for another, of which it was the place": {madeBefore("replace-main-osd-9-1", v1alpha1.OperationCancelled, 48*time.Hour,
			func(o *v1alpha1.StorageOperation) {
				o.Spec.Replacement, o.Spec.Disks, o.Spec.Intent = o.Spec.Disks[0], []string{"other"}, v1alpha1.IntentCancel
			}), first},
		"a person cancelled another": {madeBefore("mine", v1alpha1.OperationCancelled, time.Hour, byPerson, func(o *v1alpha1.StorageOperation) {
			o.Spec.Type, o.Spec.Intent = v1alpha1.OperationDrain, v1alpha1.IntentCancel
		}), first},
		"deleted":                 {notedAs("replace-main-osd-0-1"), ""},
		"one of before succeeded": {madeBefore("replace-main-osd-0-1", v1alpha1.OperationSucceeded, time.Hour), second},
		"superseded just now":     {madeBefore("replace-main-osd-0-1", v1alpha1.OperationSuperseded, time.Minute), ""},
		"superseded, and noted": {notedAs("replace-main-osd-0-1", madeBefore("replace-main-osd-0-1", v1alpha1.OperationSuperseded, 2*time.Hour)),
			second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in, disk := lostDisk(t)
			tt.change(in, disk)
			var got []string
			for _, step := range Compute(*in).Steps {
				if strings.Contains(step.ID, "Replace/") {
					got = append(got, step.ID)
				}
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %v, want %s", got, tt.want)
			}
		})
	}
}

func entryOf(in *Observed, id int32) int {
	for i, entry := range in.Disks.Entries {
		if len(entry.Serving) == 1 && entry.Serving[0].ID == id {
			return i
		}
	}
	return -1
}

// A disk that comes and goes is looked at again after a while; and one that is back is noted as well.
func TestReplaceFailedIsForgotten(t *testing.T) {
	t.Parallel()
	in, disk := lostDisk(t)
	in.Operations = []*v1alpha1.StorageOperation{madeReplace("replace-main-osd-0-1", disk, v1alpha1.OperationSuperseded, in.Now.Add(-time.Minute))}
	if p := Compute(*in); p.After <= 0 || p.After > replaceAgain {
		t.Errorf("it is looked at again after %s", p.After)
	}
	in.Operations, in.Disks.Entries[entryOf(in, 0)].FailedSince = nil, in.Now.Add(time.Minute-FailedFor)
	if p := Compute(*in); p.After <= 0 || p.After > time.Minute {
		t.Errorf("what has just failed is looked at again after %s", p.After)
	}
	in.Disks.Entries[entryOf(in, 0)].FailedSince = in.Now.Add(-FailedFor)
	if p := Compute(*in); p.After <= 0 || p.After > lookWaiting {
		t.Errorf("one that may not be made yet is tried again after %s", p.After)
	}
	lostOSD(in).Up, lostOSD(in).In = true, true
	lostReservation(in).Replaced = "replace-main-osd-0-1"
	p := Compute(*in)
	if !slices.Contains(stepIDs(p), "ForgetReplace/0") {
		t.Errorf("steps %v", stepIDs(p))
	}
}

// A disk for DBs goes with the disks that failed too of those whose DBs it had.
func TestReplaceFailedDBDisk(t *testing.T) {
	t.Parallel()
	in, disk := lostDisk(t)
	at := entryOf(in, 0)
	serving := in.Disks.Entries[at].Serving[0]
	serving.DBDisk = "db"
	in.Disks.Entries[at].Serving = []v1alpha1.DiskOSD{serving}
	db := DiskEntry{Disk: "db", Node: in.Disks.Entries[at].Node, Failed: "gone", Plan: in.Disks.Entries[at].Plan, Serving: []v1alpha1.DiskOSD{
		{ID: 0, UUID: serving.UUID, Role: v1alpha1.OSDRoleDB},
	}}
	in.Disks.Entries = append(in.Disks.Entries, db)
	var made []MakeReplace
	for _, step := range Compute(*in).Steps {
		if do, ok := step.Do.(MakeReplace); ok {
			made = append(made, do)
		}
	}
	if len(made) != 1 || strings.Join(made[0].Failed.Disks, " ") != "db "+disk {
		t.Errorf("made %+v, want one for db and %s", made, disk)
	}
}
