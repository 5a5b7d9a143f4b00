//go:build e2e && linux && cgo

package sanity

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// cutShort are the states that librbd leaves when it is killed between two of its steps.
var cutShort = []struct {
	name string
	test func(*testing.T, *world)
}{
	{"Base", cutShortBase},
	{"Image", cutShortImage},
	{"Clone", cutShortClone},
	{"Move", func(t *testing.T, w *world) { cutShortMove(t, w, false) }},
	{"MoveOfListed", func(t *testing.T, w *world) { cutShortMove(t, w, true) }},
	{"Purge", cutShortPurge},
	{"ParentLost", parentLost},
}

// cutShortOn goes on from each state.
func cutShortOn(t *testing.T, c *cephtest.Cluster) {
	for _, state := range cutShort {
		t.Run(state.name, func(t *testing.T) { state.test(t, newWorldOn(t, c)) })
	}
}

// cutShortBase has librbd stopped between the note of a snapshot and its object map, as a kill can: such a snapshot is
// listed, and cloning it is ENOENT. The snapshot of the volume is made all the same, and nothing of it is left in the end.
func cutShortBase(t *testing.T, w *world) {
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
	w.deleteSnapshot(server, made.GetSnapshot().GetSnapshotId())
	w.deleteVolume(server, request.GetSourceVolumeId())
	w.empty()
	w.noObjects()
}

// cutShortImage has librbd stopped between an image's header and its object map, as a kill can: such an image serves as any
// other, but no snapshot of it could ever be cloned. So none is taken for the volume: it is cleared away after a minute and made.
// A volume that loses its map later says what to do.
func cutShortImage(t *testing.T, w *world) {
	now := time.Now()
	server := w.serverAt(v1alpha1.ProvisionerRBD, func() time.Time { return now })
	ref := ceph.ImageRef{Pool: pool, Name: "pvc-00000000-0000-4000-8000-00000000ba5f"}
	w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
	w.removeObject(w.objectMap(ref))
	for _, after := range []time.Duration{0, 59 * time.Second, 2 * time.Second} {
		now = now.Add(after)
		if _, err := server.CreateVolume(t.Context(), volumeRequest(ref.Name, nil)); status.Code(err) != codes.Aborted {
			t.Errorf("the call that finds it: %v", err)
		}
	}
	volume, err := server.CreateVolume(t.Context(), volumeRequest(ref.Name, nil))
	w.ok(err)
	request := &csi.CreateSnapshotRequest{Name: "snapshot-00000000-0000-4000-8000-00000000ba5f", SourceVolumeId: volume.GetVolume().GetVolumeId()}
	made, err := server.CreateSnapshot(t.Context(), request)
	w.ok(err)
	w.deleteSnapshot(server, made.GetSnapshot().GetSnapshotId())
	w.noObjectsBut(ref)
	w.removeObject(w.objectMap(ref))
	for range 2 {
		if _, err := server.CreateSnapshot(t.Context(), request); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("the snapshot of one that has lost its map: %v", err)
		}
	}
	w.tool("rbd", "object-map", "rebuild", ref.String())
	_, err = server.CreateSnapshot(t.Context(), request)
	w.ok(err)
}

// noObjectsBut checks that nothing is left in the pool but what an image without data consists of.
func (w *world) noObjectsBut(ref ceph.ImageRef) {
	w.t.Helper()
	left, err := w.leftObjects()
	w.ok(err)
	slices.Sort(left)
	want := []string{"rbd_header." + w.id(ref), "rbd_id." + ref.Name, w.objectMap(ref)}
	if diff := cmp.Diff(want, left); diff != "" {
		w.t.Errorf("objects (-want +got):\n%s", diff)
	}
}

// id is the identifier of an image, which its objects are named after.
func (w *world) id(ref ceph.ImageRef) string {
	w.t.Helper()
	detail, err := w.admin.InspectImage(w.t.Context(), ref)
	w.ok(err)
	return detail.ID
}

// objectMap is the object with the object map of an image; those of its snapshots are named after it.
func (w *world) objectMap(ref ceph.ImageRef) string {
	w.t.Helper()
	return "rbd_object_map." + w.id(ref)
}

func (w *world) removeObject(object string) {
	w.t.Helper()
	w.tool("rados", "--pool", pool, "rm", object)
}

// removeObjectMaps removes the object maps of an image's snapshots.
func (w *world) removeObjectMaps(ref ceph.ImageRef) {
	w.t.Helper()
	objects, err := w.objects()
	w.ok(err)
	removed, prefix := 0, w.objectMap(ref)+"."
	for _, object := range objects {
		if strings.HasPrefix(object, prefix) {
			w.removeObject(object)
			removed++
		}
	}
	if removed != 1 {
		w.t.Fatalf("%d object maps of snapshots, want one: %v", removed, objects)
	}
}

// cutShortClone has librbd stopped after it tied a clone to its parent and before it noted the clone at the parent: Ceph does
// not keep the parent's snapshot for such a clone. What is made in the end holds what the volume held.
func cutShortClone(t *testing.T, w *world) {
	server := w.server()
	source := ceph.ImageRef{Pool: pool, Name: "pvc-00000000-0000-4000-8000-00000000ba60"}
	volume, err := server.CreateVolume(t.Context(), volumeRequest(source.Name, nil))
	w.ok(err)
	w.tool("rbd", "bench", "--io-type", "write", "--io-size", "64K", "--io-total", "8M", source.String())
	request := &csi.CreateSnapshotRequest{Name: "snapshot-00000000-0000-4000-8000-00000000ba60", SourceVolumeId: volume.GetVolume().GetVolumeId()}
	base := ceph.SnapshotRef{ImageRef: source, Snapshot: request.GetName()}
	w.ok(w.admin.CreateSnapshot(t.Context(), base))
	clone := ceph.ImageRef{Pool: pool, Name: request.GetName()}
	w.ok(w.admin.CloneImage(t.Context(), base, ceph.ImageSpec{ImageRef: clone}))
	w.forgetClone(base, clone)
	var made *csi.CreateSnapshotResponse
	for range 3 {
		if made, err = server.CreateSnapshot(t.Context(), request); err == nil {
			break
		}
		t.Log(err)
	}
	w.ok(err)
	want := w.tool("rbd", "diff", source.String())
	if diff := cmp.Diff(want, w.tool("rbd", "diff", clone.String())); diff != "" || want == "" {
		t.Errorf("what the snapshot holds (-want +got):\n%s", diff)
	}
	w.deleteSnapshot(server, made.GetSnapshot().GetSnapshotId())
	w.deleteVolume(server, request.GetSourceVolumeId())
	w.empty()
	w.noObjects()
}

// forgetClone makes the header of an image forget a clone of its snapshot (cls_rbd: child_detach).
func (w *world) forgetClone(base ceph.SnapshotRef, clone ceph.ImageRef) {
	w.t.Helper()
	snaps, err := w.admin.ListSnapshots(w.t.Context(), base.ImageRef)
	w.ok(err)
	in, err := w.poolNamed(clone.Pool)
	w.ok(err)
	spec := binary.LittleEndian.AppendUint64(nil, uint64(in.ID))
	spec = encoded(encoded(spec, w.id(clone)), "")
	input := binary.LittleEndian.AppendUint64(nil, snaps[0].ID)
	input = encoded(append(input, 2, 1), string(spec)) // version, least version, length
	w.class("rbd_header."+w.id(base.ImageRef), "child_detach", input)
}
