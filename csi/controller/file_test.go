package controller

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

func TestCreateFileVolume(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	request := askedFile(pvc, 5*gibibyte)
	request.Parameters[v1alpha1.ParameterDataPool] = "shared-bulk"
	request.Parameters["csi.storage.k8s.io/pvc/name"], request.Parameters["csi.storage.k8s.io/pvc/namespace"] = "50 %", "größe"
	for range 2 {
		response, err := w.server.CreateVolume(t.Context(), request)
		w.ok(err)
		v := response.GetVolume()
		if v.GetVolumeId() != "seamount/main/shared/rwx/"+pvc || v.GetCapacityBytes() != 5*gibibyte || len(v.GetAccessibleTopology()) != 0 {
			t.Errorf("got %v", v)
		}
		if diff := cmp.Diff(map[string]string{"mounter": "Auto"}, v.GetVolumeContext()); diff != "" {
			t.Errorf("context (-want +got):\n%s", diff)
		}
	}
	info, err := w.admin.Subvolume(t.Context(), fileRef(pvc))
	w.ok(err)
	metadata, err := w.admin.SubvolumeMetadata(t.Context(), fileRef(pvc))
	w.ok(err)
	record, err := volume.Of(pvc, metadata)
	w.ok(err)
	want := volume.Record{Kind: volume.Volume, Image: pvc, Request: pvc, Mounter: "Auto", Claim: "größe/50 %"}
	if diff := cmp.Diff(want, record); diff != "" || info.Size != 5*gibibyte || info.DataPool != "shared-bulk" {
		t.Errorf("%+v, record (-want +got):\n%s", info, diff)
	}
}

func TestBadFileRequests(t *testing.T) {
	t.Parallel()
	with := func(change func(*csi.CreateVolumeRequest)) *csi.CreateVolumeRequest {
		r := askedFile(pvc, gibibyte)
		change(r)
		return r
	}
	parameter := func(key, value string) *csi.CreateVolumeRequest {
		return with(func(r *csi.CreateVolumeRequest) { r.Parameters[key] = value })
	}
	tests := map[string]struct {
		request *csi.CreateVolumeRequest
		code    codes.Code
		want    string
	}{
		"no group":           {parameter(v1alpha1.ParameterSubvolumeGroup, ""), codes.InvalidArgument, "use one that a StorageFilesystem made"},
		"unknown group":      {parameter(v1alpha1.ParameterSubvolumeGroup, "other"), codes.Unavailable, "the operator makes the subvolume group"},
		"unknown filesystem": {parameter(v1alpha1.ParameterFilesystem, "other"), codes.InvalidArgument, "has no filesystem other"},
		"unknown data pool":  {parameter(v1alpha1.ParameterDataPool, "fast"), codes.InvalidArgument, "there are shared, shared-bulk"},
		"unknown mounter":    {parameter(v1alpha1.ParameterMounter, "nfs"), codes.InvalidArgument, "want Auto, Kernel or FUSE"},
		"a pool of images":   {parameter(v1alpha1.ParameterPool, "fast"), codes.InvalidArgument, "pool is not known"},
		"a block device": {with(func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = []*csi.VolumeCapability{block(rwo)} }),
			codes.InvalidArgument, "use volumeMode Filesystem, or a StorageClass of a StoragePool"},
		"xfs":                     {with(func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = []*csi.VolumeCapability{mount(rwo, "xfs")} }), codes.InvalidArgument, "file volumes are CephFS"},
		"too large":               {askedFile(pvc, 1<<50), codes.OutOfRange, "could ever hold"},
		"a snapshot of an image":  {fromSnapshot(askedFile(pvc, gibibyte), "seamount/main/fast/snapshot-x"), codes.NotFound, "other driver"},
		"a snapshot that is none": {fromSnapshot(askedFile(pvc, gibibyte), "seamount/main/shared/rwx/snapshot-x"), codes.NotFound, "snapshot-x"},
	}
	w := newFileWorld(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.server.CreateVolume(t.Context(), tt.request)
			if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s and %q", err, tt.code, tt.want)
			}
		})
	}
	if left := w.lookFiles(); len(left) != 0 {
		t.Errorf("subvolumes were made: %+v", left)
	}
	w.driver = ""
	w.restart()
	if _, err := w.server.ControllerGetVolume(t.Context(), &csi.ControllerGetVolumeRequest{VolumeId: fileID("v")}); status.Code(err) != codes.NotFound {
		t.Errorf("the driver of block volumes knows a subvolume: %v", err)
	}
	w.cluster.StopMDS("a")
	w.driver = v1alpha1.ProvisionerCephFS
	w.restart()
	if _, err := w.server.CreateVolume(t.Context(), askedFile(pvc, gibibyte)); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "no metadata server") {
		t.Errorf("without a metadata server: %v", err)
	}
}

