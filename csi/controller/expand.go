package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/csi/volume"
)

// ControllerExpandVolume makes a volume larger, also while it is used. The node then makes the device and the filesystem
// larger, if there is one.
func (s *Server) ControllerExpandVolume(ctx context.Context, request *csi.ControllerExpandVolumeRequest) (*csi.ControllerExpandVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	if request.GetCapacityRange() == nil {
		return nil, refuse(codes.InvalidArgument, "the request has no size")
	}
	size, err := s.expand(ctx, request)
	if err != nil {
		return nil, told(err)
	}
	return &csi.ControllerExpandVolumeResponse{CapacityBytes: size, NodeExpansionRequired: s.backend.nodeGrows()}, nil
}

func (s *Server) expand(ctx context.Context, request *csi.ControllerExpandVolumeRequest) (int64, error) {
	found, err := s.find(ctx, volume.Volume, request.GetVolumeId())
	if err != nil {
		return 0, err
	}
	limits, now := request.GetCapacityRange(), found.detail.size
	if limit := limits.GetLimitBytes(); limit > 0 && limit < now {
		return 0, refuse(codes.OutOfRange, "the volume has %d bytes, and at most %d are allowed: volumes do not shrink; make a smaller one and copy the data", now, limit)
	}
	size, err := sizeWanted(limits, use{}, 0)
	if err != nil || size <= now {
		return now, err
	}
	grown := &creation{server: s, session: found.session, handle: found.handle, dataPool: found.detail.dataPool, size: size}
	if err := grown.checkPlace(ctx); err != nil {
		return 0, err
	}
	return size, s.backend.grow(ctx, found, size)
}
