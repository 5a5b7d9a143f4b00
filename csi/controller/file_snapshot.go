package controller

import (
	"context"
	"errors"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// A snapshot of a file volume is one of CephFS, in the volume's own subvolume, and an empty subvolume that has its name and its
// record. A volume that is deleted before its snapshots is retired: Ceph keeps what they hold, and clears it away with the last.

// snapshot makes a snapshot, or goes on with it. Every step is one that may be repeated.
func (c fileCreation) snapshot(ctx context.Context) (int64, error) {
	has, err := c.existing(ctx)
	if err != nil || has != nil {
		return sizeOf(has), err
	}
	if c.source.record.Path != "" {
		return 0, refuse(codes.FailedPrecondition, "volume %s shows snapshot %s and never changes: use that snapshot", c.source.handle, c.source.record.Source)
	}
	if err := c.mark(ctx); err != nil {
		return 0, err
	}
	base := ceph.SubvolumeSnapshotRef{SubvolumeRef: SubvolumeOf(c.source.handle), Snapshot: c.handle.Subvolume}
	if err := c.session.Ceph.CreateSubvolumeSnapshot(ctx, base); err != nil {
		return 0, err
	}
	made, err := c.session.Ceph.SubvolumeSnapshot(ctx, base)
	if err != nil {
		return 0, err
	}
	c.record.Taken, c.record.Base, c.record.Size = made.Created, base.String(), c.source.detail.size
	c.record.Path = shownAt(c.source.detail.path, base.Snapshot)
	return c.record.Size, c.finish(ctx)
}

// keyShown is where it is noted on a snapshot that a volume shows it.
const keyShown = "seamount.shown."

// Shown says whether volumes show a snapshot that has this in its metadata.
func Shown(metadata map[string]string) bool {
	for key := range metadata {
		if strings.HasPrefix(key, keyShown) {
			return true
		}
	}
	return false
}

// show makes a volume that nobody writes to: it copies nothing, and shows the snapshot as it is. The snapshot notes it, and is
// kept as long as it is shown.
func (c fileCreation) show(ctx context.Context) (int64, error) {
	has, err := c.existing(ctx)
	if err != nil || has != nil {
		return sizeOf(has), err
	}
	if c.size > c.source.detail.size {
		return 0, refuse(codes.OutOfRange, "%d bytes are asked for, and snapshot %s has %d: a volume that is only read shows the snapshot as it is; ask for as many",
			c.size, c.record.Source, c.source.detail.size)
	}
	snapshot, err := handle.Parse(c.shown())
	if err != nil {
		return 0, refuse(codes.AlreadyExists, "the source of %s: %v", c.source.handle, err)
	}
	if err := c.mark(ctx); err != nil {
		return 0, err
	}
	if err := c.hold(ctx, snapshot); err != nil {
		return 0, err
	}
	c.record.Base, c.record.Path, c.record.Size = c.source.record.Base, c.source.record.Path, c.source.detail.size
	return c.record.Size, c.finish(ctx)
}

// shown is the snapshot that is shown: the source, or what the source shows itself.
func (c fileCreation) shown() string {
	if c.source.record.Kind == volume.Snapshot {
		return c.source.handle.String()
	}
	return snapshotOfBase(c.source.handle, c.source.record.Base).String()
}

// snapshotOfBase is the subvolume that stands for a snapshot: it is called as the snapshot is, and lies beside the volume.
func snapshotOfBase(like handle.Handle, base string) handle.Handle {
	ref, err := parseBase(base)
	if err != nil {
		return handle.Handle{}
	}
	like.Filesystem, like.Group, like.Subvolume = ref.Filesystem, ref.Group, ref.Snapshot
	return like
}

// parseBase reads what ceph.SubvolumeSnapshotRef prints.
func parseBase(base string) (ceph.SubvolumeSnapshotRef, error) {
	place, snapshot, found := strings.Cut(base, "@")
	parts := strings.Split(place, "/")
	if !found || len(parts) != 3 || snapshot == "" {
		return ceph.SubvolumeSnapshotRef{}, refuse(codes.Internal, "the record names %q, which is no snapshot of a subvolume", base)
	}
	group := ceph.GroupRef{Filesystem: parts[0], Group: parts[1]}
	return ceph.SubvolumeSnapshotRef{SubvolumeRef: ceph.SubvolumeRef{GroupRef: group, Name: parts[2]}, Snapshot: snapshot}, nil
}

// hold notes on a snapshot that a volume shows it. Who deletes the snapshot marks it first and then looks for such notes, and
// here the note comes before the look at the mark: one of the two sees the other. A snapshot that is marked can still be shown
// as long as it is shown by the source.
func (c fileCreation) hold(ctx context.Context, snapshot handle.Handle) error {
	key := keyShown + c.handle.Subvolume
	if err := c.files.setMetadata(ctx, c.session, snapshot, key, c.handle.String()); err != nil {
		return err
	}
	metadata, err := c.files.metadata(ctx, c.session, snapshot)
	if err != nil || metadata[ceph.ImageKeyDeleting] == "" || metadata[keyShown+c.source.handle.Subvolume] != "" {
		return err
	}
	if err := letGo(ctx, c.session, c.handle, snapshot); err != nil {
		return err
	}
	return refuse(codes.NotFound, "snapshot %s was deleted meanwhile", snapshot)
}

// letGo ends that a volume shows a snapshot. A snapshot that was deleted goes with the last that showed it.
func letGo(ctx context.Context, in session.Session, shown, snapshot handle.Handle) error {
	if err := in.Ceph.RemoveSubvolumeMetadata(ctx, SubvolumeOf(snapshot), keyShown+shown.Subvolume); err != nil {
		return unless(err, ceph.ErrNotFound)
	}
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(snapshot))
	if err != nil || metadata[ceph.ImageKeyDeleting] == "" {
		return unless(err, ceph.ErrNotFound)
	}
	return dropSnapshot(ctx, in, snapshot, metadata)
}

