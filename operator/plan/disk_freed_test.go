package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// freedDisk is a disk for DBs of the cluster with two slices, one of them of osd.7, which was given up.
func freedDisk(in *DisksInput) *v1alpha1.StorageDisk {
	disk := in.Disks[0]
	disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: "fsid-main", Rule: "db"}
	disk.Status.Request = &v1alpha1.DiskRequest{Action: v1alpha1.DiskActionPartition, Seal: "s", Table: "t", Slices: []v1alpha1.DiskSlice{
		{UUID: "a", OSD: 7, Role: v1alpha1.OSDRoleDB, Offset: 1 << 20, Size: 1 << 30},
		{UUID: "b", OSD: 8, Role: v1alpha1.OSDRoleDB, Offset: 2 << 30, Size: 1 << 30},
	}}
	disk.Status.OSDs = []v1alpha1.DiskOSD{
		{ID: 7, Role: v1alpha1.OSDRoleDB, UUID: "u7", Slice: "a"}, {ID: 8, Role: v1alpha1.OSDRoleDB, UUID: "u8", Slice: "b"},
	}
	r := reserved(8, "other")
	r.UUID, r.DB = "u8", &Part{Disk: disk.Name, Slice: "b", Offset: 2 << 30, Bytes: 1 << 30, Count: 1, Seal: "s"}
	booted(&in.Clusters[0], r)
	in.Clusters[0].Operations = []manifest.OperationRecord{{
		Operation: "o", Type: v1alpha1.OperationReplace, Final: true, GivenUp: true, OSDs: []manifest.RecordedOSD{{ID: 7, UUID: "u7", Gone: true}},
	}}
	return disk
}

// A slice that was given up stays asked for, is in nobody's list, and is no free space; it is so as long as the disk is the cluster's,
// also when the operation is gone and the number belongs to another OSD.
func TestFreedSlice(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	disk := freedDisk(&in)
	for range 3 {
		entry := Disks(in).Disks[0]
		if entry.Request == nil || len(entry.Request.Slices) != 2 || entry.Request.Slices[0].Freed != "u7" || entry.Request.Slices[1].Freed != "" {
			t.Fatalf("request %+v", entry.Request)
		}
		if len(entry.Serving) != 1 || entry.Serving[0].ID != 8 || entry.Claim == nil {
			t.Errorf("OSDs %+v, claim %+v", entry.Serving, entry.Claim)
		}
		disk.Status.Request, disk.Status.OSDs = entry.Request, entry.Serving
		in.Clusters[0].Operations = nil
		booted(&in.Clusters[0], reserved(7, "elsewhere"))
	}
}

// What is given up while the agent is asked for nothing new is noted all the same, and what a deletion asked for is not asked for ever.
func TestFreedMeanwhile(t *testing.T) {
	t.Parallel()
	drained := func(in *DisksInput) {
		in.Clusters[0].Operations = append(in.Clusters[0].Operations, manifest.OperationRecord{
			Operation: "p", Type: v1alpha1.OperationDrain, Targets: []v1alpha1.OperationTarget{{Disk: in.Disks[0].Name}},
		})
	}
	for name, change := range map[string]func(in *DisksInput){
		"a Drain is under way": drained,
		"it is paused":         func(in *DisksInput) { in.Clusters[0].Spec.Pause = v1alpha1.PauseAll },
		"slices collide": func(in *DisksInput) {
			r := reserved(9, "third")
			r.UUID, r.DB = "u9", &Part{Disk: in.Disks[0].Name, Slice: "c", Offset: 2 << 30, Bytes: 1 << 30, Count: 1, Seal: "s"}
			booted(&in.Clusters[0], r)
		},
	} {
		in := oneDisk()
		disk := freedDisk(&in)
		disk.Status.Request.ID = requestID(disk.Status.Request)
		change(&in)
		for range 2 {
			before := disk.Status.Request
			entry := Disks(in).Disks[0]
			if entry.Request == nil || len(entry.Request.Slices) != 2 || entry.Request.Slices[0].Freed != "u7" || entry.Request.Slices[1].Freed != "" {
				t.Fatalf("%s: request %+v", name, entry.Request)
			}
			if again := before.Slices[0].Freed != ""; again != (entry.Request.ID == before.ID) {
				t.Errorf("%s: the id is %s, was %s", name, entry.Request.ID, before.ID)
			}
			disk.Status.Request, disk.Status.OSDs = entry.Request, entry.Serving
			in.Clusters[0].Operations = slices.DeleteFunc(in.Clusters[0].Operations, func(o manifest.OperationRecord) bool { return o.GivenUp })
		}
	}
	in := oneDisk()
	disk := freedDisk(&in)
	drained(&in)
	disk.Status.Request = HostDirectoryRequest(&manifest.WipeRecord{UID: "1", FSID: "fsid-former"}, disk.Status.Node)
	if got := Disks(in).Disks[0].Request; got != nil {
		t.Errorf("a former cluster's directory is still asked for: %+v", got)
	}
}

