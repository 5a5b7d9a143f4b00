package gpt

import (
	"encoding/binary"
	"hash/crc32"
	"math"
)

// Piece is what is to be written at one place of a disk.
type Piece struct {
	// Offset in bytes.
	Offset int64
	Data   []byte
}

// Places in a header.
const (
	headerRevision, headerLength, headerChecksum, headerOwn, headerAlternate = 8, 12, 16, 24, 32
	headerFirst, headerLast, headerGUID, headerArray, headerCount            = 40, 48, 56, 72, 80
	headerEntry, headerArrayChecksum                                         = 84, 88
)

const (
	signature = "EFI PART"
	revision  = 0x00010000
)

// PrimaryHeader and BackupHeader are one sector each: a disk writes it whole or not at all. With no partitions the array
// that belongs to it is all zeros, which a blank disk has already.
func (t *Table) PrimaryHeader() Piece { return t.header(t.geometry.primary()) }

// BackupHeader is the header of the copy at the end of the disk.
func (t *Table) BackupHeader() Piece { return t.header(t.geometry.backup()) }

// Primary is the copy at the beginning of the disk, the array before its header.
func (t *Table) Primary() []Piece {
	return []Piece{t.array(t.geometry.primary()), t.PrimaryHeader()}
}

// Backup is the copy at the end of the disk, the array before its header.
func (t *Table) Backup() []Piece {
	return []Piece{t.array(t.geometry.backup()), t.BackupHeader()}
}

func (t *Table) arrayBytes() []byte {
	array := make([]byte, 0, arraySize)
	for i := range t.entries {
		array = append(array, t.entries[i][:]...)
	}
	return array
}

func (t *Table) array(at place) Piece {
	return Piece{Offset: at.array * t.geometry.Sector, Data: t.arrayBytes()}
}

func (t *Table) header(at place) Piece {
	b := make([]byte, t.geometry.Sector)
	copy(b, signature)
	binary.LittleEndian.PutUint32(b[headerRevision:], revision)
	binary.LittleEndian.PutUint32(b[headerLength:], headerSize)
	for offset, value := range map[int]int64{
		headerOwn: at.header, headerAlternate: at.alternate, headerArray: at.array,
		headerFirst: t.geometry.firstUsable(), headerLast: t.geometry.lastUsable(),
	} {
		binary.LittleEndian.PutUint64(b[offset:], uint64(value))
	}
	putGUID(b[headerGUID:], t.GUID)
	binary.LittleEndian.PutUint32(b[headerCount:], EntryCount)
	binary.LittleEndian.PutUint32(b[headerEntry:], entrySize)
	binary.LittleEndian.PutUint32(b[headerArrayChecksum:], crc32.ChecksumIEEE(t.arrayBytes()))
	binary.LittleEndian.PutUint32(b[headerChecksum:], checksum(b[:headerSize]))
	return Piece{Offset: at.header * t.geometry.Sector, Data: b}
}

// checksum of a header is that with zeros in its own place.
func checksum(header []byte) uint32 {
	b := append([]byte{}, header...)
	clear(b[headerChecksum : headerChecksum+4])
	return crc32.ChecksumIEEE(b)
}

// Places in a boot sector.
const (
	bootSize, bootEntry, bootEntryEnd, bootMark = 512, 446, 462, 510
	bootType, bootFirst, bootCount              = bootEntry + 4, bootEntry + 8, bootEntry + 12
	protective                                  = 0xEE
)

// Boot is the boot sector, which tells programs that know no GPT that the disk is taken.
func (t *Table) Boot() Piece {
	b := make([]byte, t.geometry.Sector)
	copy(b[bootEntry:], []byte{0, 0, 2, 0, protective, 0xFF, 0xFF, 0xFF})
	binary.LittleEndian.PutUint32(b[bootFirst:], primaryHeader)
	binary.LittleEndian.PutUint32(b[bootCount:], uint32(min(t.geometry.last(), math.MaxUint32)))
	copy(b[bootMark:], []byte{0x55, 0xAA})
	return Piece{Offset: 0, Data: b}
}
