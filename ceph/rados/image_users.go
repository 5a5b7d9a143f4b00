//go:build cgo

package rados

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
)

// ImageWatchers lists the clients that have the image open; see ceph.Images.
func (c *Client) ImageWatchers(ctx context.Context, ref ceph.ImageRef) ([]ceph.Watcher, error) {
	s := subject{"rbd status", ref.String()}
	return readImage(ctx, c, s, ref, func(_ *connection, img *rbd.Image) ([]ceph.Watcher, error) {
		found, err := img.ListWatchers()
		watchers := make([]ceph.Watcher, 0, len(found))
		for _, w := range found {
			watchers = append(watchers, ceph.Watcher{Addr: w.Addr, Client: fmt.Sprintf("client.%d", w.Id), Cookie: w.Cookie})
		}
		slices.SortFunc(watchers, func(a, b ceph.Watcher) int {
			return cmp.Or(cmp.Compare(a.Client, b.Client), cmp.Compare(a.Cookie, b.Cookie))
		})
		return watchers, err
	})
}

// ImageUsage asks the object map where there is one; see ceph.Images.
func (c *Client) ImageUsage(ctx context.Context, ref ceph.ImageRef) (int64, error) {
	return readImage(ctx, c, subject{"rbd du", ref.String()}, ref, func(_ *connection, img *rbd.Image) (int64, error) {
		size, err := img.GetSize()
		if err != nil {
			return 0, err
		}
		var used int64
		err = img.DiffIterate(rbd.DiffIterateConfig{
			Length: size, IncludeParent: rbd.ExcludeParent, WholeObject: rbd.EnableWholeObject,
			Callback: func(_, length uint64, exists int, _ any) int {
				if exists != 0 {
					used += int64(length)
				}
				return 0
			},
		})
		return used, err
	})
}

// exclusiveLock is the name of librbd's lock on an image's header.
const exclusiveLock = "rbd_lock"

// ImageLockers lists who holds the image's lock; see ceph.Images. It asks the OSD
// itself: go-ceph's Image.ListLockers takes every failure for "nobody".
func (c *Client) ImageLockers(ctx context.Context, ref ceph.ImageRef) ([]ceph.Locker, error) {
	s := subject{"rbd lock ls", ref.String()}
	if err := s.checkName(ref); err != nil {
		return nil, err
	}
	return withPool(ctx, c, s, ref.Pool, func(_ *connection, io *goceph.IOContext) ([]ceph.Locker, error) {
		header, err := headerObject(io, ref.Name)
		if err != nil {
			return nil, err
		}
		info, err := io.ListLockers(header, exclusiveLock)
		if err != nil {
			return nil, err
		}
		return lockers(info)
	})
}

func lockers(info *goceph.LockInfo) ([]ceph.Locker, error) {
	n := info.NumLockers
	if len(info.Clients) < n || len(info.Cookies) < n || len(info.Addrs) < n {
		return nil, fmt.Errorf("%d lockers, but %d names, %d cookies and %d addresses", n, len(info.Clients), len(info.Cookies), len(info.Addrs))
	}
	all := make([]ceph.Locker, n)
	for i := range n {
		all[i] = ceph.Locker{Client: info.Clients[i], Cookie: info.Cookies[i], Addr: untyped(info.Addrs[i])}
	}
	return all, nil
}

// untyped drops the messenger's version from an address, as watchers have it:
// v1:10.0.0.7:0/4199896942. A blocklist entry is for all versions.
func untyped(addr string) string {
	for _, t := range []string{"v1:", "v2:", "any:"} {
		addr = strings.TrimPrefix(addr, t)
	}
	return addr
}
