package plan

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// withSlices is a cluster at rest with a disk in two slices whose DBs lie on another disk, beside disks of the usual kind.
func withSlices(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, 3, 2)
	w.spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "db", Match: v1alpha1.DiskMatch{IDs: []string{"wwn-0101"}}, Use: v1alpha1.RuleUseDB},
		{Name: "halves", Match: v1alpha1.DiskMatch{IDs: []string{"wwn-0102"}}, OSDsPerDisk: 2,
			DB: &v1alpha1.DBPlacement{Rule: "db", Size: resource.MustParse("1Gi")}},
		{Name: "rest", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD}}},
	}
	w.rest()
	return w
}

// What is known of an OSD in slices is stored again when its Secret is gone, to the byte, and meanwhile its slices are
// nobody else's.
func TestLostReservationOfSlices(t *testing.T) {
	t.Parallel()
	w := withSlices(t)
	var gone []Reservation
	w.reservations = slices.DeleteFunc(w.reservations, func(r Reservation) bool {
		if r.Data.Disk == "wwn-0102" {
			gone = append(gone, r)
		}
		return r.Data.Disk == "wwn-0102"
	})
	if len(gone) != 2 {
		t.Fatalf("%d OSDs on the disk", len(gone))
	}
	asked := map[string]*v1alpha1.DiskRequest{}
	for _, disk := range w.disks {
		asked[disk.Name] = disk.Status.Request
	}
	w.planDisks()
	for _, disk := range w.disks {
		if diff := cmp.Diff(asked[disk.Name], disk.Status.Request); diff != "" {
			t.Errorf("%s is asked for something else (-before +now):\n%s", disk.Name, diff)
		}
	}
	in := w.observe()
	in.Ceph.Snapshot.CRUSH.Buckets = []ceph.Bucket{
		{ID: -1, Name: "default", Type: "root", Items: []ceph.CRUSHItem{{ID: -3}}},
		{ID: -3, Name: "r1", Type: "rack", Items: []ceph.CRUSHItem{{ID: -2}}},
		{ID: -2, Name: "n1", Type: "host", Items: []ceph.CRUSHItem{{ID: int(gone[0].ID)}, {ID: int(gone[1].ID)}}},
	}
	var restored []Reservation
	for _, step := range Compute(in).Steps {
		if restore, ok := step.Do.(RestoreReservation); ok {
			restored = append(restored, restore.OSD)
			continue
		}
		t.Errorf("%s: %s", step.ID, step.Reason)
	}
	slices.SortFunc(restored, func(a, b Reservation) int { return int(a.ID - b.ID) })
	slices.SortFunc(gone, func(a, b Reservation) int { return int(a.ID - b.ID) })
	if diff := cmp.Diff(gone, restored); diff != "" {
		t.Errorf("(-reserved +restored):\n%s", diff)
	}
}

// One of two slices whose Secret is gone is not given to a new OSD.
func TestLostSliceIsNotGivenAway(t *testing.T) {
	t.Parallel()
	w := withSlices(t)
	at := slices.IndexFunc(w.reservations, func(r Reservation) bool { return r.Data.Disk == "wwn-0102" && r.Data.Index == 1 })
	w.reservations = slices.Delete(slices.Clone(w.reservations), at, at+1)
	w.planDisks()
	for _, entry := range w.disksPlan.Disks {
		if len(entry.OSDs) > 0 || entry.State != v1alpha1.DiskInService {
			t.Errorf("%s is %s, and is to have %+v", entry.Disk, entry.State, entry.OSDs)
		}
	}
}

// Once Ceph does not know the OSD any more, its slices are free.
func TestPurgedSliceIsFree(t *testing.T) {
	t.Parallel()
	w := withSlices(t)
	at := slices.IndexFunc(w.reservations, func(r Reservation) bool { return r.Data.Disk == "wwn-0102" && r.Data.Index == 1 })
	purged := w.reservations[at]
	w.reservations = slices.Delete(slices.Clone(w.reservations), at, at+1)
	delete(w.osds, purged.ID)
	w.planDisks()
	for _, entry := range w.disksPlan.Disks {
		if part := entry.lostPart(purged.ID, v1alpha1.OSDRoleDB); part != nil {
			t.Errorf("%s keeps %+v", entry.Disk, part)
		}
		if entry.Disk == "wwn-0102" && (len(entry.OSDs) != 1 || entry.OSDs[0].Data.Offset != purged.Data.Offset || entry.OSDs[0].DB.Offset != purged.DB.Offset) {
			t.Errorf("planned are %+v, free is the place of %+v", entry.OSDs, purged)
		}
	}
}
