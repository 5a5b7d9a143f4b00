package audit

import (
	"context"
	"errors"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/controller"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// images is the store of block volumes.
type images struct{}

func (images) places(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	return controller.ImagePools(ctx, in)
}

func (images) names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error) {
	return in.Ceph.ListImages(ctx, place.Pool)
}

// sweep purges parents in the trash that nothing reads any more.
func (images) sweep(ctx context.Context, in session.Session, place handle.Handle, _ []string) (int, error) {
	return controller.Sweep(ctx, in.Ceph, place.Pool)
}

func (images) look(ctx context.Context, in session.Session, h handle.Handle) Image {
	image := Image{Handle: h, Looked: true, Bytes: -1}
	ref := ceph.ImageRef{Pool: h.Pool, Name: h.Image}
	detail, err := in.Ceph.InspectImage(ctx, ref)
	if err != nil {
		return unopened(ctx, in, image, err)
	}
	record, none := volume.Of(h.Image, detail.Metadata)
	image.Recorded, image.Claim = !errors.Is(none, volume.ErrNone), record.Claim
	image.Clone, image.Begun = detail.ParentID != "", detail.Metadata[ceph.ImageKeyOrigin] != "" || cutShort(detail, h)
	image.Deleting = detail.Metadata[ceph.ImageKeyDeleting] != ""
	used, err1 := in.Ceph.ImageUsage(ctx, ref)
	watchers, err2 := in.Ceph.ImageWatchers(ctx, ref)
	snaps, err3 := in.Ceph.ListSnapshots(ctx, ref)
	children, err4 := in.Ceph.ImageChildren(ctx, ref)
	if errors.Join(err1, err2, err3, err4) != nil {
		return image
	}
	image.Bytes, image.Users, image.Children = used, len(watchers), len(children)
	for _, snap := range snaps {
		if !handle.Named(snap.Name) {
			image.Snapshots++
		}
	}
	return image
}

// cutShort tells a clone that was not marked yet: what it is made of has its name, until it is complete.
func cutShort(clone ceph.ImageDetail, h handle.Handle) bool {
	return clone.Parent != nil && clone.Parent.Snapshot == h.Image
}

// unopened is an image that cannot be opened: there is none, or it is a volume and what it reads from is gone.
func unopened(ctx context.Context, in session.Session, image Image, why error) Image {
	image.Looked = false
	if !errors.Is(why, ceph.ErrNotFound) {
		return image
	}
	recorded, err := controller.Recorded(ctx, in.Ceph, ceph.ImageRef{Pool: image.Handle.Pool, Name: image.Handle.Image})
	image.Looked, image.Recorded, image.Headless = err == nil, recorded, err == nil && !recorded
	return image
}

func (images) remove(ctx context.Context, in session.Session, h handle.Handle) error {
	ref := ceph.ImageRef{Pool: h.Pool, Name: h.Image}
	detail, err := in.Ceph.InspectImage(ctx, ref)
	switch {
	case errors.Is(err, ceph.ErrNotFound):
		err = in.Ceph.RemoveImage(ctx, ref)
	case err == nil:
		err = controller.Remove(ctx, in.Ceph, detail)
	}
	if err != nil && !errors.Is(err, ceph.ErrNotFound) {
		return err
	}
	return removeBase(ctx, in.Ceph, detail, h)
}

// removeBase removes the snapshot that a clone was being made of.
func removeBase(ctx context.Context, images ceph.Images, clone ceph.ImageDetail, h handle.Handle) error {
	if !cutShort(clone, h) {
		return nil
	}
	err := images.RemoveSnapshot(ctx, *clone.Parent)
	if errors.Is(err, ceph.ErrNotFound) {
		return nil
	}
	return err
}
