package node

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
)

// What kubelet adds to the volume context, as podInfoOnMount of the CSIDriver object asks for.
const (
	podName      = "csi.storage.k8s.io/pod.name"
	podNamespace = "csi.storage.k8s.io/pod.namespace"
	podUID       = "csi.storage.k8s.io/pod.uid"
)

// NodePublishVolume implements csi.NodeServer.
func (s *Server) NodePublishVolume(ctx context.Context, in *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	request, err := s.publishRequest(in)
	if err != nil {
		return nil, err
	}
	if _, err := s.Agent.Publish(ctx, request); err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodePublishVolumeResponse{}, nil
}

// publishRequest says to the agent what kubelet asks for.
func (s *Server) publishRequest(in *csi.NodePublishVolumeRequest) (*agentv1.PublishRequest, error) {
	err := require(field{"volume_id", in.GetVolumeId()}, field{"target_path", in.GetTargetPath()},
		field{"staging_target_path", in.GetStagingTargetPath()})
	if err != nil {
		return nil, err
	}
	use, err := s.useOf(in.GetVolumeCapability())
	if err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	return &agentv1.PublishRequest{
		VolumeId: in.GetVolumeId(), StagingPath: in.GetStagingTargetPath(), TargetPath: in.GetTargetPath(),
		ReadOnly:   in.GetReadonly() || use.access == agentv1.Access_ACCESS_MULTI_NODE_READ_ONLY,
		Filesystem: use.filesystem, Pod: podOf(in.GetVolumeContext()),
		SingleWriter: in.GetVolumeCapability().GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_SINGLE_NODE_SINGLE_WRITER,
	}, nil
}

// podOf returns the pod that a volume is published for; nil when the caller does not say.
func podOf(context map[string]string) *agentv1.Pod {
	if context[podUID] == "" {
		return nil
	}
	return &agentv1.Pod{Namespace: context[podNamespace], Name: context[podName], Uid: context[podUID]}
}

// NodeUnpublishVolume implements csi.NodeServer.
func (s *Server) NodeUnpublishVolume(ctx context.Context, in *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	if err := require(field{"volume_id", in.GetVolumeId()}, field{"target_path", in.GetTargetPath()}); err != nil {
		return nil, err
	}
	if _, err := s.checkVolume(in.GetVolumeId()); err != nil {
		return nil, err
	}
	_, err := s.Agent.Unpublish(ctx, &agentv1.UnpublishRequest{VolumeId: in.GetVolumeId(), TargetPath: in.GetTargetPath()})
	if err != nil {
		return nil, s.failed(err)
	}
	return &csi.NodeUnpublishVolumeResponse{}, nil
}
