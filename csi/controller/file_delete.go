package controller

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// remove implements backend.
func (*files) remove(ctx context.Context, in session.Session, kind volume.Kind, h handle.Handle) error {
	return removeSubvolume(ctx, in, h, func(record volume.Record) error {
		if record.Kind != kind {
			return refuse(codes.FailedPrecondition, "%s is a %s and no %s", h, lower(record.Kind), lower(kind))
		}
		return nil
	})
}

// RemoveSubvolume removes a subvolume that is a volume or a snapshot, or was to become one. One that does not exist is no error.
func RemoveSubvolume(ctx context.Context, in session.Session, h handle.Handle) error {
	return removeSubvolume(ctx, in, h, func(volume.Record) error { return nil })
}

func removeSubvolume(ctx context.Context, in session.Session, h handle.Handle, check func(volume.Record) error) error {
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(h))
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		_, err := TidySubvolume(ctx, in, h)
		return err
	case errors.Is(err, ceph.ErrAgain):
		return removeCopy(ctx, in, h, err)
	case err != nil:
		return err
	}
	record, err := volume.Of(h.Subvolume, metadata)
	switch {
	case errors.Is(err, volume.ErrNone):
		return removeUnfinished(ctx, in, h, metadata)
	case err != nil:
		return refuse(codes.FailedPrecondition, "subvolume %s is not removed: %v; if it is not needed, remove it by hand (ceph fs subvolume rm)", SubvolumeOf(h), err)
	}
	if err := check(record); err != nil {
		return err
	}
	return removeRecorded(ctx, in, h, record, metadata)
}

// removeCopy removes a subvolume that Ceph does not let be read, if that is because it is copied to.
func removeCopy(ctx context.Context, in session.Session, h handle.Handle, again error) error {
	status, err := in.Ceph.CloneStatus(ctx, SubvolumeOf(h))
	if err != nil || status.State == ceph.CloneComplete {
		return again
	}
	return stopCopy(ctx, in, h, status)
}

func removeRecorded(ctx context.Context, in session.Session, h handle.Handle, record volume.Record, metadata map[string]string) error {
	if err := checkDetached(h, metadata); err != nil {
		return err
	}
	switch {
	case record.Kind == volume.Snapshot:
		return deleteSnapshot(ctx, in, h, metadata)
	case record.Path != "":
		if err := letGo(ctx, in, h, snapshotOfBase(h, record.Base)); err != nil {
			return err
		}
		return in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(h))
	}
	return retire(ctx, in, h)
}

// checkDetached refuses to remove a volume that a node may still write to.
func checkDetached(h handle.Handle, metadata map[string]string) error {
	nodes := slices.Sorted(maps.Keys(ceph.ImageAttached(metadata)))
	if len(nodes) == 0 {
		return nil
	}
	return refuse(codes.FailedPrecondition, "volume %s is attached to node %s: delete the pods that use it; see the VolumeAttachments", h, strings.Join(nodes, ", "))
}

// removeUnfinished removes what a call that was cut short has left: an empty subvolume, with or without a note of what it was to
// stand for, or a copy that is complete and that nobody was given.
func removeUnfinished(ctx context.Context, in session.Session, h handle.Handle, metadata map[string]string) error {
	if !handle.Named(h.Subvolume) {
		return refuse(codes.FailedPrecondition, "subvolume %s was not made by this driver: remove it by hand (ceph fs subvolume rm)", SubvolumeOf(h))
	}
	if _, err := in.Ceph.CloneStatus(ctx, SubvolumeOf(h)); err == nil {
		return retire(ctx, in, h)
	} else if !errors.Is(err, ceph.ErrInvalid) {
		return err
	}
	if err := checkBlank(ctx, in, h); err != nil {
		return refuse(codes.FailedPrecondition, "%s", err.Error())
	}
	origin, err := handle.Parse(metadata[ceph.ImageKeyOrigin])
	if err == nil && origin.File() {
		if err := removeOrigin(ctx, in, h, origin); err != nil {
			return err
		}
	}
	return in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(h))
}

// removeOrigin takes away what a subvolume without a record left at what it was to stand for: a snapshot of it in Ceph, or the
// note that it is shown.
func removeOrigin(ctx context.Context, in session.Session, h, origin handle.Handle) error {
	base := ceph.SubvolumeSnapshotRef{SubvolumeRef: SubvolumeOf(origin), Snapshot: h.Subvolume}
	if err := unless(removeBase(ctx, in, base), ceph.ErrNotFound); err != nil {
		return err
	}
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(origin))
	if err != nil {
		return unless(err, ceph.ErrNotFound)
	}
	if record, none := volume.Of(origin.Subvolume, metadata); none == nil && record.Base != "" {
		return letGo(ctx, in, h, snapshotOfBase(origin, record.Base))
	}
	return nil
}

