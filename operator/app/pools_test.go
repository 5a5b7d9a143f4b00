package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/plan"
)

func TestReplicatedPool(t *testing.T) {
	t.Parallel()
	object := storagePool("fast", replicated(3))
	object.Spec.DeviceClass, object.Spec.Compression, object.Spec.TargetPercent = "hdd", v1alpha1.CompressionAggressive, 40
	object.Spec.Quota = &v1alpha1.PoolQuota{Objects: 1000}
	object.Spec.StorageClasses[0].ClusterDefault = v1alpha1.ClusterDefaultEnabled
	w := newPoolWorld(t, object)
	w.settle("the pool is there", w.current)
	got, rule := w.cephPool("fast")
	if got.Size != 3 || got.MinSize != 2 || rule != "fast_host_hdd" || got.AutoscaleMode != "on" || got.Quota.Objects != 1000 ||
		got.Options["compression_mode"] != "aggressive" || got.Options["target_size_ratio"] != "0.4" || !slices.Equal(got.Applications, []string{"rbd"}) {
		t.Errorf("got %+v by rule %s", got, rule)
	}
	class := w.class("fast")
	want := map[string]string{
		"clusterNamespace": namespace, "cluster": "main", "pool": "fast", "mapper": "Auto", "csi.storage.k8s.io/fstype": "xfs",
	}
	if diff := cmp.Diff(want, class.Parameters); diff != "" || class.Provisioner != "rbd.csi.seamount.dev" ||
		class.Annotations["storageclass.kubernetes.io/is-default-class"] != "true" {
		t.Errorf("class %+v\nparameters (-want +got):\n%s", class, diff)
	}
	if names := w.snapshotClasses(); !slices.Equal(names, []string{"fast"}) {
		t.Errorf("snapshot classes %v", names)
	}
	status := w.object().Status
	if diff := cmp.Diff([]v1alpha1.CephPool{{Name: "fast", ID: got.ID, Role: v1alpha1.CephPoolData}}, status.Pools); diff != "" {
		t.Errorf("status.pools (-want +got):\n%s", diff)
	}
	if status.Summary.Layout != "3 copies" || status.Resolved.FailureDomain != v1alpha1.FailureDomainHost || *status.Dependents.Volumes != 0 {
		t.Errorf("status %+v", status)
	}
}

func TestErasureCodedPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("bulk", erasureCoded()))
	w.settle("the pools are there", w.current)
	headers, rule := w.cephPool("bulk")
	if headers.Type != ceph.Replicated || headers.Size != 2 || rule != "bulk_host" {
		t.Errorf("headers %+v by rule %s", headers, rule)
	}
	data, rule := w.cephPool("bulk-data")
	if data.Type != ceph.Erasure || data.Size != 3 || data.MinSize != 2 || rule != "bulk-data_host" || !slices.Contains(data.Flags, "ec_overwrites") {
		t.Errorf("data %+v by rule %s", data, rule)
	}
	if class := w.class("bulk"); class.Parameters["dataPool"] != "bulk-data" || class.Parameters["pool"] != "bulk" {
		t.Errorf("parameters %v", class.Parameters)
	}
	if summary := w.object().Status.Summary; summary.Layout != "EC 2+1" {
		t.Errorf("summary %+v", summary)
	}
}

func TestPoolAtRestWritesNothing(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	w.rests()
}

// A size that is one is permitted for that one call.
func TestSingleCopy(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("scratch", replicated(1)))
	w.settle("the pool is there", w.current)
	if got, _ := w.cephPool("scratch"); got.Size != 1 || got.MinSize != 1 {
		t.Errorf("got %+v", got)
	}
}

