//go:build cgo

package rados

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

var _ ceph.Images = (*Client)(nil)

// imageFeatures are those of every image: Ceph's own default. The exclusive lock
// fences a second writer. The object map costs a write per new object, and makes
// removing, flattening and measuring a thin image cost what it holds, not its
// size. Deep-flatten lets a clone with snapshots part from its parent.
const imageFeatures = rbd.FeatureLayering | rbd.FeatureExclusiveLock | rbd.FeatureObjectMap |
	rbd.FeatureFastDiff | rbd.FeatureDeepFlatten

// InitImagePool readies a pool for images; see ceph.Images.
func (c *Client) InitImagePool(ctx context.Context, pool string) error {
	s := subject{"rbd pool init", pool}
	return inPool(ctx, c, s, pool, func(io *goceph.IOContext) error { return rbd.PoolInit(io, false) })
}

// CreateImage makes an empty image; see ceph.Images.
func (c *Client) CreateImage(ctx context.Context, spec ceph.ImageSpec) error {
	s := subject{"rbd create", spec.String()}
	if err := s.checkSize(spec.Size); err != nil {
		return err
	}
	return atImage(ctx, c, s, spec.ImageRef, func(io *goceph.IOContext) error {
		opts, err := imageOptions(spec)
		if err != nil {
			return err
		}
		defer opts.Destroy()
		if err := rbd.CreateImage(io, spec.Name, uint64(spec.Size), opts); err != nil {
			return missing(err, "data pool "+spec.DataPool+" does not exist")
		}
		return changeMetadata(io, spec.Name, nil, spec.Metadata)
	})
}

// imageOptions are those of a new image or clone. They must be destroyed.
func imageOptions(spec ceph.ImageSpec) (*rbd.ImageOptions, error) {
	opts := rbd.NewRbdImageOptions()
	err := errors.Join(
		opts.SetUint64(rbd.ImageOptionFormat, 2),
		opts.SetUint64(rbd.ImageOptionFeatures, imageFeatures))
	if spec.DataPool != "" {
		err = errors.Join(err, opts.SetString(rbd.ImageOptionDataPool, spec.DataPool))
	}
	if err != nil {
		opts.Destroy()
		return nil, err
	}
	return opts, nil
}

// Image reads an image's header; see ceph.Images.
func (c *Client) Image(ctx context.Context, ref ceph.ImageRef) (ceph.Image, error) {
	s := subject{"rbd info", ref.String()}
	return readImage(ctx, c, s, ref, func(n *connection, img *rbd.Image) (ceph.Image, error) {
		return describe(n, img, ref)
	})
}

// InspectImage reads header and metadata with one opening; see ceph.Images.
func (c *Client) InspectImage(ctx context.Context, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	return readImage(ctx, c, subject{"rbd info", ref.String()}, ref, func(n *connection, img *rbd.Image) (ceph.ImageDetail, error) {
		return inspect(n, img, ref)
	})
}

// InspectImageByID also finds an image that is in the trash; see ceph.Images.
func (c *Client) InspectImageByID(ctx context.Context, pool, id string) (ceph.ImageDetail, error) {
	s := subject{"rbd info", pool + "/" + id}
	return withPool(ctx, c, s, pool, func(n *connection, io *goceph.IOContext) (ceph.ImageDetail, error) {
		img, err := rbd.OpenImageByIdReadOnly(io, id, rbd.NoSnapshot)
		return whileOpen(img, missing(err, "pool "+pool+" has no image with id "+id), func() (ceph.ImageDetail, error) {
			return inspect(n, img, ceph.ImageRef{Pool: pool})
		})
	})
}

func inspect(n *connection, img *rbd.Image, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	header, err := describe(n, img, ref)
	if err != nil {
		return ceph.ImageDetail{}, err
	}
	metadata, err := img.ListMetadata()
	return ceph.ImageDetail{Image: header, Metadata: metadata}, err
}

func describe(n *connection, img *rbd.Image, ref ceph.ImageRef) (ceph.Image, error) {
	d := ceph.Image{ImageRef: ref}
	for _, read := range []func(*connection, *rbd.Image, *ceph.Image) error{readSizes, readFeatures, readParent, readOrigin} {
		if err := read(n, img, &d); err != nil {
			return ceph.Image{}, err
		}
	}
	return d, nil
}

func readSizes(_ *connection, img *rbd.Image, d *ceph.Image) error {
	stat, err := img.Stat()
	if err != nil {
		return err
	}
	d.Size, d.ObjectSize = int64(stat.Size), int64(stat.Obj_size)
	return nil
}

// readFeatures also finds the data pool: librbd names the image's own pool when there is none.
func readFeatures(n *connection, img *rbd.Image, d *ceph.Image) error {
	bits, err := img.GetFeatures()
	if err != nil {
		return err
	}
	// "operations" says that the image has or had clones: a mark, no feature.
	set := rbd.FeatureSet(bits &^ rbd.FeatureOperations)
	d.Features = set.Names()
	slices.Sort(d.Features)
	if bits&rbd.FeatureDataPool == 0 {
		return nil
	}
	id, err := img.GetDataPoolID()
	if err != nil {
		return err
	}
	d.DataPool, err = n.rados.GetPoolByID(id)
	return err
}

