package app

import (
	"fmt"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// slicedObjects are three nodes with a disk for DBs and one that becomes two OSDs.
func slicedObjects() []client.Object {
	object := mainCluster()
	object.Spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "db", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaNVMe}}, Use: v1alpha1.RuleUseDB},
		{Name: "data", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaHDD}}, OSDsPerDisk: 2,
			DB: &v1alpha1.DBPlacement{Rule: "db", Size: resource.MustParse("100Gi")}},
	}
	objects := append(nodesAndDisks(3, 2), object)
	for _, o := range objects {
		if disk, ok := o.(*v1alpha1.StorageDisk); ok && disk.Name[len(disk.Name)-1] == '1' {
			disk.Status.Hardware.Media = v1alpha1.MediaNVMe
		}
	}
	return objects
}

// checkSlices holds what is reserved to what the agents made: all of it is there, and no two slices of a disk share a
// byte.
func (w *world) checkSlices() {
	w.Helper()
	type place struct{ offset, end int64 }
	places := map[string][]place{}
	var secrets corev1.SecretList
	w.must(w.api.List(w.Context(), &secrets, client.MatchingLabels{manifest.LabelComponent: manifest.ComponentReservation}))
	for i := range secrets.Items {
		r, err := manifest.ReservationOf(&secrets.Items[i])
		w.must(err)
		if r.Data.Slice == "" || r.DB == nil || r.DB.Slice == "" || !w.cut(r) {
			w.Errorf("osd.%d is reserved as %+v, %+v", r.ID, r.Data, r.DB)
			continue
		}
		places[r.Data.Disk] = append(places[r.Data.Disk], place{r.Data.Offset, r.Data.Offset + r.Data.Bytes})
		places[r.DB.Disk] = append(places[r.DB.Disk], place{r.DB.Offset, r.DB.Offset + r.DB.Bytes})
	}
	for disk, on := range places {
		slices.SortFunc(on, func(a, b place) int { return int(a.offset>>20 - b.offset>>20) })
		if len(on) != 2 || on[0].end > on[1].offset {
			w.Errorf("%s is cut into %+v", disk, on)
		}
	}
	if len(places) != 6 || len(w.slices) != 12 {
		w.Errorf("%d disks are cut into %d slices", len(places), len(w.slices))
	}
}

// A disk in two slices, with their DBs on another disk: six OSDs, and then rest.
func TestSlices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, slicedObjects()...)
	w.live("three mons, two mgrs and six OSDs", w.healthy(3, 2, 6))
	w.checkSlices()
	for range 12 {
		w.must(w.pass())
		w.kubelet()
		w.advance(10 * time.Second)
	}
	w.writes = nil
	for range 5 {
		w.must(w.pass())
		w.advance(10 * time.Second)
	}
	if len(w.writes) > 0 {
		t.Errorf("written at rest: %v", w.writes)
	}
}

// Killed at any write, also between two reservations of one disk, the end is the same.
func TestSlicesKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	first := newWorld(t, slicedObjects()...)
	first.live("three mons, two mgrs and six OSDs", first.healthy(3, 2, 6))
	for n := 0; n < len(first.writes); n += 2 * killEvery {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, slicedObjects()...)
			count := 0
			w.fail = func(string) error {
				if count++; count > n && count <= n+3 { // it was done, and the answer was lost
					return errKilled
				}
				return nil
			}
			for range 10 {
				if err := w.pass(); err != nil {
					break
				}
				w.kubelet()
				w.advance(time.Second)
			}
			w.start()
			w.live("six OSDs after a kill", w.healthy(3, 2, 6))
			w.checkSlices()
		})
	}
}
