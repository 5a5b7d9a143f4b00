//go:build e2e && linux && cgo

package sanity

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
)

// TestCutShortBase has librbd stopped between the note of a snapshot and its object map, as a kill can: such a snapshot is
// listed, and cloning it is ENOENT. The snapshot of the volume is made all the same, and nothing of it is left in the end.
func TestCutShortBase(t *testing.T) {
	w := newWorld(t)
	server := w.server()
	const name = "pvc-00000000-0000-4000-8000-00000000ba5e"
	request := &csi.CreateSnapshotRequest{Name: "snapshot-00000000-0000-4000-8000-00000000ba5e"}
	volume, err := server.CreateVolume(t.Context(), volumeRequest(name, nil))
	w.ok(err)
	request.SourceVolumeId = volume.GetVolume().GetVolumeId()
	source := ceph.ImageRef{Pool: pool, Name: name}
	w.ok(w.admin.CreateSnapshot(t.Context(), ceph.SnapshotRef{ImageRef: source, Snapshot: request.GetName()}))
	w.removeObjectMaps(source)
	if _, err := server.CreateSnapshot(t.Context(), request); status.Code(err) != codes.Aborted {
		t.Errorf("the call that finds it: %v", err)
	}
	made, err := server.CreateSnapshot(t.Context(), request)
	w.ok(err)
	_, err = server.DeleteSnapshot(t.Context(), &csi.DeleteSnapshotRequest{SnapshotId: made.GetSnapshot().GetSnapshotId()})
	w.ok(err)
	_, err = server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: request.GetSourceVolumeId()})
	w.ok(err)
	w.empty()
	w.noObjects()
}

// removeObjectMaps removes the object maps of an image's snapshots.
func (w *world) removeObjectMaps(ref ceph.ImageRef) {
	w.t.Helper()
	detail, err := w.admin.InspectImage(w.t.Context(), ref)
	w.ok(err)
	objects, err := w.objects()
	w.ok(err)
	removed := 0
	for _, object := range objects {
		if strings.HasPrefix(object, "rbd_object_map."+detail.ID+".") {
			out, err := w.ceph.Tool(w.t.Context(), "rados", "--pool", pool, "rm", object).CombinedOutput()
			if err != nil {
				w.t.Fatalf("rados rm %s: %v: %s", object, err, out)
			}
			removed++
		}
	}
	if removed != 1 {
		w.t.Fatalf("%d object maps of snapshots, want one: %v", removed, objects)
	}
}
