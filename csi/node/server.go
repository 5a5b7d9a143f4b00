// Package node is the CSI node service of block and of file volumes: it checks what kubelet asks for, and has the agent of this node
// do it. It maps, formats and mounts nothing, reads no Secret, and keeps nothing: it can be killed at any time.
package node

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/handle"
)

// Server answers kubelet.
type Server struct {
	csi.UnimplementedNodeServer
	Agent agentv1.VolumesClient
	// Socket of the agent, for messages.
	Socket string
	// File says that it serves file volumes; else block volumes.
	File bool
}

// capabilities that kubelet may use.
var capabilities = []csi.NodeServiceCapability_RPC_Type{
	csi.NodeServiceCapability_RPC_STAGE_UNSTAGE_VOLUME,
	csi.NodeServiceCapability_RPC_GET_VOLUME_STATS,
	csi.NodeServiceCapability_RPC_GET_VOLUME_HEALTH,
	csi.NodeServiceCapability_RPC_EXPAND_VOLUME,
	csi.NodeServiceCapability_RPC_SINGLE_NODE_MULTI_WRITER,
}

// NodeGetCapabilities implements csi.NodeServer.
func (*Server) NodeGetCapabilities(context.Context, *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	answer := &csi.NodeGetCapabilitiesResponse{}
	for _, kind := range capabilities {
		answer.Capabilities = append(answer.Capabilities, &csi.NodeServiceCapability{
			Type: &csi.NodeServiceCapability_Rpc{Rpc: &csi.NodeServiceCapability_RPC{Type: kind}},
		})
	}
	return answer, nil
}

// NodeGetInfo implements csi.NodeServer.
func (s *Server) NodeGetInfo(ctx context.Context, _ *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	node, err := s.Agent.Describe(ctx, &agentv1.DescribeRequest{})
	if err != nil {
		return nil, s.failed(err)
	}
	if node.GetNodeId() == "" {
		return nil, status.Errorf(codes.Unavailable, "the agent of this node has no key yet, which keys of Ceph are sealed to: "+
			"see the log of the pod of seamount-agent on node %s", node.GetNode())
	}
	info := &csi.NodeGetInfoResponse{NodeId: node.GetNodeId()}
	if s.File { // a mount takes no device, so that there is no limit
		info.AccessibleTopology = &csi.Topology{Segments: FileSegments(node.GetMounters())}
		return info, nil
	}
	info.MaxVolumesPerNode = node.GetMaxVolumes()
	info.AccessibleTopology = &csi.Topology{Segments: Segments(node.GetMappers())}
	return info, nil
}

// failed tells of a failure of the agent. One that answered has said it all: code, what, why and what to do.
func (s *Server) failed(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return status.FromContextError(err).Err()
	}
	if answer, ok := status.FromError(err); ok && answer.Code() != codes.Unavailable {
		return err
	}
	return status.Errorf(codes.Unavailable, "the agent of this node does not answer on %s: %s; volumes that are mounted are not "+
		"touched by that; see the pod of seamount-agent on this node", s.Socket, status.Convert(err).Message())
}

// checkVolume refuses an identifier that this driver never gave out: there is no such volume.
func (s *Server) checkVolume(id string) (handle.Handle, error) {
	volume, err := handle.Parse(id)
	switch {
	case err != nil:
		return handle.Handle{}, status.Errorf(codes.NotFound, "there is no such volume: %v", err)
	case volume.File() && !s.File:
		return handle.Handle{}, status.Errorf(codes.NotFound, "%s is a file volume, and %s serves block volumes: the driver of its PersistentVolume is to be %s",
			id, v1alpha1.ProvisionerRBD, v1alpha1.ProvisionerCephFS)
	case !volume.File() && s.File:
		return handle.Handle{}, status.Errorf(codes.NotFound, "%s is a block volume, and %s serves file volumes: the driver of its PersistentVolume is to be %s",
			id, v1alpha1.ProvisionerCephFS, v1alpha1.ProvisionerRBD)
	}
	return volume, nil
}

// field of a request.
type field struct{ name, value string }

// require refuses a call that leaves out what it must say.
func require(fields ...field) error {
	for _, f := range fields {
		if f.value == "" {
			return missing(f.name)
		}
	}
	return nil
}

func missing(field string) error {
	return status.Errorf(codes.InvalidArgument, "%s is missing", field)
}
