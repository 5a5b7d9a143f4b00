package worker

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"syscall"

	"golang.org/x/time/rate"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph"
)

// guard stands between the kernel and an image. Once the lock is lost or the client is fenced no request is answered any
// more: an answer, be it an error, would tell the kernel that the request is done with, while another worker may still
// have to decide about it.
type guard struct {
	Image
	name   block.Image
	access block.Access
	// lost ends the process. It does not return.
	lost func(error)
	log  *slog.Logger
	// often bounds what is logged: a broken pool fails every request.
	often *rate.Limiter
}

// ReadAt returns io.EOF behind the end, where librbd has an error.
func (g *guard) ReadAt(p []byte, off int64) (int, error) {
	size, err := g.Image.Size()
	if err != nil {
		return 0, g.failed("size", err)
	}
	if off >= size {
		return 0, io.EOF
	}
	n, err := g.Image.ReadAt(p, off)
	if errors.Is(err, io.EOF) {
		return n, io.EOF
	}
	return n, g.failed("read", err)
}

// WriteAt refuses what does not fit as a whole: librbd would cut it off.
func (g *guard) WriteAt(p []byte, off int64) (int, error) {
	size, err := g.Image.Size()
	if err != nil {
		return 0, g.failed("size", err)
	}
	if off+int64(len(p)) > size {
		return 0, syscall.ENOSPC
	}
	n, err := g.Image.WriteAt(p, off)
	return n, g.failed("write", err)
}

// Flush returns when what was written is safe.
func (g *guard) Flush() error { return g.failed("flush", g.Image.Flush()) }

// discardStep is what is discarded at once: each object of it is a request to an OSD.
const discardStep = 256 << 20

// Discard leaves out what lies behind the end.
func (g *guard) Discard(off, length int64) error {
	size, err := g.Image.Size()
	if err != nil {
		return g.failed("size", err)
	}
	end := min(off+length, size)
	for ; off < end; off += discardStep {
		if err := g.Image.Discard(off, min(discardStep, end-off)); err != nil {
			return g.failed("discard", err)
		}
	}
	return nil
}

// failed gives the kernel an errno, logs what happened, and ends the process if that says that the image is lost.
func (g *guard) failed(op string, err error) error {
	if err == nil {
		return nil
	}
	if g.isLost(err) {
		g.lost(fmt.Errorf("%s: %w", g.name, err))
	}
	if g.often.Allow() {
		g.log.Error("a request failed", "image", g.name.String(), "operation", op, "error", err.Error())
	}
	if errors.Is(err, ceph.ErrNoSpace) {
		return errors.Join(syscall.ENOSPC, err)
	}
	return errors.Join(syscall.EIO, err)
}

func (g *guard) isLost(err error) bool {
	if errors.Is(err, ceph.ErrBlocklisted) {
		return true
	}
	return g.access == block.SingleNode && errors.Is(err, ceph.ErrReadOnly)
}
