// Package gpt is the partition table with GUIDs, as the UEFI specification has it in chapter 5: it reads both copies
// and tells what is the matter with each, and says what is to be written where. It writes nothing itself.
//
// A library that writes such tables puts partitions where it likes, and writes both copies without telling when one of
// them is safe: whoever is killed in between leaves a disk of which nobody can tell whose it is.
package gpt

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// SliceType is the type of the partitions that Seamount makes: slices of a disk for its OSDs.
var SliceType = uuid.MustParse("4ce3f584-deed-49a9-b807-9d9ad198ecd1")

// Table is a partition table.
type Table struct {
	// GUID of the table.
	GUID uuid.UUID

	geometry Geometry
	entries  [EntryCount]entry
}

// New returns a table without partitions.
func New(g Geometry, guid uuid.UUID) *Table { return &Table{GUID: guid, geometry: g} }

// Partitions in the order of their numbers.
func (t *Table) Partitions() []Partition {
	var partitions []Partition
	for i := range t.entries {
		if e := &t.entries[i]; e.used() {
			partitions = append(partitions, e.partition(i+1, t.geometry.Sector))
		}
	}
	return partitions
}

// Find returns the partition of a UUID.
func (t *Table) Find(id uuid.UUID) (Partition, bool) {
	for _, p := range t.Partitions() {
		if p.UUID == id {
			return p, true
		}
	}
	return Partition{}, false
}

// Errors of Add.
var (
	ErrFull     = errors.New("the partition table is full")
	ErrNoRoom   = errors.New("the partition does not fit onto the disk")
	ErrOverlaps = errors.New("the partition overlaps another")
)

// With returns a table with one partition more, which gets the first number that is free.
func (t *Table) With(p Partition) (*Table, error) {
	g := t.geometry
	if p.Size <= 0 || p.Offset < g.firstUsable()*g.Sector || p.Size > (g.lastUsable()+1)*g.Sector-p.Offset ||
		p.Offset%g.Sector != 0 || p.Size%g.Sector != 0 {
		return nil, ErrNoRoom
	}
	for _, other := range t.Partitions() {
		if p.Overlaps(other) || p.UUID == other.UUID {
			return nil, fmt.Errorf("%w: number %d (%s), %q", ErrOverlaps, other.Number, other.UUID, other.Name)
		}
	}
	next := *t
	for i := range next.entries {
		if e := &next.entries[i]; !e.used() {
			*e = newEntry(p, g.Sector)
			return &next, nil
		}
	}
	return nil, ErrFull
}

// Equal says whether the tables have the same partitions, byte by byte.
func (t *Table) Equal(o *Table) bool { return t.GUID == o.GUID && t.entries == o.entries }

// check fails for partitions that are not all within the disk, or share a sector.
func (t *Table) check() error {
	first, last := uint64(t.geometry.firstUsable()), uint64(t.geometry.lastUsable())
	for i := range t.entries {
		if e := &t.entries[i]; e.used() && (e.first() < first || e.last() > last || e.first() > e.last()) {
			return fmt.Errorf("partition %d has the sectors %d to %d", i+1, e.first(), e.last())
		}
	}
	partitions := t.Partitions()
	for i, p := range partitions {
		for _, other := range partitions[:i] {
			if p.Overlaps(other) || p.UUID == other.UUID {
				return fmt.Errorf("%w: %d and %d", ErrOverlaps, other.Number, p.Number)
			}
		}
	}
	return nil
}