// Killed after any call to Ceph, and with a new controller after it, the end is the same.
func TestPoolKilledAtAnyStep(t *testing.T) {
	t.Parallel()
	for skip := 0; skip < 8; skip += killStride {
		t.Run(fmt.Sprint(skip), func(t *testing.T) {
			t.Parallel()
			w := newPoolWorld(t, storagePool("bulk", erasureCoded()))
			for _, effect := range []sim.Effect{sim.LostAnswer(), sim.Unreachable()} {
				for _, calls := range []string{"*Pool*", "*Rule*", "Set*", "EnableApplication"} {
					w.ceph.Inject(sim.Fault{Calls: calls, Skip: skip / 2, Times: 1, Effect: effect})
				}
			}
			for range 12 {
				if w.passPool() != nil {
					w.startPools()
				}
			}
			w.settle("the pools are there", w.current)
			w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
			for range 3 {
				w.ceph.Inject(sim.Fault{Calls: "*", Skip: skip, Times: 1, Effect: sim.LostAnswer()})
				if w.passPool() != nil {
					w.startPools()
				}
			}
			w.settle("all is gone", func() bool { return w.object().Name == "" })
			w.nothingLeft("bulk")
		})
	}
}

// nothingLeft sees that of a pool no pool, rule, profile or class is left.
func (w *poolWorld) nothingLeft(name string) {
	w.Helper()
	s := w.snapshot()
	for _, p := range s.Pools {
		if p.Name == name || p.Name == name+"-data" {
			w.Errorf("pool %s is left", p.Name)
		}
	}
	for _, r := range s.CRUSH.Rules {
		if strings.HasPrefix(r.Name, name) {
			w.Errorf("rule %s is left", r.Name)
		}
	}
	if _, err := w.ceph.Admin().ErasureProfile(w.Context(), name+"-data_host"); !errors.Is(err, ceph.ErrNotFound) {
		w.Errorf("the profile is left: %v", err)
	}
	if w.class(name) != nil || len(w.snapshotClasses()) > 0 {
		w.Error("a class is left")
	}
}

// A pool with images is not deleted; they are named. Images in the trash count.
func TestImageKeepsPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("bulk", erasureCoded()))
	w.settle("the pools are there", w.current)
	admin := w.ceph.Admin()
	kept := ceph.ImageRef{Pool: "bulk", Name: "pvc-1"}
	w.must(admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: kept, Size: 1 << 30, DataPool: "bulk-data"}))
	w.must(admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "bulk", Name: "snapshot-2"}, Size: 1 << 30}))
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	w.settle("the deletion waits", w.says("Deleting", metav1.ConditionTrue, "DependentsExist"))
	if text := w.message("Deleting"); !strings.Contains(text, "1 volume and 1 snapshot (pvc-1, snapshot-2)") {
		t.Errorf("it says %q", text)
	}
	if !w.says("Ready", metav1.ConditionTrue, "Available")() || w.class("bulk") == nil {
		t.Error("the pool does not serve its volumes any more")
	}
	if d := w.object().Status.Dependents; *d.Volumes != 1 || *d.Snapshots != 1 {
		t.Errorf("dependents %+v", d)
	}
	w.must(admin.RemoveImage(t.Context(), ceph.ImageRef{Pool: "bulk", Name: "snapshot-2"}))
	w.must(admin.TrashImage(t.Context(), kept, time.Hour))
	for range 5 {
		w.must(w.passPool())
	}
	if text := w.message("Deleting"); !strings.Contains(text, "trash/pvc-1") {
		t.Errorf("it says %q", text)
	}
	trash, err := admin.ListTrash(t.Context(), "bulk")
	w.must(err)
	w.must(admin.RestoreImage(t.Context(), "bulk", trash[0].ID, "pvc-1"))
	w.must(admin.RemoveImage(t.Context(), kept))
	w.settle("all is gone", func() bool { return w.object().Name == "" })
	w.nothingLeft("bulk")
}

