package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/volume"
)

// CreateSnapshot makes a snapshot, which can be deleted before the volume and after it.
func (s *Server) CreateSnapshot(ctx context.Context, request *csi.CreateSnapshotRequest) (*csi.CreateSnapshotResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	c, err := s.wantedSnapshot(ctx, request)
	if err != nil {
		return nil, told(err)
	}
	size, err := s.backend.snapshot(ctx, c)
	if err != nil {
		return nil, told(err)
	}
	return &csi.CreateSnapshotResponse{Snapshot: snapshotOf(c.handle, c.record, size)}, nil
}

func (s *Server) wantedSnapshot(ctx context.Context, request *csi.CreateSnapshotRequest) (*creation, error) {
	if err := required("name", request.GetName()); err != nil {
		return nil, err
	}
	if err := required("source volume", request.GetSourceVolumeId()); err != nil {
		return nil, err
	}
	asked, err := s.commonParameters(request.GetParameters())
	if err != nil {
		return nil, err
	}
	source, err := s.find(ctx, volume.Volume, request.GetSourceVolumeId())
	if err != nil {
		return nil, err
	}
	if asked.cluster.Name != "" && asked.cluster != source.session.Cluster {
		return nil, refuse(codes.InvalidArgument, "the VolumeSnapshotClass is for cluster %s, and the volume is in %s: use the class of the volume's StoragePool or StorageFilesystem",
			asked.cluster, source.session.Cluster)
	}
	h := source.handle.With(snapshotImage(request.GetName()))
	if err := h.Check(); err != nil {
		return nil, refuse(codes.InvalidArgument, "%v", err)
	}
	c := &creation{server: s, session: source.session, handle: h, dataPool: source.detail.dataPool, record: volume.Record{
		Kind: volume.Snapshot, Image: h.Name(), Request: request.GetName(), Claim: asked.claim,
	}}
	c.from(&source)
	return c, nil
}

// snapshotImage is the image or the subvolume of a snapshot. Volumes and snapshots may have the same names, and never the same one.
func snapshotImage(request string) string {
	if image := handle.ImageOf(request); image == request {
		return image
	}
	return handle.ImageOf("snapshot " + request)
}

// snapshotOf is a snapshot as CSI has it. It can be used from the first moment.
func snapshotOf(h handle.Handle, record volume.Record, size int64) *csi.Snapshot {
	return &csi.Snapshot{
		SnapshotId: h.String(), SourceVolumeId: record.Source, SizeBytes: size, ReadyToUse: true, CreationTime: timestamppb.New(record.Taken),
	}
}

// GetSnapshot returns a snapshot.
func (s *Server) GetSnapshot(ctx context.Context, request *csi.GetSnapshotRequest) (*csi.GetSnapshotResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := required("snapshot identifier", request.GetSnapshotId()); err != nil {
		return nil, err
	}
	found, err := s.find(ctx, volume.Snapshot, request.GetSnapshotId())
	if err != nil {
		return nil, told(err)
	}
	return &csi.GetSnapshotResponse{Snapshot: snapshotOf(found.handle, found.record, found.detail.size)}, nil
}
