package node

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/csi/attachment"
)

// agent notes what it is asked, and answers as it is told.
type agent struct {
	agentv1.VolumesClient
	asked proto.Message
	err   error

	describe *agentv1.DescribeResponse
	expand   *agentv1.ExpandResponse
	stats    *agentv1.StatsResponse
}

func answer[T proto.Message](a *agent, in proto.Message, out T) (T, error) {
	a.asked = in
	return out, a.err
}

func (a *agent) Describe(_ context.Context, in *agentv1.DescribeRequest, _ ...grpc.CallOption) (*agentv1.DescribeResponse, error) {
	return answer(a, in, a.describe)
}

func (a *agent) Stage(_ context.Context, in *agentv1.StageRequest, _ ...grpc.CallOption) (*agentv1.StageResponse, error) {
	return answer(a, in, &agentv1.StageResponse{})
}

func (a *agent) Unstage(_ context.Context, in *agentv1.UnstageRequest, _ ...grpc.CallOption) (*agentv1.UnstageResponse, error) {
	return answer(a, in, &agentv1.UnstageResponse{})
}

func (a *agent) Publish(_ context.Context, in *agentv1.PublishRequest, _ ...grpc.CallOption) (*agentv1.PublishResponse, error) {
	return answer(a, in, &agentv1.PublishResponse{})
}

func (a *agent) Unpublish(_ context.Context, in *agentv1.UnpublishRequest, _ ...grpc.CallOption) (*agentv1.UnpublishResponse, error) {
	return answer(a, in, &agentv1.UnpublishResponse{})
}

func (a *agent) Expand(_ context.Context, in *agentv1.ExpandRequest, _ ...grpc.CallOption) (*agentv1.ExpandResponse, error) {
	return answer(a, in, a.expand)
}

func (a *agent) Stats(_ context.Context, in *agentv1.StatsRequest, _ ...grpc.CallOption) (*agentv1.StatsResponse, error) {
	return answer(a, in, a.stats)
}

const (
	volumeID = "seamount/main/fast/pvc-0a1b2c3d-0000-4000-8000-000000000000"
	staging  = "/var/lib/kubelet/plugins/kubernetes.io/csi/rbd.csi.seamount.dev/x/globalmount"
	target   = "/var/lib/kubelet/pods/y/volumes/kubernetes.io~csi/z/mount"
)

func way() attachment.Attachment {
	return attachment.Attachment{
		FSID: "8b1c0000-0000-4000-8000-000000000000", Mons: []string{"[v2:10.0.0.1:3300,v1:10.0.0.1:6789]", "10.0.0.2"},
		Entity: "client.seamount-node-n1", SealedKey: []byte{1, 2, 3},
	}
}

type mode = csi.VolumeCapability_AccessMode_Mode

const (
	rwo  = csi.VolumeCapability_AccessMode_SINGLE_NODE_MULTI_WRITER
	rwop = csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER
	rox  = csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY
	rwx  = csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER
)

func mounted(m mode, fsType string, flags ...string) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: m},
		AccessType: &csi.VolumeCapability_Mount{Mount: &csi.VolumeCapability_MountVolume{FsType: fsType, MountFlags: flags}},
	}
}

func raw(m mode) *csi.VolumeCapability {
	return &csi.VolumeCapability{
		AccessMode: &csi.VolumeCapability_AccessMode{Mode: m},
		AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
	}
}

func stage(capability *csi.VolumeCapability) *csi.NodeStageVolumeRequest {
	return &csi.NodeStageVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: staging, VolumeCapability: capability,
		PublishContext: way().Context(), VolumeContext: map[string]string{"mapper": "Seamount"},
	}
}

