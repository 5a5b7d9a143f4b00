package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// otherDataPool is the data pool of an image if it is another than the image's.
func otherDataPool(c *creation) string {
	if c.dataPool == c.handle.Pool {
		return ""
	}
	return c.dataPool
}

// checkOurs refuses to go on with an image without a record that cannot be an empty one that a call of this name began.
func (c imageCreation) checkOurs(ctx context.Context, detail ceph.ImageDetail) error {
	switch {
	case detail.Size != c.size:
		return c.taken(fmt.Sprintf("it has %d bytes instead of %d", detail.Size, c.size))
	case detail.DataPool != otherDataPool(c.creation):
		return c.taken(fmt.Sprintf("its data pool is %q", detail.DataPool))
	case detail.ParentID != "":
		return c.taken("it is a clone")
	case len(detail.Metadata) > 0:
		return c.taken("it has metadata of somebody else")
	}
	return c.checkBlank(ctx)
}

// vanished is an image that was there a moment ago and is not any more, or has been opened: another call of this name is at it.
func (c imageCreation) vanished(err error) error {
	if errors.Is(err, ceph.ErrNotFound) || errors.Is(err, ceph.ErrBusy) {
		return refuse(codes.Aborted, "another call makes or removes %s at this moment: %v", c.ref(), err)
	}
	return err
}

// checkBlank refuses to go on with an image without a record that holds anything, or that a client has open. The latter may be
// somebody else's, or an earlier call of this name: one that its caller waits for no longer, or one of a process that died,
// whose watch Ceph keeps for 30 seconds (osd_client_watch_timeout). So the call is repeated.
func (c imageCreation) checkBlank(ctx context.Context) error {
	return c.vanished(c.checkNothing(ctx))
}

func (c imageCreation) checkNothing(ctx context.Context) error {
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
	if err != nil {
		return err
	}
	if len(watchers) > 0 {
		return refuse(codes.Aborted, "image %s is not finished, and %s at %s has it open: an earlier call that still makes it, or one of a process "+
			"that died, which is seen for 30 seconds. If that lasts, the image is somebody else's: find out whose, and rename or remove it (rbd mv, rbd rm)",
			c.ref(), watchers[0].Client, watchers[0].Addr)
	}
	return c.checkComplete(ctx)
}

// checkComplete does not go on with an image that librbd has not made all of: it would serve, and never have a snapshot.
func (c imageCreation) checkComplete(ctx context.Context) error {
	complete, err := c.session.Ceph.ImageComplete(ctx, c.ref())
	switch {
	case err != nil:
		return err
	case !complete:
		return c.headless(ctx)
	}
	c.images.headless.forget(c.ref())
	return nil
}

// taken refuses a name that an image of somebody else has.
func (c imageCreation) taken(why string) error {
	return refuse(codes.AlreadyExists, "image %s exists and is no volume of this driver: %s. It is left alone: "+
		"find out whose it is, and rename or remove it (rbd mv, rbd rm)", c.ref(), why)
}

// headlessFor is how long a name without an image, or with one that is not complete, is left to whoever may be making it.
const headlessFor = time.Minute

// headless deals with a name that is taken while there is no image, or none that is complete: a creation that was cut short within
// librbd, or one under way. It is cleared away when it has been so for a minute.
func (c imageCreation) headless(ctx context.Context) error {
	if c.images.headless.since(c.ref()) < headlessFor {
		return refuse(codes.Aborted, "image %s is just being made by another call, or that was cut short: it is cleared away after a minute", c.ref())
	}
	if err := c.checkUnrecorded(ctx); err != nil {
		return err
	}
	if err := unless(c.session.Ceph.RemoveImage(ctx, c.ref()), ceph.ErrNotFound); err != nil {
		return c.vanished(err)
	}
	c.images.headless.forget(c.ref())
	return refuse(codes.Aborted, "what was left of image %s was cleared away: the next call makes it", c.ref())
}

// checkUnrecorded refuses to clear away a volume that only cannot be opened.
func (c imageCreation) checkUnrecorded(ctx context.Context) error {
	recorded, err := Recorded(ctx, c.session.Ceph, c.ref())
	if err != nil || !recorded {
		return err
	}
	return refuse(codes.FailedPrecondition, "image %s is a volume and cannot be opened: what it reads from is gone. It is left alone: restore it from a backup, or remove it (rbd rm %s)", c.ref(), c.ref())
}

// Recorded says whether a name that cannot be opened leads to an image with a record all the same.
func Recorded(ctx context.Context, images ceph.Images, ref ceph.ImageRef) (bool, error) {
	id, err := images.ListedID(ctx, ref)
	if err != nil {
		return false, unless(err, ceph.ErrNotFound)
	}
	metadata, err := images.HeaderMetadata(ctx, ref.Pool, id)
	if err != nil {
		return false, unless(err, ceph.ErrNotFound)
	}
	_, none := volume.Of(ref.Name, metadata)
	return !errors.Is(none, volume.ErrNone), nil
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
