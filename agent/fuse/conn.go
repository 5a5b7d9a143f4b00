package fuse

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// ErrEnded says that the kernel ended the connection: the file was unmounted, or the connection aborted.
var ErrEnded = errors.New("the kernel ended the FUSE connection")

// Features are what both sides of a connection can do.
type Features struct {
	// Resend: another process can go on where one died.
	Resend bool
}

// Conn is one connection to the kernel. The wait for requests takes no thread and no buffer.
type Conn struct {
	file *os.File
	raw  syscall.RawConn
}

// NewConn serves on a descriptor that Open returned, in this process or in another. It owns the file from now on.
func NewConn(file *os.File) (*Conn, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, err
	}
	return &Conn{file, raw}, nil
}

// Descriptor returns the descriptor's number, by which another process can take it over.
func (c *Conn) Descriptor() (int, error) {
	number := -1
	err := c.raw.Control(func(fd uintptr) { number = int(fd) })
	return number, err
}

// Close gives up the descriptor. With the last one in any process the kernel fails all requests.
func (c *Conn) Close() error { return c.file.Close() }

// Stop makes Serve return when all requests that it has read are answered. Later ones wait in the kernel.
func (c *Conn) Stop() error { return c.file.SetReadDeadline(time.Unix(1, 0)) }

// Handshake answers the kernel's first request after the mount.
func (c *Conn) Handshake(ctx context.Context) (Features, error) {
	stop := context.AfterFunc(ctx, func() { _ = c.Stop() }) // then the read ends later, when the caller closes
	defer stop()
	b := large.get()
	defer large.put(b)
	n, err := c.read(func() []byte { return *b }, func() {})
	if err != nil {
		return Features{}, fmt.Errorf("wait for the kernel's first request: %w", err)
	}
	r, err := Parse((*b)[:n])
	if err != nil {
		return Features{}, err
	}
	if r.op != opInit || r.init.major != kernelMajor {
		return Features{}, fmt.Errorf("%w: operation %d, protocol %d.%d, instead of the first of protocol %d",
			ErrMalformed, r.op, r.init.major, r.init.minor, kernelMajor)
	}
	if err := c.answer(r.unique, 0, r.init.answer()); err != nil {
		return Features{}, err
	}
	return Features{Resend: r.init.agreed()&initResend != 0}, nil
}

// Resend makes the kernel send all requests again that a former process has read and not answered.
func (c *Conn) Resend() error {
	message := header(0, 0, 0)
	le.PutUint32(message[4:], notifyResend)
	if err := c.write(message, nil); err != nil {
		return fmt.Errorf("ask the kernel to send requests again: %w", err)
	}
	return nil
}

// read waits for one request. It takes a buffer when there may be one, and gives it back when there is none.
func (c *Conn) read(buffer func() []byte, giveBack func()) (n int, err error) {
	var failed error
	err = c.raw.Read(func(fd uintptr) bool {
		for {
			n, failed = unix.Read(int(fd), buffer())
			switch failed {
			case unix.EAGAIN:
				giveBack()
				return false
			case unix.EINTR, unix.ENOENT: // ENOENT: the request was withdrawn while it was read
				giveBack()
				continue
			}
			return true
		}
	})
	switch {
	case err != nil:
		return 0, err
	case failed == unix.ENODEV || failed == unix.ECONNABORTED:
		giveBack()
		return 0, ErrEnded
	case failed != nil:
		giveBack()
		return 0, fmt.Errorf("read a request: %w", failed)
	}
	return n, nil
}

// answer sends one answer. A request that was withdrawn meanwhile needs none.
func (c *Conn) answer(unique uint64, errno syscall.Errno, data []byte) error {
	if errno != 0 {
		data = nil
	}
	err := c.write(header(unique, errno, len(data)), data)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return err
}

func (c *Conn) write(head, data []byte) error {
	parts := [][]byte{head}
	if len(data) > 0 {
		parts = append(parts, data)
	}
	var failed error
	err := c.raw.Control(func(fd uintptr) {
		for {
			if _, failed = unix.Writev(int(fd), parts); failed != unix.EINTR {
				return
			}
		}
	})
	return errors.Join(err, failed)
}

// buffers are kept for other requests, of all connections.
type buffers struct{ pool sync.Pool }

var (
	large = newBuffers(BufferSize)
	small = newBuffers(SmallBuffer)
)

func newBuffers(size int) *buffers {
	return &buffers{sync.Pool{New: func() any { b := resident(size); return &b }}}
}

// resident returns a buffer all of whose pages are there. The kernel ends a request with EIO that it cannot copy to its reader
// (fuse_dev_do_read in fs/fuse/dev.c), and it cannot when the reader is killed before a page that is missing was brought.
func resident(size int) []byte {
	b := make([]byte, size)
	for at := 0; at < size; at += os.Getpagesize() {
		b[at] = 1
	}
	return b
}

func (p *buffers) get() *[]byte  { return p.pool.Get().(*[]byte) }
func (p *buffers) put(b *[]byte) { p.pool.Put(b) }