// deleteSnapshot deletes a snapshot. One that volumes show is marked, and goes with the last of them. One that is being copied
// stays as it is until that is done.
func deleteSnapshot(ctx context.Context, in session.Session, h handle.Handle, metadata map[string]string) error {
	if metadata[ceph.ImageKeyDeleting] == "" {
		base, err := baseOf(h, metadata)
		if err != nil {
			return err
		}
		made, err := in.Ceph.SubvolumeSnapshot(ctx, base)
		if unless(err, ceph.ErrNotFound) != nil {
			return err
		}
		if made.Cloning {
			return refuse(codes.Aborted, "volumes are being copied from snapshot %s: the call is repeated until that is done", h)
		}
		if err := in.Ceph.SetSubvolumeMetadata(ctx, SubvolumeOf(h), ceph.ImageKeyDeleting, h.Subvolume); err != nil {
			return err
		}
		if metadata, err = in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(h)); err != nil {
			return unless(err, ceph.ErrNotFound)
		}
	}
	return dropSnapshot(ctx, in, h, metadata)
}

// retire removes a volume. What its snapshots hold is kept until the last of them is deleted.
func retire(ctx context.Context, in session.Session, h handle.Handle) error {
	err := in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(h))
	if !errors.Is(err, ceph.ErrBusy) {
		return err
	}
	if _, err := removeLeftBases(ctx, in, h); err != nil {
		return err
	}
	return in.Ceph.RetireSubvolume(ctx, SubvolumeOf(h))
}

// removeLeftBases removes the snapshots of a subvolume that copies were being made of and that nothing stands for, and returns how
// many. Ceph keeps those that it copies at this moment. A snapshot of somebody else keeps the volume.
func removeLeftBases(ctx context.Context, in session.Session, h handle.Handle) (int, error) {
	snaps, err := in.Ceph.ListSubvolumeSnapshots(ctx, SubvolumeOf(h))
	if err != nil {
		return 0, unless(err, ceph.ErrNotFound)
	}
	for _, snap := range snaps {
		if !handle.Named(snap) {
			return 0, refuse(codes.FailedPrecondition, "subvolume %s has a snapshot %s that was not made by this driver: remove it (ceph fs subvolume snapshot rm), or keep the volume",
				SubvolumeOf(h), snap)
		}
	}
	removed := 0
	for _, snap := range snaps {
		stands, err := standsFor(ctx, in, h, snap)
		if err != nil {
			return removed, err
		}
		if stands {
			continue
		}
		err = in.Ceph.RemoveSubvolumeSnapshot(ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: SubvolumeOf(h), Snapshot: snap})
		switch {
		case err == nil:
			removed++
		case !errors.Is(err, ceph.ErrAgain) && !errors.Is(err, ceph.ErrBusy):
			return removed, err
		}
	}
	return removed, nil
}

// standsFor says whether there is a snapshot, finished or not, for one in Ceph of a volume.
func standsFor(ctx context.Context, in session.Session, of handle.Handle, snap string) (bool, error) {
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(of.With(snap)))
	if err != nil {
		if errors.Is(err, ceph.ErrAgain) || errors.Is(err, ceph.ErrNotFound) {
			return false, nil // it is copied to, or gone
		}
		return false, err
	}
	base, err := baseOf(of.With(snap), metadata)
	return err == nil && base.SubvolumeRef == SubvolumeOf(of), nil
}

// TidySubvolume removes from what was kept of a volume that was deleted the snapshots that nothing needs any more, and with the
// last of them all of it. It returns how many.
func TidySubvolume(ctx context.Context, in session.Session, h handle.Handle) (int, error) {
	info, err := in.Ceph.Subvolume(ctx, SubvolumeOf(h))
	if err != nil || info.State != ceph.SubvolumeRetained || !handle.Named(h.Subvolume) {
		return 0, unless(unless(err, ceph.ErrNotFound), ceph.ErrAgain)
	}
	removed, err := removeLeftBases(ctx, in, h)
	if err != nil {
		return removed, err
	}
	// Ceph does so itself with the last snapshot, unless it was stopped meanwhile.
	return removed, unless(in.Ceph.RemoveSubvolume(ctx, SubvolumeOf(h)), ceph.ErrBusy)
}
