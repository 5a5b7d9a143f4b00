package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
)

// newFileWorld is a world with a filesystem, and a server of file volumes.
func newFileWorld(t testing.TB) *world {
	w := newWorld(t)
	w.driver = v1alpha1.ProvisionerCephFS
	ctx := w.t.Context()
	for _, name := range []string{"shared-meta", "shared", "shared-bulk"} {
		w.ok(w.admin.CreatePool(ctx, ceph.PoolSpec{Name: name, Type: ceph.Replicated, PGs: 4}))
	}
	w.cluster.StartMDS("a")
	w.ok(w.admin.CreateFilesystem(ctx, "shared", "shared-meta", "shared"))
	w.ok(w.admin.AddDataPool(ctx, "shared", "shared-bulk"))
	w.cluster.Advance(time.Minute)
	w.ok(w.admin.CreateSubvolumeGroup(ctx, fileGroup, ""))
	w.restart()
	return w
}

var fileGroup = ceph.GroupRef{Filesystem: "shared", Group: "rwx"}

func fileRef(name string) ceph.SubvolumeRef {
	return ceph.SubvolumeRef{GroupRef: fileGroup, Name: name}
}

func fileClass() map[string]string {
	return map[string]string{
		v1alpha1.ParameterClusterNamespace: "seamount", v1alpha1.ParameterCluster: "main", v1alpha1.ParameterFilesystem: "shared",
		v1alpha1.ParameterSubvolumeGroup: "rwx", v1alpha1.ParameterMounter: "Auto",
	}
}

func askedFile(name string, size int64) *csi.CreateVolumeRequest {
	r := asked(name, size)
	r.Parameters, r.VolumeCapabilities = fileClass(), []*csi.VolumeCapability{mount(rwx, "")}
	return r
}

// askedShown asks for a volume that is only read.
func askedShown(name, snapshot string) *csi.CreateVolumeRequest {
	r := fromSnapshot(askedFile(name, gibibyte), snapshot)
	r.VolumeCapabilities = []*csi.VolumeCapability{mount(rox, "")}
	return r
}

func fileID(name string) string     { return "seamount/main/shared/rwx/" + handle.ImageOf(name) }
func fileSnapID(name string) string { return "seamount/main/shared/rwx/" + snapshotImage(name) }

// copied makes a volume that is a copy.
func (w *world) copied(r *csi.CreateVolumeRequest) string {
	w.t.Helper()
	w.repeat(w.creating(r))
	return fileID(r.GetName())
}

// creating makes a volume, and lets time pass while it is not made.
func (w *world) creating(r *csi.CreateVolumeRequest) func() error {
	return func() error {
		_, err := w.server.CreateVolume(w.t.Context(), r)
		if err != nil {
			w.cluster.Advance(2 * time.Second)
		}
		return err
	}
}

func (w *world) deletingVolume(id string) func() error {
	return func() error {
		_, err := w.server.DeleteVolume(w.t.Context(), &csi.DeleteVolumeRequest{VolumeId: id})
		return err
	}
}

func (w *world) deletingSnapshot(id string) func() error {
	return func() error {
		_, err := w.server.DeleteSnapshot(w.t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: id})
		return err
	}
}

// seenFile is a subvolume as it can be compared.
type seenFile struct {
	Name, State, Pool string
	Size, Used        int64
	Metadata          map[string]string
	Snapshots         []string
}

// lookFiles lists all that is in the filesystem.
func (w *world) lookFiles() []seenFile {
	w.t.Helper()
	ctx := w.t.Context()
	names, err := w.admin.ListSubvolumes(ctx, fileGroup)
	w.ok(err)
	var all []seenFile
	for _, name := range names {
		info, err := w.admin.Subvolume(ctx, fileRef(name))
		if errors.Is(err, ceph.ErrAgain) {
			status, err := w.admin.CloneStatus(ctx, fileRef(name))
			w.ok(err)
			all = append(all, seenFile{Name: name, State: status.State})
			continue
		}
		w.ok(err)
		one := seenFile{Name: name, State: info.State, Pool: info.DataPool, Size: info.Size, Used: info.Used}
		one.Snapshots, err = w.admin.ListSubvolumeSnapshots(ctx, fileRef(name))
		w.ok(err)
		if info.State == ceph.SubvolumeComplete {
			one.Metadata, err = w.admin.SubvolumeMetadata(ctx, fileRef(name))
			w.ok(err)
		}
		all = append(all, one)
	}
	return all
}
