package erase

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/gpt"
)

const testSize = 20 << 20

var errKilled = errors.New("killed")

// device is a disk in memory. Writes wait in its cache until they are synced; it loses some of them in a power cut.
type device struct {
	cache, platter []byte
	waiting        []int64 // sectors that are not synced
	writes, steps  int     // writes, and writes, syncs and discards, so far
	killAt         int     // the step in whose middle the process dies; 0: never
	r              *rand.Rand
	discard        func(part []byte) error // nil: it cannot
	stuck          int64                   // a byte that no write changes; 0: none
	broken         bool                    // reads fail
}

func newDevice(size int64) *device {
	return &device{cache: make([]byte, size), platter: make([]byte, size), r: rand.New(rand.NewPCG(1, 2))}
}

func (d *device) Forget() {}

func (d *device) ReadAt(p []byte, off int64) (int, error) {
	if d.broken {
		return 0, unix.EIO
	}
	return copy(p, d.cache[off:]), nil
}

func (d *device) step() bool {
	d.steps++
	return d.steps == d.killAt
}

func (d *device) WriteAt(p []byte, off int64) (int, error) {
	d.writes++
	killed, whole := d.step(), len(p)/markSize
	if killed {
		whole = d.r.IntN(whole + 1)
	}
	kept := d.cache[d.stuck]
	for i := range whole {
		at := off + int64(i)*markSize
		copy(d.cache[at:], p[i*markSize:][:markSize])
		d.waiting = append(d.waiting, at)
	}
	if d.stuck > 0 {
		d.cache[d.stuck] = kept
	}
	if killed {
		panic(errKilled)
	}
	return len(p), nil
}

func (d *device) Sync() error {
	if d.step() {
		panic(errKilled)
	}
	d.flush(func() bool { return true })
	return nil
}

func (d *device) Discard(offset, length int64) error {
	if d.discard == nil {
		return unix.EOPNOTSUPP
	}
	killed := d.step()
	err := d.discard(d.cache[offset : offset+length])
	copy(d.platter[offset:offset+length], d.cache[offset:])
	if killed {
		panic(errKilled)
	}
	return err
}

func (d *device) flush(reach func() bool) {
	for _, at := range d.waiting {
		if reach() {
			copy(d.platter[at:at+markSize], d.cache[at:])
		}
	}
	d.waiting = nil
}

func (d *device) powerCut() {
	d.flush(func() bool { return d.r.IntN(2) == 0 })
	copy(d.cache, d.platter)
}

func garbage(part []byte) error {
	for i := 0; i < len(part); i += 1000 {
		part[i] = 0xA5
	}
	return nil
}

func zeros(part []byte) error { clear(part); return nil }

// disk is one whose content was sealed: any other is refused.
func (d *device) disk(sealed []byte) Disk {
	return Disk{
		Name: "sdb", Device: d, Size: int64(len(d.cache)), Sector: markSize, Drop: func() error { return nil },
		CheckSealed: func(context.Context) error {
			if !bytes.Equal(d.cache, sealed) {
				return refusal.New("DiskChanged", "look", "it changed")
			}
			return nil
		},
	}
}

// erase runs until the end, or until the process is killed.
func (d *device) erase(t *testing.T, o Order, sealed []byte) (erased int64, err error) {
	t.Helper()
	defer func() {
		if got := recover(); got != nil {
			if got != any(errKilled) {
				panic(got)
			}
			err = errKilled
		}
	}()
	return d.disk(sealed).Erase(t.Context(), o)
}

// full is a disk with something at every place.
func full(size int64) *device {
	d := newDevice(size)
	for i := range d.cache {
		d.cache[i] = byte(i%251) + 1
	}
	copy(d.platter, d.cache)
	return d
}

func testOrder(full bool) Order {
	return Order{Full: full, Target: [32]byte{7}, Slices: []gpt.Partition{{UUID: uuid.New(), Offset: 1 << 20, Size: 18 << 20}}}
}

