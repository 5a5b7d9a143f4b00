package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
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
	if w.exists(&corev1.ConfigMap{}, manifest.OperationRecordName("main", w.name)) || len(w.object().Finalizers) > 0 {
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

// A disk that is put in while the old one is still emptied is kept for its place, whatever the rules say.
func TestReplaceKeepsASpare(t *testing.T) {
	t.Parallel()
	w := newReplaceWorld(t, nil)
	id := w.object().Status.Targets[0].OSDs[0]
	uuid := w.osd(id).UUID
	w.until(v1alpha1.OperationRunning)
	by := w.spare()
	w.turn()
	if plan := w.diskNamed(by).Status.Plan; plan == nil || plan.Reason != v1alpha1.PlanReasonExcludedByOperation {
		t.Errorf("plan %+v", plan)
	}
	w.until(v1alpha1.OperationSucceeded)
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
	for n := 0; n < len(first.writes); n += 2 * killStride { // each kills at two
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := newReplaceWorld(t, nil)
			w.killTwice(n)
			replace(t, w)
		})
	}
}

// die lets OSDs end for good, and takes a disk out.
func (w *operationWorld) die(disk string, ids ...int32) {
	w.lacking = true
	for _, id := range ids {
		w.ceph.CrashOSD(int(id))
	}
	w.byHand(func() {
		missing := w.diskNamed(disk)
		missing.Status.Presence = v1alpha1.PresenceMissing
		meta.SetStatusCondition(&missing.Status.Conditions, metav1.Condition{
			Type: v1alpha1.ConditionUsable, Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNotScanned,
			LastTransitionTime: metav1.NewTime(w.now),
		})
		w.must(w.api.Status().Update(w.Context(), missing))
	})
	w.turn()
	w.turn()
}

// ask creates the operation in the place of the one that there is, and approves it.
func (w *operationWorld) ask(spec v1alpha1.StorageOperationSpec) {
	w.Helper()
	w.byHand(func() {
		object := w.object()
		w.must(w.api.Delete(w.Context(), object))
		object.ResourceVersion, object.UID, object.Status = "", object.UID+"+", v1alpha1.StorageOperationStatus{}
		spec.ClusterRef = object.Spec.ClusterRef
		object.Spec = spec
		w.must(w.api.Create(w.Context(), object))
	})
	w.turn()
	w.approve()
}

// A disk that answers nothing is replaced without being emptied or erased, and the operation says so.
func TestReplaceOfDeadDisk(t *testing.T) {
	t.Parallel()
	w := newReplaceWorld(t, func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentHold })
	id := w.object().Status.Targets[0].OSDs[0]
	uuid := w.osd(id).UUID
	w.die(w.disk, id)
	w.ask(v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{w.disk}})
	w.untilWaiting()
	if w.erased[w.disk] != 0 {
		t.Errorf("erased %d times", w.erased[w.disk])
	}
	by := w.spare()
	status := w.until(v1alpha1.OperationSucceeded)
	if report := status.Targets[0].Report; report == nil || report.Result != v1alpha1.ReportFailed || !strings.Contains(report.Message, "missing") {
		t.Errorf("targets %+v", status.Targets)
	}
	w.replaced(id, uuid, by)
}

// The last copy is never given up: with another host's OSDs down too, the operation is refused.
func TestReplaceKeepsTheLastCopy(t *testing.T) {
	t.Parallel()
	w := newReplaceWorld(t, func(o *v1alpha1.StorageOperation) { o.Spec.Intent = v1alpha1.IntentHold })
	target := w.object().Status.Targets[0].OSDs[0]
	w.lacking = true
	s, err := w.ceph.Admin().Snapshot(t.Context())
	w.must(err)
	for _, osd := range s.OSDs {
		if osd.Host != "n1" {
			w.ceph.CrashOSD(osd.ID)
		}
	}
	for range 20 {
		w.now = w.now.Add(5 * time.Second)
		w.ceph.Advance(5 * time.Second)
		w.must(w.pass())
	}
	status := w.plan()
	if at := slices.IndexFunc(status.Plan.Blockers, func(b v1alpha1.Refusal) bool { return b.Reason == v1alpha1.ReasonDataNotClean }); at < 0 {
		t.Errorf("blockers %+v", status.Plan.Blockers)
	}
	if osd := w.osd(target); slices.Contains(osd.States, "destroyed") {
		t.Error("it is destroyed")
	}
}

// newSlicedWorld has two OSDs on a disk of each host, with their DBs on another, and is to replace a disk of a host.
func newSlicedWorld(t *testing.T, disk string) (w *operationWorld, uuids map[int32]string) {
	t.Helper()
	w = &operationWorld{world: newWorld(t, slicedObjects()...), name: "remove"}
	w.live("six OSDs", w.healthy(3, 2, 6))
	w.startOperations()
	admin := w.ceph.Admin()
	w.must(admin.CreatePool(t.Context(), ceph.PoolSpec{Name: "p", PGs: 32, AutoscaleMode: "off"}))
	w.must(admin.EnableApplication(t.Context(), "p", "rbd"))
	w.must(w.ceph.FillBytes("p", 1<<30))
	w.byHand(func() {
		w.must(w.api.Create(t.Context(), &v1alpha1.StorageOperation{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "remove", UID: "o-1", Generation: 1},
			Spec: v1alpha1.StorageOperationSpec{
				ClusterRef: v1alpha1.ClusterReference{Name: "main"}, Type: v1alpha1.OperationReplace, Disks: []string{disk},
			},
		}))
	})
	uuids = map[int32]string{}
	for _, osd := range w.diskNamed(disk).Status.OSDs {
		uuids[osd.ID] = osd.UUID
	}
	w.die(disk, slices.Collect(maps.Keys(uuids))...)
	w.approve()
	w.untilWaiting()
	return w, uuids
}

