package controller

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/volume"
)

// What is noted of a volume that is attached to a node: how it may be used there.
const (
	accessSingle   = "single"    // by this node alone
	accessReadOnly = "read-only" // by any number of nodes, none of which writes
	accessShared   = "shared"    // by any number of nodes
)

func accessOf(mode csi.VolumeCapability_AccessMode_Mode) string {
	switch mode {
	case csi.VolumeCapability_AccessMode_MULTI_NODE_READER_ONLY:
		return accessReadOnly
	case csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER:
		return accessShared
	default:
		return accessSingle
	}
}

// ControllerPublishVolume attaches a volume to a node: it notes that, and hands over the way to the cluster with the key of
// the node's own user, sealed so that only this node can read it.
func (s *Server) ControllerPublishVolume(ctx context.Context, request *csi.ControllerPublishVolumeRequest) (*csi.ControllerPublishVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	for _, need := range []struct{ what, value string }{
		{"volume identifier", request.GetVolumeId()}, {"node identifier", request.GetNodeId()},
	} {
		if err := required(need.what, need.value); err != nil {
			return nil, err
		}
	}
	if request.GetVolumeCapability() == nil {
		return nil, refuse(codes.InvalidArgument, "the request has no volume capability")
	}
	if trouble := s.troubleWith(request.GetVolumeCapability()); trouble != "" {
		return nil, refuse(codes.InvalidArgument, "%s", trouble)
	}
	way, err := s.publish(ctx, request)
	if err != nil {
		return nil, told(err)
	}
	return &csi.ControllerPublishVolumeResponse{PublishContext: way.Context()}, nil
}

func (s *Server) publish(ctx context.Context, request *csi.ControllerPublishVolumeRequest) (attachment.Attachment, error) {
	found, err := s.find(ctx, volume.Volume, request.GetVolumeId())
	if err != nil {
		return attachment.Attachment{}, err
	}
	node, err := nodekey.ParseID(request.GetNodeId())
	if err != nil {
		return attachment.Attachment{}, refuse(codes.NotFound, "the node does not exist: %v", err)
	}
	way, err := found.wayFor(node)
	if err != nil {
		return attachment.Attachment{}, err
	}
	s.backend.point(found, &way)
	return way, s.attach(ctx, found, node.Node, accessOf(request.GetVolumeCapability().GetAccessMode().GetMode()))
}

// wayFor is how a node reaches the cluster.
func (s subject) wayFor(node nodekey.ID) (attachment.Attachment, error) {
	user, found := s.session.Handed.Nodes[node.Node]
	if !found {
		return attachment.Attachment{}, refuse(codes.Unavailable, "node %s has no user in cluster %s yet: the operator makes it when it sees the node; "+
			"see the conditions of the StorageCluster if that lasts", node.Node, s.session.Cluster)
	}
	sealed, err := nodekey.Seal(node, user.Entity, user.Key.Reveal())
	if err != nil {
		return attachment.Attachment{}, refuse(codes.Internal, "seal the key of %s for node %s: %v", user.Entity, node.Node, err)
	}
	return attachment.Attachment{FSID: s.session.Handed.FSID, Mons: s.session.Handed.Mons, Entity: user.Entity, SealedKey: sealed}, nil
}

// attach notes that the volume is attached to a node, if it may be.
func (s *Server) attach(ctx context.Context, to subject, node, access string) error {
	attached := ceph.ImageAttached(to.detail.metadata)
	if was, is := attached[node]; is && was == access {
		return nil
	} else if is {
		return refuse(codes.AlreadyExists, "volume %s is attached to node %s already for other use (%s, and now %s)", to.handle, node, was, access)
	}
	for _, other := range slices.Sorted(maps.Keys(attached)) {
		if access == accessSingle || attached[other] != access {
			return refuse(codes.FailedPrecondition, "volume %s is attached to node %s (%s): it can be attached to node %s (%s) when it is detached there. "+
				"If node %s is gone for good, taint it with node.kubernetes.io/out-of-service", to.handle, other, attached[other], node, access, other)
		}
	}
	return s.backend.setMetadata(ctx, to.session, to.handle, ceph.ImageKeyAttached(node), access)
}

// ControllerUnpublishVolume detaches a volume from a node, or from all when none is named. The node itself has unmapped it
// before, or was given up.
func (s *Server) ControllerUnpublishVolume(ctx context.Context, request *csi.ControllerUnpublishVolumeRequest) (*csi.ControllerUnpublishVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	// The node's key may have changed, and its name is enough.
	node, _, _ := strings.Cut(request.GetNodeId(), "/")
	return &csi.ControllerUnpublishVolumeResponse{}, told(s.unpublish(ctx, request.GetVolumeId(), node))
}

func (s *Server) unpublish(ctx context.Context, id, node string) error {
	h, err := s.parse(id)
	if err != nil {
		return nil //nolint:nilerr // CSI: what does not exist is attached nowhere
	}
	in, err := s.sessions.Session(ctx, clusterOf(h))
	if err != nil {
		return err
	}
	metadata, err := s.backend.metadata(ctx, in, h)
	if err != nil {
		return unless(err, ceph.ErrNotFound)
	}
	for _, attached := range slices.Sorted(maps.Keys(ceph.ImageAttached(metadata))) {
		if node != "" && attached != node {
			continue
		}
		err := s.backend.removeMetadata(ctx, in, h, ceph.ImageKeyAttached(attached))
		if unless(err, ceph.ErrNotFound) != nil {
			return err
		}
	}
	return nil
}
