package partition

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	library "github.com/siderolabs/go-blockdevice/v2/partitioning/gpt"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const (
	unit     = 64 << 10
	testSize = 64 * unit
)

var errKilled = errors.New("killed")

// device is a disk in memory. Writes wait in its cache until they are synced; it loses some of them in a power cut.
type device struct {
	cache, platter []byte
	sector         int64
	waiting        []int64 // sectors that are not synced
	writes, steps  int     // writes, and writes and syncs, so far
	killAt         int     // the step in whose middle the process dies; 0: never
	r              *rand.Rand
	broken         bool // reads fail
	onSync         func()
}

func newDevice(sector int64) *device {
	return &device{cache: make([]byte, testSize), platter: make([]byte, testSize), sector: sector, r: rand.New(rand.NewPCG(1, 2))}
}

func (d *device) Forget() {}

func (d *device) ReadAt(p []byte, off int64) (int, error) {
	if d.broken {
		return 0, errors.New("input/output error")
	}
	return copy(p, d.cache[off:]), nil
}

func (d *device) WriteAt(p []byte, off int64) (int, error) {
	d.steps++
	d.writes++
	whole := int64(len(p)) / d.sector
	if d.steps == d.killAt {
		whole = d.r.Int64N(whole + 1)
	}
	for i := range whole {
		copy(d.cache[off+i*d.sector:], p[i*d.sector:][:d.sector])
		d.waiting = append(d.waiting, off+i*d.sector)
	}
	if d.steps == d.killAt {
		panic(errKilled)
	}
	return len(p), nil
}

func (d *device) Sync() error {
	d.steps++
	if d.steps == d.killAt {
		panic(errKilled)
	}
	d.flush(func() bool { return true })
	if d.onSync != nil {
		d.onSync()
	}
	return nil
}

// flush brings those of the waiting sectors to the platter that reach says.
func (d *device) flush(reach func() bool) {
	for _, at := range d.waiting {
		if reach() {
			copy(d.platter[at:at+d.sector], d.cache[at:])
		}
	}
	d.waiting = nil
}

// powerCut loses any of the sectors that were not synced.
func (d *device) powerCut() {
	d.flush(func() bool { return d.r.IntN(2) == 0 })
	copy(d.cache, d.platter)
}

func (d *device) put(pieces ...gpt.Piece) {
	for _, p := range pieces {
		copy(d.cache[p.Offset:], p.Data)
	}
	copy(d.platter, d.cache)
}

func (d *device) geometry() gpt.Geometry { return gpt.Geometry{Size: testSize, Sector: d.sector} }

func (d *device) disk() Disk {
	return Disk{Name: "sdb", Device: d, Geometry: d.geometry(), CheckBlank: func(context.Context) error {
		if len(bytes.TrimLeft(d.cache, "\x00")) > 0 {
			return errors.New("it is not blank")
		}
		return nil
	}}
}

// cut runs until the end, or until the process is killed.
func (d *device) cut(t *testing.T, order Order) (table *gpt.Table, err error) {
	t.Helper()
	defer func() {
		if got := recover(); got != nil {
			if got != any(errKilled) {
				panic(got)
			}
			err = errKilled
		}
	}()
	return d.disk().Cut(t.Context(), order)
}

func id(n int) uuid.UUID { return uuid.NewSHA1(uuid.Nil, []byte{byte(n)}) }

func slice(n int, offset, size int64) gpt.Partition {
	return gpt.Partition{Type: gpt.SliceType, UUID: id(n), Name: fmt.Sprintf("osd.%d data", n), Offset: offset * unit, Size: size * unit}
}

func order(slices ...gpt.Partition) Order { return Order{Table: id(0), Slices: slices} }

// stages are orders of one disk, one after the other.
func stages() []Order {
	one, two, three := slice(1, 1, 20), slice(2, 21, 20), slice(3, 50, 5)
	return []Order{order(one), order(one, two), order(one, three, two), order(one, two, three)}
}

func mustCut(t *testing.T, d *device, o Order) *gpt.Table {
	t.Helper()
	table, err := d.cut(t, o)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, sector := range []int64{512, 4096} {
		d := newDevice(sector)
		for i, o := range stages() {
			table := mustCut(t, d, o)
			for _, want := range o.Slices {
				got, found := table.Find(want.UUID)
				if want.Number = got.Number; !found || got != want {
					t.Errorf("stage %d: got %+v, want %+v", i, got, want)
				}
			}
			if !bytes.Equal(d.cache, d.platter) {
				t.Error("it does not wait for the disk")
			}
			before := d.writes
			if again := mustCut(t, d, o); !again.Equal(table) || d.writes != before {
				t.Errorf("stage %d: the second time it writes %d times", i, d.writes-before)
			}
		}
	}
}