// put puts an empty disk into the host, and lets the operation come to its end.
func (w *operationWorld) put(media v1alpha1.Media) string {
	w.Helper()
	by := emptyDisk("n2", 8)
	by.Status.Hardware.Media = media
	w.byHand(func() { w.must(w.api.Create(w.Context(), by)) })
	w.until(v1alpha1.OperationSucceeded)
	return by.Name
}

// again wants the OSDs of a disk to be those of before under other uuids, with their DBs on a disk.
func (w *operationWorld) again(uuids map[int32]string, data, db string) {
	w.Helper()
	osds := w.diskNamed(data).Status.OSDs
	for _, osd := range osds {
		if before := uuids[osd.ID]; before == "" || before == osd.UUID || osd.DBDisk != db {
			w.Errorf("osd.%d was %s, and is %+v", osd.ID, before, osd)
		}
	}
	if len(osds) != 2 {
		w.Errorf("disk %s has %+v", data, osds)
	}
	w.live("six OSDs again", w.healthy(3, 2, 6))
}

// A disk for DBs that died is replaced with all OSDs whose DB it had: they are made anew on their own disk.
func TestReplaceOfDBDisk(t *testing.T) {
	t.Parallel()
	data, db := emptyDisk("n2", 0).Name, emptyDisk("n2", 1).Name
	w, uuids := newSlicedWorld(t, db)
	by := w.put(v1alpha1.MediaNVMe)
	if w.erased[data] != 1 || w.erased[db] != 0 {
		t.Errorf("erased %v", w.erased)
	}
	w.again(uuids, data, by)
}

// The DBs of a disk that is replaced are made anew in their slices, and those of others are left alone.
func TestReplaceWithDBElsewhere(t *testing.T) {
	t.Parallel()
	data, db := emptyDisk("n2", 0).Name, emptyDisk("n2", 1).Name
	w, uuids := newSlicedWorld(t, data)
	before := w.diskNamed(db).Status.Request
	by := w.put(v1alpha1.MediaHDD)
	w.again(uuids, by, db)
	if diff := cmp.Diff(before, w.diskNamed(db).Status.Request); diff != "" {
		t.Errorf("the request for the DB disk (-before +after):\n%s", diff)
	}
	for id, uuid := range uuids {
		secret := &corev1.Secret{}
		w.must(w.api.Get(t.Context(), w.named(manifest.OSDName("main", id)), secret))
		reservation, err := manifest.ReservationOf(secret)
		w.must(err)
		if reservation.DB == nil || reservation.DB.Supersedes != uuid {
			t.Errorf("osd.%d has its DB on %+v, in the place of %s", id, reservation.DB, uuid)
		}
	}
}

// An OSD whose DB was a slice of a disk that stays can be given up while it waits: its slice is the next OSD's, and nothing is in the way
// of a disk that comes later. That disk need not be there.
func TestReplaceWithDBElsewhereGivenUp(t *testing.T) {
	t.Parallel()
	data, db := emptyDisk("n2", 0).Name, emptyDisk("n2", 1).Name
	w, uuids := newSlicedWorld(t, data)
	before := w.diskNamed(db).Status.Request
	w.present(db, v1alpha1.PresenceMissing)
	w.byHand(func() {
		object := w.object()
		object.Spec.Intent = v1alpha1.IntentCancel
		w.must(w.api.Update(t.Context(), object))
	})
	w.until(v1alpha1.OperationFailed)
	for range 3 {
		w.turn()
	}
	disk := w.diskNamed(db)
	if disk.Status.Request == nil || len(disk.Status.Request.Slices) != len(before.Slices) || len(disk.Status.OSDs) > 0 {
		t.Fatalf("request %+v, OSDs %+v", disk.Status.Request, disk.Status.OSDs)
	}
	for _, slice := range disk.Status.Request.Slices {
		if slice.Freed != uuids[slice.OSD] || w.osd(slice.OSD) != nil {
			t.Errorf("slice %+v, osd.%d was %s and is %+v", slice, slice.OSD, uuids[slice.OSD], w.osd(slice.OSD))
		}
	}
	w.present(db, v1alpha1.PresencePresent)
	w.byHand(func() { w.must(w.api.Create(t.Context(), emptyDisk("n2", 8))) })
	w.live("six OSDs again", w.healthy(3, 2, 6))
	after := w.diskNamed(db).Status.Request
	for i := range after.Slices {
		if after.Slices[i].UUID != before.Slices[i].UUID || after.Slices[i].Freed != "" {
			t.Errorf("slice %+v was %+v", after.Slices[i], before.Slices[i])
		}
	}
}

// present says of a disk whether its node sees it.
func (w *operationWorld) present(name string, presence v1alpha1.Presence) {
	w.byHand(func() {
		disk := w.diskNamed(name)
		disk.Status.Presence = presence
		w.must(w.api.Status().Update(w.Context(), disk))
	})
	w.turn()
}