// TestCopyTellsHowFar answers while Ceph copies, and goes on where it was.
func TestCopyTellsHowFar(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	v := w.create(askedFile("v", 10*gibibyte))
	w.ok(w.cluster.WriteSubvolume(fileRef(handle.ImageOf("v")), 8*gibibyte))
	request := fromVolume(askedFile("c", 20*gibibyte), v)
	request.Parameters[v1alpha1.ParameterDataPool] = "shared-bulk"
	said := map[string]bool{}
	for range 1000 {
		response, err := w.server.CreateVolume(t.Context(), request)
		if err == nil {
			if response.GetVolume().GetCapacityBytes() != 20*gibibyte {
				t.Errorf("got %v", response)
			}
			break
		}
		if status.Code(err) != codes.Aborted || !strings.Contains(err.Error(), "is being copied from "+v) {
			t.Fatalf("got %v", err)
		}
		if _, err := w.server.ControllerGetVolume(t.Context(), &csi.ControllerGetVolumeRequest{VolumeId: fileID("c")}); status.Code(err) != codes.NotFound {
			t.Errorf("it is a volume already: %v", err)
		}
		said[err.Error()] = true
		w.cluster.Advance(5 * time.Second)
	}
	if len(said) < 3 || !strings.Contains(fmt.Sprint(said), "in-progress, ") {
		t.Errorf("it said %v", said)
	}
	copied := w.lookFiles()
	info, err := w.admin.Subvolume(t.Context(), fileRef(handle.ImageOf("c")))
	w.ok(err)
	if info.Used != 8*gibibyte || info.DataPool != "shared-bulk" || info.Size != 20*gibibyte {
		t.Errorf("got %+v", info)
	}
	for _, one := range copied {
		if len(one.Snapshots) > 0 {
			t.Errorf("the snapshot that was copied is left: %+v", one)
		}
	}
}

// TestCopyFails tells Ceph's words, leaves nothing, and begins anew.
func TestCopyFails(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	v := w.create(askedFile("v", gibibyte))
	before := w.lookFiles()
	request := fromVolume(askedFile("c", gibibyte), v)
	if _, err := w.server.CreateVolume(t.Context(), request); status.Code(err) != codes.Aborted {
		t.Fatalf("got %v", err)
	}
	w.ok(w.cluster.FailClone(fileRef(handle.ImageOf("c")), "Disk quota exceeded"))
	if err := w.creating(request)(); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "Disk quota exceeded") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff(before, w.lookFiles()); diff != "" {
		t.Errorf("left (-want +got):\n%s", diff)
	}
	w.copied(request)
}

