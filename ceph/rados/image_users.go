//go:build cgo

package rados

import (
	"cmp"
	"context"
	"errors"
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

// ImageComplete looks at the object map's object: one that was only locked is
// empty; see ceph.Images.
func (c *Client) ImageComplete(ctx context.Context, ref ceph.ImageRef) (bool, error) {
	s := subject{"rbd info", ref.String()}
	if err := s.checkName(ref); err != nil {
		return false, err
	}
	return withPool(ctx, c, s, ref.Pool, func(n *connection, io *goceph.IOContext) (bool, error) {
		object, err := objectMap(n, io, ref)
		if err != nil || object == "" {
			return err == nil, err
		}
		stat, err := io.Stat(object)
		if librados.Errno(err) == ceph.ENOENT {
			return false, nil
		}
		return stat.Size > 0, err
	})
}

// objectMap is the object that holds an image's object map, which lies with the
// header also when the data does not. It is empty if the image has none.
func objectMap(n *connection, io *goceph.IOContext, ref ceph.ImageRef) (string, error) {
	img, err := rbd.OpenImageReadOnly(io, ref.Name, rbd.NoSnapshot)
	return whileOpen(img, missing(err, "image "+ref.String()+" does not exist"), func() (string, error) {
		d := ceph.Image{}
		if err := errors.Join(readFeatures(n, img, &d), readOrigin(n, img, &d)); err != nil {
			return "", err
		}
		if !slices.Contains(d.Features, rbd.FeatureNameObjectMap) {
			return "", nil
		}
		return "rbd_object_map." + d.ID, nil
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
