package erase

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/seamount-dev/seamount/discover/content"
)

// Device is an open disk.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync brings what was written to the disk.
	Sync() error
	// Forget drops what the page cache keeps of the disk, so that the disk itself is read next.
	Forget()
	// Discard tells the disk that a part is not needed any more. Anything may be read there afterwards.
	Discard(offset, length int64) error
}

// Disk is a disk that is to be erased.
type Disk struct {
	// Name for messages.
	Name   string
	Device Device
	// Size of the disk and of its sectors, in bytes.
	Size, Sector int64
	// CheckSealed fails unless the disk is what was sealed, and all on it may be erased.
	CheckSealed func(ctx context.Context) error
	// Drop has the kernel forget the disk's partitions. One that is in use is an error.
	Drop func() error
}

// state is what a disk is for an order.
type state string

const (
	stateClear  state = "clear"  // all that is to be erased is zero
	stateBegun  state = "begun"  // an erasure that did not come to its end
	stateSealed state = "sealed" // as it was sealed
)

// Erase erases the disk, reads back what it wrote, and returns how many bytes are zero now.
func (d Disk) Erase(ctx context.Context, o Order) (int64, error) {
	ranges := Ranges(d.Size, o)
	found, err := d.check(ctx, o, ranges)
	if err != nil {
		return 0, err
	}
	if err := d.Drop(); err != nil {
		return 0, err
	}
	if found == stateClear {
		// What a process cleared that was killed may not be on the disk yet.
		return total(ranges), d.Device.Sync()
	}
	if err := d.clear(ctx, o, ranges); err != nil {
		return 0, fmt.Errorf("erase %s: %w", d.Name, err)
	}
	return total(ranges), d.Drop()
}

// check says what the disk is, or refuses it.
func (d Disk) check(ctx context.Context, o Order, ranges []content.Extent) (state, error) {
	d.Device.Forget()
	if d.Size < 2*block || d.Sector < markSize || d.Sector > block || d.Size%d.Sector != 0 {
		return "", fmt.Errorf("%s has %d bytes in sectors of %d", d.Name, d.Size, d.Sector)
	}
	begun, err := d.begun(o)
	if begun || err != nil {
		return stateBegun, err
	}
	at, err := d.firstByte(ctx, ranges)
	if err != nil || at < 0 {
		return stateClear, err
	}
	return stateSealed, d.CheckSealed(ctx)
}

// clear leaves the mark in its place until all else is known to be zero.
func (d Disk) clear(ctx context.Context, o Order, ranges []content.Extent) error {
	if err := d.mark(o); err != nil {
		return err
	}
	if err := d.discard(ctx); err != nil {
		return err
	}
	// A disk that discards more than it was told to must not be taken for another's when the process is killed now.
	if err := d.mark(o); err != nil {
		return err
	}
	if err := d.zero(ctx, d.behindMark(ranges)); err != nil {
		return err
	}
	return d.zero(ctx, []content.Extent{{Offset: 0, Length: d.Sector}})
}

func (d Disk) behindMark(ranges []content.Extent) []content.Extent {
	rest := []content.Extent{{Offset: d.Sector, Length: ranges[0].Length - d.Sector}}
	return append(rest, ranges[1:]...)
}

// markSize is that of the smallest sector: a disk writes a sector as a whole, or not at all.
const markSize = 512

const magic = "seamount is erasing this disk\n\x00\x00"

// markOf is the first sector of a disk that is being erased.
func markOf(o Order, sector int64) []byte {
	mark := make([]byte, sector)
	n := copy(mark, magic)
	n += copy(mark[n:], o.Target[:])
	sum := sha256.Sum256(mark[:n])
	copy(mark[n:], sum[:])
	return mark
}

func (d Disk) begun(o Order) (bool, error) {
	found := make([]byte, d.Sector)
	if _, err := d.Device.ReadAt(found, 0); err != nil {
		return false, fmt.Errorf("read the first sector of %s: %w", d.Name, err)
	}
	return bytes.Equal(found, markOf(o, d.Sector)), nil
}

// mark writes the mark unless it is there, and waits until the disk has it: that of a process that was killed may be in the
// page cache alone.
func (d Disk) mark(o Order) error {
	d.Device.Forget()
	begun, err := d.begun(o)
	if err == nil && !begun {
		_, err = d.Device.WriteAt(markOf(o, d.Sector), 0)
	}
	if err == nil {
		err = d.Device.Sync()
	}
	if err != nil {
		return err
	}
	d.Device.Forget()
	if begun, err = d.begun(o); err == nil && !begun {
		err = errors.New("the disk does not keep what is written to its first sector")
	}
	return err
}

// discardStep is how much is discarded at once: the kernel does not let itself be interrupted meanwhile.
const discardStep = 1 << 30

// discard gives back what the disk lets be given back. It proves nothing, and a disk that cannot is erased all the same.
func (d Disk) discard(ctx context.Context) error {
	for offset := int64(block); offset < d.Size; offset += discardStep {
		if err := ctx.Err(); err != nil {
			return err
		}
		if d.Device.Discard(offset, min(discardStep, d.Size-offset)) != nil {
			return nil //nolint:nilerr // zeros are written in any case
		}
	}
	return nil
}

// chunk is how much is written and read at once, and syncStep how much may wait in the page cache.
const (
	chunk    = 1 << 20
	syncStep = 64 << 20
)

// zero writes zeros, and reads them back from the disk.
func (d Disk) zero(ctx context.Context, ranges []content.Extent) error {
	zeros, waiting := make([]byte, chunk), int64(0)
	err := walk(ctx, ranges, func(offset, length int64) error {
		if _, err := d.Device.WriteAt(zeros[:length], offset); err != nil {
			return err
		}
		if waiting += length; waiting < syncStep {
			return nil
		}
		waiting = 0
		err := d.Device.Sync()
		d.Device.Forget()
		return err
	})
	if err == nil {
		err = d.Device.Sync()
	}
	if err != nil {
		return err
	}
	d.Device.Forget()
	at, err := d.firstByte(ctx, ranges)
	if err == nil && at >= 0 {
		err = fmt.Errorf("zeros were written, and at byte %d the disk reads something else", at)
	}
	return err
}

// firstByte returns the offset of the first byte that is not zero; -1: there is none.
func (d Disk) firstByte(ctx context.Context, ranges []content.Extent) (int64, error) {
	buffer := make([]byte, chunk)
	found := int64(-1)
	err := walk(ctx, ranges, func(offset, length int64) error {
		data := buffer[:length]
		if _, err := d.Device.ReadAt(data, offset); err != nil {
			return fmt.Errorf("read %s at %d: %w", d.Name, offset, err)
		}
		if rest := bytes.TrimLeft(data, "\x00"); len(rest) > 0 {
			found = offset + length - int64(len(rest))
			return errFound
		}
		return nil
	})
	if errors.Is(err, errFound) {
		err = nil
	}
	return found, err
}

var errFound = errors.New("found")

func walk(ctx context.Context, ranges []content.Extent, do func(offset, length int64) error) error {
	for _, e := range ranges {
		for at := int64(0); at < e.Length; at += chunk {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := do(e.Offset+at, min(chunk, e.Length-at)); err != nil {
				return err
			}
		}
	}
	return nil
}