func (d *device) wantZero(t *testing.T, name string, ranges []content.Extent) {
	t.Helper()
	for _, e := range ranges {
		if len(bytes.TrimLeft(d.platter[e.Offset:e.Offset+e.Length], "\x00")) > 0 {
			t.Errorf("%s: something is left in %+v", name, e)
		}
	}
}

func TestErase(t *testing.T) {
	t.Parallel()
	for name, discard := range map[string]func([]byte) error{
		"no discard": nil, "discard gives zeros": zeros, "discard gives garbage": garbage,
		"discard fails half way": func(p []byte) error { clear(p[:len(p)/2]); return unix.EIO },
	} {
		for _, mode := range []bool{false, true} {
			d, o := full(testSize), testOrder(mode)
			d.discard = discard
			ranges := Ranges(testSize, o)
			erased, err := d.erase(t, o, bytes.Clone(d.cache))
			if err != nil || erased != total(ranges) || mode && erased != testSize {
				t.Fatalf("%s: %d bytes, %v", name, erased, err)
			}
			d.wantZero(t, name, ranges)
			before := d.writes
			if again, err := d.erase(t, o, nil); err != nil || again != erased || d.writes != before {
				t.Errorf("%s: the second time %d bytes, %v, %d writes", name, again, err, d.writes-before)
			}
		}
	}
}

// Whenever the process is killed or the power goes, and whatever is lost then: the disk is as it was, or says that it is
// being erased, or is clear; and the same request comes to the end.
func TestKilledAtEachStep(t *testing.T) {
	t.Parallel()
	const size = 2 << 20
	o, states := Order{Target: [32]byte{7}}, map[state]int{}
	for killAt, done := 1, false; !done; killAt++ {
		for round := range killRounds {
			found := killed(t, size, o, killAt, round)
			states[found]++
			done = done || found == ""
		}
	}
	t.Logf("killed in the states %v", states)
	if states[stateBegun] == 0 || states[stateSealed] == 0 {
		t.Errorf("killed in the states %v only", states)
	}
}

// The same for a disk on which much is cleared, at some of the many steps.
func TestKilledAtSomeSteps(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for round := range 12 {
		killed(t, testSize, testOrder(false), 1+r.IntN(60), round)
	}
}

// killed kills an erasure, says what is left, and has the next one end it; empty: it was faster.
func killed(t *testing.T, size int64, o Order, killAt, round int) state {
	t.Helper()
	d := full(size)
	d.r = rand.New(rand.NewPCG(uint64(killAt), uint64(round)))
	d.discard, d.killAt = []func([]byte) error{nil, zeros, garbage}[round%3], killAt
	sealed := bytes.Clone(d.cache)
	if _, err := d.erase(t, o, sealed); !errors.Is(err, errKilled) {
		return ""
	}
	if d.killAt = 0; round%2 == 0 {
		d.powerCut()
	}
	ranges := Ranges(size, o)
	found, err := d.disk(sealed).check(t.Context(), o, ranges)
	if err != nil {
		t.Fatalf("killed at step %d: %v", killAt, err)
	}
	// The next one loses the power in its turn.
	d.killAt = d.steps + 1 + d.r.IntN(8)
	switch _, err := d.erase(t, o, sealed); {
	case err == nil:
		d.wantZero(t, "killed once", ranges)
	case !errors.Is(err, errKilled):
		t.Fatalf("killed at step %d, the next time: %v", killAt, err)
	}
	d.killAt = 0
	d.powerCut()
	if _, err := d.erase(t, o, sealed); err != nil {
		t.Fatalf("killed at step %d, the third time: %v", killAt, err)
	}
	d.wantZero(t, "killed twice", ranges)
	return found
}

