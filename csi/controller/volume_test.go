package controller

import (
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/node"
	"github.com/seamount-dev/seamount/csi/volume"
)

const pvc = "pvc-0e8a6c3e-5d5b-4d2a-9d6c-0d1f0a7c3b11"

func TestCreateVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := asked(pvc, 5*gibibyte)
	request.Parameters["csi.storage.k8s.io/pvc/name"], request.Parameters["csi.storage.k8s.io/pvc/namespace"] = "data", "shop"
	for range 2 {
		response, err := w.server.CreateVolume(t.Context(), request)
		w.ok(err)
		v := response.GetVolume()
		if v.GetVolumeId() != "seamount/main/fast/"+pvc || v.GetCapacityBytes() != 5*gibibyte || v.GetVolumeContext()["mapper"] != "Auto" || len(v.GetAccessibleTopology()) != 0 {
			t.Errorf("got %v", v)
		}
	}
	detail, err := w.admin.InspectImage(t.Context(), imageOf("fast", pvc))
	w.ok(err)
	record, err := volume.Of(pvc, detail.Metadata)
	w.ok(err)
	want := volume.Record{Kind: volume.Volume, Image: pvc, Request: pvc, Mapper: "Auto", Claim: "shop/data"}
	if diff := cmp.Diff(want, record); diff != "" || detail.Size != 5*gibibyte {
		t.Errorf("%d bytes, record (-want +got):\n%s", detail.Size, diff)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	xfs, raw := use{filesystem: true, fsType: v1alpha1.FSTypeXFS}, use{}
	tests := map[string]struct {
		limits *csi.CapacityRange
		how    use
		source int64
		want   int64
		code   codes.Code
	}{
		"none":                     {nil, xfs, 0, gibibyte, codes.OK},
		"whole MiB":                {&csi.CapacityRange{RequiredBytes: gibibyte + 1}, raw, 0, gibibyte + mebibyte, codes.OK},
		"one byte":                 {&csi.CapacityRange{RequiredBytes: 1}, raw, 0, mebibyte, codes.OK},
		"xfs needs more":           {&csi.CapacityRange{RequiredBytes: mebibyte}, xfs, 0, 300 * mebibyte, codes.OK},
		"xfs over the limit":       {&csi.CapacityRange{RequiredBytes: mebibyte, LimitBytes: 10 * mebibyte}, xfs, 0, 0, codes.OutOfRange},
		"only a limit":             {&csi.CapacityRange{LimitBytes: 10*mebibyte + 5}, raw, 0, 10 * mebibyte, codes.OK},
		"rounding over the limit":  {&csi.CapacityRange{RequiredBytes: 5, LimitBytes: 6}, raw, 0, 0, codes.OutOfRange},
		"limit below requirement":  {&csi.CapacityRange{RequiredBytes: 6, LimitBytes: 5}, raw, 0, 0, codes.OutOfRange},
		"negative":                 {&csi.CapacityRange{RequiredBytes: -1}, raw, 0, 0, codes.InvalidArgument},
		"more than there are":      {&csi.CapacityRange{RequiredBytes: 1<<63 - 1}, raw, 0, 0, codes.OutOfRange},
		"as the source":            {nil, xfs, 2 * gibibyte, 2 * gibibyte, codes.OK},
		"larger than the source":   {&csi.CapacityRange{RequiredBytes: 3 * gibibyte}, xfs, 2 * gibibyte, 3 * gibibyte, codes.OK},
		"smaller than the source":  {&csi.CapacityRange{RequiredBytes: gibibyte}, xfs, 2 * gibibyte, 0, codes.OutOfRange},
		"a limit below the source": {&csi.CapacityRange{LimitBytes: gibibyte}, xfs, 2 * gibibyte, 0, codes.OutOfRange},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := sizeWanted(tt.limits, tt.how, tt.source)
			if status.Code(err) != tt.code || got != tt.want {
				t.Errorf("got %d, %v, want %d, %s", got, err, tt.want, tt.code)
			}
		})
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	with := func(change func(*csi.CreateVolumeRequest)) *csi.CreateVolumeRequest {
		r := asked(pvc, gibibyte)
		change(r)
		return r
	}
	parameter := func(key, value string) *csi.CreateVolumeRequest {
		return with(func(r *csi.CreateVolumeRequest) { r.Parameters[key] = value })
	}
	capability := func(c *csi.VolumeCapability) *csi.CreateVolumeRequest {
		return with(func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = []*csi.VolumeCapability{c} })
	}
	tests := map[string]struct {
		request *csi.CreateVolumeRequest
		code    codes.Code
		want    string
	}{
		"no name":               {with(func(r *csi.CreateVolumeRequest) { r.Name = "" }), codes.InvalidArgument, "no name"},
		"no capability":         {with(func(r *csi.CreateVolumeRequest) { r.VolumeCapabilities = nil }), codes.InvalidArgument, "no volume capabilities"},
		"no pool":               {parameter(v1alpha1.ParameterPool, ""), codes.InvalidArgument, "no parameter pool"},
		"unknown pool":          {parameter(v1alpha1.ParameterPool, "slow"), codes.InvalidArgument, "has no pool slow: there are fast, bulk"},
		"unknown data pool":     {parameter(v1alpha1.ParameterDataPool, "slow"), codes.InvalidArgument, "has no pool slow"},
		"pool of somebody else": {parameter(v1alpha1.ParameterPool, "foreign"), codes.InvalidArgument, "was not made by a StoragePool"},
		"unknown parameter":     {parameter("imageFeatures", "layering"), codes.InvalidArgument, "imageFeatures is not known"},
		"unknown mapper":        {parameter(v1alpha1.ParameterMapper, "iscsi"), codes.InvalidArgument, "want Auto, KRBD, NBD or Seamount"},
		"unknown cluster":       {parameter(v1alpha1.ParameterCluster, "other"), codes.Unavailable, "the operator has not made the cluster's users yet"},
		"unknown filesystem":    {capability(mount(rwo, "btrfs")), codes.InvalidArgument, "use xfs or ext4"},
		"shared filesystem":     {capability(mount(rwx, "xfs")), codes.InvalidArgument, "volumeMode: Block"},
		"no access mode":        {capability(&csi.VolumeCapability{AccessType: mount(rwo, "").GetAccessType()}), codes.InvalidArgument, "no access mode"},
		"neither mount nor block": {capability(&csi.VolumeCapability{AccessMode: &csi.VolumeCapability_AccessMode{Mode: rwo}}),
			codes.InvalidArgument, "neither mount nor block"},
		"too large for the pool": {asked(pvc, 1<<50), codes.OutOfRange, "could ever hold"},
		"unknown snapshot":       {fromSnapshot(asked(pvc, gibibyte), "seamount/main/fast/snapshot-x"), codes.NotFound, "snapshot-x"},
		"no snapshot":            {fromSnapshot(asked(pvc, gibibyte), "x"), codes.NotFound, "not an identifier"},
		"long names":             {parameter(v1alpha1.ParameterCluster, strings.Repeat("c", 120)), codes.InvalidArgument, "use shorter names"},
		"mutable parameters": {with(func(r *csi.CreateVolumeRequest) { r.MutableParameters = map[string]string{"iops": "1"} }),
			codes.InvalidArgument, "no mutable parameters"},
		"mapper that no node offers": {with(func(r *csi.CreateVolumeRequest) {
			r.Parameters[v1alpha1.ParameterMapper] = "KRBD"
			r.AccessibilityRequirements = &csi.TopologyRequirement{Requisite: []*csi.Topology{{Segments: map[string]string{node.TopologySeamount: "true"}}}}
		}), codes.ResourceExhausted, "forces the mapper KRBD"},
	}
	w := newWorld(t)
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.server.CreateVolume(t.Context(), tt.request)
			if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s and %q", err, tt.code, tt.want)
			}
		})
	}
	if names := w.names(); names != "" {
		t.Errorf("images were made: %s", names)
	}
}