// TestCopyOutlivesItsSource goes on although source and snapshot are deleted meanwhile.
func TestCopyOutlivesItsSource(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(*world) (*csi.CreateVolumeRequest, func() error){
		"volume": func(w *world) (*csi.CreateVolumeRequest, func() error) {
			v := w.create(askedFile("v", gibibyte))
			return fromVolume(askedFile("c", gibibyte), v), w.deletingVolume(v)
		},
		"snapshot": func(w *world) (*csi.CreateVolumeRequest, func() error) {
			s := w.snapshot("s", w.create(askedFile("v", gibibyte)))
			w.delete(fileID("v"))
			return fromSnapshot(askedFile("c", gibibyte), s), w.deletingSnapshot(s)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFileWorld(t)
			request, deletion := of(w)
			_, err := w.server.CreateVolume(t.Context(), request)
			if status.Code(err) != codes.Aborted {
				t.Fatalf("got %v", err)
			}
			if err := deletion(); err != nil && status.Code(err) != codes.Aborted {
				t.Errorf("the source: %v", err)
			}
			w.cluster.Advance(10 * time.Second)
			w.repeat(deletion)
			w.copied(request)
			w.delete(fileID("c"))
			if left := w.lookFiles(); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

// TestShownSnapshot gives a node the snapshot's own directory, copies nothing, and does not grow.
func TestShownSnapshot(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	v := w.create(askedFile("v", gibibyte))
	info, err := w.admin.Subvolume(t.Context(), fileRef(handle.ImageOf("v")))
	w.ok(err)
	s := w.snapshot("s", v)
	shown := w.create(askedShown("r", s))
	if err := w.creating(fromSnapshot(askedFile("r", gibibyte), s))(); status.Code(err) != codes.AlreadyExists || !strings.Contains(err.Error(), "nobody can write to it") {
		t.Errorf("the same name, to write to: %v", err)
	}
	w.deleteSnapshot(s)
	w.delete(v)
	again := w.create(func() *csi.CreateVolumeRequest {
		r := fromVolume(askedFile("r2", gibibyte), shown)
		r.VolumeCapabilities = []*csi.VolumeCapability{mount(rox, "")}
		return r
	}())
	cut := strings.LastIndex(info.Path, "/")
	want := info.Path[:cut] + "/.snap/" + snapshotImage("s") + info.Path[cut:]
	for _, id := range []string{shown, again} {
		for _, node := range []string{"n1", "n2"} {
			response, err := w.server.ControllerPublishVolume(t.Context(), &csi.ControllerPublishVolumeRequest{
				VolumeId: id, NodeId: w.nodeID(node), VolumeCapability: mount(rox, ""), Readonly: true,
			})
			w.ok(err)
			way, err := attachment.Parse(response.GetPublishContext())
			w.ok(err)
			if way.Filesystem != "shared" || way.Path != want || way.Entity != "client.seamount-node-"+node {
				t.Errorf("got %+v, want path %s", way, want)
			}
		}
	}
	_, err = w.server.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{VolumeId: shown, CapacityRange: &csi.CapacityRange{RequiredBytes: 2 * gibibyte}})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("it grows: %v", err)
	}
	if _, err := w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: shown}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("it is deleted while it is attached: %v", err)
	}
	listed, err := w.server.ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{})
	if err != nil || len(listed.GetEntries()) != 0 {
		t.Errorf("a deleted snapshot is listed: %v, %v", listed, err)
	}
	for _, id := range []string{again, shown} {
		_, err := w.server.ControllerUnpublishVolume(t.Context(), &csi.ControllerUnpublishVolumeRequest{VolumeId: id})
		w.ok(err)
		w.delete(id)
	}
	if left := w.lookFiles(); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

// meanwhile is a cluster in which something happens before a volume notes that it shows a snapshot.
type meanwhile struct {
	session.Ceph
	happens func()
}

func (m *meanwhile) SetSubvolumeMetadata(ctx context.Context, ref ceph.SubvolumeRef, key, value string) error {
	if strings.HasPrefix(key, keyShown) {
		m.happens()
	}
	return m.Ceph.SetSubvolumeMetadata(ctx, ref, key, value)
}

