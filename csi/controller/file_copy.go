package controller

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

const (
	// copyPatience is how long a call waits for a copy that it began: small ones are done by then.
	copyPatience = 10 * time.Second
	// copyLook is how often it looks meanwhile.
	copyLook = 500 * time.Millisecond
)

// copy makes the volume a copy of its source, or goes on with it. Ceph copies in its mgr, file by file, and while it does, a
// subvolume has no metadata: what is copied is known from Ceph alone, and only until the copy is complete. Every step is one that
// may be repeated.
func (c fileCreation) copy(ctx context.Context) (int64, error) {
	status, err := c.session.Ceph.CloneStatus(ctx, c.ref())
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		return c.startCopy(ctx)
	case errors.Is(err, ceph.ErrInvalid):
		has, err := c.existing(ctx)
		if err == nil && has == nil {
			err = c.taken("it is no copy of " + c.record.Source)
		}
		return sizeOf(has), err
	case err != nil:
		return 0, err
	}
	return c.followCopy(ctx, status)
}

// base is the snapshot in Ceph that is copied: that of the source, or, of a volume, one that has the copy's name, so that who
// finds it knows whose it is, and lasts as long as the copying.
func (c fileCreation) base() (base ceph.SubvolumeSnapshotRef, own bool, err error) {
	if c.source.record.Base != "" {
		base, err = parseBase(c.source.record.Base)
		return base, false, err
	}
	if c.source.record.Kind == volume.Snapshot { // it was deleted while it was copied
		return ceph.SubvolumeSnapshotRef{}, false, nil
	}
	return ceph.SubvolumeSnapshotRef{SubvolumeRef: SubvolumeOf(c.source.handle), Snapshot: c.handle.Subvolume}, true, nil
}

func (c fileCreation) startCopy(ctx context.Context) (int64, error) {
	base, own, err := c.base()
	if err != nil {
		return 0, err
	}
	if own {
		if err := c.session.Ceph.CreateSubvolumeSnapshot(ctx, base); err != nil {
			return 0, err
		}
	}
	err = c.session.Ceph.CloneSubvolume(ctx, base, ceph.SubvolumeSpec{SubvolumeRef: c.ref(), DataPool: c.dataPool})
	switch {
	case errors.Is(err, ceph.ErrExists):
		return 0, c.taken(err.Error())
	case err != nil:
		return 0, err
	}
	status, err := c.awaitCopy(ctx)
	if err != nil {
		return 0, err
	}
	return c.followCopy(ctx, status)
}

// awaitCopy waits for a copy to end, for a moment, and leaves the call time for its answer.
func (c fileCreation) awaitCopy(ctx context.Context) (ceph.CloneStatus, error) {
	most := c.files.patience
	if deadline, bounded := ctx.Deadline(); bounded {
		most = min(most, time.Until(deadline)/2)
	}
	patience := time.NewTimer(most)
	defer patience.Stop()
	look := time.NewTicker(copyLook)
	defer look.Stop()
	for {
		status, err := c.session.Ceph.CloneStatus(ctx, c.ref())
		if err != nil || ended(status) {
			return status, err
		}
		select {
		case <-look.C:
		case <-patience.C:
			return status, nil
		case <-ctx.Done():
			return status, nil
		}
	}
}

func ended(status ceph.CloneStatus) bool {
	return status.State == ceph.CloneComplete || status.State == ceph.CloneFailed || status.State == ceph.CloneCanceled
}

// followCopy goes on with a copy as it is now.
func (c fileCreation) followCopy(ctx context.Context, status ceph.CloneStatus) (int64, error) {
	base, own, err := c.base()
	if err != nil {
		return 0, err
	}
	if from, none := status.Source, (ceph.SubvolumeSnapshotRef{}); from != none && base != none && from != base {
		return 0, c.taken("it is a copy of " + from.String())
	}
	switch status.State {
	case ceph.CloneComplete:
		return c.finishCopy(ctx, base, own)
	case ceph.CloneFailed, ceph.CloneCanceled:
		return 0, c.failedCopy(ctx, base, own, status)
	}
	return 0, refuse(codes.Aborted, "volume %s is being copied from %s, %s. Ceph copies files one by one, which takes as long as they are many and large; "+
		"the call is repeated until that is done", c.handle, c.record.Source, progress(status))
}

func progress(status ceph.CloneStatus) string {
	if status.Percent < 0 {
		return status.State
	}
	return fmt.Sprintf("%s, %d %%", status.State, status.Percent)
}

// failedCopy clears a copy away that failed, and tells why in Ceph's words. Nothing of it is left: who still wants it begins
// anew, and who does not leaves nothing behind.
func (c fileCreation) failedCopy(ctx context.Context, base ceph.SubvolumeSnapshotRef, own bool, status ceph.CloneStatus) error {
	if own {
		if err := removeBase(ctx, c.session, base); err != nil {
			return err
		}
	}
	if err := c.session.Ceph.RemoveSubvolume(ctx, c.ref()); err != nil {
		return err
	}
	if status.State == ceph.CloneCanceled {
		return refuse(codes.Aborted, "the copying of %s to %s was canceled, and what there was of it removed: the next call begins anew", c.record.Source, c.handle)
	}
	return refuse(codes.Internal, "the copying of %s to %s failed: Ceph says %q. What there was of it is removed, and the next call begins anew",
		c.record.Source, c.handle, status.Error)
}

// finishCopy makes of a copy that is complete what was asked for.
func (c fileCreation) finishCopy(ctx context.Context, base ceph.SubvolumeSnapshotRef, own bool) (int64, error) {
	metadata, err := c.session.Ceph.SubvolumeMetadata(ctx, c.ref())
	if err != nil {
		return 0, err
	}
	if metadata[ceph.ImageKeyVolume] != "" {
		has, err := c.existing(ctx)
		return sizeOf(has), err
	}
	if own {
		if err := removeBase(ctx, c.session, base); err != nil {
			return 0, err
		}
	}
	info, err := c.session.Ceph.Subvolume(ctx, c.ref())
	if err != nil {
		return 0, err
	}
	size := max(c.size, info.Size)
	if size > info.Size {
		if err := c.session.Ceph.ResizeSubvolume(ctx, c.ref(), size); err != nil {
			return 0, err
		}
	}
	return size, c.finish(ctx)
}

// goneSource lets a copy go on whose source was deleted after it began: Ceph keeps what it copies.
func (f *files) goneSource(ctx context.Context, c *creation, kind volume.Kind, id string, why error) (subject, error) {
	h, err := handle.Parse(id)
	if err != nil || !f.owns(h) {
		return subject{}, why
	}
	if _, err := c.session.Ceph.CloneStatus(ctx, SubvolumeOf(c.handle)); err != nil {
		return subject{}, why
	}
	gone := subject{session: c.session, handle: h, record: volume.Record{Kind: kind}}
	metadata, err := c.session.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(h))
	if err == nil {
		if record, none := volume.Of(h.Subvolume, metadata); none == nil {
			gone.record = record
		}
	}
	return gone, unless(err, ceph.ErrNotFound)
}

// stopCopy ends a copy that is not complete, and removes what there is of it. It is removed last: as long as it is there, Ceph
// says what was copied.
func stopCopy(ctx context.Context, in session.Session, h handle.Handle, status ceph.CloneStatus) error {
	if !ended(status) {
		if err := in.Ceph.CancelClone(ctx, SubvolumeOf(h)); err != nil {
			return err
		}
	}
	if status.Source.Snapshot == h.Subvolume {
		if err := removeBase(ctx, in, status.Source); err != nil {
			return err
		}
	}
	return in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(h))
}
