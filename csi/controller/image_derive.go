package controller

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// maxDepth is how many images at most are read one after another to read a volume. One that would be deeper is flattened
// while it is made. A snapshot of a volume is one deeper, and never has to be flattened.
const maxDepth = 4

// base is the snapshot of the source that the clone is made of. Its name is the clone's, so that who finds it knows whose it
// is. It lasts as long as the creation; the clone keeps what it reads.
func (c imageCreation) base() ceph.SnapshotRef {
	return ceph.SnapshotRef{ImageRef: c.sourceRef(), Snapshot: c.handle.Image}
}

// origin marks a clone from its first moment until it has its record.
func (c imageCreation) origin() string { return c.handle.Image + " of " + c.record.Source }

// derive makes the image a clone of its source, or goes on with it. Every step is one that may be repeated.
func (c imageCreation) derive(ctx context.Context) (int64, error) {
	detail, err := c.session.Ceph.InspectImage(ctx, c.ref())
	if errors.Is(err, ceph.ErrNotFound) {
		detail, err = c.clone(ctx)
	} else if err == nil {
		record, none := volume.Of(c.handle.Image, detail.Metadata)
		if none == nil {
			defer func() { c.record = record }() // it says when a snapshot was taken
			return detail.Size, c.same(record, thingOf(detail))
		}
		err = c.takeOver(ctx, detail, none)
	}
	if err != nil {
		return 0, c.explain(ctx, err)
	}
	return c.complete(ctx, detail)
}

// clone makes the clone, which has no record yet.
func (c imageCreation) clone(ctx context.Context) (ceph.ImageDetail, error) {
	images := c.session.Ceph
	if err := unless(images.CreateSnapshot(ctx, c.base()), ceph.ErrExists); err != nil {
		return ceph.ImageDetail{}, err
	}
	err := images.CloneImage(ctx, c.base(), ceph.ImageSpec{
		ImageRef: c.ref(), DataPool: c.dataPool, Metadata: map[string]string{ceph.ImageKeyOrigin: c.origin()},
	})
	switch {
	case errors.Is(err, ceph.ErrExists):
		return ceph.ImageDetail{}, c.headless(ctx)
	case errors.Is(err, ceph.ErrNotFound):
		return ceph.ImageDetail{}, c.overtaken(ctx)
	case err != nil:
		return ceph.ImageDetail{}, err
	}
	detail, err := images.InspectImage(ctx, c.ref())
	return detail, c.vanished(err)
}

// overtaken is a clone for which something is missing that was there a moment ago. When the source is still there, an earlier
// call, which its caller waits for no longer, was quicker with the clone and has taken the base away; or the base is one whose
// making was cut short: librbd notes a snapshot before it writes its object map, and clones none without (ENOENT). So what is
// there of the base goes. Nothing reads from it: a clone that was made keeps what it reads.
func (c imageCreation) overtaken(ctx context.Context) error {
	images := c.session.Ceph
	complete, err := images.ImageComplete(ctx, c.sourceRef())
	if err != nil {
		return err
	}
	if err := unless(images.RemoveSnapshot(ctx, c.base()), ceph.ErrNotFound); err != nil {
		return err
	}
	if !complete {
		return refuse(codes.FailedPrecondition, "image %s has lost its object map, and Ceph clones no snapshot of such an image: make the map anew (rbd object-map rebuild %s)",
			c.sourceRef(), c.sourceRef())
	}
	return refuse(codes.Aborted, "another call makes %s at this moment, or was cut short: the next one goes on with it", c.ref())
}

// takeOver goes on with an image without a record, or refuses to. The mark of origin is written when librbd has made the clone.
// One without it is made anew, though it may look whole: librbd ties a clone to its parent before it notes it there, and for a
// clone that is not noted Ceph does not keep the snapshot that it reads from.
func (c imageCreation) takeOver(ctx context.Context, detail ceph.ImageDetail, none error) error {
	if !errors.Is(none, volume.ErrNone) {
		return refuse(codes.AlreadyExists, "%v", none)
	}
	if detail.Metadata[ceph.ImageKeyOrigin] == c.origin() {
		return nil
	}
	untied := detail.ParentID == "" && len(detail.Metadata) == 0 && detail.Size == c.source.detail.size
	if !untied && detail.ParentID != c.source.detail.id {
		return c.taken("it is no clone of " + c.record.Source)
	}
	if err := c.checkBlank(ctx); err != nil {
		return err
	}
	return c.restart(ctx, detail.ID)
}

// restart removes a blank image that was to become a clone and was cut short before librbd had made it. It is looked at once more
// just before: another process may be making it.
func (c imageCreation) restart(ctx context.Context, id string) error {
	images := c.session.Ceph
	now, err := images.InspectImage(ctx, c.ref())
	if err != nil {
		return c.vanished(err)
	}
	_, none := volume.Of(c.handle.Image, now.Metadata)
	if now.ID != id || none == nil || now.Metadata[ceph.ImageKeyOrigin] == c.origin() {
		return refuse(codes.Aborted, "another call makes %s at this moment: the next one goes on with it", c.ref())
	}
	if err := unless(images.RemoveImage(ctx, c.ref()), ceph.ErrNotFound); err != nil {
		return c.vanished(err)
	}
	return refuse(codes.Aborted, "an image %s that was cut short was removed: the next call makes it", c.ref())
}

// complete makes of a clone what was asked for, and writes its record.
func (c imageCreation) complete(ctx context.Context, detail ceph.ImageDetail) (int64, error) {
	if err := c.setTaken(ctx, detail); err != nil {
		return 0, err
	}
	images := c.session.Ceph
	if err := unless(images.RemoveSnapshot(ctx, c.base()), ceph.ErrNotFound); err != nil {
		return 0, err
	}
	size := max(c.size, detail.Size)
	if size > detail.Size {
		if err := images.ResizeImage(ctx, c.ref(), size); err != nil {
			return 0, err
		}
	}
	if err := c.flatten(ctx); err != nil {
		return 0, err
	}
	return size, c.finish(ctx)
}

// setTaken says when the content of a snapshot was taken. The base may be gone when an earlier call came so far.
func (c imageCreation) setTaken(ctx context.Context, detail ceph.ImageDetail) error {
	if c.record.Kind != volume.Snapshot {
		return nil
	}
	snaps, err := c.session.Ceph.ListSnapshots(ctx, c.sourceRef())
	if err != nil {
		return err
	}
	c.record.Taken = detail.Created
	for _, snap := range snaps {
		if snap.Name == c.base().Snapshot {
			c.record.Taken = snap.Created
		}
	}
	return nil
}
