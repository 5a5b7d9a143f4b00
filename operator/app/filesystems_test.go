package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/pool"
)

// filesystemWorld is the world of a StorageFilesystem.
type filesystemWorld struct{ *ownerWorld }

// newFilesystemWorld has metadata servers that stand by: files-a and so on.
func newFilesystemWorld(t *testing.T, servers int, object *v1alpha1.StorageFilesystem) *filesystemWorld {
	t.Helper()
	w := &filesystemWorld{newOwnerWorld(t, pool.Filesystems{}, v1alpha1.KindStorageFilesystem, object)}
	w.conditions = func() []metav1.Condition { return w.object().Status.Conditions }
	for i := range servers {
		w.ceph.StartMDS("files-" + string(rune('a'+i)))
	}
	return w
}

func (w *filesystemWorld) object() *v1alpha1.StorageFilesystem {
	object := &v1alpha1.StorageFilesystem{}
	w.must(client.IgnoreNotFound(w.api.Get(w.Context(), client.ObjectKey{Namespace: namespace, Name: w.name}, object)))
	return object
}

func (w *filesystemWorld) change(change func(*v1alpha1.StorageFilesystem)) {
	w.byHand(func() {
		object := w.object()
		change(object)
		object.Generation++
		w.must(w.api.Update(w.Context(), object))
	})
}

func (w *filesystemWorld) delete() {
	w.byHand(func() { w.must(w.api.Delete(w.Context(), w.object())) })
}

func (w *filesystemWorld) gone() bool { return w.object().Name == "" }

// cephFilesystem returns the filesystem of Ceph; a zero one when there is none.
func (w *filesystemWorld) cephFilesystem() ceph.Filesystem {
	for _, fs := range w.snapshot().Filesystems {
		if fs.Name == w.name {
			return fs
		}
	}
	return ceph.Filesystem{}
}

func (w *filesystemWorld) well() bool {
	return w.current() && w.says("MDSHealthy", metav1.ConditionTrue, "AllRanksActive")()
}

// nothingIsLeft sees that of the filesystem no pool, rule or class is left, and that pools cannot be deleted.
func (w *filesystemWorld) nothingIsLeft() {
	w.Helper()
	s := w.snapshot()
	for _, p := range s.Pools {
		if strings.HasPrefix(p.Name, w.name) {
			w.Errorf("pool %s is left", p.Name)
		}
	}
	for _, r := range s.CRUSH.Rules {
		if strings.HasPrefix(r.Name, w.name) {
			w.Errorf("rule %s is left", r.Name)
		}
	}
	if len(s.Filesystems) > 0 || w.class("shared") != nil || len(w.snapshotClasses()) > 0 {
		w.Error("the filesystem or a class is left")
	}
}

func storageFilesystem() *v1alpha1.StorageFilesystem {
	return &v1alpha1.StorageFilesystem{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "files", UID: "f-1", Generation: 1},
		Spec: v1alpha1.StorageFilesystemSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: "main"},
			DataPools: []v1alpha1.FilesystemDataPool{
				{Name: "default", PoolLayout: replicated(3)}, {Name: "archive", PoolLayout: erasureCoded()},
			},
			StorageClasses: []v1alpha1.FilesystemStorageClass{{Name: "shared"}, {Name: "cold", DataPool: "archive", Mounter: v1alpha1.MounterFUSE}},
		},
	}
}

