//go:build cgo

package rados

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
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

// ImageLockers lists who holds the image's lock; see ceph.Images.
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
		return librados.Lockers(io, header)
	})
}
