package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/seamount-dev/seamount/csi/volume"
)

// DeleteVolume removes a volume. Snapshots and clones of it live on.
func (s *Server) DeleteVolume(ctx context.Context, request *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("volume identifier", request.GetVolumeId()); err != nil {
		return nil, err
	}
	return &csi.DeleteVolumeResponse{}, told(s.remove(ctx, volume.Volume, request.GetVolumeId()))
}

// DeleteSnapshot removes a snapshot. Volumes that were made from it live on.
func (s *Server) DeleteSnapshot(ctx context.Context, request *csi.DeleteSnapshotRequest) (*csi.DeleteSnapshotResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("snapshot identifier", request.GetSnapshotId()); err != nil {
		return nil, err
	}
	return &csi.DeleteSnapshotResponse{}, told(s.remove(ctx, volume.Snapshot, request.GetSnapshotId()))
}

// remove removes what is known by an identifier. What is no identifier of this driver cannot exist, and is gone.
func (s *Server) remove(ctx context.Context, kind volume.Kind, id string) error {
	h, err := s.parse(id)
	if err != nil {
		return nil //nolint:nilerr // CSI: to delete what does not exist is no error
	}
	in, err := s.sessions.Session(ctx, clusterOf(h))
	if err != nil {
		return err
	}
	return s.backend.remove(ctx, in, kind, h)
}
