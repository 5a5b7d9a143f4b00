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

// checkOurs refuses to go on with an image without a record that cannot be an empty one that a call of this name began.
func (c *creation) checkOurs(ctx context.Context, detail ceph.ImageDetail) error {
	switch {
	case detail.Size != c.size:
		return c.taken(fmt.Sprintf("it has %d bytes instead of %d", detail.Size, c.size))
	case detail.DataPool != c.otherDataPool():
		return c.taken(fmt.Sprintf("its data pool is %q", detail.DataPool))
	case detail.ParentID != "":
		return c.taken("it is a clone")
	case len(detail.Metadata) > 0:
		return c.taken("it has metadata of somebody else")
	}
	return c.checkBlank(ctx)
}

// checkBlank refuses to go on with an image without a record that holds anything, or that a client has open. The latter may be
// somebody else's, or an earlier call of this name: one that its caller waits for no longer, or one of a process that died,
// whose watch Ceph keeps for 30 seconds (osd_client_watch_timeout). So the call is repeated.
func (c *creation) checkBlank(ctx context.Context) error {
	images := c.session.Ceph
	snaps, err := images.ListSnapshots(ctx, c.ref())
	if err != nil {
		return err
	}
	if len(snaps) > 0 {
		return c.taken("it has snapshots")
	}
	used, err := images.ImageUsage(ctx, c.ref())
	if err != nil {
		return err
	}
	if used > 0 {
		return c.taken("it holds data")
	}
	watchers, err := images.ImageWatchers(ctx, c.ref())
	if err != nil || len(watchers) == 0 {
		return err
	}
	return refuse(codes.Aborted, "image %s is not finished, and %s at %s has it open: an earlier call that still makes it, or one of a process "+
		"that died, which is seen for 30 seconds. If that lasts, the image is somebody else's: find out whose, and rename or remove it (rbd mv, rbd rm)",
		c.ref(), watchers[0].Client, watchers[0].Addr)
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
