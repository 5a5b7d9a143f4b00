package sim

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// imageState is what RBD keeps in one pool.
type imageState struct {
	byName   map[string]*image
	trash    map[string]*image // by id
	lastSnap uint64
}

func newImageState() imageState {
	return imageState{byName: map[string]*image{}, trash: map[string]*image{}}
}

// byID finds an image whether it is in the trash or not.
func (s imageState) byID(id string) (*image, error) {
	for _, img := range s.byName {
		if img.id == id {
			return img, nil
		}
	}
	if img := s.trash[id]; img != nil {
		return img, nil
	}
	return nil, refusal.New(ceph.ENOENT, "")
}

type image struct {
	pool     *pool
	data     *pool // where the data lies: pool, or another
	id       string
	name     string
	size     int64
	written  int64 // bytes of the image as it is now
	kept     int64 // bytes that only snapshots still read
	created  time.Time
	parent   *imageParent
	snaps    []*imageSnap // by id
	metadata map[string]string
	handles  []*ImageHandle // that have it open
	lock     *locker
	trashed  trashed
	cutShort bool // it has no object map
}

type imageParent struct {
	image   *image
	snap    *imageSnap
	overlap int64
}

type imageSnap struct {
	id       uint64
	name     string
	size     int64
	written  int64
	created  time.Time
	trashed  bool // removed, and kept for its clones
	children []*image
}

type trashed struct{ at, until time.Time }

// imageFeatures are librbd's defaults.
var imageFeatures = []string{"deep-flatten", "exclusive-lock", "fast-diff", "layering", "object-map"}

func (i *image) ref() ceph.ImageRef { return ceph.ImageRef{Pool: i.pool.name, Name: i.name} }
func (i *image) blob() string       { return "rbd_data." + i.id }

// image finds an image that is not in the trash.
func (c *Cluster) image(ref ceph.ImageRef) (*image, error) {
	p, err := c.imagePool(ref.Pool)
	if err != nil {
		return nil, err
	}
	img, ok := p.images.byName[ref.Name]
	if !ok {
		return nil, refusal.New(ceph.ENOENT, "")
	}
	return img, nil
}

// imagePool finds a pool whose PGs answer: librbd waits for them otherwise.
func (c *Cluster) imagePool(name string) (*pool, error) {
	p, err := c.pool(name)
	if err != nil {
		return nil, err
	}
	c.settle()
	if slices.ContainsFunc(p.pgs, func(g *pg) bool { return !g.serving() }) {
		return nil, &ceph.Error{Kind: ceph.ErrTimeout, Text: "a PG of the pool is inactive"}
	}
	return p, nil
}

// onImage runs a call on an image that exists.
func onImage[T any](ctx context.Context, k *Client, cl call, ref ceph.ImageRef, act func(*Cluster, *image) (T, error)) (T, error) {
	return ask(ctx, k, cl, ref.String(), func(c *Cluster) (T, error) {
		img, err := c.image(ref)
		if err != nil {
			var zero T
			return zero, err
		}
		return act(c, img)
	})
}

// changeImage runs a call that changes an image.
func (k *Client) changeImage(ctx context.Context, method, op string, ref ceph.ImageRef, act func(*Cluster, *image) error) error {
	_, err := onImage(ctx, k, rbdWrite(method, op, ref.Pool), ref, func(c *Cluster, img *image) (struct{}, error) {
		return struct{}{}, act(c, img)
	})
	return err
}

// InitImagePool implements ceph.Images.
func (k *Client) InitImagePool(ctx context.Context, name string) error {
	return k.do(ctx, rbdWrite("InitImagePool", "rbd pool init", name), name, func(c *Cluster) error {
		p, err := c.imagePool(name)
		if err != nil {
			return err
		}
		p.apps["rbd"] = true
		p.flags["selfmanaged_snaps"] = true
		return nil
	})
}

// CreateImage implements ceph.Images.
func (k *Client) CreateImage(ctx context.Context, spec ceph.ImageSpec) error {
	return k.do(ctx, rbdWrite("CreateImage", "rbd create", spec.Pool), spec.String(), func(c *Cluster) error {
		if spec.Size < 0 {
			return refusal.New(ceph.EINVAL, "the size %d is negative", spec.Size)
		}
		_, err := c.createImage(spec)
		return err
	})
}