// Who has the number of an OSD now does not have its slice: it is kept until another gets that.
func TestSliceOfAnotherNumber(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	freedDisk(&in)
	in.Clusters[0].Operations[0].GivenUp = false
	booted(&in.Clusters[0], reserved(7, "elsewhere"))
	if request := Disks(in).Disks[0].Request; request == nil || len(request.Slices) != 2 || request.Slices[0].Freed != "" {
		t.Errorf("request %+v", request)
	}
}

// While nothing is given up, a slice is kept for the OSD that comes in the place.
func TestKeptSlice(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	freedDisk(&in)
	in.Clusters[0].Operations[0].GivenUp = false
	entry := Disks(in).Disks[0]
	if len(entry.Serving) != 2 || len(entry.Request.Slices) != 2 || entry.Request.Slices[0].Freed != "" {
		t.Errorf("OSDs %+v, request %+v", entry.Serving, entry.Request)
	}
}

// Whoever erases a disk may erase what is left in such a slice: it was this cluster's.
func TestFreedIsErased(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	disk := freedDisk(&in)
	disk.Status.Request, disk.Status.OSDs = Disks(in).Disks[0].Request, Disks(in).Disks[0].Serving
	record := recordDisk(disk, "fsid-main", nil)
	if diff := cmp.Diff([]string{"u8", "u7"}, record.OSDs); diff != "" || len(record.Slices) != 2 {
		t.Errorf("OSDs (-want +got):\n%s\nslices %+v", diff, record.Slices)
	}
	wiped := disksOfCluster(Observed{KnownFSID: "fsid-main", Reservations: in.Clusters[0].Reservations, Wiping: Wiping{Disks: in.Disks}})
	if diff := cmp.Diff([]manifest.RecordedOSD{{ID: 8, UUID: "u8"}, {ID: 7, UUID: "u7"}}, wiped[disk.Name]); diff != "" {
		t.Errorf("the deletion (-want +got):\n%s", diff)
	}
	disk.Status.Claim.FSID = "another"
	if wiped := disksOfCluster(Observed{KnownFSID: "fsid-main", Wiping: Wiping{Disks: in.Disks}}); len(wiped) > 0 {
		t.Errorf("of another cluster: %+v", wiped)
	}
}

// Of an OSD that is replaced and never ran, the label in the slice for its DB may be that of any before it: the next one overwrites each.
func TestReplaceOfOneThatNeverRan(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	disk := freedDisk(&in)
	r := reserved(7, "broken")
	r.UUID, r.DB = "u7", &Part{Disk: disk.Name, Slice: "a", Supersedes: "u6", Before: []string{"u5"}}
	for name, tt := range map[string]struct {
		known *ceph.OSD
		want  []string
	}{
		"it never ran": {&ceph.OSD{ID: 7, UUID: "u7", States: []string{"exists", "new"}}, []string{"u6", "u5"}},
		"it ran":       {&ceph.OSD{ID: 7, UUID: "u7", States: []string{"exists"}}, nil},
		"it runs":      {&ceph.OSD{ID: 7, UUID: "u7", Up: true}, nil},
		"it is not it": {&ceph.OSD{ID: 7, UUID: "another"}, nil},
	} {
		before := supersededBy(7, "U7", tt.known, []Reservation{r})
		if diff := cmp.Diff(tt.want, before); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		record := manifest.OperationRecord{
			Operation: "o", Type: v1alpha1.OperationReplace, Final: true, OSDs: []manifest.RecordedOSD{{ID: 7, UUID: "u7", Gone: true, Before: before}},
		}
		in.Clusters[0].Operations = []manifest.OperationRecord{record}
		p := newDiskPlanner(in)
		p.drafts[0].owner = p.clusters[0]
		part := p.inherited(7, &record)
		if part == nil || part.Slice != "a" || part.Supersedes != "u7" {
			t.Fatalf("%s: gets %+v", name, part)
		}
		if diff := cmp.Diff(append([]string{"u7"}, tt.want...), part.superseded()); diff != "" {
			t.Errorf("%s, labels that may be in it (-want +got):\n%s", name, diff)
		}
	}
	if before := supersededBy(9, "u9", nil, []Reservation{r}); before != nil {
		t.Errorf("nothing is reserved for it, and before it were %q", before)
	}
}

