package fuse

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// File is what lies behind the served file. Its methods are called concurrently. An error that wraps a syscall.Errno
// reaches who asked as that; any other one as EIO.
type File interface {
	io.ReaderAt
	io.WriterAt
	// Size in bytes, now.
	Size() (int64, error)
	// Flush returns when all that was written is safe.
	Flush() error
	// Discard makes a range read as zeros, and frees its space where it can.
	Discard(offset, length int64) error
}

// Options of serving.
type Options struct {
	// Writable: otherwise writes are refused.
	Writable bool
	// Acquire waits until one more request may be worked on, and returns what to call after it.
	Acquire func() (release func())
	// Failed is told of answers that the kernel did not take: whoever waits for one of those waits on.
	Failed func(error)
}

// Serve answers requests until Stop is called, and then returns nil; or until the kernel ends the connection, and then
// returns ErrEnded. When it returns no request is worked on any more.
func (c *Conn) Serve(file File, o Options) error {
	s := &server{Options: o, conn: c, file: file}
	defer s.working.Wait()
	for {
		r, err := s.next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case errors.Is(err, ErrMalformed):
			s.Failed(err)
			continue
		case err != nil:
			return err
		}
		s.start(r)
	}
}

type server struct {
	Options
	conn    *Conn
	file    File
	working sync.WaitGroup
}

// task is a request and the buffer that its data lies in.
type task struct {
	Request
	release func()
}

// next reads a request. The data of most requests is small, and moves to a small buffer.
func (s *server) next() (task, error) {
	var b *[]byte
	giveBack := func() { large.put(b) }
	n, err := s.conn.read(func() []byte { b = large.get(); return *b }, giveBack)
	if err != nil {
		return task{}, err
	}
	r, err := Parse((*b)[:n])
	if err != nil {
		giveBack()
		return task{}, errors.Join(err, s.refuse((*b)[:n]))
	}
	if r.Large() {
		return task{r, giveBack}, nil
	}
	defer giveBack()
	if len(r.data) == 0 {
		return task{r, func() {}}, nil
	}
	kept := small.get()
	r.data = (*kept)[:copy(*kept, r.data)]
	return task{r, func() { small.put(kept) }}, nil
}

// refuse answers what could not be parsed, if it has a number: somebody waits for the answer.
func (s *server) refuse(b []byte) error {
	if len(b) < outHeaderSize {
		return nil
	}
	return s.conn.answer(le.Uint64(b[8:]), syscall.EIO, nil)
}

func (s *server) start(t task) {
	done := s.Acquire()
	s.working.Go(func() {
		defer done()
		defer t.release()
		if err := s.handle(t.Request); err != nil {
			s.Failed(err)
		}
	})
}

func (s *server) handle(r Request) error {
	switch r.op {
	case opForget, opBatchForget, opInterrupt: // take no answer
		return nil
	case opRead:
		return s.read(r)
	}
	data, err := s.do(r)
	return s.conn.answer(r.unique, errnoOf(err), data)
}

func (s *server) do(r Request) ([]byte, error) {
	switch r.op {
	case opGetattr, opSetattr:
		return s.attributes(r)
	case opOpen:
		return opened(), nil
	case opWrite:
		return s.write(r)
	case opFsync:
		return nil, s.file.Flush()
	case opFallocate:
		return nil, s.discard(r)
	case opStatfs:
		size, err := s.file.Size()
		return filesystem(size), err
	case opRelease, opFlush, opDestroy:
		return nil, nil
	}
	return nil, syscall.ENOSYS
}

// attributes also answers a change of them. A change of the size is none that a device could make.
func (s *server) attributes(r Request) ([]byte, error) {
	size, err := s.file.Size()
	if err != nil {
		return nil, err
	}
	if r.op == opSetattr && r.mode&setattrSize != 0 && r.length != uint64(size) {
		return nil, syscall.EPERM
	}
	return attributes(size, s.Writable), nil
}

func (s *server) read(r Request) error {
	buffers := small
	if r.needs() > SmallBuffer {
		buffers = large
	}
	b := buffers.get()
	defer buffers.put(b)
	n, err := s.file.ReadAt((*b)[:r.needs()], int64(r.offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return s.conn.answer(r.unique, errnoOf(err), nil)
	}
	return s.conn.answer(r.unique, 0, (*b)[:n])
}

func (s *server) write(r Request) ([]byte, error) {
	if !s.Writable {
		return nil, syscall.EROFS
	}
	n, err := s.file.WriteAt(r.data, int64(r.offset))
	if err != nil {
		return nil, err
	}
	return written(n), nil
}

func (s *server) discard(r Request) error {
	if !s.Writable {
		return syscall.EROFS
	}
	if r.mode&(fallocatePunchHole|fallocateZeroRange) == 0 || r.mode&fallocateKeepSize == 0 {
		return syscall.EOPNOTSUPP
	}
	return s.file.Discard(int64(r.offset), int64(r.length))
}

func errnoOf(err error) syscall.Errno {
	var errno syscall.Errno
	switch {
	case err == nil:
		return 0
	case errors.As(err, &errno) && errno != 0:
		return errno
	}
	return syscall.EIO
}
