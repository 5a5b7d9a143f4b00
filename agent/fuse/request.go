package fuse

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var le = binary.LittleEndian

// ErrMalformed says that what was read from the device is no request.
var ErrMalformed = errors.New("malformed FUSE request")

// Request is one of the kernel.
type Request struct {
	op     opcode
	unique uint64
	// offset and length of a read, a write or a hole, and the new size of the file in length.
	offset, length uint64
	// mode of FALLOCATE, or what SETATTR changes.
	mode uint32
	// data to write; it lies in the buffer that was parsed.
	data []byte
	init initIn
}

// initIn is what the kernel offers.
type initIn struct {
	major, minor, readahead uint32
	flags                   uint64
}

// parsers read the body of a request, for the operations of which the body matters.
var parsers = map[opcode]struct {
	size  int
	parse func(r *Request, body []byte)
}{
	opInit:      {16, parseInit},
	opSetattr:   {88, parseSetattr},
	opRead:      {40, parseRange},
	opWrite:     {writeInSize, parseRange},
	opFallocate: {32, parseFallocate},
}

// Parse reads one request. What it returns lies partly in the buffer.
func Parse(b []byte) (Request, error) {
	if len(b) < inHeaderSize {
		return Request{}, fmt.Errorf("%w: %d bytes", ErrMalformed, len(b))
	}
	if n := le.Uint32(b); uint64(n) != uint64(len(b)) {
		return Request{}, fmt.Errorf("%w: it says that it has %d bytes, and has %d", ErrMalformed, n, len(b))
	}
	r := Request{op: opcode(le.Uint32(b[4:])), unique: le.Uint64(b[8:])}
	p, has := parsers[r.op]
	if !has {
		return r, nil
	}
	body := b[inHeaderSize:]
	if len(body) < p.size {
		return Request{}, fmt.Errorf("%w: operation %d with %d bytes", ErrMalformed, r.op, len(body))
	}
	p.parse(&r, body)
	return r, r.check(body)
}

func (r *Request) check(body []byte) error {
	switch {
	case r.op == opWrite && uint64(len(body)-writeInSize) != r.length:
		return fmt.Errorf("%w: a write of %d bytes comes with %d", ErrMalformed, r.length, len(body)-writeInSize)
	case r.op == opRead && r.length > MaxIO:
		return fmt.Errorf("%w: a read of %d bytes", ErrMalformed, r.length)
	case r.op != opInit && r.op != opSetattr && (r.offset > maxOffset || r.length > maxOffset-r.offset):
		return fmt.Errorf("%w: operation %d at offset %d, length %d", ErrMalformed, r.op, r.offset, r.length)
	}
	return nil
}

// maxOffset is the largest position in a file.
const maxOffset = 1<<63 - 1

func parseInit(r *Request, body []byte) {
	r.init = initIn{le.Uint32(body), le.Uint32(body[4:]), le.Uint32(body[8:]), uint64(le.Uint32(body[12:]))}
	if r.init.flags&initExt != 0 && len(body) >= 20 {
		r.init.flags |= uint64(le.Uint32(body[16:])) << 32
	}
}

func parseSetattr(r *Request, body []byte) {
	r.mode, r.length = le.Uint32(body), le.Uint64(body[16:])
}

func parseRange(r *Request, body []byte) {
	r.offset, r.length = le.Uint64(body[8:]), uint64(le.Uint32(body[16:]))
	if r.op == opWrite {
		r.data = body[writeInSize:]
	}
}

func parseFallocate(r *Request, body []byte) {
	r.offset, r.length, r.mode = le.Uint64(body[8:]), le.Uint64(body[16:]), le.Uint32(body[24:])
}

// Large tells whether the request's data fills more than a small buffer.
func (r *Request) Large() bool { return len(r.data) > SmallBuffer-inHeaderSize-writeInSize }

// SmallBuffer is what a buffer must have for a request that is not large.
const SmallBuffer = 64 << 10

// needs is the length of the buffer for the answer's data.
func (r *Request) needs() int {
	if r.op != opRead {
		return 0
	}
	return int(r.length)
}
