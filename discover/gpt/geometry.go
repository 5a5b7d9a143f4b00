package gpt

import "fmt"

// Sizes of the format.
const (
	// EntryCount is how many partitions a table has room for.
	EntryCount = 128
	entrySize  = 128
	headerSize = 92
	arraySize  = EntryCount * entrySize
)

// Sectors that a disk may have, in bytes.
const smallestSector, largestSector = 512, 4096

// Geometry of a disk, in bytes.
type Geometry struct{ Size, Sector int64 }

// Check fails for a geometry that has no room for a table.
func (g Geometry) Check() error {
	switch {
	case g.Sector < smallestSector || g.Sector > largestSector || g.Sector&(g.Sector-1) != 0:
		return fmt.Errorf("sectors of %d bytes", g.Sector)
	case g.Size%g.Sector != 0:
		return fmt.Errorf("%d bytes are no whole sectors of %d", g.Size, g.Sector)
	case g.firstUsable() > g.lastUsable():
		return fmt.Errorf("%d bytes have no room for a partition table", g.Size)
	}
	return nil
}

func (g Geometry) arraySectors() int64 { return arraySize / g.Sector }

// last is the number of the last sector, where the header of the backup lies.
func (g Geometry) last() int64 { return g.Size/g.Sector - 1 }

// firstUsable and lastUsable bound the sectors of partitions.
func (g Geometry) firstUsable() int64 { return primaryArray + g.arraySectors() }
func (g Geometry) lastUsable() int64  { return g.last() - g.arraySectors() - 1 }

// Sectors of the primary table.
const primaryHeader, primaryArray = 1, 2

// place of one of the two copies of a table, in sectors.
type place struct{ header, alternate, array int64 }

func (g Geometry) primary() place { return place{primaryHeader, g.last(), primaryArray} }

func (g Geometry) backup() place {
	return place{g.last(), primaryHeader, g.last() - g.arraySectors()}
}
