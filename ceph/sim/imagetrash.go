package sim

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// TrashImage implements ceph.Images.
func (k *Client) TrashImage(ctx context.Context, ref ceph.ImageRef, delay time.Duration) error {
	return k.changeImage(ctx, "TrashImage", "rbd trash mv", ref, func(c *Cluster, img *image) error {
		if len(img.watchers()) > 0 {
			return refusal.New(ceph.EBUSY, "image has watchers - not moving it to the trash")
		}
		img.trashed = trashed{at: c.clock.now, until: c.clock.now.Add(max(0, delay))}
		delete(img.pool.images.byName, img.name)
		img.pool.images.trash[img.id] = img
		return nil
	})
}

// ListTrash implements ceph.Images.
func (k *Client) ListTrash(ctx context.Context, pool string) ([]ceph.TrashEntry, error) {
	return ask(ctx, k, rbdRead("ListTrash", "rbd trash ls", pool), pool, func(c *Cluster) ([]ceph.TrashEntry, error) {
		p, err := c.imagePool(pool)
		if err != nil {
			return nil, err
		}
		entries := []ceph.TrashEntry{}
		for _, id := range slices.Sorted(maps.Keys(p.images.trash)) {
			img := p.images.trash[id]
			entries = append(entries, ceph.TrashEntry{ID: id, Name: img.name, Deleted: img.trashed.at, DeferredUntil: img.trashed.until})
		}
		return entries, nil
	})
}

// inTrash runs a call on an image of the trash.
func (k *Client) inTrash(ctx context.Context, method, op, pool, id string, act func(*Cluster, *image) error) error {
	return k.do(ctx, rbdWrite(method, op, pool), pool+"/"+id, func(c *Cluster) error {
		p, err := c.imagePool(pool)
		if err != nil {
			return err
		}
		img, ok := p.images.trash[id]
		if !ok {
			return refusal.New(ceph.ENOENT, "")
		}
		return act(c, img)
	})
}

// RestoreImage implements ceph.Images.
func (k *Client) RestoreImage(ctx context.Context, pool, id, name string) error {
	return k.inTrash(ctx, "RestoreImage", "rbd trash restore", pool, id, func(_ *Cluster, img *image) error {
		orDefault(&name, img.name)
		if _, ok := img.pool.images.byName[name]; ok {
			return refusal.New(ceph.EEXIST, "")
		}
		delete(img.pool.images.trash, id)
		img.name = name
		img.pool.images.byName[name] = img
		return nil
	})
}

// PurgeTrashed implements ceph.Images.
func (k *Client) PurgeTrashed(ctx context.Context, pool, id string) error {
	return k.inTrash(ctx, "PurgeTrashed", "rbd trash rm", pool, id, func(c *Cluster, img *image) error {
		if c.clock.now.Before(img.trashed.until) {
			return refusal.New(ceph.EPERM, "deferment time has not expired")
		}
		if err := img.removable(); err != nil {
			return err
		}
		delete(img.pool.images.trash, id)
		c.erase(img)
		return nil
	})
}

// InspectImageByID implements ceph.Images.
func (k *Client) InspectImageByID(ctx context.Context, pool, id string) (ceph.ImageDetail, error) {
	return ask(ctx, k, rbdRead("InspectImageByID", "rbd info", pool), pool+"/"+id, func(c *Cluster) (ceph.ImageDetail, error) {
		p, err := c.imagePool(pool)
		if err != nil {
			return ceph.ImageDetail{}, err
		}
		img, err := p.images.byID(id)
		if err != nil {
			return ceph.ImageDetail{}, err
		}
		detail := ceph.ImageDetail{Image: img.export(), Metadata: maps.Clone(img.metadata)}
		detail.Name = ""
		return detail, nil
	})
}
