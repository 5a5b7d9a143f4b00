package controller

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// anyone is the mode of a volume's directory: who may write in it is for the pods to say, as each runs as other users.
const anyone = "0777"

// fileCreation is the making of a subvolume.
type fileCreation struct {
	*creation

	files *files
}

func (f *files) make(ctx context.Context, c *creation) (int64, error) {
	size, err := fileCreation{c, f}.make(ctx)
	return size, c.explain(ctx, err)
}

func (f *files) snapshot(ctx context.Context, c *creation) (int64, error) {
	size, err := fileCreation{c, f}.snapshot(ctx)
	return size, c.explain(ctx, err)
}

func (c fileCreation) ref() ceph.SubvolumeRef { return SubvolumeOf(c.handle) }

func (c fileCreation) make(ctx context.Context) (int64, error) {
	switch {
	case c.source == nil:
		return c.create(ctx)
	case c.use.readOnly && c.source.record.Path != "":
		return c.show(ctx)
	default:
		return c.copy(ctx)
	}
}

// create makes an empty volume, or goes on with it.
func (c fileCreation) create(ctx context.Context) (int64, error) {
	has, err := c.existing(ctx)
	if err != nil || has != nil {
		return sizeOf(has), err
	}
	spec := ceph.SubvolumeSpec{SubvolumeRef: c.ref(), Size: c.size, DataPool: c.dataPool, Mode: anyone}
	if err := c.createSubvolume(ctx, spec); err != nil {
		return 0, err
	}
	return c.size, c.finish(ctx)
}

func sizeOf(has *thing) int64 {
	if has == nil {
		return 0
	}
	return has.size
}

// existing returns the volume or the snapshot that there is already. A subvolume without a record is none: it is refused, or
// left to be gone on with.
func (c fileCreation) existing(ctx context.Context) (*thing, error) {
	metadata, err := c.session.Ceph.SubvolumeMetadata(ctx, c.ref())
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		return nil, nil
	case errors.Is(err, ceph.ErrAgain):
		return nil, c.copied(ctx, err)
	case err != nil:
		return nil, err
	case metadata[ceph.ImageKeyDeleting] != "":
		return nil, refuse(codes.Aborted, "%s was deleted, and is kept for volumes that show it: the call is repeated until the last of them is deleted", c.handle)
	}
	record, err := volume.Of(c.handle.Subvolume, metadata)
	if err != nil {
		if !errors.Is(err, volume.ErrNone) {
			return nil, refuse(codes.AlreadyExists, "%v", err)
		}
		return nil, c.checkOurs(ctx, metadata)
	}
	has, err := c.files.inspect(ctx, c.session, c.handle)
	if err != nil {
		return nil, err
	}
	if err := c.same(record, has); err != nil {
		return nil, err
	}
	if record.Kind == volume.Volume && record.Path != "" && !c.use.readOnly {
		return nil, refuse(codes.AlreadyExists, "%s exists, and shows %s: nobody can write to it", c.handle, record.Source)
	}
	c.record = record // it says when a snapshot was taken
	return &has, nil
}

// copied refuses a name under which a copy is being made, since none is asked for.
func (c fileCreation) copied(ctx context.Context, again error) error {
	status, err := c.session.Ceph.CloneStatus(ctx, c.ref())
	if err != nil || status.State == ceph.CloneComplete {
		return again
	}
	return c.taken(fmt.Sprintf("it is a copy of %s (%s)", status.Source, status.State))
}

// checkOurs refuses to go on with a subvolume without a record that cannot be one that a call of this name began: it holds
// data, has snapshots, or metadata of somebody else.
func (c fileCreation) checkOurs(ctx context.Context, metadata map[string]string) error {
	origin := metadata[ceph.ImageKeyOrigin]
	if len(metadata) > 0 && (origin == "" || origin != c.record.Source) {
		return c.taken("it has metadata of somebody else")
	}
	return checkBlank(ctx, c.session, c.handle)
}

// checkBlank refuses a subvolume without a record that holds anything.
func checkBlank(ctx context.Context, in session.Session, h handle.Handle) error {
	info, err := in.Ceph.Subvolume(ctx, SubvolumeOf(h))
	if err != nil {
		return err
	}
	snaps, err := in.Ceph.ListSubvolumeSnapshots(ctx, SubvolumeOf(h))
	switch {
	case err != nil:
		return err
	case info.Used > 0:
		return takenSubvolume(h, "it holds data")
	case len(snaps) > 0:
		return takenSubvolume(h, "it has snapshots")
	}
	return nil
}

func (c fileCreation) taken(why string) error { return takenSubvolume(c.handle, why) }

// takenSubvolume refuses a name that a subvolume of somebody else has.
func takenSubvolume(h handle.Handle, why string) error {
	return refuse(codes.AlreadyExists, "subvolume %s exists and is no volume of this driver: %s. It is left alone: "+
		"find out whose it is, and remove it (ceph fs subvolume rm)", SubvolumeOf(h), why)
}

// createSubvolume makes a subvolume. The filesystem is there, so it is the group that may be missing.
func (c fileCreation) createSubvolume(ctx context.Context, spec ceph.SubvolumeSpec) error {
	err := c.session.Ceph.CreateSubvolume(ctx, spec)
	if errors.Is(err, ceph.ErrNotFound) {
		return refuse(codes.Unavailable, "%v: the operator makes the subvolume group of a StorageClass; see the conditions of the StorageFilesystem; it is tried again by itself", err)
	}
	return err
}

// finish writes the record. With it the subvolume is a volume or a snapshot.
func (c fileCreation) finish(ctx context.Context) error {
	document, err := c.record.Encode()
	if err != nil {
		return err
	}
	return c.session.Ceph.SetSubvolumeMetadata(ctx, c.ref(), ceph.ImageKeyVolume, document)
}

// mark makes the empty subvolume that stands for what lies elsewhere, and says of what from its first moment on.
func (c fileCreation) mark(ctx context.Context) error {
	if err := c.createSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: c.ref()}); err != nil {
		return err
	}
	return c.session.Ceph.SetSubvolumeMetadata(ctx, c.ref(), ceph.ImageKeyOrigin, c.record.Source)
}
