package daemon

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// memory is a small disk in memory.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) { return copy(p, m[off:]), nil }

const testSlice = "5f0e8c9a-0000-4000-8000-000000000009"

func sliced(t *testing.T, guid string, offset int64) gpt.Disk {
	t.Helper()
	d := make(memory, 8<<20)
	g := gpt.Geometry{Size: int64(len(d)), Sector: 512}
	table, err := gpt.New(g, uuid.MustParse(guid)).With(gpt.Partition{
		Type: gpt.SliceType, UUID: uuid.MustParse(testSlice), Offset: offset, Size: 2 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, piece := range slices.Concat(table.Primary(), table.Backup()) {
		copy(d[piece.Offset:], piece.Data)
	}
	found, err := gpt.Read(d, g)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A slice is what the table of this cluster for this disk says, and nothing else.
func TestPickSlice(t *testing.T) {
	t.Parallel()
	ours := handover.TableID(testFSID, "data")
	other := testReservation(false).Data
	other.Slice = "5f0e8c9a-0000-4000-8000-00000000000a"
	reserved := testReservation(false).Data
	reserved.Slice, reserved.Offset, reserved.Bytes = strings.ToUpper(testSlice), 1<<20, 2<<20
	for name, c := range map[string]struct {
		found    gpt.Disk
		reserved handover.Device
		err      error
		says     string
	}{
		"there":                     {sliced(t, ours, 1<<20), reserved, nil, ""},
		"not yet a table":           {gpt.Disk{Primary: gpt.Copy{State: gpt.StateAbsent}}, reserved, ErrNoSlice, ""},
		"not yet the slice":         {sliced(t, ours, 1<<20), other, ErrNoSlice, ""},
		"of another disk":           {sliced(t, handover.TableID(testFSID, "other"), 1<<20), reserved, nil, "which this cluster gives to it"},
		"of another cluster":        {sliced(t, handover.TableID(testUUID, "data"), 1<<20), reserved, nil, "which this cluster gives to it"},
		"elsewhere":                 {sliced(t, ours, 3<<20), reserved, nil, "lies at 3145728"},
		"a reservation without one": {sliced(t, ours, 1<<20), handover.Device{Disk: "data"}, nil, "invalid UUID"},
	} {
		got, err := pickSlice(c.found, testFSID, c.reserved)
		switch {
		case c.err != nil && !errors.Is(err, c.err), c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
			t.Errorf("%s: %+v, %v", name, got, err)
		case c.err == nil && c.says == "" && (err != nil || got.Number != 1 || got.Offset != 1<<20):
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
