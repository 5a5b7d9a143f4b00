package node

import (
	"strings"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

const (
	fileID   = "seamount/main/shared/shared/pvc-0a1b2c3d-0000-4000-8000-000000000000"
	filePath = "/volumes/shared/pvc-0a1b2c3d-0000-4000-8000-000000000000/uuid"
)

func stageFiles(capability *csi.VolumeCapability) *csi.NodeStageVolumeRequest {
	way := way()
	way.Filesystem, way.Path = "shared", filePath
	return &csi.NodeStageVolumeRequest{
		VolumeId: fileID, StagingTargetPath: staging, VolumeCapability: capability,
		PublishContext: way.Context(), VolumeContext: map[string]string{"mounter": "FUSE"},
	}
}

func TestFilesStageSaysToTheAgentWhatKubeletAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		capability *csi.VolumeCapability
		access     agentv1.Access
	}{
		"RWX":  {mounted(rwx, "", "noatime"), agentv1.Access_ACCESS_MULTI_NODE},
		"RWO":  {mounted(rwo, "", "noatime"), agentv1.Access_ACCESS_SINGLE_NODE},
		"RWOP": {mounted(rwop, "", "noatime"), agentv1.Access_ACCESS_SINGLE_NODE},
		"ROX":  {mounted(rox, "", "noatime"), agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY},
	} {
		a := &agent{}
		if _, err := (&Server{Agent: a, File: true}).NodeStageVolume(t.Context(), stageFiles(c.capability)); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := &agentv1.StageRequest{
			VolumeId: fileID, StagingPath: staging, Mounter: agentv1.Mounter_MOUNTER_FUSE, Access: c.access,
			Filesystem: &agentv1.Filesystem{MountFlags: []string{"noatime"}}, Subvolume: &agentv1.Subvolume{Filesystem: "shared", Path: filePath},
			Connection: &agentv1.Connection{Fsid: way().FSID, Mons: way().Mons, Entity: way().Entity, SealedKey: way().SealedKey},
		}
		if diff := cmp.Diff(want, a.asked, protocmp.Transform()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestFilesStageRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*csi.NodeStageVolumeRequest)
		code  codes.Code
		says  string
	}{
		"raw block":          {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = raw(rwx) }, codes.InvalidArgument, "volumeMode: Filesystem"},
		"a filesystem":       {func(r *csi.NodeStageVolumeRequest) { r.VolumeCapability = mounted(rwx, "xfs") }, codes.InvalidArgument, "fstype"},
		"a block volume":     {func(r *csi.NodeStageVolumeRequest) { r.VolumeId = volumeID }, codes.NotFound, "is to be rbd.csi.seamount.dev"},
		"other mounter":      {func(r *csi.NodeStageVolumeRequest) { r.VolumeContext["mounter"] = "nfs" }, codes.InvalidArgument, "Kernel and FUSE"},
		"not attached":       {func(r *csi.NodeStageVolumeRequest) { r.PublishContext = nil }, codes.InvalidArgument, "was not attached"},
		"attached as block":  {func(r *csi.NodeStageVolumeRequest) { r.PublishContext = way().Context() }, codes.InvalidArgument, "delete its VolumeAttachment"},
		"another filesystem": {func(r *csi.NodeStageVolumeRequest) { r.PublishContext["filesystem"] = "other" }, codes.InvalidArgument, "other"},
	} {
		a, request := &agent{}, stageFiles(mounted(rwx, ""))
		c.spoil(request)
		_, err := (&Server{Agent: a, File: true}).NodeStageVolume(t.Context(), request)
		if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
			t.Errorf("%s: %v; want %s with %q", name, err, c.code, c.says)
		}
		if a.asked != nil {
			t.Errorf("%s: the agent was asked", name)
		}
	}
	a := &agent{}
	_, err := (&Server{Agent: a}).NodeStageVolume(t.Context(), stageFiles(mounted(rwo, "")))
	if status.Code(err) != codes.NotFound || !strings.Contains(status.Convert(err).Message(), "is to be cephfs.csi.seamount.dev") || a.asked != nil {
		t.Errorf("the driver of block volumes: %v", err)
	}
}

// Ceph tells a quota in units of 4 MiB: what it rounds down is not waited for.
func TestFilesExpand(t *testing.T) {
	t.Parallel()
	for wanted, want := range map[int64]int64{0: 1 << 30, 1 << 30: 1 << 30, 1<<30 + 4<<20 - 1: 1<<30 + 4<<20 - 1, 1<<30 + 4<<20: 0} {
		s := &Server{Agent: &agent{expand: &agentv1.ExpandResponse{Bytes: 1 << 30}}, File: true}
		got, err := s.NodeExpandVolume(t.Context(), &csi.NodeExpandVolumeRequest{
			VolumeId: fileID, VolumePath: target, CapacityRange: &csi.CapacityRange{RequiredBytes: wanted},
		})
		if got.GetCapacityBytes() != want || (status.Code(err) == codes.Aborted) != (want == 0) {
			t.Errorf("%d: %v, %v", wanted, got, err)
		}
	}
}

func TestFilesNodeGetInfo(t *testing.T) {
	t.Parallel()
	a := &agent{describe: &agentv1.DescribeResponse{
		Node: "n1", NodeId: "n1/key", MaxVolumes: 200,
		Mounters: []*agentv1.MounterSupport{
			{Mounter: agentv1.Mounter_MOUNTER_KERNEL, Reason: "no module"}, {Mounter: agentv1.Mounter_MOUNTER_FUSE, Offered: true},
		},
	}}
	got, err := (&Server{Agent: a, File: true}).NodeGetInfo(t.Context(), &csi.NodeGetInfoRequest{})
	want := &csi.NodeGetInfoResponse{
		NodeId: "n1/key", AccessibleTopology: &csi.Topology{Segments: map[string]string{"cephfs.csi.seamount.dev/fuse": "true"}},
	}
	if diff := cmp.Diff(want, got, protocmp.Transform()); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
}

// Kubelet sets the group of a volume's files itself: a driver that took that on would have to do it.
func TestNoMountGroup(t *testing.T) {
	t.Parallel()
	got, err := (&Server{File: true}).NodeGetCapabilities(t.Context(), &csi.NodeGetCapabilitiesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range got.GetCapabilities() {
		if c.GetRpc().GetType() == csi.NodeServiceCapability_RPC_VOLUME_MOUNT_GROUP {
			t.Error("VOLUME_MOUNT_GROUP is offered")
		}
	}
}
