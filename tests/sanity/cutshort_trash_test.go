//go:build e2e && linux && cgo

package sanity

import (
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/controller"
)

// States of an image in the trash (cls_rbd: TrashImageState).
const normal, moving = 0, 1

// family is a volume with a snapshot, and a volume restored of that.
type family struct {
	source                     ceph.ImageRef
	volume, snapshot, restored string
}

func (w *world) family(server *controller.Server, number string) family {
	w.t.Helper()
	ctx, name := w.t.Context(), "pvc-00000000-0000-4000-8000-0000"+number
	volume, err := server.CreateVolume(ctx, volumeRequest(name, nil))
	w.ok(err)
	f := family{source: ceph.ImageRef{Pool: pool, Name: name}, volume: volume.GetVolume().GetVolumeId()}
	snapshot, err := server.CreateSnapshot(ctx, &csi.CreateSnapshotRequest{Name: "snapshot-00000000-0000-4000-8000-0000" + number, SourceVolumeId: f.volume})
	w.ok(err)
	f.snapshot = snapshot.GetSnapshot().GetSnapshotId()
	restored, err := server.CreateVolume(ctx, volumeRequest("pvc-00000000-0000-4000-9000-0000"+number, &csi.VolumeContentSource{
		Type: &csi.VolumeContentSource_Snapshot{Snapshot: &csi.VolumeContentSource_SnapshotSource{SnapshotId: f.snapshot}},
	}))
	w.ok(err)
	f.restored = restored.GetVolume().GetVolumeId()
	return f
}

// cutShortMove has librbd stopped while it moves a deleted volume, which a snapshot reads from, to the trash: before or after the
// name is free. Its deletion is repeated, all others go on, and with the last that reads from it, it goes.
func cutShortMove(t *testing.T, w *world, listed bool) {
	server := w.server()
	f := w.family(server, "0000aaaa")
	id := w.id(f.source)
	w.deleteVolume(server, f.volume)
	w.class("rbd_trash", "trash_state_set", append(encoded(nil, id), moving, normal))
	if listed {
		w.class("rbd_directory", "dir_add_image", encoded(encoded(nil, f.source.Name), id))
	}
	w.deleteVolume(server, f.volume)
	w.deleteVolume(server, f.restored)
	w.deleteSnapshot(server, f.snapshot)
	w.empty()
	w.noObjects()
}

// cutShortPurge has librbd stopped while it purges an image that waits in the trash: the header is gone, or the parent is, and
// the image cannot be opened any more. The next sweep goes on with it, and leaves alone what somebody else has put there.
func cutShortPurge(t *testing.T, w *world) {
	ctx := t.Context()
	server := w.server()
	mark := map[string]string{ceph.ImageKeyDeleting: "x"}
	parent := ceph.ImageRef{Pool: pool, Name: "pvc-00000000-0000-4000-8000-00000000ca5e"}
	base := ceph.SnapshotRef{ImageRef: parent, Snapshot: "pvc-00000000-0000-4000-8000-00000000ca5f"}
	w.ok(w.admin.CreateImage(ctx, ceph.ImageSpec{ImageRef: parent, Size: gibibyte, Metadata: mark}))
	w.ok(w.admin.CreateSnapshot(ctx, base))
	for clone, metadata := range map[string]map[string]string{base.Snapshot: mark, "pvc-00000000-0000-4000-8000-0000000f0000": nil} {
		ref := ceph.ImageRef{Pool: pool, Name: clone}
		w.ok(w.admin.CloneImage(ctx, base, ceph.ImageSpec{ImageRef: ref, Metadata: metadata}))
		w.forgetClone(base, ref)
		w.ok(w.admin.TrashImage(ctx, ref, 0))
	}
	w.ok(w.admin.RemoveSnapshot(ctx, base))
	header := "rbd_header." + w.id(parent)
	w.ok(w.admin.TrashImage(ctx, parent, 0))
	w.removeObject(header)
	w.deleteVolume(server, namespace+"/"+cluster+"/"+pool+"/"+parent.Name)
	trash, err := w.admin.ListTrash(ctx, pool)
	w.ok(err)
	if len(trash) != 1 || trash[0].Name != "pvc-00000000-0000-4000-8000-0000000f0000" {
		t.Fatalf("in the trash: %+v", trash)
	}
	w.ok(w.admin.PurgeTrashed(ctx, pool, trash[0].ID))
	w.empty()
	w.noObjects()
}

// parentLost has a volume that cannot be opened, since what it reads from is gone: it is not taken for a name without an image.
func parentLost(t *testing.T, w *world) {
	server := w.server()
	w.family(server, "0000cccc")
	restored := ceph.ImageRef{Pool: pool, Name: "pvc-00000000-0000-4000-9000-00000000cccc"}
	detail, err := w.admin.InspectImage(t.Context(), restored)
	w.ok(err)
	w.removeObject("rbd_header." + detail.ParentID)
	if _, err := w.admin.InspectImage(t.Context(), restored); err == nil {
		t.Fatal("it can be opened")
	}
	w.audit(blockVolumes().driver)
	id, err := w.admin.ListedID(t.Context(), restored)
	w.ok(err)
	if id != detail.ID {
		t.Errorf("the volume is %s now, and was %s", id, detail.ID)
	}
	if _, err := w.admin.HeaderMetadata(t.Context(), pool, id); err != nil {
		t.Errorf("the volume is gone: %v", err)
	}
	if _, err := server.CreateVolume(t.Context(), volumeRequest(restored.Name, nil)); status.Code(err) != codes.Aborted {
		t.Errorf("a volume of that name: %v", err)
	}
}

func (w *world) deleteVolume(server *controller.Server, id string) {
	w.t.Helper()
	_, err := server.DeleteVolume(w.t.Context(), &csi.DeleteVolumeRequest{VolumeId: id})
	w.ok(err)
}

func (w *world) deleteSnapshot(server *controller.Server, id string) {
	w.t.Helper()
	_, err := server.DeleteSnapshot(w.t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: id})
	w.ok(err)
}
