package gpt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	library "github.com/siderolabs/go-blockdevice/v2/partitioning/gpt"
)

const mib = 1 << 20

// image is a disk in memory.
type image struct {
	bytes.Reader
	data   []byte
	sector int64
}

func newImage(size, sector int64) *image {
	d := &image{data: make([]byte, size), sector: sector}
	d.Reset(d.data)
	return d
}

func (d *image) geometry() Geometry { return Geometry{Size: int64(len(d.data)), Sector: d.sector} }

func (d *image) put(pieces ...Piece) {
	for _, p := range pieces {
		copy(d.data[p.Offset:], p.Data)
	}
}

// The rest is what the library wants of a device.

func (d *image) WriteAt(p []byte, off int64) (int, error)        { return copy(d.data[off:], p), nil }
func (d *image) GetSectorSize() uint                             { return uint(d.sector) }
func (d *image) GetSize() uint64                                 { return uint64(len(d.data)) }
func (d *image) GetIOSize() (uint, error)                        { return uint(d.sector), nil }
func (d *image) Sync() error                                     { return nil }
func (d *image) GetKernelLastPartitionNum() (int, error)         { return 0, nil }
func (d *image) KernelPartitionAdd(int, uint64, uint64) error    { return nil }
func (d *image) KernelPartitionResize(int, uint64, uint64) error { return nil }
func (d *image) KernelPartitionDelete(int) error                 { return nil }

func id(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}) }

func slice(n int, offset, size int64) Partition {
	return Partition{Type: SliceType, UUID: id(n), Name: fmt.Sprintf("osd.%d data", n), Offset: offset, Size: size}
}

func table(t testing.TB, g Geometry, partitions ...Partition) *Table {
	t.Helper()
	made := New(g, id(0))
	for _, p := range partitions {
		var err error
		if made, err = made.With(p); err != nil {
			t.Fatal(err)
		}
	}
	return made
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, sector := range []int64{512, 4096} {
		d := newImage(64*mib, sector)
		want := table(t, d.geometry(), slice(1, mib, 20*mib), slice(2, 40*mib, 23*mib))
		d.put(slices.Concat(want.Primary(), want.Backup(), []Piece{want.Boot()})...)
		got, err := Read(d, d.geometry())
		if err != nil || got.Boot != StateValid || got.Primary.State != StateValid || got.Backup.State != StateValid {
			t.Fatalf("%+v, %v", got, err)
		}
		if !got.Primary.Table.Equal(want) || !got.Backup.Table.Equal(want) {
			t.Errorf("got %+v", got.Table().Partitions())
		}
		second := slice(2, 40*mib, 23*mib)
		second.Number = 2
		if p, found := got.Table().Find(id(2)); !found || p != second {
			t.Errorf("got %+v", p)
		}
	}
}

