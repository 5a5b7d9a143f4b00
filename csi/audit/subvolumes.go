package audit

import (
	"context"
	"errors"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// subvolumes is the store of file volumes.
type subvolumes struct{}

func (subvolumes) places(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	return controller.SubvolumeGroups(ctx, in)
}

func (subvolumes) names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error) {
	names, err := in.Ceph.ListSubvolumes(ctx, controller.SubvolumeOf(place).GroupRef)
	if errors.Is(err, ceph.ErrNotFound) {
		return nil, nil
	}
	return names, err
}

// sweep has nothing to do: what was kept of a volume that was deleted is looked at with what Kubernetes does not know.
func (subvolumes) sweep(context.Context, session.Session, handle.Handle, []string) (int, error) {
	return 0, nil
}

// look leaves alone what is no leak: a copy under way, what is kept of a volume for its snapshots, which is tidied by the way,
// and a snapshot that was deleted and that volumes show.
func (s subvolumes) look(ctx context.Context, in session.Session, h handle.Handle) Image {
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, controller.SubvolumeOf(h))
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		_, _ = controller.TidySubvolume(ctx, in, h) // if not now, then in the next pass
		return Image{Handle: h}
	case errors.Is(err, ceph.ErrAgain):
		return s.lookAtCopy(ctx, in, h)
	case err != nil:
		return Image{Handle: h}
	}
	image := Image{Handle: h, Looked: true, Bytes: -1}
	record, none := volume.Of(h.Subvolume, metadata)
	image.Recorded, image.Claim = none == nil || !errors.Is(none, volume.ErrNone), record.Claim
	image.Begun, image.Users = metadata[ceph.ImageKeyOrigin] != "" || ours(ctx, in, h), len(ceph.ImageAttached(metadata))
	image.Deleting = metadata[ceph.ImageKeyDeleting] != ""
	if image.Deleting && controller.Shown(metadata) {
		return Image{Handle: h}
	}
	image.Clone = record.Source != "" // also what stands for a snapshot, or shows one: it is empty, and what it stands for is not
	return s.lookInside(ctx, in, image)
}

// lookInside reads what a subvolume holds. A copy without a record was given to nobody, and holds what its source does.
func (subvolumes) lookInside(ctx context.Context, in session.Session, image Image) Image {
	info, err := in.Ceph.Subvolume(ctx, controller.SubvolumeOf(image.Handle))
	if err != nil {
		return image
	}
	snaps, err := in.Ceph.ListSubvolumeSnapshots(ctx, controller.SubvolumeOf(image.Handle))
	if err != nil {
		return image
	}
	image.Bytes = info.Used
	if _, err := in.Ceph.CloneStatus(ctx, controller.SubvolumeOf(image.Handle)); err == nil && !image.Recorded {
		image.Clone, image.Bytes = true, 0
	}
	for _, snap := range snaps {
		if image.Recorded || !handle.Named(snap) {
			image.Snapshots++
		}
	}
	return image
}

// lookAtCopy looks at a subvolume that is copied to. One that nobody asks for any more goes when it has failed.
func (subvolumes) lookAtCopy(ctx context.Context, in session.Session, h handle.Handle) Image {
	status, err := in.Ceph.CloneStatus(ctx, controller.SubvolumeOf(h))
	if err != nil || status.State != ceph.CloneFailed && status.State != ceph.CloneCanceled {
		return Image{Handle: h}
	}
	return Image{Handle: h, Looked: true, Clone: true, Begun: ours(ctx, in, h)}
}

// ours says whether a StorageFilesystem made the filesystem, as the operator notes on its pools.
func ours(ctx context.Context, in session.Session, h handle.Handle) bool {
	all, err := in.Ceph.Filesystems(ctx)
	if err != nil {
		return false
	}
	pools, err := in.Ceph.Pools(ctx)
	if err != nil {
		return false
	}
	at := slices.IndexFunc(all, func(fs ceph.Filesystem) bool { return fs.Name == h.Filesystem })
	return at >= 0 && slices.ContainsFunc(pools, func(p ceph.Pool) bool {
		return p.ID == all[at].MetadataPool && controller.OwnedPool(p)
	})
}

func (subvolumes) remove(ctx context.Context, in session.Session, h handle.Handle) error {
	return controller.RemoveSubvolume(ctx, in, h)
}
