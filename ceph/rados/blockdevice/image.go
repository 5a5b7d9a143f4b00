//go:build cgo

package blockdevice

import (
	"io"

	"github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// Image is an open image. Its methods may be called concurrently, but for Close.
type Image struct {
	ref   ceph.ImageRef
	pool  *rados.IOContext
	image *rbd.Image
}

// Open opens an image. Opened for writing it has a watcher, by which others see that it is in use.
func (c *Cluster) Open(ref ceph.ImageRef, writable bool) (*Image, error) {
	pool, err := c.conn.OpenIOContext(ref.Pool)
	if err != nil {
		return nil, missing("open", ref, "pool "+ref.Pool+" does not exist", err)
	}
	open := rbd.OpenImageReadOnly
	if writable {
		open = rbd.OpenImage
	}
	image, err := open(pool, ref.Name, rbd.NoSnapshot)
	if err != nil {
		pool.Destroy()
		return nil, missing("open", ref, "image "+ref.String()+" does not exist", err)
	}
	return &Image{ref, pool, image}, nil
}

// missing says what it is that does not exist, if that is the error.
func missing(op string, ref ceph.ImageRef, text string, err error) error {
	if n := librados.Errno(err); n == ceph.ENOENT {
		return &ceph.Error{Op: op, Target: ref.String(), Kind: ceph.ErrNotFound, Errno: n, Text: text, Err: err}
	}
	return explain(op, ref.String(), err)
}

// Close gives up the lock and the watch.
func (i *Image) Close() error {
	defer i.pool.Destroy()
	return i.explain("close", i.image.Close())
}

func (i *Image) explain(op string, err error) error { return explain(op, i.ref.String(), err) }

// Size in bytes. It follows a resize by another client, and asks nobody.
func (i *Image) Size() (int64, error) {
	size, err := i.image.GetSize()
	return int64(size), i.explain("size", err)
}

// ReadAt reads; at the end of the image it returns io.EOF.
func (i *Image) ReadAt(p []byte, off int64) (int, error) {
	n, err := i.image.ReadAt(p, off)
	if err == io.EOF { //nolint:errorlint // go-ceph returns it as it is
		return n, io.EOF
	}
	return n, i.explain("read", err)
}

// WriteAt returns when all is on the OSDs.
func (i *Image) WriteAt(p []byte, off int64) (int, error) {
	n, err := i.image.WriteAt(p, off)
	if err == io.EOF { //nolint:errorlint // go-ceph returns it as it is
		return n, io.ErrShortWrite
	}
	return n, i.explain("write", err)
}

// Discard makes a range read as zeros and frees its space. librbd gives back the length as an int: it must fit one.
func (i *Image) Discard(off, length int64) error {
	_, err := i.image.Discard(uint64(off), uint64(length))
	return i.explain("discard", err)
}

// Flush returns when what was written is safe.
func (i *Image) Flush() error { return i.explain("flush", i.image.Flush()) }

// Lockers lists who holds the image's lock.
func (i *Image) Lockers() ([]ceph.Locker, error) {
	id, err := i.image.GetId()
	if err != nil {
		return nil, i.explain("lock ls", err)
	}
	lockers, err := librados.Lockers(i.pool, "rbd_header."+id)
	return lockers, i.explain("lock ls", err)
}

// BreakLock takes the lock away from a client that is fenced. One that does not hold it any more is no error.
func (i *Image) BreakLock(l ceph.Locker) error {
	id, err := i.image.GetId()
	if err != nil {
		return i.explain("lock break", err)
	}
	ret, err := i.pool.BreakLock("rbd_header."+id, librados.ExclusiveLock, l.Client, l.Cookie)
	if err == nil && ret != 0 && ret != -ceph.ENOENT {
		return &ceph.Error{Op: "lock break", Target: i.ref.String(), Kind: ceph.KindOf(ret), Text: "the lock of " + l.Client + " cannot be broken"}
	}
	return i.explain("lock break", err)
}

// Lock takes the exclusive lock, and keeps it when another client asks for it. librbd breaks the lock of a client that is
// dead, and asks one that lives: look at Lockers first.
func (i *Image) Lock() error {
	if err := i.image.LockAcquire(rbd.LockModeExclusive); err != nil {
		return i.explain("lock", err)
	}
	owner, err := i.image.LockIsExclusiveOwner()
	if err == nil && !owner {
		return &ceph.Error{Op: "lock", Target: i.ref.String(), Kind: ceph.ErrBusy, Text: "the lock was not taken"}
	}
	return i.explain("lock", err)
}

// Metadata reads all keys.
func (i *Image) Metadata() (map[string]string, error) {
	metadata, err := i.image.ListMetadata()
	return metadata, i.explain("image-meta list", err)
}

// SetMetadata sets one key.
func (i *Image) SetMetadata(key, value string) error {
	return i.explain("image-meta set "+key, i.image.SetMetadata(key, value))
}

// RemoveMetadata removes one key. One that is not there is no error.
func (i *Image) RemoveMetadata(key string) error {
	err := i.image.RemoveMetadata(key)
	if librados.Errno(err) == ceph.ENOENT {
		return nil
	}
	return i.explain("image-meta remove "+key, err)
}

// found stops an iteration over an image's extents at the first. Ceph hands it back.
const found = -ceph.EEXIST

// Blank tells whether nothing is allocated in the image or in what it was cloned from. With an object map that costs one
// look into it, else one question for each object.
func (i *Image) Blank() (bool, error) {
	size, err := i.image.GetSize()
	if err != nil || size == 0 {
		return true, i.explain("diff", err)
	}
	err = i.image.DiffIterate(rbd.DiffIterateConfig{
		Length: size, IncludeParent: rbd.IncludeParent, WholeObject: rbd.EnableWholeObject,
		Callback: func(_, _ uint64, exists int, _ any) int {
			if exists == 0 {
				return 0
			}
			return found
		},
	})
	if librados.Errno(err) == ceph.EEXIST {
		return false, nil
	}
	return err == nil, i.explain("diff", err)
}