func TestFilesystem(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.byHand(func() {
		w.must(w.api.Create(t.Context(), &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "mds", Labels: map[string]string{
				v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(namespace, "main"), manifest.LabelDaemon: "mds.files-a",
			}},
			Spec: corev1.PodSpec{NodeName: "n1"}, Status: corev1.PodStatus{Phase: corev1.PodRunning},
		}))
	})
	w.settle("the filesystem is there", w.well)
	archive, rule := w.cephPool("files-archive")
	if archive.Type != ceph.Erasure || rule != "files-archive_host" || !slices.Contains(archive.Flags, "ec_overwrites") ||
		archive.ApplicationValues["cephfs/seamount.owner"] != "StorageFilesystem/files" {
		t.Errorf("archive %+v by rule %s", archive, rule)
	}
	if metadata, _ := w.cephPool("files-metadata"); metadata.Size != 3 || !slices.Equal(metadata.Applications, []string{"cephfs"}) {
		t.Errorf("metadata %+v", metadata)
	}
	if fs := w.cephFilesystem(); len(fs.DataPools) != 2 || !fs.StandbyReplay {
		t.Errorf("filesystem %+v", fs)
	}
	groups, err := w.ceph.Admin().ListSubvolumeGroups(t.Context(), "files")
	if w.must(err); !slices.Equal(groups, []string{"cold", "shared"}) {
		t.Errorf("groups %v", groups)
	}
	class := w.class("cold")
	want := map[string]string{
		"clusterNamespace": namespace, "cluster": "main", "filesystem": "files", "subvolumeGroup": "cold", "dataPool": "files-archive", "mounter": "FUSE",
	}
	if diff := cmp.Diff(want, class.Parameters); diff != "" || class.Provisioner != "cephfs.csi.seamount.dev" ||
		class.Annotations["seamount.dev/filesystem"] != "seamount/files" || !*class.AllowVolumeExpansion {
		t.Errorf("class %+v\nparameters (-want +got):\n%s", class, diff)
	}
	if _, ok := w.class("shared").Parameters["dataPool"]; ok || !slices.Equal(w.snapshotClasses(), []string{"cold", "shared"}) {
		t.Errorf("class %+v, snapshot classes %v", w.class("shared"), w.snapshotClasses())
	}
	status := w.object().Status
	ranks := []v1alpha1.MDSRank{{Rank: 0, Daemon: "files-a", Node: "n1", State: "active"}}
	if diff := cmp.Diff(ranks, status.Ranks); diff != "" || status.Summary.MDS != "1/1 +1" || *status.Dependents.Subvolumes != 0 ||
		status.Resolved.MetadataReplicas != 3 {
		t.Errorf("status %+v\nranks (-want +got):\n%s", status, diff)
	}
}

// Without a metadata server everything is made that can be; the rest waits and says so.
func TestFilesystemWaitsForServers(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 0, storageFilesystem())
	w.settle("it waits", func() bool {
		return w.says("Ready", metav1.ConditionFalse, "Creating")() && w.cephFilesystem().Name != "" &&
			strings.Contains(w.message("StorageClassesReady"), "needs the first rank")
	})
	w.ceph.StartMDS("files-a")
	w.settle("it lacks a standby", func() bool { return w.current() && w.says("MDSHealthy", metav1.ConditionFalse, "NoStandby")() })
	w.ceph.StartMDS("files-b")
	w.settle("it is well", w.well)
}

// One that no server ever served is deleted without one.
func TestFilesystemWithoutServersIsDeleted(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 0, storageFilesystem())
	w.settle("it waits", func() bool { return w.cephFilesystem().Name != "" })
	w.delete()
	w.settle("all is gone", w.gone)
	w.nothingIsLeft()
}

func TestFilesystemAtRestWritesNothing(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	w.rests()
}

// Killed after any call to Ceph, and with a new controller after it, the end is the same.
func TestFilesystemKilledAtAnyStep(t *testing.T) {
	t.Parallel()
	for skip := 0; skip < 10; skip += killStride {
		t.Run(fmt.Sprint(skip), func(t *testing.T) {
			t.Parallel()
			w := newFilesystemWorld(t, 2, storageFilesystem())
			for _, effect := range []sim.Effect{sim.LostAnswer(), sim.Unreachable()} {
				for _, calls := range []string{"*Pool*", "*Rule*", "Set*", "EnableApplication", "*Filesystem*", "*Group*"} {
					w.ceph.Inject(sim.Fault{Calls: calls, Skip: skip / 2, Times: 1, Effect: effect})
				}
			}
			for range 14 {
				if w.passPool() != nil {
					w.startPools()
				}
			}
			w.settle("the filesystem is there", w.well)
			w.delete()
			for _, calls := range []string{"SetApplicationValue", "FailFilesystem", "RemoveFilesystem", "DeletePool"} {
				w.ceph.Inject(sim.Fault{Calls: calls, Skip: skip % 3, Times: 1, Effect: []sim.Effect{sim.LostAnswer(), sim.Unreachable()}[skip%2]})
			}
			for range 6 {
				w.ceph.Inject(sim.Fault{Calls: "*", Skip: skip, Times: 1, Effect: sim.LostAnswer()})
				if w.passPool() != nil {
					w.startPools()
				}
			}
			w.settle("all is gone", w.gone)
			w.nothingIsLeft()
		})
	}
}

