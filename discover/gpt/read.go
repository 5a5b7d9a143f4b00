package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// State is what there is at a place of a table.
type State string

// States of a boot sector or a copy of a table.
const (
	// StateAbsent: nothing but zeros.
	StateAbsent State = "absent"
	// StateValid: it is one, and its checksums are right.
	StateValid State = "valid"
	// StateBroken: it begins as one, and is none.
	StateBroken State = "broken"
	// StateOther: something else.
	StateOther State = "other"
)

// Copy is one of the two copies of a table.
type Copy struct {
	State State
	// GUID of the table, as far as the header's own checksum is right; also when that of its array is not.
	GUID uuid.UUID
	// Table of a valid copy.
	Table *Table
	// Problem of a broken copy.
	Problem error
}

// Disk is all that a disk says of partitions.
type Disk struct {
	// Boot is the state of the boot sector. It is valid when it says nothing but that there is a GPT.
	Boot            State
	Primary, Backup Copy
}

// Blank says that the disk has no table and no boot sector.
func (d Disk) Blank() bool {
	return d.Boot == StateAbsent && d.Primary.State == StateAbsent && d.Backup.State == StateAbsent
}

// Table that counts: the primary one, else its backup; nil when neither is valid.
func (d Disk) Table() *Table {
	if d.Primary.State == StateValid {
		return d.Primary.Table
	}
	return d.Backup.Table
}

// Read reads what a disk says of partitions. An error is one of reading.
func Read(r io.ReaderAt, g Geometry) (Disk, error) {
	if err := g.Check(); err != nil {
		return Disk{}, err
	}
	boot := make([]byte, bootSize)
	if _, err := r.ReadAt(boot, 0); err != nil {
		return Disk{}, fmt.Errorf("read the boot sector: %w", err)
	}
	primary, err := readCopy(r, g, g.primary())
	if err != nil {
		return Disk{}, err
	}
	backup, err := readCopy(r, g, g.backup())
	return Disk{Boot: bootState(boot), Primary: primary, Backup: backup}, err
}

func bootState(b []byte) State {
	isOnly := zero(b[:bootEntry]) && zero(b[bootEntryEnd:bootMark]) && b[bootMark] == 0x55 && b[bootMark+1] == 0xAA &&
		b[bootType] == protective && binary.LittleEndian.Uint32(b[bootFirst:]) == primaryHeader
	switch {
	case zero(b):
		return StateAbsent
	case isOnly:
		return StateValid
	}
	return StateOther
}

func zero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }

func readCopy(r io.ReaderAt, g Geometry, at place) (Copy, error) {
	header := make([]byte, g.Sector)
	if _, err := r.ReadAt(header, at.header*g.Sector); err != nil {
		return Copy{}, fmt.Errorf("read the header of the partition table in sector %d: %w", at.header, err)
	}
	switch {
	case zero(header):
		return Copy{State: StateAbsent}, nil
	case !bytes.HasPrefix(header, []byte(signature)):
		return Copy{State: StateOther}, nil
	case binary.LittleEndian.Uint32(header[headerChecksum:]) != checksum(header[:headerSize]):
		return Copy{State: StateBroken, Problem: errors.New("the checksum of its header is wrong")}, nil
	}
	array := make([]byte, arraySize)
	if _, err := r.ReadAt(array, at.array*g.Sector); err != nil {
		return Copy{}, fmt.Errorf("read the partition table in sector %d: %w", at.array, err)
	}
	return parse(header, array, g, at), nil
}

// parse takes a header whose checksum is right.
func parse(header, array []byte, g Geometry, at place) Copy {
	t := New(g, guidOf(header[headerGUID:]))
	for i := range t.entries {
		copy(t.entries[i][:], array[i*entrySize:])
	}
	err := checkHeader(header, at)
	if err == nil && binary.LittleEndian.Uint32(header[headerArrayChecksum:]) != crc32.ChecksumIEEE(array) {
		err = errors.New("the checksum of its partitions is wrong")
	}
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return Copy{State: StateBroken, GUID: t.GUID, Problem: err}
	}
	return Copy{State: StateValid, GUID: t.GUID, Table: t}
}

// checkHeader wants a header of the form that Table.Primary has, where it belongs. Where the other copy lies is not asked of the
// primary: on a disk that has grown it is no longer at the end.
func checkHeader(header []byte, at place) error {
	for _, want := range []struct {
		what   string
		offset int
		value  int64
	}{
		{"its own sector", headerOwn, at.header}, {"the sector of its partitions", headerArray, at.array},
	} {
		if got := binary.LittleEndian.Uint64(header[want.offset:]); got != uint64(want.value) {
			return fmt.Errorf("%s is %d, and not %d", want.what, got, want.value)
		}
	}
	length := binary.LittleEndian.Uint32(header[headerLength:])
	count, size := binary.LittleEndian.Uint32(header[headerCount:]), binary.LittleEndian.Uint32(header[headerEntry:])
	if length != headerSize || count != EntryCount || size != entrySize {
		return fmt.Errorf("it has %d partitions of %d bytes and a header of %d", count, size, length)
	}
	return nil
}
