package app

import (
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// newReplaceWorld is to replace the disk of the second OSD of a host, with nothing to take its place yet.
func newReplaceWorld(t *testing.T, change func(*v1alpha1.StorageOperation)) *operationWorld {
	t.Helper()
	return newRemovalWorld(t, func(o *v1alpha1.StorageOperation) {
		o.Spec.Type = v1alpha1.OperationReplace
		if change != nil {
			change(o)
		}
	})
}

// spare puts an empty disk into the host.
func (w *operationWorld) spare() string {
	disk := emptyDisk("n2", 8)
	w.byHand(func() { w.must(w.api.Create(w.Context(), disk)) })
	return disk.Name
}

func (w *operationWorld) diskNamed(name string) *v1alpha1.StorageDisk {
	disk := &v1alpha1.StorageDisk{}
	w.must(w.api.Get(w.Context(), client.ObjectKey{Name: name}, disk))
	return disk
}

// waiting says that the operation waits for a disk.
func (w *operationWorld) waiting() bool {
	return slices.ContainsFunc(w.object().Status.Conditions, func(c metav1.Condition) bool { return c.Reason == v1alpha1.ReasonWaitingForDisk })
}

func (w *operationWorld) untilWaiting() {
	w.Helper()
	for range 400 {
		if w.turn(); w.waiting() {
			return
		}
	}
	w.Fatalf("it never waits for a disk: %s", w.tell())
}

// replaced holds the world to what a Replace promises: the id is on the new disk, with another uuid, and nothing is kept.
func (w *operationWorld) replaced(id int32, uuid, by string) {
	w.Helper()
	for range 3 {
		w.turn()
	}
	if w.exists(&corev1.ConfigMap{}, manifest.OperationRecordName("main", "remove")) || len(w.object().Finalizers) > 0 {
		w.Error("something is kept of the operation")
	}
	osd := w.osd(id)
	if osd == nil || !osd.Up || !osd.In || osd.UUID == uuid {
		w.Fatalf("osd.%d was %s, and is %+v", id, uuid, osd)
	}
	secret := &corev1.Secret{}
	w.must(w.api.Get(w.Context(), w.named(manifest.OSDName("main", id)), secret))
	reservation, err := manifest.ReservationOf(secret)
	w.must(err)
	if reservation.Data.Disk != by || reservation.UUID != osd.UUID || reservation.Leaving != "" {
		w.Errorf("osd.%d is reserved as %s on %s", id, reservation.UUID, reservation.Data.Disk)
	}
	disk := w.diskNamed(by)
	if len(disk.Status.OSDs) != 1 || disk.Status.OSDs[0].ID != id || disk.Status.State != v1alpha1.DiskInService {
		w.Errorf("disk %s is %s with %+v", by, disk.Status.State, disk.Status.OSDs)
	}
	w.live("all data is whole", func() bool { return w.osd(id).PGs > 0 })
}

// Without a spare the id is kept until a disk is put in: no rule takes that before.
func TestReplace(t *testing.T) {
	t.Parallel()
	w := newReplaceWorld(t, nil)
	id := w.object().Status.Targets[0].OSDs[0]
	uuid := w.osd(id).UUID
	w.untilWaiting()
	if osd := w.osd(id); osd == nil || osd.Up || !slices.Contains(osd.States, "destroyed") {
		t.Fatalf("osd.%d: %+v\n%s", id, osd, w.tell())
	}
	if w.erased[w.disk] != 1 {
		t.Errorf("erased %d times", w.erased[w.disk])
	}
	by := w.spare()
	status := w.until(v1alpha1.OperationSucceeded)
	if report := status.Targets[0].Report; report == nil || report.Result != v1alpha1.ReportVerified {
		t.Errorf("targets %+v", status.Targets)
	}
	w.replaced(id, uuid, by)
}

// Killed at any write, and with a new operator after that, the end is the same.
func TestReplaceKilledAtAnyWrite(t *testing.T) {
	t.Parallel()
	replace := func(t *testing.T, w *operationWorld) {
		t.Helper()
		id := w.object().Status.Targets[0].OSDs[0]
		uuid := w.osd(id).UUID
		w.untilWaiting()
		by := w.spare()
		w.until(v1alpha1.OperationSucceeded)
		w.fail = nil
		w.replaced(id, uuid, by)
	}
	first := newReplaceWorld(t, nil)
	first.writes = nil
	replace(t, first)
	for n := 0; n < len(first.writes); n += killStride {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newReplaceWorld(t, nil)
			count := 0
			w.fail = func(string) error {
				if count++; count > n && count <= n+2 { // it was done, and the answer was lost
					return errKilled
				}
				return nil
			}
			replace(t, w)
		})
	}
}
