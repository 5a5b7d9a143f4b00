package gpt

import (
	"encoding/binary"
	"slices"
	"unicode/utf16"

	"github.com/google/uuid"
)

// entry is a partition as it lies on the disk. It is kept as it is, whoever wrote it.
type entry [entrySize]byte

// Places in an entry.
const (
	entryType, entryUUID, entryFirst, entryLast, entryName = 0, 16, 32, 40, 56
)

func (e *entry) used() bool { return guidOf(e[entryType:]) != uuid.Nil }

func (e *entry) first() uint64 { return binary.LittleEndian.Uint64(e[entryFirst:]) }
func (e *entry) last() uint64  { return binary.LittleEndian.Uint64(e[entryLast:]) }

// Partition is a partition of a table.
type Partition struct {
	// Number of the partition, from 1, as the kernel numbers it.
	Number int
	// Type and UUID of the partition.
	Type, UUID uuid.UUID
	// Name for people.
	Name string
	// Offset on the disk and Size, in bytes.
	Offset, Size int64
}

// End is the offset of the first byte behind the partition.
func (p Partition) End() int64 { return p.Offset + p.Size }

// Overlaps says whether the partition shares a byte with another.
func (p Partition) Overlaps(o Partition) bool { return p.Offset < o.End() && o.Offset < p.End() }

func (e *entry) partition(number int, sector int64) Partition {
	first := int64(e.first())
	return Partition{
		Number: number, Type: guidOf(e[entryType:]), UUID: guidOf(e[entryUUID:]), Name: e.name(),
		Offset: first * sector, Size: (int64(e.last()) - first + 1) * sector,
	}
}

func (e *entry) name() string {
	var units []uint16
	for at := entryName; at < entrySize; at += 2 {
		unit := binary.LittleEndian.Uint16(e[at:])
		if unit == 0 {
			break
		}
		units = append(units, unit)
	}
	return string(utf16.Decode(units))
}

// newEntry leaves away what of a name has no room.
func newEntry(p Partition, sector int64) entry {
	var e entry
	putGUID(e[entryType:], p.Type)
	putGUID(e[entryUUID:], p.UUID)
	binary.LittleEndian.PutUint64(e[entryFirst:], uint64(p.Offset/sector))
	binary.LittleEndian.PutUint64(e[entryLast:], uint64(p.End()/sector-1))
	at := entryName
	for _, unit := range utf16.Encode([]rune(p.Name)) {
		if at < entrySize {
			binary.LittleEndian.PutUint16(e[at:], unit)
			at += 2
		}
	}
	return e
}

// The first three groups of a GUID lie on the disk with their last byte first.
var guidGroups = [][2]int{{0, 4}, {4, 6}, {6, 8}}

func guidOf(b []byte) uuid.UUID {
	id := uuid.UUID(b[:16])
	for _, group := range guidGroups {
		slices.Reverse(id[group[0]:group[1]])
	}
	return id
}

func putGUID(b []byte, id uuid.UUID) {
	copy(b, id[:])
	for _, group := range guidGroups {
		slices.Reverse(b[group[0]:group[1]])
	}
}