func TestForcedMapper(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for mapper, key := range map[string]string{"KRBD": node.TopologyKRBD, "NBD": node.TopologyNBD, "Seamount": node.TopologySeamount} {
		request := asked("forced "+mapper, gibibyte)
		request.Parameters[v1alpha1.ParameterMapper] = mapper
		request.AccessibilityRequirements = &csi.TopologyRequirement{Requisite: []*csi.Topology{{Segments: map[string]string{key: "true"}}}}
		response, err := w.server.CreateVolume(t.Context(), request)
		w.ok(err)
		places := response.GetVolume().GetAccessibleTopology()
		if len(places) != 1 || places[0].GetSegments()[key] != "true" || response.GetVolume().GetVolumeContext()["mapper"] != mapper {
			t.Errorf("%s: got %v", mapper, response)
		}
	}
}

func TestErasureCodedVolume(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	request := asked(pvc, gibibyte)
	request.Parameters[v1alpha1.ParameterPool], request.Parameters[v1alpha1.ParameterDataPool] = "bulk", "bulk-data"
	id := w.create(request)
	w.create(request)
	snapshot := w.snapshot("s", id)
	clone := asked("clone", gibibyte)
	clone.Parameters = request.Parameters
	w.create(fromSnapshot(clone, snapshot))
	for _, one := range w.look() {
		if one.DataPool != "bulk-data" {
			t.Errorf("%s lies in %q", one.Name, one.DataPool)
		}
	}
}

// TestSameName asks for another volume under a name that is taken.
func TestSameName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("a", gibibyte))
	w.create(asked("b", gibibyte))
	other := asked("a", gibibyte)
	other.Parameters[v1alpha1.ParameterMapper] = "KRBD"
	limited := asked("a", 1)
	limited.CapacityRange.LimitBytes = 500 * mebibyte
	for name, request := range map[string]*csi.CreateVolumeRequest{
		"larger": asked("a", 2*gibibyte), "smaller": limited, "mapper": other, "source": fromVolume(asked("b", gibibyte), id),
	} {
		_, err := w.server.CreateVolume(t.Context(), request)
		if status.Code(err) != codes.AlreadyExists {
			t.Errorf("%s: got %v", name, err)
		}
	}
	w.create(asked("a", mebibyte))
}