// A filesystem with subvolumes is not deleted, in whatever group they are; they are named.
func TestSubvolumeKeepsFilesystem(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	admin := w.ceph.Admin()
	w.must(admin.CreateSubvolumeGroup(t.Context(), ceph.GroupRef{Filesystem: "files", Group: "theirs"}, ""))
	var refs []ceph.SubvolumeRef
	for _, group := range []string{"", "shared", "theirs"} {
		ref := ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: "files", Group: group}, Name: "v1"}
		w.must(admin.CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ref, Size: 1 << 20}))
		w.must(w.ceph.WriteSubvolume(ref, 1<<10))
		refs = append(refs, ref)
	}
	w.delete()
	w.settle("the deletion waits", w.says("Deleting", metav1.ConditionTrue, "DependentsExist"))
	if text := w.message("Deleting"); !strings.Contains(text, "3 subvolumes (v1, shared/v1, theirs/v1)") {
		t.Errorf("it says %q", text)
	}
	if d := w.object().Status.Dependents; *d.Subvolumes != 3 || len(d.First) != 3 || w.class("shared") == nil ||
		!w.says("Ready", metav1.ConditionTrue, "Available")() {
		t.Errorf("dependents %+v", d)
	}
	for i, ref := range refs {
		w.must(admin.RemoveSubvolume(t.Context(), ref))
		if w.must(w.passPool()); i < len(refs)-1 && w.cephFilesystem().Name == "" {
			t.Fatal("it is gone")
		}
	}
	w.settle("all is gone", w.gone)
	w.nothingIsLeft()
}

// What cannot be listed is not empty: while no rank is active, or Ceph does not list.
func TestUnknownFilesystemIsNotEmpty(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 1, storageFilesystem())
	w.settle("the filesystem is there", w.current)
	w.ceph.StopMDS("files-a")
	w.delete()
	w.settle("it waits", w.says("Deleting", metav1.ConditionUnknown, "NotObserved"))
	if text := w.message("Deleting"); !strings.Contains(text, "rank 0 is failed") {
		t.Errorf("it says %q", text)
	}
	remove := w.ceph.Inject(sim.Fault{Calls: "ListSubvolumes", Effect: sim.Unreachable()})
	w.ceph.StartMDS("files-a")
	for range 5 {
		w.must(w.passPool())
	}
	if fs := w.cephFilesystem(); fs.Name == "" || !w.says("Deleting", metav1.ConditionUnknown, "NotObserved")() {
		t.Fatalf("filesystem %+v", fs)
	}
	remove()
	w.settle("all is gone", w.gone)
}

// A subvolume that appears between the look and the deletion keeps the filesystem.
func TestSubvolumeAppears(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	w.delete()
	late := ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: "files", Group: "shared"}, Name: "late"}
	admin := w.ceph.Admin()
	w.ceph.Inject(sim.Fault{Calls: "Filesystems", Times: 1, Effect: sim.DoAfter(func(*sim.Cluster) {
		if err := admin.CreateSubvolume(context.WithoutCancel(t.Context()), ceph.SubvolumeSpec{SubvolumeRef: late}); err != nil {
			t.Error(err)
		}
	})})
	if err := w.passPool(); err == nil {
		t.Error("nobody noticed")
	}
	w.settle("it waits", w.says("Deleting", metav1.ConditionTrue, "DependentsExist"))
	if _, err := admin.Subvolume(t.Context(), late); err != nil {
		t.Error(err)
	}
}