// Whenever the process is killed or the power goes, and whatever is lost then: the slices that were there stay, it is
// known whose disk it is, and the next try comes to the same bytes.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	for stage := range stages() {
		want := newDevice(512)
		for _, o := range stages()[:stage+1] {
			mustCut(t, want, o)
		}
		kills := 0
		for killAt, done := 1, false; !done; killAt++ {
			for round := range killRounds {
				d := newDevice(512)
				d.r = rand.New(rand.NewPCG(uint64(killAt), uint64(round)))
				before := prepare(t, d, stages()[:stage])
				d.killAt = d.steps + killAt
				_, err := d.cut(t, stages()[stage])
				if done = err == nil; done {
					break
				}
				kills++
				if d.killAt = 0; round%2 == 0 {
					d.powerCut()
				}
				check(t, d, before)
				mustCut(t, d, stages()[stage])
				if !bytes.Equal(d.platter, want.platter) {
					t.Errorf("stage %d, killed at step %d: another disk", stage, killAt)
				}
			}
		}
		t.Logf("stage %d: killed %d times", stage, kills)
		if kills == 0 && stage != len(stages())-1 {
			t.Errorf("stage %d was never killed", stage)
		}
	}
}

func prepare(t *testing.T, d *device, orders []Order) []gpt.Partition {
	t.Helper()
	var table *gpt.Table
	for _, o := range orders {
		table = mustCut(t, d, o)
	}
	if table == nil {
		return nil
	}
	return table.Partitions()
}

// check wants a disk that is blank or ours, with all that was there before.
func check(t *testing.T, d *device, before []gpt.Partition) {
	t.Helper()
	found, err := gpt.Read(d, d.geometry())
	if err != nil {
		t.Fatal(err)
	}
	if found.Blank() && len(before) == 0 {
		return
	}
	table := found.Table()
	if table == nil || table.GUID != id(0) {
		t.Fatalf("it is not known whose disk it is: %+v", found)
	}
	for _, p := range before {
		if got, there := table.Find(p.UUID); !there || got != p {
			t.Errorf("got %+v, want %+v", got, p)
		}
	}
}

// At every moment of adding a slice one copy is valid, also for those who read meanwhile.
func TestReadableMeanwhile(t *testing.T) {
	t.Parallel()
	d := newDevice(512)
	before := prepare(t, d, stages()[:1])
	looks := 0
	d.onSync = func() { looks++; check(t, d, before) }
	mustCut(t, d, stages()[1])
	if looks < 2 {
		t.Errorf("%d looks", looks)
	}
}

// Each disk that is not ours or has no room is refused, with its reason, and untouched.
func TestRefuses(t *testing.T) {
	t.Parallel()
	ours := func(d *device, partitions ...gpt.Partition) *gpt.Table {
		table := gpt.New(d.geometry(), id(0))
		for _, p := range partitions {
			table, _ = table.With(p)
		}
		d.put(slices.Concat(table.Primary(), table.Backup(), []gpt.Piece{table.Boot()})...)
		return table
	}
	for name, c := range map[string]struct {
		make func(d *device)
		says string
	}{
		"a foreign table":               {func(d *device) { foreignTable(t, d) }, "the partition table " + id(7).String()},
		"a foreign backup":              {func(d *device) { d.put(gpt.New(d.geometry(), id(7)).BackupHeader()) }, id(7).String()},
		"a foreign backup beside ours":  {func(d *device) { ours(d); d.put(gpt.New(d.geometry(), id(7)).BackupHeader()) }, id(7).String()},
		"a foreign table beside ours":   {func(d *device) { ours(d); d.put(gpt.New(d.geometry(), id(7)).Primary()...) }, id(7).String()},
		"a boot sector":                 {func(d *device) { d.cache[0] = 0xEB }, "boot sector other"},
		"a boot sector over ours":       {func(d *device) { ours(d); d.cache[0] = 0xEB }, "boot sector other"},
		"RAID metadata over our backup": {func(d *device) { ours(d); copy(d.cache[testSize-512:], "RAID") }, "its backup other"},
		"both copies broken":            {func(d *device) { ours(d); d.cache[1030]++; d.cache[testSize-500]++ }, "neither copy"},
		"only a boot sector":            {func(d *device) { d.put(gpt.New(d.geometry(), id(0)).Boot()) }, "neither copy"},
		"our slice elsewhere":           {func(d *device) { ours(d, slice(1, 2, 20)) }, "lies at 131072"},
		"our slice of another size":     {func(d *device) { ours(d, slice(1, 1, 19)) }, "has 1245184 bytes"},
		"a slice in the way":            {func(d *device) { ours(d, slice(9, 10, 1)) }, "overlaps"},
		"data in the way":               {func(d *device) { ours(d); d.cache[20*unit+3] = 1 }, "there is something at 1310723"},
	} {
		d := newDevice(512)
		c.make(d)
		before := bytes.Clone(d.cache)
		_, err := d.cut(t, order(slice(1, 1, 20)))
		var refused *refusal.Error
		if !errors.As(err, &refused) || refused.Passing || refused.Refusal.Reason != handover.ReasonDiskChanged ||
			!strings.Contains(refused.Refusal.Message, c.says) || refused.Refusal.Remedy == "" {
			t.Errorf("%s: %v; want %q", name, err, c.says)
		}
		if d.writes > 0 || !bytes.Equal(d.cache, before) {
			t.Errorf("%s: it writes", name)
		}
	}
}