func (c *Cluster) createImage(spec ceph.ImageSpec) (*image, error) {
	p, err := c.imagePool(spec.Pool)
	if err != nil {
		return nil, err
	}
	data, err := c.dataPool(p, spec.DataPool)
	if err != nil {
		return nil, err
	}
	if spec.Name == "" || strings.ContainsAny(spec.Name, "/@") {
		return nil, refusal.New(ceph.EINVAL, "invalid image name '%s'", spec.Name)
	}
	if _, ok := p.images.byName[spec.Name]; ok {
		return nil, refusal.New(ceph.EEXIST, "")
	}
	if err := c.writable(p); err != nil {
		return nil, err
	}
	img := &image{
		pool: p, data: data, id: c.chance.hex("image", 12), name: spec.Name, size: spec.Size,
		created: c.clock.now, metadata: map[string]string{},
	}
	maps.Copy(img.metadata, spec.Metadata)
	p.images.byName[spec.Name] = img
	p.flags["selfmanaged_snaps"] = true
	return img, nil
}

// dataPool finds where an image's data goes. An erasure-coded pool must allow overwrites.
func (c *Cluster) dataPool(p *pool, name string) (*pool, error) {
	data := p
	if name != "" {
		var err error
		if data, err = c.imagePool(name); err != nil {
			return nil, err
		}
	}
	if data.kind == ceph.Erasure && !data.flags["ec_overwrites"] {
		return nil, refusal.New(ceph.EINVAL, "pool '%s' does not allow overwrites", data.name)
	}
	return data, nil
}

// Image implements ceph.Images.
func (k *Client) Image(ctx context.Context, ref ceph.ImageRef) (ceph.Image, error) {
	return onImage(ctx, k, rbdRead("Image", "rbd info", ref.Pool), ref, func(_ *Cluster, img *image) (ceph.Image, error) {
		return img.export(), nil
	})
}

func (i *image) export() ceph.Image {
	out := ceph.Image{
		ImageRef: i.ref(), ID: i.id, Size: i.size, ObjectSize: objectSize, Features: slices.Clone(imageFeatures), Created: i.created,
	}
	if i.data != i.pool {
		out.DataPool = i.data.name
		out.Features = append(out.Features, "data-pool")
		slices.Sort(out.Features)
	}
	if i.parent != nil {
		out.Parent = &ceph.SnapshotRef{ImageRef: i.parent.image.ref(), Snapshot: i.parent.snap.name}
		out.Overlap, out.ParentID = i.parent.overlap, i.parent.image.id
	}
	return out
}

// InspectImage implements ceph.Images.
func (k *Client) InspectImage(ctx context.Context, ref ceph.ImageRef) (ceph.ImageDetail, error) {
	return onImage(ctx, k, rbdRead("InspectImage", "rbd info", ref.Pool), ref, func(_ *Cluster, img *image) (ceph.ImageDetail, error) {
		return ceph.ImageDetail{Image: img.export(), Metadata: maps.Clone(img.metadata)}, nil
	})
}

// ImageUsage implements ceph.Images.
func (k *Client) ImageUsage(ctx context.Context, ref ceph.ImageRef) (int64, error) {
	return onImage(ctx, k, rbdRead("ImageUsage", "rbd du", ref.Pool), ref, func(_ *Cluster, img *image) (int64, error) {
		return objects(img.written) * objectSize, nil
	})
}

// ImageComplete implements ceph.Images.
func (k *Client) ImageComplete(ctx context.Context, ref ceph.ImageRef) (bool, error) {
	return onImage(ctx, k, rbdRead("ImageComplete", "rbd info", ref.Pool), ref, func(_ *Cluster, img *image) (bool, error) {
		return !img.cutShort, nil
	})
}

// CutShort leaves an image as librbd does when it is killed after it wrote the
// header and before it wrote the object map.
func (c *Cluster) CutShort(ref ceph.ImageRef) error {
	defer c.enter()()
	img, err := c.image(ref)
	if err != nil {
		return err
	}
	img.cutShort = true
	return nil
}

