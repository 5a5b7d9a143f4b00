package controller

import (
	"context"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// same refuses an image or a subvolume that was made of the same name for something else.
func (c *creation) same(is volume.Record, has thing) error {
	for _, d := range []struct {
		what      string
		is, asked string
	}{
		{"kind", string(is.Kind), string(c.record.Kind)},
		{"name", is.Request, c.record.Request},
		{"source", is.Source, c.record.Source},
		{"mapper", is.Mapper, c.record.Mapper},
		{"mounter", is.Mounter, c.record.Mounter},
		{"data pool", has.dataPool, c.server.backend.dataPool(c, has)},
	} {
		if d.is != d.asked {
			return refuse(codes.AlreadyExists, "%s exists with another %s: %q, and %q is asked for", c.handle, d.what, d.is, d.asked)
		}
	}
	if !within(has.size, c.limits) {
		return refuse(codes.AlreadyExists, "%s exists with %d bytes, and at least %d and at most %d (0: any) are asked for",
			c.handle, has.size, c.limits.GetRequiredBytes(), c.limits.GetLimitBytes())
	}
	return nil
}

// explainTimeout bounds the look at the pools after a call that had no answer.
const explainTimeout = 3 * time.Second

// explain asks whether the pool is full when Ceph did not answer: writes to a full pool wait.
func (c *creation) explain(ctx context.Context, err error) error {
	if !errors.Is(err, ceph.ErrTimeout) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), explainTimeout)
	defer cancel()
	full := c.fits(ctx, true)
	if _, refused := status.FromError(full); full != nil && refused {
		return full
	}
	return err
}