func foreignTable(t *testing.T, d *device) {
	t.Helper()
	made, err := library.New(otherReader{disk: d.disk()}, library.WithDiskGUID(id(7)))
	if err != nil || made == nil {
		t.Fatal(err)
	}
	table := gpt.New(d.geometry(), id(7))
	d.put(slices.Concat(table.Primary(), table.Backup(), []gpt.Piece{table.Boot()})...)
}

// What does not fit is refused before the first write, also on a blank disk.
func TestRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Order{
		"past the end":  order(slice(1, 1, 20), slice(2, 60, 4)),
		"over another":  order(slice(1, 1, 20), slice(2, 20, 4)),
		"over the head": order(slice(1, 0, 20)),
	} {
		d := newDevice(512)
		_, err := d.cut(t, o)
		var refused *refusal.Error
		if !errors.As(err, &refused) || d.writes > 0 {
			t.Errorf("%s: %v after %d writes", name, err, d.writes)
		}
	}
}

// One damaged copy is mended from the other.
func TestMends(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(d *device){
		"primary header": func(d *device) { d.cache[530]++ },
		"primary array":  func(d *device) { d.cache[1030]++ },
		"primary gone":   func(d *device) { clear(d.cache[512:20000]) },
		"backup header":  func(d *device) { d.cache[testSize-500]++ },
		"backup array":   func(d *device) { d.cache[testSize-512-16384+4]++ },
		"backup gone":    func(d *device) { clear(d.cache[testSize-20000:]) },
		"boot sector":    func(d *device) { clear(d.cache[:512]) },
	} {
		d := newDevice(512)
		mustCut(t, d, stages()[1])
		want := bytes.Clone(d.cache)
		damage(d)
		if mustCut(t, d, stages()[1]); !bytes.Equal(d.platter, want) {
			t.Errorf("%s is not mended", name)
		}
	}
}

// A disk that cannot be read, or is not blank any more, is not written.
func TestFailures(t *testing.T) {
	t.Parallel()
	d := newDevice(512)
	d.broken = true
	if _, err := d.cut(t, stages()[0]); err == nil || d.writes > 0 {
		t.Errorf("a disk that cannot be read: %v", err)
	}
	d = newDevice(512)
	d.cache[30*unit] = 1
	var refused *refusal.Error
	if _, err := d.cut(t, stages()[0]); err == nil || errors.As(err, &refused) || d.writes > 0 {
		t.Errorf("a disk that is not blank: %v", err)
	}
}

// A disk that has grown gets its backup at its new end.
func TestGrown(t *testing.T) {
	t.Parallel()
	small := newDevice(512)
	mustCut(t, small, stages()[0])
	d := newDevice(512)
	d.cache, d.platter = append(small.cache, make([]byte, unit)...), append(small.platter, make([]byte, unit)...)
	disk := d.disk()
	disk.Geometry.Size += unit
	if _, err := disk.Cut(t.Context(), stages()[1]); err != nil {
		t.Fatal(err)
	}
	found, err := gpt.Read(d, disk.Geometry)
	if err != nil || found.Backup.State != gpt.StateValid || len(found.Backup.Table.Partitions()) != 2 {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestOrderOf(t *testing.T) {
	t.Parallel()
	request := v1alpha1.DiskRequest{Table: id(0).String(), Slices: []v1alpha1.DiskSlice{
		{UUID: id(4).String(), OSD: 12, Role: v1alpha1.OSDRoleDB, Offset: 3 * unit, Size: 2 * unit},
	}}
	got, err := OrderOf(request)
	want := gpt.Partition{Type: gpt.SliceType, UUID: id(4), Name: "osd.12 db", Offset: 3 * unit, Size: 2 * unit}
	if err != nil || got.Table != id(0) || len(got.Slices) != 1 || got.Slices[0] != want {
		t.Errorf("%+v, %v", got, err)
	}
	for _, spoil := range []func(r *v1alpha1.DiskRequest){
		func(r *v1alpha1.DiskRequest) { r.Table = "" },
		func(r *v1alpha1.DiskRequest) { r.Table = uuid.Nil.String() },
		func(r *v1alpha1.DiskRequest) { r.Slices[0].UUID = "x" },
		func(r *v1alpha1.DiskRequest) { r.Slices[0].UUID = uuid.Nil.String() },
	} {
		r := *request.DeepCopy()
		spoil(&r)
		if got, err := OrderOf(r); err == nil {
			t.Errorf("accepted as %+v", got)
		}
	}
}