func TestStageSaysToTheAgentWhatKubeletAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		capability *csi.VolumeCapability
		access     agentv1.Access
		filesystem *agentv1.Filesystem
	}{
		"RWO":           {mounted(rwo, "ext4", "noatime"), agentv1.Access_ACCESS_SINGLE_NODE, &agentv1.Filesystem{Type: "ext4", MountFlags: []string{"noatime"}}},
		"RWOP":          {mounted(rwop, ""), agentv1.Access_ACCESS_SINGLE_NODE, &agentv1.Filesystem{}},
		"ROX":           {mounted(rox, "xfs"), agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY, &agentv1.Filesystem{Type: "xfs"}},
		"raw RWO":       {raw(rwo), agentv1.Access_ACCESS_SINGLE_NODE, nil},
		"raw ROX":       {raw(rox), agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY, nil},
		"raw RWX":       {raw(rwx), agentv1.Access_ACCESS_MULTI_NODE, nil},
		"older kubelet": {mounted(csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER, "xfs"), agentv1.Access_ACCESS_SINGLE_NODE, &agentv1.Filesystem{Type: "xfs"}},
	} {
		a := &agent{}
		if _, err := (&Server{Agent: a}).NodeStageVolume(t.Context(), stage(c.capability)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := &agentv1.StageRequest{
			VolumeId: volumeID, StagingPath: staging, Mapper: agentv1.Mapper_MAPPER_SEAMOUNT, Access: c.access, Filesystem: c.filesystem,
			Image: &agentv1.Image{Pool: "fast", Name: "pvc-0a1b2c3d-0000-4000-8000-000000000000"},
			Connection: &agentv1.Connection{
				Fsid: way().FSID, Mons: way().Mons, Entity: way().Entity, SealedKey: way().SealedKey,
			},
		}
		if diff := cmp.Diff(want, a.asked, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Every refusal comes before the agent is asked, and says what is wrong.
func TestStageRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*csi.NodeStageVolumeRequest)
		code  codes.Code
		says  string
	}{
		"no volume":        {func(r *csi.NodeStageVolumeRequest) { r.VolumeId = "" }, codes.InvalidArgument, "volume_id is missing"},
		"no path":          {func(r *csi.NodeStageVolumeRequest) { r.StagingTargetPath = "" }, codes.InvalidArgument, "staging_target_path is missing"},
		"no capability":    {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = nil }, codes.InvalidArgument, "volume_capability is missing"},
		"neither":          {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability.AccessType = nil }, codes.InvalidArgument, "neither"},
		"foreign volume":   {func(r *csi.NodeStageVolumeRequest) { r.VolumeId = "vol-1" }, codes.NotFound, "namespace/cluster/pool/image"},
		"RWX filesystem":   {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = mounted(rwx, "xfs") }, codes.InvalidArgument, "volumeMode: Block"},
		"no access mode":   {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = mounted(0, "xfs") }, codes.InvalidArgument, "access mode"},
		"other filesystem": {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = mounted(rwo, "btrfs") }, codes.InvalidArgument, "xfs or ext4"},
		"no option":        {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = mounted(rwo, "", "a\nb") }, codes.InvalidArgument, "mountOptions"},
		"other mapper":     {func(r *csi.NodeStageVolumeRequest) { r.VolumeContext["mapper"] = "iscsi" }, codes.InvalidArgument, "KRBD"},
		"not attached":     {func(r *csi.NodeStageVolumeRequest) { r.PublishContext = nil }, codes.InvalidArgument, "was not attached"},
	} {
		a, request := &agent{}, stage(mounted(rwo, "xfs"))
		c.spoil(request)
		_, err := (&Server{Agent: a}).NodeStageVolume(t.Context(), request)
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
			t.Errorf("%s: %v; want %s with %q", name, err, c.code, c.says)
		}
		if a.asked != nil {
			t.Errorf("%s: the agent was asked", name)
		}
	}
}

func TestPublishSaysWhetherForOnePod(t *testing.T) {
	t.Parallel()
	for mode, want := range map[mode]bool{rwop: true, rwo: false, rox: false} {
		request, err := (&Server{}).publishRequest(&csi.NodePublishVolumeRequest{
			VolumeId: volumeID, StagingTargetPath: staging, TargetPath: target, VolumeCapability: mounted(mode, "xfs"),
		})
		if err != nil || request.GetSingleWriter() != want {
			t.Errorf("%s: %v, %v", mode, request, err)
		}
	}
}

