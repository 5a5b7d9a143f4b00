package node

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/csi/attachment"
)

// NodeStageVolume implements csi.NodeServer.
func (s *Server) NodeStageVolume(ctx context.Context, in *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	request, err := stageRequest(in)
	if err != nil {
		return nil, err
	}
	if _, err := s.Agent.Stage(ctx, request); err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// stageRequest says to the agent what kubelet asks for.
func stageRequest(in *csi.NodeStageVolumeRequest) (*agentv1.StageRequest, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"staging_target_path", in.GetStagingTargetPath()}); err != nil {
		return nil, err
	}
	use, err := useOf(in.GetVolumeCapability())
	if err != nil {
		return nil, err
	}
	volume, err := checkVolume(in.GetVolumeId())
	if err != nil {
		return nil, err
	}
	mapper, err := mapperOf(in.GetVolumeContext())
	if err != nil {
		return nil, err
	}
	way, err := attachment.Parse(in.GetPublishContext())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%v", err)
	}
	return &agentv1.StageRequest{
		VolumeId:   in.GetVolumeId(),
		Connection: &agentv1.Connection{Fsid: way.FSID, Mons: way.Mons, Entity: way.Entity, SealedKey: way.SealedKey},
		Image:      &agentv1.Image{Pool: volume.Pool, Name: volume.Image},
		Mapper:     mapper, Access: use.access, Filesystem: use.filesystem, StagingPath: in.GetStagingTargetPath(),
	}, nil
}

// NodeUnstageVolume implements csi.NodeServer.
func (s *Server) NodeUnstageVolume(ctx context.Context, in *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"staging_target_path", in.GetStagingTargetPath()}); err != nil {
		return nil, err
	}
	if _, err := checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	_, err := s.Agent.Unstage(ctx, &agentv1.UnstageRequest{VolumeId: in.GetVolumeId(), StagingPath: in.GetStagingTargetPath()})
	if err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}