// The library reads what is written here as it is meant, from either copy.
func TestLibraryReadsIt(t *testing.T) {
	t.Parallel()
	for _, sector := range []int64{512, 4096} {
		whole := newImage(64*mib, sector)
		made := table(t, whole.geometry(), slice(1, mib, 20*mib), slice(2, 40*mib, 20*mib))
		for name, pieces := range map[string][]Piece{"primary": made.Primary(), "backup": made.Backup()} {
			d := newImage(64*mib, sector)
			d.put(append(pieces, made.Boot())...)
			read, err := library.Read(d)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			var got []library.Partition
			for _, p := range read.Partitions() {
				got = append(got, *p)
			}
			var want []library.Partition
			for _, p := range made.Partitions() {
				want = append(want, library.Partition{
					Name: p.Name, TypeGUID: p.Type, PartGUID: p.UUID, FirstLBA: uint64(p.Offset / sector), LastLBA: uint64(p.End()/sector - 1),
				})
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	}
}

// A table that is written by the library is read here.
func TestReadsTheLibrarys(t *testing.T) {
	t.Parallel()
	d := newImage(64*mib, 512)
	foreign, err := library.New(d, library.WithDiskGUID(id(7)))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := foreign.AllocatePartition(4*mib, "grüße", id(8), library.WithUniqueGUID(id(9))); err != nil {
		t.Fatal(err)
	}
	if err := foreign.Write(); err != nil {
		t.Fatal(err)
	}
	got, err := Read(d, d.geometry())
	if err != nil || got.Boot != StateValid || got.Primary.GUID != id(7) || got.Backup.GUID != id(7) {
		t.Fatalf("%+v, %v", got, err)
	}
	want := []Partition{{Number: 1, Type: id(8), UUID: id(9), Name: "grüße", Offset: mib, Size: 4 * mib}}
	if diff := cmp.Diff(want, got.Table().Partitions()); diff != "" {
		t.Error(diff)
	}
}

func TestWithRefuses(t *testing.T) {
	t.Parallel()
	g := Geometry{Size: 64 * mib, Sector: 512}
	made := table(t, g, slice(1, 10*mib, 10*mib))
	for name, c := range map[string]struct {
		p    Partition
		want error
	}{
		"over the table":        {slice(2, 0, mib), ErrNoRoom},
		"over the backup":       {slice(2, 63*mib, mib), ErrNoRoom},
		"larger than can be":    {slice(2, 30*mib, 1<<62), ErrNoRoom},
		"nothing":               {slice(2, mib, 0), ErrNoRoom},
		"half a sector":         {slice(2, mib, 100), ErrNoRoom},
		"from within another":   {slice(2, 19*mib, mib), ErrOverlaps},
		"into another":          {slice(2, 9*mib, 2*mib), ErrOverlaps},
		"around another":        {slice(2, mib, 60*mib), ErrOverlaps},
		"a UUID that is in use": {slice(1, 30*mib, mib), ErrOverlaps},
	} {
		if got, err := made.With(c.p); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	full := New(g, id(0))
	for i := range EntryCount {
		var err error
		if full, err = full.With(Partition{Type: SliceType, UUID: id(i), Offset: mib + int64(i)*512, Size: 512}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := full.With(slice(200, 30*mib, mib)); !errors.Is(err, ErrFull) {
		t.Errorf("a full table: %v", err)
	}
}

// With leaves the table that it was asked of as it is.
func TestWithIsNew(t *testing.T) {
	t.Parallel()
	made := table(t, Geometry{Size: 64 * mib, Sector: 512}, slice(1, mib, mib))
	if _, err := made.With(slice(2, 4*mib, mib)); err != nil || len(made.Partitions()) != 1 {
		t.Errorf("%v, %+v", err, made.Partitions())
	}
}

func TestStates(t *testing.T) {
	t.Parallel()
	valid := func(d *image) *Table {
		made := table(t, d.geometry(), slice(1, mib, mib))
		d.put(slices.Concat(made.Primary(), made.Backup(), []Piece{made.Boot()})...)
		return made
	}
	type states struct{ Boot, Primary, Backup State }
	all := states{StateValid, StateValid, StateValid}
	for name, c := range map[string]struct {
		make func(d *image)
		want states
	}{
		"blank":           {func(*image) {}, states{StateAbsent, StateAbsent, StateAbsent}},
		"whole":           {func(d *image) { valid(d) }, all},
		"data behind":     {func(d *image) { valid(d); d.data[30*mib] = 1 }, all},
		"only the boot":   {func(d *image) { d.put(New(d.geometry(), id(0)).Boot()) }, states{StateValid, StateAbsent, StateAbsent}},
		"a header alone":  {func(d *image) { d.put(New(d.geometry(), id(0)).BackupHeader()) }, states{StateAbsent, StateAbsent, StateValid}},
		"a boot program":  {func(d *image) { valid(d); d.data[3] = 0xEB }, states{StateOther, StateValid, StateValid}},
		"an MBR":          {func(d *image) { valid(d); d.data[bootType] = 0x83 }, states{StateOther, StateValid, StateValid}},
		"a second record": {func(d *image) { valid(d); d.data[bootEntryEnd+4] = 0x83 }, states{StateOther, StateValid, StateValid}},
		"header damaged":  {func(d *image) { valid(d); d.data[512+headerGUID]++ }, states{StateValid, StateBroken, StateValid}},
		"array damaged":   {func(d *image) { valid(d); d.data[1024+entryFirst]++ }, states{StateValid, StateBroken, StateValid}},
		"header gone":     {func(d *image) { valid(d); clear(d.data[512:1024]) }, states{StateValid, StateAbsent, StateValid}},
		"end overwritten": {func(d *image) { valid(d); copy(d.data[len(d.data)-512:], "RAID") }, states{StateValid, StateValid, StateOther}},
		"another form":    {anotherForm, states{StateAbsent, StateBroken, StateAbsent}},
		"elsewhere":       {elsewhere, states{StateAbsent, StateBroken, StateAbsent}},
		"overlapping":     {overlapping, states{StateAbsent, StateBroken, StateAbsent}},
		"outside":         {outside, states{StateAbsent, StateBroken, StateAbsent}},
	} {
		d := newImage(64*mib, 512)
		c.make(d)
		got, err := Read(d, d.geometry())
		if diff := cmp.Diff(c.want, states{got.Boot, got.Primary.State, got.Backup.State}); diff != "" || err != nil {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if got.Blank() != (c.want == states{StateAbsent, StateAbsent, StateAbsent}) {
			t.Errorf("%s: blank: %t", name, got.Blank())
		}
	}
}

// spoil writes a header that is changed, with a right checksum.
func spoil(d *image, header Piece, change func(b []byte)) {
	change(header.Data)
	binary.LittleEndian.PutUint32(header.Data[headerChecksum:], checksum(header.Data[:headerSize]))
	d.put(header)
}

func anotherForm(d *image) {
	spoil(d, New(d.geometry(), id(0)).PrimaryHeader(), func(b []byte) { b[headerCount] = 4 })
}

func elsewhere(d *image) {
	spoil(d, New(d.geometry(), id(0)).PrimaryHeader(), func(b []byte) { b[headerArray] = 9 })
}

func overlapping(d *image) {
	t := New(d.geometry(), id(0))
	t.entries[0], t.entries[5] = newEntry(slice(1, mib, 2*mib), 512), newEntry(slice(2, 2*mib, mib), 512)
	d.put(t.Primary()...)
}

func outside(d *image) {
	t := New(d.geometry(), id(0))
	t.entries[3] = newEntry(slice(1, 1<<62, mib), 512)
	d.put(t.Primary()...)
}

func TestGeometry(t *testing.T) {
	t.Parallel()
	for _, g := range []Geometry{{}, {Size: mib, Sector: 100}, {Size: mib, Sector: 256}, {Size: mib + 1, Sector: 512}, {Size: 16 << 10, Sector: 512}, {Size: -mib, Sector: 512}} {
		if _, err := Read(newImage(mib, 512), g); err == nil {
			t.Errorf("%+v is accepted", g)
		}
	}
}

func TestGUIDOnDisk(t *testing.T) {
	t.Parallel()
	efi := uuid.MustParse("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
	want := []byte{0x28, 0x73, 0x2a, 0xc1, 0x1f, 0xf8, 0xd2, 0x11, 0xba, 0x4b, 0x00, 0xa0, 0xc9, 0x3e, 0xc9, 0x3b}
	got := make([]byte, 16)
	putGUID(got, efi)
	if !bytes.Equal(got, want) || guidOf(want) != efi {
		t.Errorf("got %x, %s", got, guidOf(want))
	}
}

// Whatever lies on a disk: it is read without panic, and a valid table is written again as it was read.
func FuzzRead(f *testing.F) {
	small := Geometry{Size: 64 << 10, Sector: 512}
	made := New(small, id(0))
	made, err := made.With(Partition{Type: SliceType, UUID: id(1), Name: "x", Offset: 20 << 10, Size: 512})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.PrimaryHeader().Data, made.arrayBytes(), made.BackupHeader().Data)
	f.Add([]byte{}, []byte{}, []byte(signature))
	f.Fuzz(func(t *testing.T, header, array, backup []byte) {
		d := newImage(small.Size, small.Sector)
		if len(header) > headerSize { // reach what lies behind the checksums
			binary.LittleEndian.PutUint32(header[headerChecksum:], checksum(header[:headerSize]))
		}
		copy(d.data[512:1024], header)
		copy(d.data[1024:1024+arraySize], array)
		copy(d.data[small.Size-512:], backup)
		got, err := Read(d, small)
		if err != nil {
			t.Fatal(err)
		}
		read := got.Table()
		if read == nil {
			return
		}
		again := newImage(small.Size, small.Sector)
		again.put(read.Primary()...)
		if second, err := Read(again, small); err != nil || second.Primary.Table == nil || !second.Primary.Table.Equal(read) {
			t.Errorf("%+v, %v", second, err)
		}
	})
}
