package controller

import (
	"context"
	"fmt"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// creation is an image or a subvolume that is wanted.
type creation struct {
	server  *Server
	session session.Session
	handle  handle.Handle
	record  volume.Record
	// size it gets; one with a source gets at least that of its source.
	size     int64
	limits   *csi.CapacityRange
	dataPool string
	use      use
	// source is nil for an empty volume.
	source *subject
}

// CreateVolume makes a volume: empty, or of what a snapshot or another volume holds.
func (s *Server) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	c, err := s.wantedVolume(ctx, request)
	if err != nil {
		return nil, told(err)
	}
	size, err := s.backend.make(ctx, c)
	if err != nil {
		return nil, told(err)
	}
	made := s.volumeOf(subject{session: c.session, handle: c.handle, detail: thing{size: size}, record: c.record})
	made.ContentSource = request.GetVolumeContentSource()
	return &csi.CreateVolumeResponse{Volume: made}, nil
}

// wantedVolume reads a request, and refuses what can never be.
func (s *Server) wantedVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*creation, error) {
	if err := required("name", request.GetName()); err != nil {
		return nil, err
	}
	how, err := s.useOf(request.GetVolumeCapabilities())
	if err != nil {
		return nil, err
	}
	asked, err := s.volumeParameters(request.GetParameters())
	if err != nil {
		return nil, err
	}
	if len(request.GetMutableParameters()) > 0 {
		return nil, refuse(codes.InvalidArgument, "volumes have no mutable parameters: take the VolumeAttributesClass from the claim")
	}
	if err := checkTopology(asked.mapper, request.GetAccessibilityRequirements()); err != nil {
		return nil, err
	}
	c := &creation{
		server: s, dataPool: asked.dataPool, limits: request.GetCapacityRange(), use: how, handle: asked.place.With(handle.ImageOf(request.GetName())),
	}
	if err := c.handle.Check(); err != nil {
		return nil, refuse(codes.InvalidArgument, "%v", err)
	}
	c.record = volume.Record{
		Kind: volume.Volume, Image: c.handle.Name(), Request: request.GetName(), Mapper: string(asked.mapper), Mounter: string(asked.mounter), Claim: asked.claim,
	}
	if c.session, err = s.sessions.Session(ctx, asked.cluster); err != nil {
		return nil, err
	}
	return c, c.settle(ctx, request.GetVolumeContentSource())
}

// settle finds the source and the pool, and with them the size.
func (c *creation) settle(ctx context.Context, from *csi.VolumeContentSource) error {
	if err := c.setSource(ctx, from); err != nil {
		return err
	}
	var least int64
	if c.source != nil {
		least = c.source.detail.size
	}
	size, err := sizeWanted(c.limits, c.use, least)
	if err != nil {
		return err
	}
	c.size = size
	return c.checkPlace(ctx)
}

// checkPlace looks at the pools as they were a moment ago, and at how they are now before it refuses.
func (c *creation) checkPlace(ctx context.Context) error {
	err := c.fits(ctx, false)
	if err != nil {
		err = c.fits(ctx, true)
	}
	return err
}

func (c *creation) fits(ctx context.Context, now bool) error {
	age := poolsFor
	if now {
		age = 0
	}
	seen, err := c.server.pools.get(ctx, c.session.Cluster, c.session.Ceph, age)
	if err != nil {
		return err
	}
	place, err := c.server.backend.placeOf(seen, c.handle, c.dataPool)
	if err != nil {
		return err
	}
	return place.checkRoom(c.size)
}

// setSource looks up what the volume is to be made from.
func (c *creation) setSource(ctx context.Context, from *csi.VolumeContentSource) error {
	kind, id := volume.Volume, from.GetVolume().GetVolumeId()
	if snapshot := from.GetSnapshot(); snapshot != nil {
		kind, id = volume.Snapshot, snapshot.GetSnapshotId()
	}
	switch {
	case from == nil:
		return nil
	case id == "":
		return refuse(codes.InvalidArgument, "the source of the volume has no identifier")
	}
	source, err := c.server.find(ctx, kind, id)
	if absent(err) {
		source, err = c.server.backend.goneSource(ctx, c, kind, id, err)
	}
	if err != nil {
		return fmt.Errorf("the source: %w", err)
	}
	if source.session.Cluster != c.session.Cluster {
		return refuse(codes.InvalidArgument, "the source %s is in another cluster than %s: copy its data instead", id, c.session.Cluster)
	}
	c.from(&source)
	return nil
}

// from makes the volume of what the source holds.
func (c *creation) from(source *subject) {
	c.source = source
	c.record.Source = source.handle.String()
	c.record.Depth = source.record.Depth + 1
}
