package sim

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// ImageHandle is an image that a client other than ceph.Client has open, such
// as a node that maps it.
type ImageHandle struct {
	cluster *Cluster
	image   *image
	client  string
	addr    string
	cookie  uint64
	open    bool
}

// locker holds an image's exclusive lock. It outlives a client that crashed.
type locker struct {
	handle *ImageHandle
	cookie string
}

// watchTimeout is how long the watch of a dead client is still seen.
const watchTimeout = 30 * time.Second

// OpenImage opens an image as a client on the host with the IP address.
func (c *Cluster) OpenImage(ref ceph.ImageRef, ip string) (*ImageHandle, error) {
	defer c.enter()()
	img, err := c.image(ref)
	if err != nil {
		return nil, err
	}
	c.clients++
	h := &ImageHandle{
		cluster: c, image: img, client: fmt.Sprintf("client.%d", c.clients), addr: c.clientAddr(ip),
		cookie: c.chance.draw("cookie") >> 16, open: true,
	}
	img.handles = append(img.handles, h)
	return h, nil
}

// Addr is the address that AddBlocklist fences.
func (h *ImageHandle) Addr() string { return h.addr }

// Client is the client's global id.
func (h *ImageHandle) Client() string { return h.client }

// Lock takes the exclusive lock. One of a client that is dead or fenced is broken.
func (h *ImageHandle) Lock() error {
	defer h.cluster.enter()()
	if err := h.usable(); err != nil {
		return err
	}
	held := h.image.lock
	if held != nil && held.handle != h {
		if held.handle.open && !h.cluster.blocklisted(held.handle.addr) {
			return refusal.New(ceph.EROFS, "the exclusive lock is held by %s", held.handle.client)
		}
		h.cluster.blocklist[held.handle.addr] = h.cluster.clock.now.Add(time.Hour)
	}
	h.image.lock = &locker{handle: h, cookie: fmt.Sprintf("auto %d", h.cookie)}
	return nil
}

// Unlock gives the lock back.
func (h *ImageHandle) Unlock() {
	defer h.cluster.enter()()
	h.unlock()
}

func (h *ImageHandle) unlock() {
	if h.image.lock != nil && h.image.lock.handle == h {
		h.image.lock = nil
	}
}

// Write writes bytes where the image had none yet, as far as its size allows;
// a full image is overwritten, which its snapshots keep the old data of.
func (h *ImageHandle) Write(bytes int64) error {
	defer h.cluster.enter()()
	if err := h.usable(); err != nil {
		return err
	}
	img, c := h.image, h.cluster
	if img.lock != nil && img.lock.handle != h {
		return refusal.New(ceph.EROFS, "the exclusive lock is held by %s", img.lock.handle.client)
	}
	if err := c.writable(img.data); err != nil {
		return err
	}
	fresh := min(bytes, img.size-img.written)
	img.written += fresh
	if len(img.snaps) > 0 {
		img.kept += min(bytes-fresh, img.written)
	}
	c.setBlob(img.data, img.blob(), img.written+img.kept)
	return nil
}

func (h *ImageHandle) usable() error {
	if !h.open {
		return refusal.New(ceph.ENOTCONN, "the image is closed")
	}
	if h.cluster.blocklisted(h.addr) {
		return refusal.New(ceph.ESHUTDOWN, "")
	}
	return nil
}

// Close closes the image and gives its lock back.
func (h *ImageHandle) Close() {
	defer h.cluster.enter()()
	h.unlock()
	h.open = false
	h.unwatch()
}

// Crash ends the client without a word: its watch times out, its lock stays.
func (h *ImageHandle) Crash() {
	defer h.cluster.enter()()
	h.open = false
	h.cluster.after(watchTimeout, h.unwatch)
}

func (h *ImageHandle) unwatch() {
	h.image.handles = slices.DeleteFunc(h.image.handles, func(o *ImageHandle) bool { return o == h })
}

// watchers lists who has the image open, without those that are fenced.
func (i *image) watchers() []ceph.Watcher {
	var all []ceph.Watcher
	for _, h := range i.handles {
		if !h.cluster.blocklisted(h.addr) {
			all = append(all, ceph.Watcher{Addr: h.addr, Client: h.client, Cookie: h.cookie})
		}
	}
	slices.SortFunc(all, func(a, b ceph.Watcher) int { return cmp.Compare(a.Client, b.Client) })
	return all
}

// ImageWatchers implements ceph.Images.
func (k *Client) ImageWatchers(ctx context.Context, ref ceph.ImageRef) ([]ceph.Watcher, error) {
	return onImage(ctx, k, rbdRead("ImageWatchers", "rbd status", ref.Pool), ref, func(_ *Cluster, img *image) ([]ceph.Watcher, error) {
		return img.watchers(), nil
	})
}

// ImageLockers implements ceph.Images.
func (k *Client) ImageLockers(ctx context.Context, ref ceph.ImageRef) ([]ceph.Locker, error) {
	return onImage(ctx, k, rbdRead("ImageLockers", "rbd lock ls", ref.Pool), ref, func(_ *Cluster, img *image) ([]ceph.Locker, error) {
		if img.lock == nil {
			return nil, nil
		}
		h := img.lock.handle
		return []ceph.Locker{{Client: h.client, Cookie: img.lock.cookie, Addr: h.addr}}, nil
	})
}