// Whoever deletes a volume and then its pool is not refused for long: what a pool holds is counted anew although nothing else changes.
func TestContentIsCountedAnew(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	admin, volume := w.ceph.Admin(), ceph.ImageRef{Pool: "fast", Name: "pvc-1"}
	w.settle("the pool is there", w.current)
	volumes := func() int32 { return deref(deref(w.object().Status.Dependents).Volumes) }
	w.must(admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: volume, Size: 1 << 30}))
	w.settle("the volume is counted", func() bool { return volumes() == 1 })
	w.must(admin.RemoveImage(t.Context(), volume))
	const limit = 15 * time.Second
	for gone := w.now; volumes() == 1; {
		if w.now.Sub(gone) > limit {
			t.Fatalf("a volume is counted %s after the last one went", w.now.Sub(gone))
		}
		result, err := w.pools.Reconcile(t.Context(), reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: w.name}})
		w.must(err)
		w.now = w.now.Add(result.RequeueAfter)
	}
}

// What cannot be listed is not empty.
func TestUnknownIsNotEmpty(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	remove := w.ceph.Inject(sim.Fault{Calls: "ListImageNamespaces", Effect: sim.Unreachable()})
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	w.settle("it waits", w.says("Deleting", metav1.ConditionUnknown, "NotObserved"))
	if got, _ := w.cephPool("fast"); got.Name == "" {
		t.Fatal("the pool was deleted")
	}
	remove()
	w.settle("all is gone", func() bool { return w.object().Name == "" })
}

// An image that appears between the look and the deletion keeps the pool.
func TestImageAppears(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	late := ceph.ImageRef{Pool: "fast", Name: "late"}
	admin := w.ceph.Admin()
	w.ceph.Inject(sim.Fault{Calls: "Pools", Times: 1, Effect: sim.DoAfter(func(*sim.Cluster) {
		if err := admin.CreateImage(context.WithoutCancel(t.Context()), ceph.ImageSpec{ImageRef: late, Size: 1 << 20}); err != nil {
			t.Error(err)
		}
	})})
	if err := w.passPool(); err == nil {
		t.Error("nobody noticed")
	}
	w.settle("it waits", w.says("Deleting", metav1.ConditionTrue, "DependentsExist"))
	if _, err := admin.Image(t.Context(), late); err != nil {
		t.Error(err)
	}
}

func TestNameTaken(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	theirs := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: "fast"}, Provisioner: "theirs"}
	w.byHand(func() { w.must(w.api.Create(t.Context(), theirs)) })
	w.settle("the name is taken", w.says("StorageClassesReady", metav1.ConditionFalse, "NameTaken"))
	if text := w.message("StorageClassesReady"); !strings.Contains(text, "StorageClass fast already, of the driver theirs") {
		t.Errorf("it says %q", text)
	}
	if w.class("fast").Provisioner != "theirs" {
		t.Error("somebody else's class was changed")
	}
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.class("fast"))) })
	w.settle("the name is free", w.current)
}

// Without the definition of VolumeSnapshotClass there are none; a class that changes is made again; one that is not
// asked for any more goes.
func TestClassesFollow(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.snapshots = false
	w.settle("the pool is there", w.current)
	if names := w.snapshotClasses(); len(names) > 0 {
		t.Errorf("snapshot classes %v", names)
	}
	w.change(func(p *v1alpha1.StoragePool) {
		p.Spec.StorageClasses[0].Mapper = v1alpha1.MapperKRBD
		p.Spec.StorageClasses = append(p.Spec.StorageClasses, v1alpha1.PoolStorageClass{Name: "keep", StorageClassSettings: v1alpha1.StorageClassSettings{
			ReclaimPolicy: v1alpha1.ReclaimRetain, MountOptions: []string{"noatime"},
		}})
	})
	w.settle("the classes are as asked", func() bool {
		return w.class("keep") != nil && w.class("fast") != nil && w.class("fast").Parameters["mapper"] == "KRBD"
	})
	if keep := w.class("keep"); string(*keep.ReclaimPolicy) != "Retain" || !slices.Equal(keep.MountOptions, []string{"noatime"}) {
		t.Errorf("class %+v", keep)
	}
	w.change(func(p *v1alpha1.StoragePool) { p.Spec.StorageClasses = p.Spec.StorageClasses[1:] })
	w.settle("one is gone", func() bool { return w.class("fast") == nil && w.class("keep") != nil })
	w.snapshots = true
	w.settle("the snapshot class follows", func() bool { return slices.Equal(w.snapshotClasses(), []string{"keep"}) })
}

