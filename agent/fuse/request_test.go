package fuse

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// message makes a request as the kernel sends it.
func message(op opcode, body ...[]byte) []byte {
	all := bytes.Join(body, nil)
	b := make([]byte, inHeaderSize, inHeaderSize+len(all))
	b = append(b, all...)
	le.PutUint32(b, uint32(len(b)))
	le.PutUint32(b[4:], uint32(op))
	le.PutUint64(b[8:], 7)
	return b
}

func words(all ...uint64) []byte {
	var b []byte
	for _, w := range all {
		b = le.AppendUint64(b, w)
	}
	return b
}

func initBody(major, minor uint32, flags uint64) []byte {
	b := le.AppendUint32(nil, major)
	b = le.AppendUint32(b, minor)
	b = le.AppendUint32(b, 4096)
	b = le.AppendUint32(b, uint32(flags))
	b = le.AppendUint32(b, uint32(flags>>32))
	return append(b, make([]byte, 44)...)
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   []byte
		want Request
	}{
		"init":    {message(opInit, initBody(7, 45, initExt|initResend)), Request{op: opInit, init: initIn{7, 45, 4096, initExt | initResend}}},
		"getattr": {message(opGetattr, words(0, 0)), Request{op: opGetattr}},
		"setattr": {message(opSetattr, words(setattrSize, 0, 4096), make([]byte, 64)), Request{op: opSetattr, mode: setattrSize, length: 4096}},
		"read":    {message(opRead, words(1, 8192, 512, 0, 0)), Request{op: opRead, offset: 8192, length: 512}},
		"write": {message(opWrite, words(1, 8192, 3, 0, 0), []byte("abc")),
			Request{op: opWrite, offset: 8192, length: 3, data: []byte("abc")}},
		"fallocate": {message(opFallocate, words(1, 4096, 1<<40, fallocatePunchHole|fallocateKeepSize)),
			Request{op: opFallocate, offset: 4096, length: 1 << 40, mode: fallocatePunchHole | fallocateKeepSize}},
		"unknown": {message(999, []byte("what")), Request{op: 999}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.want.unique = 7
			got, err := Parse(c.in)
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(Request{}, initIn{})); err != nil || diff != "" {
				t.Errorf("error %v, difference:\n%s", err, diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := message(opGetattr, words(0))
	le.PutUint32(long, 4096)
	for name, in := range map[string][]byte{
		"nothing":             nil,
		"half a header":       make([]byte, 20),
		"another length":      long,
		"short read":          message(opRead, words(1, 0)),
		"large read":          message(opRead, words(1, 0, MaxIO+1, 0, 0)),
		"write without data":  message(opWrite, words(1, 0, 4096, 0, 0)),
		"write of too much":   message(opWrite, words(1, 0, 2, 0, 0), []byte("abc")),
		"negative offset":     message(opRead, words(1, 1<<63, 512, 0, 0)),
		"end beyond a file's": message(opFallocate, words(1, 1<<62, 1<<63-1, 3)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, err := Parse(in); !errors.Is(err, ErrMalformed) {
				t.Errorf("parsed to %+v, error %v", r, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(message(opInit, initBody(7, 38, 0)))
	f.Add(message(opWrite, words(1, 0, 3, 0, 0), []byte("abc")))
	f.Add(message(opRead, words(1, 0, 512, 0, 0)))
	f.Add(message(opFallocate, words(1, 0, 512, 3)))
	f.Add(message(opSetattr, make([]byte, 88)))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		if r.op == opRead && r.needs() > MaxIO {
			t.Errorf("a read of %d bytes", r.needs())
		}
		if r.op == opWrite && uint64(len(r.data)) != r.length {
			t.Errorf("%d bytes of data for a write of %d", len(r.data), r.length)
		}
		if r.op != opInit && r.op != opSetattr && int64(r.offset+r.length) < 0 {
			t.Errorf("offset %d, length %d", r.offset, r.length)
		}
	})
}

// The answer to INIT takes over what is wanted, and nothing that the kernel did not offer.
func TestAnswerInit(t *testing.T) {
	t.Parallel()
	offered := uint64(initExt | initResend | initAsyncDIO | 1<<3)
	out := initIn{major: 7, minor: 45, flags: offered}.answer()
	if flags := uint64(le.Uint32(out[12:])) | uint64(le.Uint32(out[32:]))<<32; flags != initExt|initResend|initAsyncDIO {
		t.Errorf("flags %x", flags)
	}
	if major, maxWrite, pages := le.Uint32(out), le.Uint32(out[20:]), le.Uint16(out[28:]); major != 7 || maxWrite != MaxIO || pages != MaxIO/pageSize {
		t.Errorf("protocol %d, largest write %d, %d pages", major, maxWrite, pages)
	}
}

// memory is a file in memory.
type memory struct {
	content []byte
	fail    error
}

func (m *memory) Size() (int64, error) { return int64(len(m.content)), m.fail }
func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.content).ReadAt(p, off)
}
func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	return copy(m.content[off:], p), m.fail
}
func (m *memory) Flush() error { return m.fail }
func (m *memory) Discard(off, length int64) error {
	clear(m.content[off : off+length])
	return m.fail
}

func TestDo(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request  Request
		readOnly bool
		fail     error
		want     syscall.Errno
	}{
		"write":                   {request: Request{op: opWrite, length: 3, data: []byte("abc")}},
		"write that fails":        {request: Request{op: opWrite}, fail: io.ErrUnexpectedEOF, want: syscall.EIO},
		"write with an errno":     {request: Request{op: opWrite}, fail: errors.Join(syscall.ENOSPC, io.EOF), want: syscall.ENOSPC},
		"write to what is read":   {request: Request{op: opWrite}, readOnly: true, want: syscall.EROFS},
		"discard":                 {request: Request{op: opFallocate, length: 8, mode: fallocatePunchHole | fallocateKeepSize}},
		"zeros":                   {request: Request{op: opFallocate, length: 8, mode: fallocateZeroRange | fallocateKeepSize}},
		"discard what is read":    {request: Request{op: opFallocate, mode: 3}, readOnly: true, want: syscall.EROFS},
		"allocate":                {request: Request{op: opFallocate, length: 8}, want: syscall.EOPNOTSUPP},
		"truncate":                {request: Request{op: opSetattr, mode: setattrSize}, want: syscall.EPERM},
		"truncate to what it has": {request: Request{op: opSetattr, mode: setattrSize, length: 16}},
		"times":                   {request: Request{op: opSetattr, mode: 1 << 4}},
		"attributes that fail":    {request: Request{op: opGetattr}, fail: io.EOF, want: syscall.EIO},
		"open":                    {request: Request{op: opOpen}},
		"flush to the disk":       {request: Request{op: opFsync}},
		"unknown":                 {request: Request{op: 999}, want: syscall.ENOSYS},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{Options: Options{Writable: !c.readOnly}, file: &memory{make([]byte, 16), c.fail}}
			if _, err := s.do(c.request); errnoOf(err) != c.want {
				t.Errorf("error %v, want errno %d", err, c.want)
			}
		})
	}
}
