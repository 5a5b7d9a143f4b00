package controller

import (
	"context"
	"errors"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// creation is an image that is wanted.
type creation struct {
	server  *Server
	session session.Session
	handle  handle.Handle
	record  volume.Record
	// size it gets; one with a source gets at least that of its source.
	size     int64
	limits   *csi.CapacityRange
	dataPool string
	// source is nil for an empty image.
	source *subject
}

func (c *creation) ref() ceph.ImageRef { return imageOf(c.handle.Pool, c.handle.Image) }

// CreateVolume makes a volume: empty, or of what a snapshot or another volume holds.
func (s *Server) CreateVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	c, err := s.wantedVolume(ctx, request)
	if err != nil {
		return nil, told(err)
	}
	size, err := c.make(ctx)
	if err != nil {
		return nil, told(err)
	}
	return &csi.CreateVolumeResponse{Volume: &csi.Volume{
		VolumeId: c.handle.String(), CapacityBytes: size, ContentSource: request.GetVolumeContentSource(),
		VolumeContext:      map[string]string{v1alpha1.ParameterMapper: c.record.Mapper},
		AccessibleTopology: accessible(v1alpha1.Mapper(c.record.Mapper)),
	}}, nil
}

// wantedVolume reads a request, and refuses what can never be.
func (s *Server) wantedVolume(ctx context.Context, request *csi.CreateVolumeRequest) (*creation, error) {
	if err := required("name", request.GetName()); err != nil {
		return nil, err
	}
	how, err := useOf(request.GetVolumeCapabilities())
	if err != nil {
		return nil, err
	}
	asked, err := volumeParameters(request.GetParameters())
	if err != nil {
		return nil, err
	}
	if len(request.GetMutableParameters()) > 0 {
		return nil, refuse(codes.InvalidArgument, "volumes have no mutable parameters: take the VolumeAttributesClass from the claim")
	}
	if err := checkTopology(asked.mapper, request.GetAccessibilityRequirements()); err != nil {
		return nil, err
	}
	c := &creation{server: s, dataPool: asked.dataPool, limits: request.GetCapacityRange(), handle: handle.Handle{
		Namespace: asked.cluster.Namespace, Cluster: asked.cluster.Name, Pool: asked.pool, Image: handle.ImageOf(request.GetName()),
	}}
	if err := c.handle.Check(); err != nil {
		return nil, refuse(codes.InvalidArgument, "%v", err)
	}
	c.record = volume.Record{
		Kind: volume.Volume, Image: c.handle.Image, Request: request.GetName(), Mapper: string(asked.mapper), Claim: asked.claim,
	}
	if c.session, err = s.sessions.Session(ctx, asked.cluster); err != nil {
		return nil, err
	}
	return c, c.settle(ctx, request.GetVolumeContentSource(), how)
}

// settle finds the source and the pool, and with them the size.
func (c *creation) settle(ctx context.Context, from *csi.VolumeContentSource, how use) error {
	if err := c.setSource(ctx, from); err != nil {
		return err
	}
	var least int64
	if c.source != nil {
		least = c.source.detail.Size
	}
	size, err := sizeWanted(c.limits, how, least)
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
	pools, err := c.server.pools.get(ctx, c.session.Cluster, c.session.Ceph, age)
	if err != nil {
		return err
	}
	place, err := placeOf(pools, c.session.Cluster, c.handle.Pool, c.dataPool)
	if err != nil {
		return err
	}
	return place.checkRoom(c.size)
}

// make makes the image, or goes on where an earlier call was cut short. It returns the size.
func (c *creation) make(ctx context.Context) (int64, error) {
	if c.source != nil {
		return c.derive(ctx)
	}
	document, err := c.record.Encode()
	if err != nil {
		return 0, err
	}
	err = c.session.Ceph.CreateImage(ctx, ceph.ImageSpec{
		ImageRef: c.ref(), Size: c.size, DataPool: c.dataPool, Metadata: map[string]string{ceph.ImageKeyVolume: document},
	})
	if errors.Is(err, ceph.ErrExists) {
		return c.resume(ctx)
	}
	return c.size, c.explain(ctx, err)
}

// resume goes on with an empty image that is there already.
func (c *creation) resume(ctx context.Context) (int64, error) {
	detail, err := c.session.Ceph.InspectImage(ctx, c.ref())
	if errors.Is(err, ceph.ErrNotFound) {
		return 0, c.headless(ctx)
	}
	if err != nil {
		return 0, err
	}
	record, err := volume.Of(c.handle.Image, detail.Metadata)
	switch {
	case err == nil:
		return detail.Size, c.same(record, detail)
	case !errors.Is(err, volume.ErrNone):
		return 0, refuse(codes.AlreadyExists, "%v", err)
	}
	if err := c.checkOurs(ctx, detail); err != nil {
		return 0, err
	}
	return c.size, c.finish(ctx)
}

// finish writes the record. With it the image is a volume or a snapshot.
func (c *creation) finish(ctx context.Context) error {
	document, err := c.record.Encode()
	if err != nil {
		return err
	}
	return c.session.Ceph.SetImageMetadata(ctx, c.ref(), ceph.ImageKeyVolume, document)
}