func readParent(_ *connection, img *rbd.Image, d *ceph.Image) error {
	parent, err := parentOf(img)
	if err != nil || parent == nil {
		return err
	}
	overlap, err := img.GetOverlap()
	if err != nil {
		return err
	}
	d.Overlap, d.ParentID = int64(overlap), parent.Image.ImageID
	d.Parent = &ceph.SnapshotRef{
		ImageRef: ceph.ImageRef{Pool: parent.Image.PoolName, Name: parent.Image.ImageName},
		Snapshot: parent.Snap.SnapName,
	}
	return nil
}

// parentOf returns nil if the image has no parent.
func parentOf(img *rbd.Image) (*rbd.ParentInfo, error) {
	parent, err := img.GetParent()
	if librados.Errno(err) == ceph.ENOENT {
		return nil, nil
	}
	return parent, err
}

func readOrigin(_ *connection, img *rbd.Image, d *ceph.Image) error {
	id, err := img.GetId()
	if err != nil {
		return err
	}
	created, err := img.GetCreateTimestamp()
	if err != nil {
		return err
	}
	d.ID, d.Created = id, time.Unix(created.Sec, created.Nsec)
	return nil
}

// ListImages lists the names in a pool; see ceph.Images.
func (c *Client) ListImages(ctx context.Context, pool string) ([]string, error) {
	return withPool(ctx, c, subject{"rbd ls", pool}, pool, func(_ *connection, io *goceph.IOContext) ([]string, error) {
		names, err := rbd.GetImageNames(io)
		slices.Sort(names)
		return names, err
	})
}

// ListImageNamespaces lists the namespaces of a pool; see ceph.Images.
func (c *Client) ListImageNamespaces(ctx context.Context, pool string) ([]string, error) {
	return withPool(ctx, c, subject{"rbd namespace ls", pool}, pool, func(_ *connection, io *goceph.IOContext) ([]string, error) {
		names, err := rbd.NamespaceList(io)
		slices.Sort(names)
		return names, err
	})
}

// ResizeImage grows an image; see ceph.Images.
func (c *Client) ResizeImage(ctx context.Context, ref ceph.ImageRef, size int64) error {
	s := subject{"rbd resize", ref.String()}
	if err := s.checkSize(size); err != nil {
		return err
	}
	return writeImage(ctx, c, s, ref, func(img *rbd.Image) error {
		now, err := img.GetSize()
		switch {
		case err != nil || uint64(size) == now:
			return err
		case uint64(size) < now:
			return refusal{ceph.EINVAL, fmt.Sprintf("shrinking from %d to %d bytes would cut data off", now, size)}
		}
		return img.Resize2(uint64(size), false, func(_, _ uint64, _ any) int { return 0 }, nil)
	})
}

// RemoveImage removes an image without snapshots; see ceph.Images.
func (c *Client) RemoveImage(ctx context.Context, ref ceph.ImageRef) error {
	s := subject{"rbd rm", ref.String()}
	// librbd asks whoever watches for the lock, and waits without end where that
	// one does not answer, as with a lock that was taken by hand.
	if watchers, err := c.ImageWatchers(ctx, ref); err == nil && len(watchers) > 0 {
		return &ceph.Error{Op: s.op, Target: s.target, Kind: ceph.ErrBusy, Errno: ceph.EBUSY,
			Text: fmt.Sprintf("%s: %s at %s has the image open", words(ceph.EBUSY), watchers[0].Client, watchers[0].Addr)}
	}
	return atImage(ctx, c, s, ref, func(io *goceph.IOContext) error {
		return inUse(rbd.RemoveImage(io, ref.Name))
	})
}

// inUse adds the likely reasons to librbd's two errnos for an image that is in use.
func inUse(err error) error {
	switch n := librados.Errno(err); n {
	case ceph.EBUSY:
		return refusal{n, words(n) + ": a client has the image open, or a clone still reads from it"}
	case ceph.ENOTEMPTY:
		return refusal{n, words(n) + ": the image has snapshots, perhaps in its snapshot trash, held by clones"}
	}
	return err
}

func (s subject) checkSize(size int64) error {
	if size >= 0 {
		return nil
	}
	return &ceph.Error{Op: s.op, Target: s.target, Kind: ceph.ErrInvalid, Text: fmt.Sprintf("size %d is negative", size)}
}

// checkName refuses what librbd's own tools would take for another kind of name.
func (s subject) checkName(ref ceph.ImageRef) error {
	if ref.Name != "" && !strings.ContainsAny(ref.Name, "/@\x00") {
		return nil
	}
	return &ceph.Error{Op: s.op, Target: s.target, Kind: ceph.ErrInvalid,
		Text: "an image's name is not empty and holds no slash and no at sign"}
}
