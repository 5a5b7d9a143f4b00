package controller

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// imageCreation is the making of an image.
type imageCreation struct {
	*creation

	images *images
}

func (c imageCreation) ref() ceph.ImageRef { return imageOf(c.handle.Pool, c.handle.Image) }

func (c imageCreation) sourceRef() ceph.ImageRef {
	return imageOf(c.source.handle.Pool, c.source.handle.Image)
}

// make makes the image, or goes on where an earlier call was cut short. It returns the size.
func (c imageCreation) make(ctx context.Context) (int64, error) {
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
func (c imageCreation) resume(ctx context.Context) (int64, error) {
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
		return detail.Size, c.same(record, thingOf(detail))
	case !errors.Is(err, volume.ErrNone):
		return 0, refuse(codes.AlreadyExists, "%v", err)
	}
	if err := c.checkOurs(ctx, detail); err != nil {
		return 0, err
	}
	return c.size, c.finish(ctx)
}

// finish writes the record. With it the image is a volume or a snapshot.
func (c imageCreation) finish(ctx context.Context) error {
	document, err := c.record.Encode()
	if err != nil {
		return err
	}
	return c.session.Ceph.SetImageMetadata(ctx, c.ref(), ceph.ImageKeyVolume, document)
}