// A slice that another OSD has by now may still have the label of the one before: whoever erases the disk may erase that too.
func TestSupersededIsErased(t *testing.T) {
	t.Parallel()
	in := oneDisk()
	disk := freedDisk(&in)
	disk.Status.OSDs = disk.Status.OSDs[1:]
	reservations := in.Clusters[0].Reservations
	reservations[0].DB.Supersedes, reservations[0].DB.Before = "u7", []string{"u6"}
	if diff := cmp.Diff([]string{"u8", "u7", "u6"}, recordDisk(disk, "fsid-main", reservations).OSDs); diff != "" {
		t.Errorf("an operation (-want +got):\n%s", diff)
	}
	wiped := disksOfCluster(Observed{KnownFSID: "fsid-main", Reservations: reservations, Wiping: Wiping{Disks: in.Disks}})
	if diff := cmp.Diff([]manifest.RecordedOSD{{ID: 8, UUID: "u8"}, {ID: 8, UUID: "u7"}, {ID: 8, UUID: "u6"}}, wiped[disk.Name]); diff != "" {
		t.Errorf("the deletion (-want +got):\n%s", diff)
	}
	reservations[0].DB.Before = nil
	disk.Status.Request.Slices[0].Freed = "u7" // the agent was not asked again since
	if record := recordDisk(disk, "fsid-main", reservations); len(record.OSDs) != 2 {
		t.Errorf("what is asked for twice is refused: %+v", record.OSDs)
	}
	wiped = disksOfCluster(Observed{KnownFSID: "fsid-main", Reservations: reservations, Wiping: Wiping{Disks: in.Disks}})
	if len(wiped[disk.Name]) != 2 {
		t.Errorf("what is asked for twice is refused: %+v", wiped[disk.Name])
	}
	c := &operationComputation{in: OperationObserved{Wipe: &manifest.WipeOperation{Disks: []manifest.WipedDisk{{Disk: disk.Name, OSDs: wiped[disk.Name]}}}}}
	if c.targetWiped(); !slices.Equal(c.out.Targets[0].OSDs, []int32{8}) {
		t.Errorf("targets %+v", c.out.Targets)
	}
	disk.Status.Request.Slices[0].Freed = ""
	if disk.Name = "another"; len(recordDisk(disk, "fsid-main", reservations).OSDs) != 1 {
		t.Error("of another disk something else is erased")
	}
	if disk.Status.OSDs = nil; len(recordDisk(disk, "fsid-main", reservations).OSDs) > 0 {
		t.Error("of a disk that holds nothing of the cluster something is erased")
	}
}

// The smallest slice that is large enough is taken, and given back.
func TestTakeFreed(t *testing.T) {
	t.Parallel()
	d := &draft{spare: []Part{{Slice: "a", Bytes: 30}, {Slice: "b", Bytes: 20}, {Slice: "c", Bytes: 5}}}
	part, undo := takeFreed([]*draft{d}, 10)
	if part == nil || part.Slice != "b" || len(d.spare) != 2 {
		t.Fatalf("%+v of %+v", part, d.spare)
	}
	undo()
	if none, _ := takeFreed([]*draft{d}, 40); none != nil || len(d.spare) != 3 {
		t.Errorf("%+v of %+v", none, d.spare)
	}
}