// Ranks come and go one at a time.
func TestRanksGrowAndShrink(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 3, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	w.change(func(f *v1alpha1.StorageFilesystem) {
		f.Spec.MDS = &v1alpha1.MDSSpec{Active: 3, Standby: v1alpha1.StandbyShared}
	})
	seen := []int{1}
	follow := func(wanted func() bool) func() bool {
		return func() bool {
			if fs := w.cephFilesystem(); fs.MaxMDS != seen[len(seen)-1] {
				seen = append(seen, fs.MaxMDS)
			}
			return wanted()
		}
	}
	w.settle("it grows", follow(func() bool {
		return w.cephFilesystem().MaxMDS == 3 && w.says("UpToDate", metav1.ConditionTrue, "Current")()
	}))
	if !w.says("MDSHealthy", metav1.ConditionFalse, "NoStandby")() {
		t.Errorf("conditions %+v", w.conditions())
	}
	w.change(func(f *v1alpha1.StorageFilesystem) { f.Spec.MDS.Active = 5 })
	w.settle("it waits for a server", follow(func() bool {
		return strings.Contains(w.message("UpToDate"), "no metadata server stands by that could hold rank 3")
	}))
	w.change(func(f *v1alpha1.StorageFilesystem) { f.Spec.MDS.Active = 1 })
	w.settle("it shrinks", follow(w.well))
	if !slices.Equal(seen, []int{1, 2, 3, 2, 1}) {
		t.Errorf("max_mds was %v", seen)
	}
}

// A server that dies is replaced, and the status shows who took over.
func TestFailOverIsSeen(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	w.ceph.StopMDS("files-a")
	w.settle("the other one has the rank", func() bool {
		ranks := w.object().Status.Ranks
		return len(ranks) == 1 && ranks[0].Daemon == "files-b" && ranks[0].State == "active" && w.says("MDSHealthy", metav1.ConditionFalse, "NoStandby")()
	})
	w.ceph.StopMDS("files-b")
	w.settle("nobody has it", func() bool {
		return w.says("Ready", metav1.ConditionFalse, "RankFailed")() && w.says("MDSHealthy", metav1.ConditionFalse, "RankFailed")()
	})
}

// A filesystem or a pool that somebody else made is neither used nor changed nor deleted.
func TestForeignFilesystem(t *testing.T) {
	t.Parallel()
	for name, pools := range map[string][]string{"filesystem": {"m", "d"}, "pool": {"m", "files-default"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFilesystemWorld(t, 1, storageFilesystem())
			admin := w.ceph.Admin()
			for _, pool := range pools {
				w.must(admin.CreatePool(t.Context(), ceph.PoolSpec{Name: pool, Type: ceph.Replicated, Size: 2, PGs: 8}))
			}
			w.must(admin.CreateFilesystem(t.Context(), "files", pools[0], pools[1]))
			w.settle("it is refused", w.says("Ready", metav1.ConditionFalse, "CephRefused"))
			w.delete()
			w.settle("the object is gone", w.gone)
			if fs := w.cephFilesystem(); fs.MaxMDS != 1 || len(fs.DataPools) != 1 {
				t.Errorf("the filesystem is %+v", fs)
			}
		})
	}
}

// A class that is not asked for any more goes with its group, if that is empty.
func TestGroupsFollowClasses(t *testing.T) {
	t.Parallel()
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	ref := ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: "files", Group: "shared"}, Name: "v1"}
	w.must(w.ceph.Admin().CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ref}))
	w.now = w.now.Add(2 * time.Minute) // the listing of before is believed no more
	w.must(w.passPool())
	w.change(func(f *v1alpha1.StorageFilesystem) { f.Spec.StorageClasses = nil })
	w.settle("the classes are gone", func() bool { return w.class("shared") == nil && w.class("cold") == nil && w.current() })
	groups, err := w.ceph.Admin().ListSubvolumeGroups(t.Context(), "files")
	if w.must(err); !slices.Equal(groups, []string{"shared"}) {
		t.Errorf("groups %v", groups)
	}
	if text := w.message("StorageClassesReady"); !strings.Contains(text, "the group shared, of no class here, still holds 1 subvolume") {
		t.Errorf("it says %q", text)
	}
}

// What the controller of filesystems does is granted.
func TestRBACGrantsFilesystems(t *testing.T) {
	t.Parallel()
	everywhere, atHome := grants(t, "ClusterRole"), grants(t, "Role")
	w := newFilesystemWorld(t, 2, storageFilesystem())
	w.settle("the filesystem is there", w.well)
	w.delete()
	w.settle("the object is gone", w.gone)
	for _, use := range []string{"list pods", "patch storagefilesystems", "patch storagefilesystems/status"} {
		if !w.used[use] {
			t.Errorf("not used: %s", use)
		}
	}
	for use := range w.used {
		if !everywhere[use] && !atHome[use] {
			t.Errorf("not granted: %s", use)
		}
	}
}
