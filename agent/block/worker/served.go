package worker

import (
	"context"
	"errors"
	"os"
	"sync"

	"golang.org/x/time/rate"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fuse"
	"github.com/seamount-dev/seamount/ceph"
)

// served is one image and its connection to the kernel.
type served struct {
	worker *Worker
	asked  Attach
	// ready is closed when it serves, or failed with the error.
	ready chan struct{}
	err   error

	// What follows holds once it serves.
	conn       *fuse.Conn
	image      Image
	generation uint64
	resend     bool

	// use keeps the image open while somebody else than the kernel asks something of it.
	use    sync.RWMutex
	closed bool

	// ended is closed when no request is worked on any more and the image is closed, with the error of that.
	ended    chan struct{}
	endError error
	detach   sync.Once
	leave    Detach
}

// start takes the image and serves it. It runs until the serving ends.
func (s *served) start(file *os.File) {
	defer close(s.ended)
	s.err = s.open(file)
	if s.err != nil {
		s.worker.forget(s)
		close(s.ready)
		return
	}
	close(s.ready)
	err := s.conn.Serve(s.guard(), s.options())
	if err != nil && !errors.Is(err, fuse.ErrEnded) {
		s.worker.Log.Error("the serving of an image ended", "image", s.asked.Image.String(), "error", err.Error())
	}
	s.endError = s.close()
	s.worker.forget(s)
}

// open owns the file: it is closed when this fails.
func (s *served) open(file *os.File) (err error) {
	conn, err := fuse.NewConn(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	defer func() {
		if err != nil {
			conn.Close() //nolint:errcheck // nothing was answered by it
		}
	}()
	image, err := s.worker.cluster.Open(ref(s.asked.Image), s.asked.Access != block.MultiNodeReadOnly)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, image.Close()) // gives up the lock, if it was taken
		}
	}()
	s.conn, s.image = conn, image
	s.generation, err = taking{s.asked, s.worker.cluster, image}.take(s.worker.running)
	if err != nil {
		return err
	}
	return s.greet()
}

// greet makes the kernel begin, or go on.
func (s *served) greet() error {
	switch {
	case !s.asked.Takeover:
		features, err := s.conn.Handshake(s.worker.running)
		s.resend = features.Resend
		return err
	case !s.asked.Drained:
		s.resend = true
		return s.conn.Resend()
	}
	s.resend = s.asked.Resend
	return nil
}

func (s *served) options() fuse.Options {
	return fuse.Options{
		Writable: s.asked.Access != block.MultiNodeReadOnly,
		Acquire:  s.worker.slots.forImage().acquire,
		Failed: func(err error) {
			s.worker.Log.Error("the kernel did not take an answer", "image", s.asked.Image.String(), "error", err.Error())
		},
	}
}

func (s *served) guard() fuse.File {
	return &guard{
		Image: s.image, name: s.asked.Image, access: s.asked.Access, lost: s.worker.Lost, log: s.worker.Log,
		often: rate.NewLimiter(1, 5),
	}
}

// close ends what open began, with nothing in flight.
func (s *served) close() error {
	s.use.Lock()
	defer s.use.Unlock()
	s.closed = true
	errs := []error{s.image.Flush()}
	if s.asked.Access != block.MultiNodeReadOnly && !s.leave.Keep {
		errs = append(errs, s.image.RemoveMetadata(ceph.ImageKeyClient(s.asked.Node)))
	}
	return errors.Join(append(errs, s.image.Close(), s.conn.Close())...)
}

// end makes serving end, and waits for it. It has to be ready.
func (s *served) end(ctx context.Context, d Detach) error {
	s.detach.Do(func() {
		s.leave = d
		_ = s.conn.Stop() // fails only when the connection is closed, and then it ended already
	})
	if err := s.wait(ctx, s.ended); err != nil {
		return err
	}
	return s.endError
}

func (s *served) wait(ctx context.Context, done chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return block.Errorf(block.Timeout, "Ceph does not answer for %s in time", s.asked.Image)
	}
}

// using calls what needs the open image, unless that is closed meanwhile.
func (s *served) using(call func() error) error {
	s.use.RLock()
	defer s.use.RUnlock()
	if s.closed {
		return block.Errorf(block.NotFound, "%s is not mapped any more", s.asked.Image)
	}
	return call()
}

// attached describes it, once it serves. What the metadata says of a formatting is no business of mere readers.
func (s *served) attached() (Attached, error) {
	a := Attached{Image: s.asked.Image, Access: s.asked.Access, Generation: s.generation, Resend: s.resend}
	return a, s.using(func() (err error) {
		if a.Size, err = s.image.Size(); err != nil {
			return err
		}
		if a.Descriptor, err = s.conn.Descriptor(); err != nil || s.asked.Access != block.SingleNode {
			return err
		}
		metadata, err := s.image.Metadata()
		a.Formatting = metadata[ceph.ImageKeyFormatting]
		return err
	})
}

func ref(i block.Image) ceph.ImageRef { return ceph.ImageRef{Pool: i.Pool, Name: i.Name} }