// TestForeignImage finds an image of the name that is somebody else's: it is left as it is.
func TestForeignImage(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		make func(*world, ceph.ImageRef)
		want string
	}{
		"another size": {func(w *world, ref ceph.ImageRef) {
			w.ok(w.admin.CreateImage(w.t.Context(), ceph.ImageSpec{ImageRef: ref, Size: 7 * mebibyte}))
		}, "it has 7340032 bytes"},
		"metadata": {func(w *world, ref ceph.ImageRef) {
			w.ok(w.admin.CreateImage(w.t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte, Metadata: map[string]string{"a": "b"}}))
		}, "metadata of somebody else"},
		"data": {func(w *world, ref ceph.ImageRef) {
			w.ok(w.admin.CreateImage(w.t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
			w.write(ref, 1)
		}, "it holds data"},
		"snapshots": {func(w *world, ref ceph.ImageRef) {
			w.ok(w.admin.CreateImage(w.t.Context(), ceph.ImageSpec{ImageRef: ref, Size: gibibyte}))
			w.ok(w.admin.CreateSnapshot(w.t.Context(), ceph.SnapshotRef{ImageRef: ref, Snapshot: "s"}))
		}, "it has snapshots"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.make(w, imageOf("fast", pvc))
			before := w.look()
			_, err := w.server.CreateVolume(t.Context(), asked(pvc, gibibyte))
			if status.Code(err) != codes.AlreadyExists || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "rbd mv") {
				t.Errorf("got %v, want %q", err, tt.want)
			}
			_, err = w.server.DeleteVolume(t.Context(), &csi.DeleteVolumeRequest{VolumeId: "seamount/main/fast/" + pvc})
			if status.Code(err) != codes.FailedPrecondition {
				t.Errorf("delete: got %v", err)
			}
			if diff := cmp.Diff(before, w.look()); diff != "" {
				t.Errorf("it was changed (-before +after):\n%s", diff)
			}
		})
	}
}

// TestResumeEmpty goes on with an image that was made and not noted.
func TestResumeEmpty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: imageOf("fast", pvc), Size: gibibyte}))
	w.create(asked(pvc, gibibyte))
	if all := w.look(); len(all) != 1 || all[0].Metadata[ceph.ImageKeyVolume] == "" {
		t.Errorf("got %+v", all)
	}
}

func TestExpand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked(pvc, gibibyte))
	tests := []struct {
		limits *csi.CapacityRange
		want   int64
		code   codes.Code
	}{
		{&csi.CapacityRange{RequiredBytes: 2*gibibyte + 1}, 2*gibibyte + mebibyte, codes.OK},
		{&csi.CapacityRange{RequiredBytes: gibibyte}, 2*gibibyte + mebibyte, codes.OK},
		{&csi.CapacityRange{RequiredBytes: 1, LimitBytes: gibibyte}, 0, codes.OutOfRange},
		{&csi.CapacityRange{RequiredBytes: 1 << 50}, 0, codes.OutOfRange},
		{nil, 0, codes.InvalidArgument},
	}
	for _, tt := range tests {
		response, err := w.server.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{VolumeId: id, CapacityRange: tt.limits})
		if status.Code(err) != tt.code || response.GetCapacityBytes() != tt.want || err == nil && !response.GetNodeExpansionRequired() {
			t.Errorf("%v: got %v, %v", tt.limits, response, err)
		}
	}
	_, err := w.server.ControllerExpandVolume(t.Context(), &csi.ControllerExpandVolumeRequest{
		VolumeId: "seamount/main/fast/" + handle.ImageOf("none"), CapacityRange: &csi.CapacityRange{RequiredBytes: 1},
	})
	if status.Code(err) != codes.NotFound {
		t.Errorf("got %v", err)
	}
}

func TestFullPool(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ok(w.admin.SetPoolQuota(t.Context(), "fast", ceph.PoolQuota{Bytes: gibibyte}))
	w.ok(w.cluster.FillBytes("fast", gibibyte))
	w.cluster.Advance(time.Minute)
	_, err := w.server.CreateVolume(t.Context(), asked(pvc, 500*mebibyte))
	if status.Code(err) != codes.ResourceExhausted || !strings.Contains(err.Error(), "raise spec.quota") {
		t.Errorf("got %v", err)
	}
	_, err = w.server.CreateVolume(t.Context(), asked(pvc, 2*gibibyte))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("got %v", err)
	}
}

// A pool whose OSDs have not reported yet is asked again: a new pool says for some seconds that it can take nothing.
func TestPoolReportsNothingYet(t *testing.T) {
	t.Parallel()
	pool := ceph.Pool{Name: "fast"}
	err := place{header: pool, data: pool}.checkRoom(gibibyte)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "pool fast reports no space yet") {
		t.Errorf("got %v", err)
	}
}
