//go:build cgo

package rados

import (
	"context"
	"errors"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// refusal is an errno with better words than librbd's, which has none.
type refusal struct {
	number int
	text   string
}

func (r refusal) Error() string  { return r.text }
func (r refusal) ErrorCode() int { return r.number }

// missing says what it is that does not exist, if that is the error.
func missing(err error, text string) error {
	if librados.Errno(err) != ceph.ENOENT {
		return err
	}
	return refusal{ceph.ENOENT, text}
}

// explain makes an *ceph.Error of what librbd or librados returned.
func (s subject) explain(err error) error {
	var typed *ceph.Error
	if err == nil || errors.As(err, &typed) {
		return err
	}
	n := librados.Errno(err)
	e := &ceph.Error{Op: s.op, Target: s.target, Kind: ceph.KindOf(n), Errno: n, Text: err.Error()}
	var better refusal
	if n != 0 && !errors.As(err, &better) {
		e.Text = words(n)
	}
	return e
}

// withPool runs f on a pool. What f opens must be closed when it returns.
func withPool[T any](ctx context.Context, c *Client, s subject, pool string, f func(*connection, *goceph.IOContext) (T, error)) (T, error) {
	v, err := call(ctx, c, c.session, c.images, s, func(n *connection) (T, error) {
		var none T
		io, err := n.rados.OpenIOContext(pool)
		if err != nil {
			return none, silent(missing(err, "pool "+pool+" does not exist"))
		}
		defer io.Destroy()
		v, err := f(n, io)
		return v, silent(err)
	})
	return v, s.explain(err)
}

// inPool is withPool for what returns nothing.
func inPool(ctx context.Context, c *Client, s subject, pool string, f func(*goceph.IOContext) error) error {
	_, err := withPool(ctx, c, s, pool, func(_ *connection, io *goceph.IOContext) (struct{}, error) {
		return struct{}{}, f(io)
	})
	return err
}

// atImage is inPool for an image that is not open.
func atImage(ctx context.Context, c *Client, s subject, ref ceph.ImageRef, f func(*goceph.IOContext) error) error {
	if err := s.checkName(ref); err != nil {
		return err
	}
	return inPool(ctx, c, s, ref.Pool, f)
}

// readImage runs f on an image opened read-only: librbd then sets no watch, and
// nobody sees the image in use.
func readImage[T any](ctx context.Context, c *Client, s subject, ref ceph.ImageRef, f func(*connection, *rbd.Image) (T, error)) (T, error) {
	if err := s.checkName(ref); err != nil {
		var none T
		return none, err
	}
	return withPool(ctx, c, s, ref.Pool, func(n *connection, io *goceph.IOContext) (T, error) {
		img, err := rbd.OpenImageReadOnly(io, ref.Name, rbd.NoSnapshot)
		return whileOpen(img, missing(err, "image "+ref.String()+" does not exist"), func() (T, error) { return f(n, img) })
	})
}

// writeImage runs f on an image opened for writing. While it is open the image
// has a watcher.
func writeImage(ctx context.Context, c *Client, s subject, ref ceph.ImageRef, f func(*rbd.Image) error) error {
	return atImage(ctx, c, s, ref, func(io *goceph.IOContext) error {
		img, err := rbd.OpenImage(io, ref.Name, rbd.NoSnapshot)
		_, err = whileOpen(img, missing(err, "image "+ref.String()+" does not exist"), func() (struct{}, error) { return struct{}{}, f(img) })
		return err
	})
}

// whileOpen runs f if the image was opened, and closes it.
func whileOpen[T any](img *rbd.Image, opened error, f func() (T, error)) (v T, err error) {
	if opened != nil {
		return v, opened
	}
	v, err = f()
	if closed := img.Close(); err == nil {
		err = closed
	}
	return v, err
}