// dropSnapshot removes a snapshot that was marked as deleted, if no volume shows it: first in Ceph, then what stands for it.
func dropSnapshot(ctx context.Context, in session.Session, snapshot handle.Handle, metadata map[string]string) error {
	if Shown(metadata) {
		return nil
	}
	base, err := baseOf(snapshot, metadata)
	if err != nil {
		return err
	}
	if err := removeBase(ctx, in, base); err != nil {
		return err
	}
	return in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(snapshot))
}

// baseOf is the snapshot in Ceph of a snapshot, finished or not.
func baseOf(snapshot handle.Handle, metadata map[string]string) (ceph.SubvolumeSnapshotRef, error) {
	record, err := volume.Of(snapshot.Subvolume, metadata)
	if err == nil {
		return parseBase(record.Base)
	}
	source, err := handle.Parse(metadata[ceph.ImageKeyOrigin])
	if err != nil || !source.File() {
		return ceph.SubvolumeSnapshotRef{}, refuse(codes.FailedPrecondition, "subvolume %s does not say of what it is a snapshot", SubvolumeOf(snapshot))
	}
	return ceph.SubvolumeSnapshotRef{SubvolumeRef: SubvolumeOf(source), Snapshot: snapshot.Subvolume}, nil
}

// removeBase removes a snapshot in Ceph. With the last of a retired subvolume Ceph removes what is left of that.
func removeBase(ctx context.Context, in session.Session, base ceph.SubvolumeSnapshotRef) error {
	err := in.Ceph.RemoveSubvolumeSnapshot(ctx, base)
	if errors.Is(err, ceph.ErrAgain) || errors.Is(err, ceph.ErrBusy) {
		return refuse(codes.Aborted, "volumes are being copied from snapshot %s (%v): the call is repeated until that is done", base, err)
	}
	return err
}
