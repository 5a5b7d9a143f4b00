package audit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/go-logr/logr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/controller"
)

var rwx = ceph.GroupRef{Filesystem: "shared", Group: "rwx"}

// newFileWorld is a world with a filesystem of ours, and an auditor of file volumes.
func newFileWorld(t *testing.T) (*world, *controller.Server) {
	t.Helper()
	w := newWorld(t)
	for _, name := range []string{"meta", "data"} {
		w.ok(w.admin.CreatePool(t.Context(), ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 4}))
	}
	w.cluster.StartMDS("a")
	w.ok(w.admin.CreateFilesystem(t.Context(), "shared", "meta", "data"))
	w.ok(w.admin.SetApplicationValue(t.Context(), "meta", "cephfs", "seamount.owner", "StorageFilesystem/shared"))
	w.cluster.Advance(time.Minute)
	w.ok(w.admin.CreateSubvolumeGroup(t.Context(), rwx, ""))
	w.auditor.Driver = v1alpha1.ProvisionerCephFS
	return w, controller.New(t.Context(), controller.Options{Driver: v1alpha1.ProvisionerCephFS, Sessions: w, Log: logr.Discard()})
}

func fileID(n int) string { return "seamount/main/shared/rwx/" + numbered(n) }

// volume makes a volume through the controller, and lets copies be copied.
func (w *world) volume(s *controller.Server, n int, mode csi.VolumeCapability_AccessMode_Mode, from *csi.VolumeContentSource) {
	w.Helper()
	limit := 30 * time.Second
	if from.GetVolume() != nil {
		limit = 10 * time.Second // for half of it the call waits for the copy, which does not end here
	}
	ctx, cancel := context.WithTimeout(w.Context(), limit)
	defer cancel()
	_, err := s.CreateVolume(ctx, &csi.CreateVolumeRequest{
		Name: numbered(n), CapacityRange: &csi.CapacityRange{RequiredBytes: 1 << 20}, VolumeContentSource: from,
		Parameters: map[string]string{
			v1alpha1.ParameterClusterNamespace: "seamount", v1alpha1.ParameterCluster: "main",
			v1alpha1.ParameterFilesystem: "shared", v1alpha1.ParameterSubvolumeGroup: "rwx",
		},
		VolumeCapabilities: []*csi.VolumeCapability{{
			AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{}},
			AccessMode: &csi.VolumeCapability_AccessMode{Mode: mode},
		}},
	})
	if err != nil && !strings.Contains(err.Error(), "is being copied") {
		w.Fatal(err)
	}
}

func (w *world) subvolumes() string {
	w.Helper()
	names, err := w.admin.ListSubvolumes(w.Context(), rwx)
	w.ok(err)
	return strings.Join(names, " ")
}

const (
	many    = csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER
	readers = csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
)

// TestAuditFiles leaves everything alone for ten minutes, and then removes what is provably ours and unused.
func TestAuditFiles(t *testing.T) {
	t.Parallel()
	w, s := newFileWorld(t)
	w.ok(w.admin.CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: rwx, Name: numbered(1)}})) // half-made
	for n := 2; n <= 4; n++ {
		w.volume(s, n, many, nil) // forgotten and blank; with data; in use
	}
	w.ok(w.cluster.WriteSubvolume(ceph.SubvolumeRef{GroupRef: rwx, Name: numbered(3)}, 1))
	w.ok(w.admin.CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: rwx, Name: "by-hand"}}))
	w.known = Known{Handles: map[string]string{fileID(4): "PersistentVolume a", fileID(9): "PersistentVolume lost"}}
	w.pass(0)
	w.pass(9 * time.Minute)
	if len(w.told) != 0 || strings.Count(w.subvolumes(), "pvc-") != 4 {
		t.Errorf("after nine minutes: told %+v, left %s", w.told, w.subvolumes())
	}
	w.pass(2 * time.Minute)
	if want := strings.Join([]string{"by-hand", numbered(3), numbered(4)}, " "); w.subvolumes() != want {
		t.Errorf("left %s, want %s", w.subvolumes(), want)
	}
	reasons := map[Reason]int{}
	for _, f := range w.told {
		reasons[f.Reason]++
		if f.Reason == Missing && !strings.Contains(f.Message, "no subvolume shared/rwx/") {
			t.Errorf("told %q", f.Message)
		}
	}
	if reasons[Unfinished] != 1 || reasons[Orphaned] != 2 || reasons[Missing] != 1 {
		t.Errorf("told %+v", w.told)
	}
}

