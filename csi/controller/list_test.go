package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/csi/handle"
)

// TestListPages lists volumes page by page while one of them goes away and half-made ones lie around.
func TestListPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	want := map[string]bool{}
	for n := range 40 {
		want[w.create(asked(fmt.Sprintf("v%d", n), gibibyte))] = true
	}
	w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: imageOf("fast", handle.ImageOf("half")), Size: gibibyte}))
	w.ok(w.admin.CreateImage(t.Context(), ceph.ImageSpec{ImageRef: imageOf("fast", "by-hand"), Size: gibibyte}))
	got, token := map[string]bool{}, ""
	for pages := 0; ; pages++ {
		response, err := w.server.ListVolumes(t.Context(), &csi.ListVolumesRequest{MaxEntries: 7, StartingToken: token})
		w.ok(err)
		if len(response.GetEntries()) > 7 {
			t.Fatalf("%d entries", len(response.GetEntries()))
		}
		for _, e := range response.GetEntries() {
			id := e.GetVolume().GetVolumeId()
			if got[id] || e.GetVolume().GetCapacityBytes() != gibibyte {
				t.Errorf("%s is listed twice, or with %d bytes", id, e.GetVolume().GetCapacityBytes())
			}
			got[id] = true
		}
		if token = response.GetNextToken(); token == "" {
			break
		}
		if pages == 1 {
			w.delete(token) // the page after it begins where it would have
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d volumes are listed, want %d", len(got), len(want))
	}
	for _, bad := range []*csi.ListVolumesRequest{{StartingToken: "nonsense"}} {
		if _, err := w.server.ListVolumes(t.Context(), bad); status.Code(err) != codes.Aborted {
			t.Errorf("got %v", err)
		}
	}
	if _, err := w.server.ListVolumes(t.Context(), &csi.ListVolumesRequest{MaxEntries: -1}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("got %v", err)
	}
}

