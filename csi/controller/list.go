package controller

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// ListVolumes lists the volumes of all clusters.
func (s *Server) ListVolumes(ctx context.Context, request *csi.ListVolumesRequest) (*csi.ListVolumesResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	p, err := newPage(volume.Volume, request.GetStartingToken(), request.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	found, next, err := s.list(ctx, p)
	if err != nil {
		return nil, told(err)
	}
	response := &csi.ListVolumesResponse{NextToken: next}
	for _, one := range found {
		response.Entries = append(response.Entries, &csi.ListVolumesResponse_Entry{
			Volume: s.volumeOf(one), Status: &csi.ListVolumesResponse_VolumeStatus{},
		})
	}
	return response, nil
}

// volumeOf is a volume as CSI has it.
func (s *Server) volumeOf(is subject) *csi.Volume {
	return &csi.Volume{
		VolumeId: is.handle.String(), CapacityBytes: is.detail.size, VolumeContext: s.backend.context(is.record),
		AccessibleTopology: accessible(v1alpha1.Mapper(is.record.Mapper)),
	}
}

// ListSnapshots lists snapshots: all, those of a volume, or one.
func (s *Server) ListSnapshots(ctx context.Context, request *csi.ListSnapshotsRequest) (*csi.ListSnapshotsResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	p, err := newPage(volume.Snapshot, request.GetStartingToken(), request.GetMaxEntries())
	if err != nil {
		return nil, err
	}
	var found []subject
	var next string
	if id := request.GetSnapshotId(); id != "" {
		found, err = s.one(ctx, id)
	} else {
		if source := request.GetSourceVolumeId(); source != "" {
			p.keep = func(r volume.Record) bool { return r.Source == source }
		}
		found, next, err = s.list(ctx, p)
	}
	if err != nil {
		return nil, told(err)
	}
	response := &csi.ListSnapshotsResponse{NextToken: next}
	for _, one := range found {
		response.Entries = append(response.Entries, &csi.ListSnapshotsResponse_Entry{Snapshot: snapshotOf(one.handle, one.record, one.detail.size)})
	}
	return response, nil
}

// one is a snapshot, or none when there is none of that identifier.
func (s *Server) one(ctx context.Context, id string) ([]subject, error) {
	found, err := s.find(ctx, volume.Snapshot, id)
	switch {
	case err == nil:
		return []subject{found}, nil
	case absent(err) && !errors.Is(err, session.ErrNoUsers):
		return nil, nil
	}
	return nil, err
}

// ControllerGetVolume returns a volume.
func (s *Server) ControllerGetVolume(ctx context.Context, request *csi.ControllerGetVolumeRequest) (*csi.ControllerGetVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	found, err := s.find(ctx, volume.Volume, request.GetVolumeId())
	if err != nil {
		return nil, told(err)
	}
	return &csi.ControllerGetVolumeResponse{Volume: s.volumeOf(found), Status: &csi.ControllerGetVolumeResponse_VolumeStatus{}}, nil
}

// ValidateVolumeCapabilities says whether an existing volume can be used in certain ways.
func (s *Server) ValidateVolumeCapabilities(ctx context.Context, request *csi.ValidateVolumeCapabilitiesRequest) (*csi.ValidateVolumeCapabilitiesResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	if len(request.GetVolumeCapabilities()) == 0 {
		return nil, refuse(codes.InvalidArgument, "the request has no volume capabilities")
	}
	if _, err := s.find(ctx, volume.Volume, request.GetVolumeId()); err != nil {
		return nil, told(err)
	}
	for _, capability := range request.GetVolumeCapabilities() {
		if trouble := s.troubleWith(capability); trouble != "" {
			return &csi.ValidateVolumeCapabilitiesResponse{Message: trouble}, nil
		}
	}
	return &csi.ValidateVolumeCapabilitiesResponse{Confirmed: &csi.ValidateVolumeCapabilitiesResponse_Confirmed{
		VolumeContext: request.GetVolumeContext(), VolumeCapabilities: request.GetVolumeCapabilities(), Parameters: request.GetParameters(),
	}}, nil
}