// TestAuditOfForeignFilesystem removes nothing that only has a name like ours.
func TestAuditOfForeignFilesystem(t *testing.T) {
	t.Parallel()
	w, _ := newFileWorld(t)
	w.ok(w.admin.SetApplicationValue(t.Context(), "meta", "cephfs", "seamount.owner", ""))
	w.ok(w.admin.CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: rwx, Name: numbered(1)}}))
	w.pass(0)
	w.pass(11 * time.Minute)
	if w.subvolumes() != numbered(1) || len(w.told) != 1 || !strings.Contains(w.told[0].Message, "nothing shows it to be ours") {
		t.Errorf("left %s, told %+v", w.subvolumes(), w.told)
	}
}

// TestAuditOfCopies leaves a copy under way alone, and removes one that nobody asked for any more, with the snapshot that it was
// made of and what was kept of its source for that.
func TestAuditOfCopies(t *testing.T) {
	t.Parallel()
	w, s := newFileWorld(t)
	w.volume(s, 1, many, nil)
	w.ok(w.cluster.WriteSubvolume(ceph.SubvolumeRef{GroupRef: rwx, Name: numbered(1)}, 1<<20))
	w.volume(s, 2, many, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Volume{Volume: &csi.VolumeContentSource_VolumeSource{VolumeId: fileID(1)}}})
	if _, err := s.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: fileID(1)}); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		w.pass(11 * time.Minute)
	}
	if want := numbered(1) + " " + numbered(2); w.subvolumes() != want || len(w.told) != 0 {
		t.Errorf("left %s, told %+v", w.subvolumes(), w.told)
	}
	w.cluster.Advance(time.Minute)
	for range 2 {
		w.pass(11 * time.Minute)
	}
	if w.subvolumes() != "" {
		t.Errorf("left %s, told %+v", w.subvolumes(), w.told)
	}
}

// TestAuditOfShown leaves alone what is kept of a deleted volume and of a deleted snapshot as long as it is shown.
func TestAuditOfShown(t *testing.T) {
	t.Parallel()
	w, s := newFileWorld(t)
	w.volume(s, 1, many, nil)
	made, err := s.CreateSnapshot(t.Context(), &csi.CreateSnapshotRequest{Name: "s", SourceVolumeId: fileID(1)})
	w.ok(err)
	id := made.GetSnapshot().GetSnapshotId()
	w.volume(s, 2, readers, &csi.VolumeContentSource{Type: &csi.VolumeContentSource_Snapshot{Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: id}}})
	_, err1 := s.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: fileID(1)})
	_, err2 := s.DeleteSnapshot(t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: id})
	w.ok(errors.Join(err1, err2))
	w.known.Handles = map[string]string{fileID(2): "PersistentVolume a"}
	before := w.subvolumes()
	for range 3 {
		w.pass(11 * time.Minute)
	}
	if w.subvolumes() != before || len(w.told) != 0 {
		t.Errorf("left %s of %s, told %+v", w.subvolumes(), before, w.told)
	}
	w.known.Handles = nil
	for range 3 {
		w.pass(11 * time.Minute)
	}
	if w.subvolumes() != before || len(w.told) != 1 || !strings.Contains(fmt.Sprint(w.told), "the data of what it was made from") {
		t.Errorf("left %s of %s, told %+v", w.subvolumes(), before, w.told)
	}
}
