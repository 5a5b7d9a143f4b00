package node

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
)

// NodeStageVolume implements csi.NodeServer.
func (s *Server) NodeStageVolume(ctx context.Context, in *csi.NodeStageVolumeRequest) (*csi.NodeStageVolumeResponse, error) {
	request, err := s.stageRequest(in)
	if err != nil {
		return nil, err
	}
	if _, err := s.Agent.Stage(ctx, request); err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodeStageVolumeResponse{}, nil
}

// stageRequest says to the agent what kubelet asks for.
func (s *Server) stageRequest(in *csi.NodeStageVolumeRequest) (*agentv1.StageRequest, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"staging_target_path", in.GetStagingTargetPath()}); err != nil {
		return nil, err
	}
	use, err := s.useOf(in.GetVolumeCapability())
	if err != nil {
		return nil, err
	}
	volume, err := s.checkVolume(in.GetVolumeId())
	if err != nil {
		return nil, err
	}
	way, err := attachment.Parse(in.GetPublishContext())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "%v", err)
	}
	request := &agentv1.StageRequest{
		VolumeId:   in.GetVolumeId(),
		Connection: &agentv1.Connection{Fsid: way.FSID, Mons: way.Mons, Entity: way.Entity, SealedKey: way.SealedKey},
		Access:     use.access, Filesystem: use.filesystem, StagingPath: in.GetStagingTargetPath(),
	}
	if s.File {
		return request, addFiles(request, in.GetVolumeContext(), volume, way)
	}
	request.Image = &agentv1.Image{Pool: volume.Pool, Name: volume.Image}
	request.Mapper, err = mapperOf(in.GetVolumeContext())
	return request, err
}

// addFiles says which subvolume is to be mounted, and by what.
func addFiles(request *agentv1.StageRequest, context map[string]string, volume handle.Handle, way attachment.Attachment) (err error) {
	if way.Filesystem != volume.Filesystem || way.Path == "" {
		return status.Errorf(codes.InvalidArgument, "the publish context names the path %q of filesystem %q, and the volume is in filesystem %q: "+
			"it was not attached by this driver's controller; delete its VolumeAttachment, and it is attached again", way.Path, way.Filesystem, volume.Filesystem)
	}
	request.Subvolume = &agentv1.Subvolume{Filesystem: way.Filesystem, Path: way.Path}
	request.Mounter, err = mounterOf(context)
	return err
}

// NodeUnstageVolume implements csi.NodeServer.
func (s *Server) NodeUnstageVolume(ctx context.Context, in *csi.NodeUnstageVolumeRequest) (*csi.NodeUnstageVolumeResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"staging_target_path", in.GetStagingTargetPath()}); err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	_, err := s.Agent.Unstage(ctx, &agentv1.UnstageRequest{VolumeId: in.GetVolumeId(), StagingPath: in.GetStagingTargetPath()})
	if err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodeUnstageVolumeResponse{}, nil
}