func TestPublishSaysWhichPod(t *testing.T) {
	t.Parallel()
	a := &agent{}
	_, err := (&Server{Agent: a}).NodePublishVolume(t.Context(), &csi.NodePublishVolumeRequest{
		VolumeId: volumeID, StagingTargetPath: staging, TargetPath: target, VolumeCapability: mounted(rox, "xfs"),
		VolumeContext: map[string]string{podNamespace: "shop", podName: "db-0", podUID: "u1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := &agentv1.PublishRequest{
		VolumeId: volumeID, StagingPath: staging, TargetPath: target, ReadOnly: true, Filesystem: &agentv1.Filesystem{Type: "xfs"},
		Pod: &agentv1.Pod{Namespace: "shop", Name: "db-0", Uid: "u1"},
	}
	if diff := cmp.Diff(want, a.asked, protocmp.Transform()); diff != "" {
		t.Error(diff)
	}
}

func TestExpandWaitsForTheImage(t *testing.T) {
	t.Parallel()
	s := &Server{Agent: &agent{expand: &agentv1.ExpandResponse{Bytes: 1 << 30}}}
	request := &csi.NodeExpandVolumeRequest{VolumeId: volumeID, VolumePath: target, CapacityRange: &csi.CapacityRange{RequiredBytes: 1 << 30}}
	got, err := s.NodeExpandVolume(t.Context(), request)
	if err != nil || got.GetCapacityBytes() != 1<<30 {
		t.Errorf("got %v, %v", got, err)
	}
	request.CapacityRange.RequiredBytes++
	if _, err := s.NodeExpandVolume(t.Context(), request); status.Code(err) != codes.Aborted {
		t.Errorf("a device that is too small: %v", err)
	}
}

func TestStatsAndHealth(t *testing.T) {
	t.Parallel()
	a := &agent{stats: &agentv1.StatsResponse{
		Bytes: &agentv1.Usage{Total: 10, Used: 4, Available: 6}, Condition: &agentv1.Condition{Abnormal: true, Message: "the worker is gone"},
	}}
	s := &Server{Agent: a}
	stats, err := s.NodeGetVolumeStats(t.Context(), &csi.NodeGetVolumeStatsRequest{VolumeId: volumeID, VolumePath: target})
	want := &csi.NodeGetVolumeStatsResponse{Usage: []*csi.VolumeUsage{{Unit: csi.VolumeUsage_BYTES, Total: 10, Used: 4, Available: 6}}}
	if diff := cmp.Diff(want, stats, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	request := &csi.NodeGetVolumeHealthRequest{VolumeId: volumeID, StagingTargetPath: staging}
	health, err := s.NodeGetVolumeHealth(t.Context(), request)
	if got := health.GetVolumeHealth().GetHealthStatuses(); err != nil || len(got) != 1 || got[0].GetMessage() != "the worker is gone" {
		t.Errorf("ill: %v, %v", got, err)
	}
	a.stats.Condition.Abnormal = false
	health, err = s.NodeGetVolumeHealth(t.Context(), request)
	if got := health.GetVolumeHealth(); err != nil || got.GetVolumeId() != volumeID || len(got.GetHealthStatuses()) != 0 {
		t.Errorf("well: %v, %v", got, err)
	}
}

func TestCallsNeedVolumeAndPath(t *testing.T) {
	t.Parallel()
	s, ctx := &Server{Agent: &agent{}}, t.Context()
	for name, call := range map[string]func(volume, path string) error{
		"unstage": func(v, p string) error {
			_, err := s.NodeUnstageVolume(ctx, &csi.NodeUnstageVolumeRequest{VolumeId: v, StagingTargetPath: p})
			return err
		},
		"unpublish": func(v, p string) error {
			_, err := s.NodeUnpublishVolume(ctx, &csi.NodeUnpublishVolumeRequest{VolumeId: v, TargetPath: p})
			return err
		},
		"expand": func(v, p string) error {
			_, err := s.NodeExpandVolume(ctx, &csi.NodeExpandVolumeRequest{VolumeId: v, VolumePath: p})
			return err
		},
		"stats": func(v, p string) error {
			_, err := s.NodeGetVolumeStats(ctx, &csi.NodeGetVolumeStatsRequest{VolumeId: v, VolumePath: p})
			return err
		},
	} {
		for _, c := range []struct {
			volume, path string
			code         codes.Code
		}{{"", target, codes.InvalidArgument}, {volumeID, "", codes.InvalidArgument}, {"somebody-elses", target, codes.NotFound}, {volumeID, target, codes.OK}} {
			if err := call(c.volume, c.path); status.Code(err) != c.code {
				t.Errorf("%s(%q, %q): %v, want %s", name, c.volume, c.path, err, c.code)
			}
		}
	}
}

func TestFailuresOfTheAgent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		code codes.Code
		says string
	}{
		"what it says is handed on":    {status.Error(codes.FailedPrecondition, "pid 7 holds it"), codes.FailedPrecondition, "pid 7 holds it"},
		"it is away":                   {status.Error(codes.Unavailable, "connection refused"), codes.Unavailable, "the agent of this node does not answer on /agent.sock"},
		"what is no status of gRPC":    {errors.New("broken"), codes.Unavailable, "broken"},
		"kubelet has no time any more": {context.DeadlineExceeded, codes.DeadlineExceeded, "deadline"},
	} {
		s := &Server{Agent: &agent{err: c.err}, Socket: "/agent.sock"}
		_, err := s.NodeStageVolume(t.Context(), stage(raw(rwo)))
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNodeGetInfo(t *testing.T) {
	t.Parallel()
	a := &agent{describe: &agentv1.DescribeResponse{
		Node: "n1", NodeId: "n1/key", MaxVolumes: 200,
		Mappers: []*agentv1.MapperSupport{
			{Mapper: agentv1.Mapper_MAPPER_KRBD, Reason: "the kernel has no module rbd"}, {Mapper: agentv1.Mapper_MAPPER_SEAMOUNT, Offered: true},
		},
	}}
	got, err := (&Server{Agent: a}).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{})
	want := &csi.NodeGetInfoResponse{
		NodeId: "n1/key", MaxVolumesPerNode: 200,
		AccessibleTopology: &csi.Topology{Segments: map[string]string{"rbd.csi.seamount.dev/seamount": "true"}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	a.describe.NodeId = ""
	if _, err := (&Server{Agent: a}).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("without a key: %v", err)
	}
}