// A disk that is not what was sealed is untouched, also one with the mark of another disk's erasure.
func TestRefuses(t *testing.T) {
	t.Parallel()
	other := testOrder(false)
	other.Target[0]++
	for name, spoil := range map[string]func(d *device){
		"a byte":           func(d *device) { d.cache[5<<20]++ },
		"another's mark":   func(d *device) { copy(d.cache, markOf(other, markSize)) },
		"a damaged mark":   func(d *device) { copy(d.cache, markOf(testOrder(false), markSize)); d.cache[40]++ },
		"more in a mark":   func(d *device) { copy(d.cache, markOf(testOrder(false), markSize)); d.cache[510] = 0x55 },
		"a mark elsewhere": func(d *device) { copy(d.cache[4096:], markOf(testOrder(false), markSize)) },
	} {
		d := full(testSize)
		sealed := bytes.Clone(d.cache)
		spoil(d)
		before := bytes.Clone(d.cache)
		var refused *refusal.Error
		if _, err := d.erase(t, testOrder(false), sealed); !errors.As(err, &refused) || d.steps > 0 || !bytes.Equal(d.cache, before) {
			t.Errorf("%s: %v after %d steps", name, err, d.steps)
		}
	}
}

// What the disk does not do is an error, is tried again, and leaves a disk that does not look empty.
func TestFailures(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		stuck int64
		says  string
	}{
		"old bytes": {5 << 20, "at byte 5242880"}, "no mark": {3, "does not keep"}, "old bytes at the end": {testSize - 1, "at byte"},
	} {
		d, o := full(testSize), testOrder(false)
		sealed := bytes.Clone(d.cache)
		d.stuck = c.stuck
		_, err := d.erase(t, o, sealed)
		var refused *refusal.Error
		if err == nil || errors.As(err, &refused) || !strings.Contains(err.Error(), c.says) {
			t.Fatalf("%s: %v", name, err)
		}
		if d.stuck = 0; c.says != "does not keep" {
			if _, err := d.erase(t, o, sealed); err != nil {
				t.Errorf("%s, the next time: %v", name, err)
			}
		}
	}
	d := full(testSize)
	d.broken = true
	if _, err := d.erase(t, testOrder(false), nil); !errors.Is(err, unix.EIO) || d.steps > 0 {
		t.Errorf("a disk that cannot be read: %v", err)
	}
	d = full(testSize)
	disk := d.disk(bytes.Clone(d.cache))
	disk.Drop = func() error { return unix.EBUSY }
	if _, err := disk.Erase(t.Context(), testOrder(false)); !errors.Is(err, unix.EBUSY) || d.steps > 0 {
		t.Errorf("a partition that is in use: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.disk(nil).Erase(ctx, testOrder(false)); !errors.Is(err, context.Canceled) || d.steps > 0 {
		t.Errorf("an agent that ends: %v", err)
	}
}

// Whatever the size is: in order, within the disk, and with all that discover looks at.
func TestRanges(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{8192, 1 << 20, 2<<20 + 512, 16<<20 + 512, 1 << 30, 1<<30 + 4096, 10<<30 + 512, 101 << 30, 1200 << 30, 30 << 40} {
		o := Order{Slices: []gpt.Partition{{Offset: 1 << 20, Size: size / 2}}}
		if size <= 2<<20 {
			o.Slices = nil
		}
		ranges, end := Ranges(size, o), int64(-1)
		for _, e := range ranges {
			if e.Offset <= end || e.Length <= 0 || e.Offset%block != 0 || e.Offset+e.Length > size {
				t.Fatalf("size %d: %+v after %d", size, e, end)
			}
			end = e.Offset + e.Length
		}
		wanted := content.Extents(size)
		for _, s := range o.Slices {
			for _, e := range content.Extents(s.Size) {
				wanted = append(wanted, content.Extent{Offset: e.Offset + s.Offset, Length: e.Length})
			}
		}
		for _, want := range wanted {
			if !slices.ContainsFunc(ranges, func(e content.Extent) bool {
				return e.Offset <= want.Offset && want.Offset+want.Length <= e.Offset+e.Length
			}) {
				t.Errorf("size %d: %+v is not cleared", size, want)
			}
		}
		if total(ranges) > 64<<20 || total(Ranges(size, Order{Full: true})) != size {
			t.Errorf("size %d: %d bytes", size, total(ranges))
		}
	}
}
