//go:build cgo

package rados

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	goceph "github.com/ceph/go-ceph/rados"
	"github.com/ceph/go-ceph/rbd"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// TrashImage moves an image to the trash; see ceph.Images. librbd counts the
// delay in seconds; parts of one are rounded up.
func (c *Client) TrashImage(ctx context.Context, ref ceph.ImageRef, delay time.Duration) error {
	s := subject{"rbd trash mv", ref.String()}
	if delay < 0 {
		return &ceph.Error{Op: s.op, Target: s.target, Kind: ceph.ErrInvalid, Text: fmt.Sprintf("delay %v is negative", delay)}
	}
	return atImage(ctx, c, s, ref, func(io *goceph.IOContext) error {
		return inUse(rbd.GetImage(io, ref.Name).Trash((delay + time.Second - 1).Truncate(time.Second)))
	})
}

// maxTrash is how many entries go-ceph reads.
const maxTrash = 10240

// ListTrash lists the trash of a pool; see ceph.Images.
func (c *Client) ListTrash(ctx context.Context, pool string) ([]ceph.TrashEntry, error) {
	return withPool(ctx, c, subject{"rbd trash ls", pool}, pool, func(_ *connection, io *goceph.IOContext) ([]ceph.TrashEntry, error) {
		found, err := rbd.GetTrashList(io)
		if librados.Errno(err) == ceph.ERANGE {
			return nil, refusal{0, fmt.Sprintf("more than %d images are in the trash of the pool", maxTrash)}
		}
		entries := make([]ceph.TrashEntry, 0, len(found))
		for _, e := range found {
			entries = append(entries, ceph.TrashEntry{ID: e.Id, Name: e.Name, Deleted: e.DeletionTime, DeferredUntil: e.DefermentEndTime})
		}
		slices.SortFunc(entries, func(a, b ceph.TrashEntry) int { return cmp.Compare(a.ID, b.ID) })
		return entries, err
	})
}

// RestoreImage takes an image out of the trash; see ceph.Images.
func (c *Client) RestoreImage(ctx context.Context, pool, id, name string) error {
	ref := ceph.ImageRef{Pool: pool, Name: name}
	return atImage(ctx, c, subject{"rbd trash restore", ref.String()}, ref, func(io *goceph.IOContext) error {
		return missing(rbd.TrashRestore(io, id, name), "the trash of pool "+pool+" has no image with id "+id)
	})
}

// PurgeTrashed removes an image of the trash for good; see ceph.Images. One that
// is still on its way into the trash is EUCLEAN for librbd: the move is finished first.
func (c *Client) PurgeTrashed(ctx context.Context, pool, id string) error {
	return inPool(ctx, c, subject{"rbd trash rm", pool + "/" + id}, pool, func(io *goceph.IOContext) error {
		err := rbd.TrashRemove(io, id, false)
		if librados.Errno(err) == ceph.EUCLEAN {
			if err = finishMove(io, id); err == nil {
				err = rbd.TrashRemove(io, id, false)
			}
		}
		if n := librados.Errno(err); n == ceph.EPERM {
			return refusal{n, words(n) + ": the image may not be removed before its delay is over"}
		}
		return missing(inUse(err), "the trash of pool "+pool+" has no image with id "+id)
	})
}

// finishMove moves an image to the trash whose move was cut short. librbd does
// it by name, and frees the name whoever has it: not when that is another image.
func finishMove(io *goceph.IOContext, id string) error {
	entries, err := rbd.GetTrashList(io)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(entries, func(e rbd.TrashInfo) bool { return e.Id == id })
	if at < 0 {
		return refusal{ceph.ENOENT, ""}
	}
	name := entries[at].Name
	other, err := readString(io, "rbd_id."+name)
	switch {
	case librados.Errno(err) == ceph.ENOENT:
	case err != nil:
		return err
	case other != id:
		return refusal{ceph.EBUSY, "the image was cut short on its way into the trash, and another has its name " + name + " by now"}
	}
	err = rbd.GetImage(io, name).Trash(0)
	if librados.Errno(err) == ceph.ENOENT {
		return nil // what was left to be done was done
	}
	return err
}
