package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// same refuses an image that was made of the same name for something else.
func (c *creation) same(is volume.Record, detail ceph.ImageDetail) error {
	for _, d := range []struct {
		what      string
		is, asked string
	}{
		{"kind", string(is.Kind), string(c.record.Kind)},
		{"name", is.Request, c.record.Request},
		{"source", is.Source, c.record.Source},
		{"mapper", is.Mapper, c.record.Mapper},
		{"data pool", detail.DataPool, c.otherDataPool()},
	} {
		if d.is != d.asked {
			return refuse(codes.AlreadyExists, "%s exists with another %s: %q, and %q is asked for", c.handle, d.what, d.is, d.asked)
		}
	}
	if !within(detail.Size, c.limits) {
		return refuse(codes.AlreadyExists, "%s exists with %d bytes, and at least %d and at most %d (0: any) are asked for",
			c.handle, detail.Size, c.limits.GetRequiredBytes(), c.limits.GetLimitBytes())
	}
	return nil
}

// otherDataPool is the data pool if it is another than the image's.
func (c *creation) otherDataPool() string {
	if c.dataPool == c.handle.Pool {
		return ""
	}
	return c.dataPool
}

// foreign says why an image without a record cannot be an empty one that a call of this name began; empty: it can.
func (c *creation) foreign(ctx context.Context, detail ceph.ImageDetail) string {
	switch {
	case detail.Size != c.size:
		return fmt.Sprintf("it has %d bytes instead of %d", detail.Size, c.size)
	case detail.DataPool != c.otherDataPool():
		return fmt.Sprintf("its data pool is %q", detail.DataPool)
	case detail.ParentID != "":
		return "it is a clone"
	case len(detail.Metadata) > 0:
		return "it has metadata of somebody else"
	}
	return c.usedBySomebody(ctx)
}

// usedBySomebody says what shows that an image without a record is in use; empty: it is blank, and nobody has it open.
func (c *creation) usedBySomebody(ctx context.Context) string {
	snaps, err := c.session.Ceph.ListSnapshots(ctx, c.ref())
	if err != nil || len(snaps) > 0 {
		return anyOf(err, "it has snapshots")
	}
	watchers, err := c.session.Ceph.ImageWatchers(ctx, c.ref())
	if err != nil || len(watchers) > 0 {
		return anyOf(err, "a client has it open")
	}
	used, err := c.session.Ceph.ImageUsage(ctx, c.ref())
	if err != nil || used > 0 {
		return anyOf(err, "it holds data")
	}
	return ""
}

func anyOf(err error, text string) string {
	if err != nil {
		return err.Error()
	}
	return text
}

// taken refuses a name that an image of somebody else has.
func (c *creation) taken(why string) error {
	return refuse(codes.AlreadyExists, "image %s exists and is no volume of this driver: %s. It is left alone: "+
		"find out whose it is, and rename or remove it (rbd mv, rbd rm)", c.ref(), why)
}

// headlessFor is how long a name without an image is left to whoever may be making it.
const headlessFor = time.Minute

// headless deals with a name that is taken while there is no image: a creation that was cut short within librbd, or one under
// way. It is cleared away when it has been so for a minute.
func (c *creation) headless(ctx context.Context) error {
	if c.server.headless.since(c.ref()) < headlessFor {
		return refuse(codes.Aborted, "image %s is just being made by another call, or that was cut short: it is cleared away after a minute", c.ref())
	}
	if err := unless(c.session.Ceph.RemoveImage(ctx, c.ref()), ceph.ErrNotFound); err != nil {
		return err
	}
	c.server.headless.forget(c.ref())
	return refuse(codes.Aborted, "what was left of image %s was cleared away: the next call makes it", c.ref())
}

// sightings remembers since when something was seen. A process that starts anew waits anew.
type sightings struct {
	now func() time.Time
	mu  sync.Mutex
	at  map[ceph.ImageRef]time.Time
}

func newSightings(now func() time.Time) *sightings {
	return &sightings{now: now, at: map[ceph.ImageRef]time.Time{}}
}

func (s *sightings) since(ref ceph.ImageRef) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	first, seen := s.at[ref]
	if !seen {
		first = s.now()
		s.at[ref] = first
	}
	return s.now().Sub(first)
}

func (s *sightings) forget(ref ceph.ImageRef) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.at, ref)
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