// What Ceph allows to change is changed, also over a rule of its own; the rule before goes.
func TestPoolChanges(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	w.change(func(p *v1alpha1.StoragePool) {
		p.Spec.Replicated.Replicas, p.Spec.FailureDomain = 2, v1alpha1.FailureDomainOSD
		p.Spec.Compression = v1alpha1.CompressionForce
	})
	w.settle("data moves", w.says("UpToDate", metav1.ConditionFalse, "Rebalancing"))
	w.settle("all is as declared", w.current)
	got, rule := w.cephPool("fast")
	if got.Size != 2 || got.MinSize != 1 || rule != "fast_osd" || got.Options["compression_mode"] != "force" {
		t.Errorf("got %+v by rule %s", got, rule)
	}
	if slices.ContainsFunc(w.snapshot().CRUSH.Rules, func(r ceph.CRUSHRule) bool { return r.Name == "fast_host" }) {
		t.Error("the rule before is left")
	}
}

// A change that cannot be placed is refused: nothing moves, and the pool goes on.
func TestUnplaceableChange(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	for _, test := range []struct {
		name   string
		change func(*v1alpha1.StoragePool)
		reason string
		says   string
	}{
		{"domain", func(p *v1alpha1.StoragePool) { p.Spec.FailureDomain = v1alpha1.FailureDomainRack }, "TooFewDomains",
			"3 copies over Rack need 3 racks; 0 have OSDs; add racks, or set failureDomain: Host"},
		{"class", func(p *v1alpha1.StoragePool) { p.Spec.FailureDomain, p.Spec.DeviceClass = "", "nvme" }, "NoSuchClass",
			"no OSD is of class nvme; there are hdd"},
		{"copies", func(p *v1alpha1.StoragePool) {
			p.Spec.FailureDomain, p.Spec.DeviceClass, p.Spec.Replicated.Replicas = "", "", 5
		}, "TooFewDomains", "5 copies over Host need 5 hosts; 3 have OSDs"},
	} {
		w.change(test.change)
		w.settle(test.name+" is refused", w.says("Placeable", metav1.ConditionFalse, test.reason))
		if text := w.message("Placeable"); !strings.Contains(text, test.says) {
			t.Errorf("%s: it says %q", test.name, text)
		}
		if !w.says("Ready", metav1.ConditionTrue, "Available")() || !w.says("UpToDate", metav1.ConditionFalse, "Drift")() {
			t.Errorf("%s: conditions %+v", test.name, w.object().Status.Conditions)
		}
		if got, rule := w.cephPool("fast"); got.Size != 3 || rule != "fast_host" {
			t.Errorf("%s: got %+v by rule %s", test.name, got, rule)
		}
	}
}

func TestUnplaceablePoolIsNotMade(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("wide", replicated(4)))
	w.settle("it is refused", w.says("Ready", metav1.ConditionFalse, "Unplaceable"))
	if got, _ := w.cephPool("wide"); got.Name != "" || w.class("wide") != nil {
		t.Error("something was made")
	}
	w.byHand(func() { w.must(w.api.Create(t.Context(), emptyDisk("n2", 7))) })
	w.change(func(p *v1alpha1.StoragePool) { p.Spec.FailureDomain = v1alpha1.FailureDomainOSD })
	w.world.live("a fourth OSD", w.healthy(3, 2, 4))
	w.settle("it is made", w.current)
}

