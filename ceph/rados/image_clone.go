//go:build cgo

package rados

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// cloneFormat makes clones of version 2 whatever the cluster's
// require-min-compat-client: their parents' snapshots need no protection.
const cloneFormat = 2

// CloneImage makes a copy-on-write child of a snapshot; see ceph.Images. librbd
// copies the parent's metadata to the child. It is taken away again together
// with writing the child's own, so that a child has what spec says and no more;
// a clone cut short before that has its parent's.
func (c *Client) CloneImage(ctx context.Context, parent ceph.SnapshotRef, child ceph.ImageSpec) error {
	s := subject{"rbd clone", child.String()}
	if err := s.checkName(parent.ImageRef); err != nil {
		return err
	}
	if err := s.checkName(child.ImageRef); err != nil {
		return err
	}
	_, err := withPool(ctx, c, s, child.Pool, func(n *connection, to *goceph.IOContext) (struct{}, error) {
		if err := clone(n, to, parent, child); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, replaceMetadata(to, child.Name, child.Metadata)
	})
	return err
}

func clone(n *connection, to *goceph.IOContext, parent ceph.SnapshotRef, child ceph.ImageSpec) error {
	from, err := n.rados.OpenIOContext(parent.Pool)
	if err != nil {
		return missing(err, "pool "+parent.Pool+" does not exist")
	}
	defer from.Destroy()
	opts, err := imageOptions(child)
	if err != nil {
		return err
	}
	defer opts.Destroy()
	if err := opts.SetUint64(rbd.ImageOptionCloneFormat, cloneFormat); err != nil {
		return err
	}
	err = rbd.CloneImage(from, parent.Name, parent.Snapshot, to, child.Name, opts)
	return missing(err, "snapshot "+parent.String()+" does not exist, or the data pool asked for")
}

// FlattenImage cuts the tie to the parent; see ceph.Images.
func (c *Client) FlattenImage(ctx context.Context, ref ceph.ImageRef) error {
	s := subject{"rbd flatten", ref.String()}
	return writeImage(ctx, c, s, ref, func(img *rbd.Image) error {
		parent, err := parentOf(img)
		if err != nil || parent == nil {
			return err
		}
		return img.Flatten()
	})
}

// maxChildren is how many go-ceph reads of one image.
const maxChildren = 4096

// ImageChildren lists the clones of an image; see ceph.Images.
func (c *Client) ImageChildren(ctx context.Context, ref ceph.ImageRef) ([]ceph.ImageRef, error) {
	s := subject{"rbd children", ref.String()}
	return readImage(ctx, c, s, ref, func(_ *connection, img *rbd.Image) ([]ceph.ImageRef, error) {
		specs, err := img.ListChildrenAttributes()
		if librados.Errno(err) == ceph.ERANGE {
			return nil, refusal{0, fmt.Sprintf("the image has more than %d clones", maxChildren)}
		}
		children := make([]ceph.ImageRef, 0, len(specs))
		for _, spec := range specs {
			children = append(children, ceph.ImageRef{Pool: spec.PoolName, Name: spec.ImageName})
		}
		slices.SortFunc(children, compareImages)
		return children, err
	})
}

func compareImages(a, b ceph.ImageRef) int {
	return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Name, b.Name))
}

// CreateSnapshot snapshots an image; see ceph.Images.
func (c *Client) CreateSnapshot(ctx context.Context, ref ceph.SnapshotRef) error {
	s := subject{"rbd snap create", ref.String()}
	return writeImage(ctx, c, s, ref.ImageRef, func(img *rbd.Image) error {
		_, err := img.CreateSnapshot(ref.Snapshot)
		return err
	})
}

// ListSnapshots lists the user's snapshots of an image; see ceph.Images.
func (c *Client) ListSnapshots(ctx context.Context, ref ceph.ImageRef) ([]ceph.ImageSnapshot, error) {
	s := subject{"rbd snap ls", ref.String()}
	return readImage(ctx, c, s, ref, func(_ *connection, img *rbd.Image) ([]ceph.ImageSnapshot, error) {
		return userSnapshots(img)
	})
}

func userSnapshots(img *rbd.Image) ([]ceph.ImageSnapshot, error) {
	all, err := img.GetSnapshotNames()
	if err != nil {
		return nil, err
	}
	users := make([]ceph.ImageSnapshot, 0, len(all))
	for _, snap := range all {
		space, err := img.GetSnapNamespaceType(snap.Id)
		switch {
		case librados.Errno(err) == ceph.ENOENT: // removed meanwhile
		case err != nil:
			return nil, err
		case space == rbd.SnapNamespaceTypeUser:
			created, err := img.GetSnapTimestamp(snap.Id)
			if err != nil {
				return nil, err
			}
			users = append(users, ceph.ImageSnapshot{
				ID: snap.Id, Name: snap.Name, Size: int64(snap.Size), Created: time.Unix(created.Sec, created.Nsec),
			})
		}
	}
	slices.SortFunc(users, func(a, b ceph.ImageSnapshot) int { return cmp.Compare(a.ID, b.ID) })
	return users, nil
}

// RemoveSnapshot removes a snapshot; see ceph.Images.
func (c *Client) RemoveSnapshot(ctx context.Context, ref ceph.SnapshotRef) error {
	s := subject{"rbd snap rm", ref.String()}
	return writeImage(ctx, c, s, ref.ImageRef, func(img *rbd.Image) error {
		err := img.GetSnapshot(ref.Snapshot).Remove()
		return missing(err, "image "+ref.ImageRef.String()+" has no snapshot "+ref.Snapshot)
	})
}
