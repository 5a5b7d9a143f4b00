package sim

import (
	"cmp"
	"context"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// snapshot finds a snapshot that was not removed, nil if there is none.
func (i *image) snapshot(name string) *imageSnap {
	n := slices.IndexFunc(i.snaps, func(s *imageSnap) bool { return s.name == name && !s.trashed })
	if n < 0 {
		return nil
	}
	return i.snaps[n]
}

// CreateSnapshot implements ceph.Images.
func (k *Client) CreateSnapshot(ctx context.Context, ref ceph.SnapshotRef) error {
	return k.changeImage(ctx, "CreateSnapshot", "rbd snap create", ref.ImageRef, func(c *Cluster, img *image) error {
		if ref.Snapshot == "" {
			return refusal.New(ceph.EINVAL, "the snapshot has no name")
		}
		if img.snapshot(ref.Snapshot) != nil {
			return refusal.New(ceph.EEXIST, "")
		}
		if err := c.writable(img.pool); err != nil {
			return err
		}
		img.pool.images.lastSnap++
		img.snaps = append(img.snaps, &imageSnap{
			id: img.pool.images.lastSnap, name: ref.Snapshot, size: img.size, written: img.written, created: c.clock.now,
		})
		return nil
	})
}

// ListSnapshots implements ceph.Images.
func (k *Client) ListSnapshots(ctx context.Context, ref ceph.ImageRef) ([]ceph.ImageSnapshot, error) {
	return onImage(ctx, k, rbdRead("ListSnapshots", "rbd snap ls", ref.Pool), ref, func(_ *Cluster, img *image) ([]ceph.ImageSnapshot, error) {
		snaps := []ceph.ImageSnapshot{}
		for _, s := range img.snaps {
			if !s.trashed {
				snaps = append(snaps, ceph.ImageSnapshot{ID: s.id, Name: s.name, Size: s.size, Created: s.created})
			}
		}
		return snaps, nil
	})
}

// RemoveSnapshot implements ceph.Images.
func (k *Client) RemoveSnapshot(ctx context.Context, ref ceph.SnapshotRef) error {
	return k.changeImage(ctx, "RemoveSnapshot", "rbd snap rm", ref.ImageRef, func(c *Cluster, img *image) error {
		s := img.snapshot(ref.Snapshot)
		if s == nil {
			return refusal.New(ceph.ENOENT, "")
		}
		s.trashed = true
		c.dropSnap(img, s)
		return nil
	})
}

// dropSnap deletes a snapshot of the trash that no clone reads any more.
func (c *Cluster) dropSnap(img *image, s *imageSnap) {
	if !s.trashed || len(s.children) > 0 {
		return
	}
	img.snaps = slices.DeleteFunc(img.snaps, func(o *imageSnap) bool { return o == s })
	if len(img.snaps) == 0 {
		img.kept = 0
		c.setBlob(img.data, img.blob(), img.written)
	}
}

// CloneImage implements ceph.Images.
func (k *Client) CloneImage(ctx context.Context, parent ceph.SnapshotRef, child ceph.ImageSpec) error {
	return k.do(ctx, rbdWrite("CloneImage", "rbd clone", child.Pool), child.String(), func(c *Cluster) error {
		img, err := c.image(parent.ImageRef)
		if err != nil {
			return err
		}
		s := img.snapshot(parent.Snapshot)
		if s == nil || img.cutShort {
			return refusal.New(ceph.ENOENT, "")
		}
		child.Size = s.size
		clone, err := c.createImage(child)
		if err != nil {
			return err
		}
		clone.parent = &imageParent{image: img, snap: s, overlap: s.size}
		s.children = append(s.children, clone)
		return nil
	})
}

// FlattenImage implements ceph.Images.
func (k *Client) FlattenImage(ctx context.Context, ref ceph.ImageRef) error {
	return k.changeImage(ctx, "FlattenImage", "rbd flatten", ref, func(c *Cluster, img *image) error {
		if img.parent == nil {
			return nil
		}
		if err := c.writable(img.data); err != nil {
			return err
		}
		img.written = min(img.size, max(img.written, img.parent.snap.written))
		c.setBlob(img.data, img.blob(), img.written+img.kept)
		c.orphan(img)
		return nil
	})
}

// orphan cuts an image from its parent, whose snapshot goes if it was only kept for it.
func (c *Cluster) orphan(img *image) {
	if img.parent == nil {
		return
	}
	s := img.parent.snap
	s.children = slices.DeleteFunc(s.children, func(o *image) bool { return o == img })
	c.dropSnap(img.parent.image, s)
	img.parent = nil
}

// ImageChildren implements ceph.Images.
func (k *Client) ImageChildren(ctx context.Context, ref ceph.ImageRef) ([]ceph.ImageRef, error) {
	return onImage(ctx, k, rbdRead("ImageChildren", "rbd children", ref.Pool), ref, func(_ *Cluster, img *image) ([]ceph.ImageRef, error) {
		children := []ceph.ImageRef{}
		for _, s := range img.snaps {
			for _, child := range s.children {
				children = append(children, child.ref())
			}
		}
		slices.SortFunc(children, func(a, b ceph.ImageRef) int {
			return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Name, b.Name))
		})
		return children, nil
	})
}