// A change by hand is shown and left alone, until the spec changes.
func TestPoolDrift(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	w.must(w.ceph.Admin().SetPoolOption(t.Context(), "fast", "min_size", "1"))
	w.settle("it is seen", w.says("UpToDate", metav1.ConditionFalse, "Drift"))
	if text := w.message("UpToDate"); !strings.Contains(text, "min_size of fast is 1, and 2 is declared") {
		t.Errorf("it says %q", text)
	}
	if got, _ := w.cephPool("fast"); got.MinSize != 1 {
		t.Errorf("min_size is %d", got.MinSize)
	}
	w.change(func(p *v1alpha1.StoragePool) { p.Spec.Compression = v1alpha1.CompressionPassive })
	w.settle("all is as declared", w.current)
	if got, _ := w.cephPool("fast"); got.MinSize != 2 {
		t.Errorf("min_size is %d", got.MinSize)
	}
}

// A pool that somebody else made is neither used nor changed nor deleted.
func TestForeignPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.must(w.ceph.Admin().CreatePool(t.Context(), ceph.PoolSpec{Name: "fast", Type: ceph.Replicated, Size: 2, PGs: 8}))
	w.settle("it is refused", w.says("Ready", metav1.ConditionFalse, "CephRefused"))
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	w.settle("the object is gone", func() bool { return w.object().Name == "" })
	if got, _ := w.cephPool("fast"); got.Size != 2 || len(got.Applications) > 0 {
		t.Errorf("the pool is %+v", got)
	}
}

func TestCephRefuses(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	remove := w.ceph.Inject(sim.Fault{Calls: "CreatePool", Effect: sim.Fail(ceph.ERANGE, "too many PGs per OSD")})
	if err := w.passPool(); err == nil {
		t.Error("no error")
	}
	if !w.says("Ready", metav1.ConditionFalse, "CephRefused")() || !strings.Contains(w.message("Ready"), "too many PGs per OSD") {
		t.Errorf("Ready says %q", w.message("Ready"))
	}
	remove()
	w.settle("it is made", w.current)
}

func TestPoolWithoutCluster(t *testing.T) {
	t.Parallel()
	object := storagePool("fast", replicated(3))
	object.Spec.ClusterRef.Name = "other"
	w := newPoolWorld(t, object)
	w.settle("it waits", w.says("Ready", metav1.ConditionFalse, "WaitingForCluster"))
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	w.settle("the object is gone", func() bool { return w.object().Name == "" })
}

func TestPausedPool(t *testing.T) {
	t.Parallel()
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.byHand(func() {
		object := w.cluster()
		object.Spec.Pause = v1alpha1.PauseAll
		w.must(w.api.Update(t.Context(), object))
	})
	w.settle("it waits", w.says("Ready", metav1.ConditionFalse, "Creating"))
	if got, _ := w.cephPool("fast"); got.Name != "" {
		t.Error("a pool was made")
	}
}

// What the controller of pools does is granted.
func TestRBACGrantsPools(t *testing.T) {
	t.Parallel()
	everywhere, atHome := grants(t, "ClusterRole"), grants(t, "Role")
	w := newPoolWorld(t, storagePool("fast", replicated(3)))
	w.settle("the pool is there", w.current)
	w.byHand(func() { w.must(w.api.Delete(t.Context(), w.object())) })
	w.settle("the object is gone", func() bool { return w.object().Name == "" })
	for _, use := range []string{
		"create storageclasses", "delete storageclasses", "create volumesnapshotclasses", "list volumesnapshotclasses", "patch storagepools", "patch storagepools/status",
	} {
		if !w.used[use] {
			t.Errorf("not used: %s", use)
		}
	}
	for use := range w.used {
		if !everywhere[use] && !atHome[use] {
			t.Errorf("not granted: %s", use)
		}
	}
	if owner := plan.PoolOwner("fast"); owner != "StoragePool/fast" {
		t.Errorf("owner %q: pools that were made are known by it", owner)
	}
}