// ListImages implements ceph.Images.
func (k *Client) ListImages(ctx context.Context, pool string) ([]string, error) {
	return ask(ctx, k, rbdRead("ListImages", "rbd ls", pool), pool, func(c *Cluster) ([]string, error) {
		p, err := c.imagePool(pool)
		if err != nil {
			return nil, err
		}
		return slices.Sorted(maps.Keys(p.images.byName)), nil
	})
}

// ListImageNamespaces implements ceph.Images. The simulator has no namespaces.
func (k *Client) ListImageNamespaces(ctx context.Context, pool string) ([]string, error) {
	return ask(ctx, k, rbdRead("ListImageNamespaces", "rbd namespace ls", pool), pool, func(c *Cluster) ([]string, error) {
		_, err := c.imagePool(pool)
		return nil, err
	})
}

// ResizeImage implements ceph.Images.
func (k *Client) ResizeImage(ctx context.Context, ref ceph.ImageRef, size int64) error {
	return k.changeImage(ctx, "ResizeImage", "rbd resize", ref, func(_ *Cluster, img *image) error {
		if size < img.size {
			return refusal.New(ceph.EINVAL, "the image has %d bytes: shrinking it to %d would cut data off", img.size, size)
		}
		img.size = size
		return nil
	})
}

// RemoveImage implements ceph.Images.
func (k *Client) RemoveImage(ctx context.Context, ref ceph.ImageRef) error {
	return k.changeImage(ctx, "RemoveImage", "rbd rm", ref, func(c *Cluster, img *image) error {
		if err := img.removable(); err != nil {
			return err
		}
		delete(img.pool.images.byName, img.name)
		c.erase(img)
		return nil
	})
}

// removable tells what keeps an image. Snapshots in the trash go with it,
// unless a clone still reads them.
func (i *image) removable() error {
	if len(i.watchers()) > 0 {
		return refusal.New(ceph.EBUSY, "image has watchers - not removing")
	}
	for _, s := range i.snaps {
		if !s.trashed {
			return refusal.New(ceph.ENOTEMPTY, "image has snapshots - not removing")
		}
		if len(s.children) > 0 {
			return refusal.New(ceph.EBUSY, "snapshot '%s' has clones - not removing", s.name)
		}
	}
	return nil
}

func (c *Cluster) erase(img *image) {
	c.orphan(img)
	c.setBlob(img.data, img.blob(), 0)
}

// ImageMetadata implements ceph.Images.
func (k *Client) ImageMetadata(ctx context.Context, ref ceph.ImageRef) (map[string]string, error) {
	return onImage(ctx, k, rbdRead("ImageMetadata", "rbd image-meta ls", ref.Pool), ref, func(_ *Cluster, img *image) (map[string]string, error) {
		return maps.Clone(img.metadata), nil
	})
}

// HeaderMetadata implements ceph.Images.
func (k *Client) HeaderMetadata(ctx context.Context, pool, id string) (map[string]string, error) {
	return ask(ctx, k, rbdRead("HeaderMetadata", "rbd image-meta ls", pool), pool+"/"+id, func(c *Cluster) (map[string]string, error) {
		p, err := c.imagePool(pool)
		if err != nil {
			return nil, err
		}
		img, err := p.images.byID(id)
		if err != nil {
			return nil, err
		}
		return maps.Clone(img.metadata), nil
	})
}

// ListedID implements ceph.Images.
func (k *Client) ListedID(ctx context.Context, ref ceph.ImageRef) (string, error) {
	return onImage(ctx, k, rbdRead("ListedID", "rbd ls", ref.Pool), ref, func(_ *Cluster, img *image) (string, error) { return img.id, nil })
}

// SetImageMetadata implements ceph.Images.
func (k *Client) SetImageMetadata(ctx context.Context, ref ceph.ImageRef, key, value string) error {
	return k.changeImage(ctx, "SetImageMetadata", "rbd image-meta set", ref, func(_ *Cluster, img *image) error {
		img.metadata[key] = value
		return nil
	})
}

// RemoveImageMetadata implements ceph.Images.
func (k *Client) RemoveImageMetadata(ctx context.Context, ref ceph.ImageRef, key string) error {
	return k.changeImage(ctx, "RemoveImageMetadata", "rbd image-meta remove", ref, func(_ *Cluster, img *image) error {
		delete(img.metadata, key)
		return nil
	})
}