func TestListSnapshots(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	v, other := w.create(asked("v", gibibyte)), w.create(asked("o", gibibyte))
	s1, s2, s3 := w.snapshot("s1", v), w.snapshot("s2", v), w.snapshot("s3", other)
	tests := map[string]struct {
		request *csi.ListSnapshotsRequest
		want    []string
	}{
		"all":                              {&csi.ListSnapshotsRequest{}, []string{s1, s2, s3}},
		"of a volume":                      {&csi.ListSnapshotsRequest{SourceVolumeId: v}, []string{s1, s2}},
		"one":                              {&csi.ListSnapshotsRequest{SnapshotId: s3}, []string{s3}},
		"none":                             {&csi.ListSnapshotsRequest{SnapshotId: "nonsense"}, nil},
		"no snapshot":                      {&csi.ListSnapshotsRequest{SnapshotId: v}, nil},
		"of none":                          {&csi.ListSnapshotsRequest{SourceVolumeId: "nonsense"}, nil},
		"the first":                        {&csi.ListSnapshotsRequest{SourceVolumeId: other, MaxEntries: 1}, []string{s3}},
		"an identifier of another cluster": {&csi.ListSnapshotsRequest{SourceVolumeId: "a/b/c/d"}, nil},
	}
	for name, tt := range tests {
		response, err := w.server.ListSnapshots(t.Context(), tt.request)
		w.ok(err)
		got := map[string]bool{}
		for _, e := range response.GetEntries() {
			got[e.GetSnapshot().GetSnapshotId()] = true
		}
		if len(got) != len(tt.want) || len(response.GetEntries()) != len(tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
		for _, id := range tt.want {
			if !got[id] {
				t.Errorf("%s: %s is missing", name, id)
			}
		}
	}
}

func TestCapacity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	capacity := func(parameters map[string]string) *csi.GetCapacityResponse {
		response, err := w.server.GetCapacity(t.Context(), &csi.GetCapacityRequest{Parameters: parameters})
		w.ok(err)
		return response
	}
	free := capacity(class("fast"))
	if free.GetAvailableCapacity() <= 0 || free.GetMaximumVolumeSize().GetValue() < free.GetAvailableCapacity() {
		t.Errorf("got %v", free)
	}
	if all := capacity(nil); all.GetAvailableCapacity() < free.GetAvailableCapacity() {
		t.Errorf("without a pool %v, of one %v", all, free)
	}
	w.ok(w.admin.SetPoolQuota(t.Context(), "fast", ceph.PoolQuota{Bytes: 3 * gibibyte}))
	w.cluster.Advance(time.Minute)
	w.now = w.now.Add(time.Minute)
	if quota := capacity(class("fast")); quota.GetAvailableCapacity() != 3*gibibyte || quota.GetMaximumVolumeSize().GetValue() != 3*gibibyte {
		t.Errorf("with a quota: %v", quota)
	}
	forced := class("fast")
	forced[v1alpha1.ParameterMapper] = "KRBD"
	response, err := w.server.GetCapacity(t.Context(), &csi.GetCapacityRequest{Parameters: forced, AccessibleTopology: &csi.Topology{Segments: map[string]string{"x": "y"}}})
	if err != nil || response.GetAvailableCapacity() != 0 {
		t.Errorf("where no node offers the mapper: %v, %v", response, err)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	health := func() []*csi.VolumeHealth_VolumeHealthEntry {
		response, err := w.server.ControllerGetVolumeHealth(t.Context(), &csi.ControllerGetVolumeHealthRequest{VolumeId: id})
		w.ok(err)
		return response.GetVolumeHealth().GetHealthStatuses()
	}
	if well := health(); len(well) != 0 {
		t.Errorf("got %v", well)
	}
	w.ok(w.admin.SetPoolQuota(t.Context(), "fast", ceph.PoolQuota{Bytes: mebibyte}))
	w.ok(w.cluster.FillBytes("fast", mebibyte))
	w.cluster.Advance(time.Minute)
	w.now = w.now.Add(time.Minute)
	if full := health(); len(full) != 1 || full[0].GetReason() != "PoolFull" || !strings.Contains(full[0].GetMessage(), "raise spec.quota") {
		t.Errorf("got %v", full)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(asked("v", gibibyte))
	for name, tt := range map[string]struct {
		how  *csi.VolumeCapability
		well bool
	}{"RWO": {mount(rwo, "ext4"), true}, "raw block for all": {block(rwx), true}, "filesystem for all": {mount(rwx, "xfs"), false}} {
		response, err := w.server.ValidateVolumeCapabilities(t.Context(), &csi.ValidateVolumeCapabilitiesRequest{
			VolumeId: id, VolumeCapabilities: []*csi.VolumeCapability{tt.how},
		})
		w.ok(err)
		if (response.GetConfirmed() != nil) != tt.well || (response.GetMessage() == "") != tt.well {
			t.Errorf("%s: got %v", name, response)
		}
	}
}

// TestFailuresOfCeph have the code that Kubernetes acts on, Ceph's words, and what to do.
func TestFailuresOfCeph(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		effect sim.Effect
		code   codes.Code
		want   string
	}{
		"unreachable": {sim.Unreachable(), codes.Unavailable, "MonQuorum"},
		"no answer":   {sim.LostAnswer(), codes.DeadlineExceeded, "DataHealthy"},
		"permission":  {sim.Fail(ceph.EPERM, ""), codes.PermissionDenied, "pools of StoragePools"},
		"full":        {sim.Fail(ceph.ENOSPC, "no room"), codes.ResourceExhausted, "no room"},
		"fenced":      {sim.Fail(ceph.ESHUTDOWN, ""), codes.Unavailable, "made anew"},
		"again":       {sim.Again(), codes.Unavailable, "repeated"},
		"other":       {sim.Fail(ceph.EIO, "oh"), codes.Internal, "oh"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.cluster.Inject(sim.Fault{Calls: "CreateImage", Effect: tt.effect})
			_, err := w.server.CreateVolume(t.Context(), asked("v", gibibyte))
			if status.Code(err) != tt.code || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %s and %q", err, tt.code, tt.want)
			}
		})
	}
}

// TestHang is answered in the time that a call may take.
func TestHang(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.server.timeout = 50 * time.Millisecond
	w.cluster.Inject(sim.Fault{Calls: "*", Effect: sim.Hang()})
	_, err := w.server.CreateVolume(t.Context(), asked("v", gibibyte))
	if status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("got %v", err)
	}
}