// TestSnapshotDeletedWhileItIsShown refuses to show what is deleted at that moment, and leaves nothing for good.
func TestSnapshotDeletedWhileItIsShown(t *testing.T) {
	t.Parallel()
	for name, shownAlready := range map[string]bool{"it is gone": false, "another volume shows it": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newFileWorld(t)
			v := w.create(askedFile("v", gibibyte))
			s := w.snapshot("s", v)
			if shownAlready {
				w.create(askedShown("first", s))
			}
			other := w.server.sessions
			w.through(&meanwhile{Ceph: w.admin, happens: func() { w.deleteSnapshot(s) }})
			if err := w.creating(askedShown("r", s))(); status.Code(err) != codes.NotFound {
				t.Errorf("got %v", err)
			}
			w.server.sessions = other
			w.delete(fileID("first"))
			w.delete(v)
			w.delete(fileID("r"))
			if left := w.lookFiles(); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

// FuzzBase reads only what it would write.
func FuzzBase(f *testing.F) {
	f.Add("shared/rwx/pvc-1@snapshot-1")
	f.Add("a/b@c")
	f.Add("a/b/c@d@e")
	f.Fuzz(func(t *testing.T, text string) {
		if base, err := parseBase(text); err == nil && base.String() != text {
			t.Errorf("%q becomes %q", text, base)
		}
	})
}

// TestFilesAnyOrder deletes a volume, its snapshot, and what was made of both, in every order.
func TestFilesAnyOrder(t *testing.T) {
	t.Parallel()
	for _, order := range permutations(5) {
		t.Run(fmt.Sprint(order), func(t *testing.T) {
			t.Parallel()
			w := newFileWorld(t)
			v := w.create(askedFile("v", gibibyte))
			s := w.snapshot("s", v)
			shown := w.create(askedShown("shown", s))
			restored := w.copied(fromSnapshot(askedFile("restored", gibibyte), s))
			cloned := w.copied(fromVolume(askedFile("cloned", gibibyte), v))
			w.snapshot("t", cloned)
			w.deleteSnapshot(fileSnapID("t"))
			deletions := []func() error{
				w.deletingVolume(v), w.deletingSnapshot(s), w.deletingVolume(shown), w.deletingVolume(restored), w.deletingVolume(cloned),
			}
			for _, i := range order {
				w.ok(deletions[i]())
				w.ok(deletions[i]())
			}
			if left := w.lookFiles(); len(left) != 0 {
				t.Errorf("left: %+v", left)
			}
		})
	}
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, rest := range permutations(n - 1) {
		for at := range n {
			order := append(append(append([]int{}, rest[:at]...), n-1), rest[at:]...)
			all = append(all, order)
		}
	}
	return all
}

// TestForeignSubvolumes leaves alone what is somebody else's.
func TestForeignSubvolumes(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	ref := fileRef(handle.ImageOf("v"))
	w.ok(w.admin.CreateSubvolume(t.Context(), ceph.SubvolumeSpec{SubvolumeRef: ref}))
	w.ok(w.cluster.WriteSubvolume(ref, mebibyte))
	before := w.lookFiles()
	if err := w.creating(askedFile("v", gibibyte))(); status.Code(err) != codes.AlreadyExists || !strings.Contains(err.Error(), "holds data") {
		t.Errorf("create: %v", err)
	}
	if err := w.deletingVolume(fileID("v"))(); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("delete: %v", err)
	}
	if diff := cmp.Diff(before, w.lookFiles()); diff != "" {
		t.Errorf("it was changed (-before +after):\n%s", diff)
	}
	w.create(askedFile("kept", gibibyte))
	w.ok(w.admin.CreateSubvolumeSnapshot(t.Context(), ceph.SubvolumeSnapshotRef{SubvolumeRef: fileRef(handle.ImageOf("kept")), Snapshot: "scheduled-1"}))
	if err := w.deletingVolume(fileID("kept"))(); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "scheduled-1") {
		t.Errorf("delete with a snapshot of somebody else: %v", err)
	}
}

func TestListFiles(t *testing.T) {
	t.Parallel()
	w := newFileWorld(t)
	for n := range 5 {
		w.create(askedFile(fmt.Sprintf("pvc-00000000-0000-4000-8000-00000000000%d", n), gibibyte))
	}
	s := w.snapshot("s", w.create(askedFile("v", gibibyte)))
	w.delete(fileID("v"))
	var found []string
	request := &csi.ListVolumesRequest{MaxEntries: 2}
	for {
		page, err := w.server.ListVolumes(t.Context(), request)
		w.ok(err)
		for _, entry := range page.GetEntries() {
			found = append(found, entry.GetVolume().GetVolumeId())
		}
		if request.StartingToken = page.GetNextToken(); request.GetStartingToken() == "" {
			break
		}
	}
	if len(found) != 5 {
		t.Errorf("volumes: %v", found)
	}
	snapshots, err := w.server.ListSnapshots(t.Context(), &csi.ListSnapshotsRequest{SourceVolumeId: fileID("v")})
	w.ok(err)
	if len(snapshots.GetEntries()) != 1 || snapshots.GetEntries()[0].GetSnapshot().GetSnapshotId() != s {
		t.Errorf("snapshots: %v", snapshots)
	}
	free, err := w.server.GetCapacity(t.Context(), &csi.GetCapacityRequest{Parameters: fileClass()})
	if err != nil || free.GetAvailableCapacity() <= 0 {
		t.Errorf("capacity: %v, %v", free, err)
	}
}
