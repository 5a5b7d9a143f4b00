//go:build cgo

package rados

import (
	"context"
	"maps"
	"slices"
	"strings"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
)

// ImageMetadata reads all keys of an image's metadata; see ceph.Images.
func (c *Client) ImageMetadata(ctx context.Context, ref ceph.ImageRef) (map[string]string, error) {
	s := subject{"rbd image-meta list", ref.String()}
	return readImage(ctx, c, s, ref, func(_ *connection, img *rbd.Image) (map[string]string, error) {
		return img.ListMetadata()
	})
}

// maxMetadata is how many keys are read at once.
const maxMetadata = 1000

// HeaderMetadata reads the omap of the header as cls_rbd keeps it; see ceph.Images.
func (c *Client) HeaderMetadata(ctx context.Context, pool, id string) (map[string]string, error) {
	s := subject{"rbd image-meta list", pool + "/" + id}
	return withPool(ctx, c, s, pool, func(_ *connection, io *goceph.IOContext) (map[string]string, error) {
		const prefix = "metadata_"
		raw, err := io.GetAllOmapValues("rbd_header."+id, "", prefix, maxMetadata)
		metadata := make(map[string]string, len(raw))
		for key, value := range raw {
			metadata[strings.TrimPrefix(key, prefix)] = string(value)
		}
		return metadata, missing(err, "pool "+pool+" has no image with id "+id)
	})
}

// ListedID reads the pool's directory; see ceph.Images.
func (c *Client) ListedID(ctx context.Context, ref ceph.ImageRef) (string, error) {
	s := subject{"rbd ls", ref.String()}
	if err := s.checkName(ref); err != nil {
		return "", err
	}
	return withPool(ctx, c, s, ref.Pool, func(_ *connection, io *goceph.IOContext) (string, error) {
		key, unlisted := "name_"+ref.Name, "pool "+ref.Pool+" lists no image "+ref.Name
		found, err := io.GetOmapValues("rbd_directory", "", key, 1) // in order of keys: the name itself is the first that begins with it
		if err != nil {
			return "", missing(err, unlisted)
		}
		if raw, listed := found[key]; listed {
			return decodeString(raw)
		}
		return "", refusal{ceph.ENOENT, unlisted}
	})
}

// SetImageMetadata sets one key; see ceph.Images.
func (c *Client) SetImageMetadata(ctx context.Context, ref ceph.ImageRef, key, value string) error {
	s := subject{"rbd image-meta set", ref.String()}
	return atImage(ctx, c, s, ref, func(io *goceph.IOContext) error {
		return changeMetadata(io, ref.Name, nil, map[string]string{key: value})
	})
}

// RemoveImageMetadata removes one key; see ceph.Images.
func (c *Client) RemoveImageMetadata(ctx context.Context, ref ceph.ImageRef, key string) error {
	s := subject{"rbd image-meta remove", ref.String()}
	return atImage(ctx, c, s, ref, func(io *goceph.IOContext) error {
		return changeMetadata(io, ref.Name, []string{key}, nil)
	})
}

// replaceMetadata makes an image's metadata what is wanted, in one step.
func replaceMetadata(io *goceph.IOContext, name string, want map[string]string) error {
	img, err := rbd.OpenImageReadOnly(io, name, rbd.NoSnapshot)
	have, err := whileOpen(img, err, func() (map[string]string, error) { return img.ListMetadata() })
	if err != nil {
		return err
	}
	maps.DeleteFunc(have, func(key, _ string) bool { _, wanted := want[key]; return wanted })
	return changeMetadata(io, name, slices.Sorted(maps.Keys(have)), want)
}

// changeMetadata removes and sets keys in one step: all or none, which librbd
// cannot do, and without opening the image, so that it gets no watcher. It calls
// the OSD's class as librbd does (cls_rbd: metadata_set, metadata_remove). A
// client that has the image open is not told.
func changeMetadata(io *goceph.IOContext, name string, remove []string, set map[string]string) error {
	if len(remove) == 0 && len(set) == 0 {
		return nil
	}
	header, err := headerObject(io, name)
	if err != nil {
		return err
	}
	op := goceph.CreateWriteOp()
	defer op.Release()
	op.AssertExists() // else it would make the header of an image that was removed meanwhile
	for _, key := range remove {
		op.Exec("rbd", "metadata_remove", encodeString(nil, key))
	}
	if len(set) > 0 {
		op.Exec("rbd", "metadata_set", encodeMap(set))
	}
	return op.Operate(io, header, goceph.OperationNoFlag)
}

// headerObject finds the object with an image's header, lock and metadata.
// rbd_id.<name> holds the id. (Images of format 1, which Seamount does not make, have none.)
func headerObject(pool *goceph.IOContext, name string) (string, error) {
	id, err := readString(pool, "rbd_id."+name)
	if err != nil {
		return "", missing(err, "image "+name+" does not exist")
	}
	return "rbd_header." + id, nil
}

const maxImageID = 1 << 10

// readString reads an object that holds one string as Ceph encodes it.
func readString(pool *goceph.IOContext, object string) (string, error) {
	buf := make([]byte, maxImageID)
	n, err := pool.Read(object, buf, 0)
	if err != nil {
		return "", err
	}
	return decodeString(buf[:n])
}
