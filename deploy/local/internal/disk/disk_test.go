package disk

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"10G": 10 << 30, "10Gi": 10 << 30, "10GiB": 10 << 30, "10g": 10 << 30,
		"64M": 64 << 20, "2T": 2 << 40, "16T": 16 << 40,
	} {
		got, err := ParseSize(text)
		if err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", text, got, err, want)
		}
		if back, err := ParseSize(FormatSize(got)); err != nil || back != got {
			t.Errorf("%q is written as %q and read back as %d, %v", text, FormatSize(got), back, err)
		}
	}
	for text, want := range map[string]string{
		"":                     "is not a size",
		"G":                    "is not a size",
		"10":                   "is not a size",
		"ten":                  "is not a size",
		"1.5G":                 "is not a size",
		"-1G":                  "is not a size",
		"10GB":                 "is not a size",
		"10 G":                 "is not a size",
		"10K":                  "is not a size",
		"1M":                   "is too small: the least is 64M",
		"0G":                   "is too small",
		"17T":                  "is too large: the most is 16T",
		"9223372036854775807T": "is too large",
	} {
		if _, err := ParseSize(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want an error with %q", text, err, want)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	f.Add("10G")
	f.Add("99999999999999999999T")
	f.Fuzz(func(t *testing.T, text string) {
		if bytes, err := ParseSize(text); err == nil && (bytes < MinBytes || bytes > MaxBytes) {
			t.Errorf("%q is %d bytes, out of bounds", text, bytes)
		}
	})
}

func TestChooseNumber(t *testing.T) {
	t.Parallel()
	device := func(n int) loop.Device { return loop.Device{Number: n} }
	for name, tt := range map[string]struct {
		first   int
		devices []loop.Device
		disks   []Disk
		want    int
	}{
		"first":                     {first: 1000, devices: []loop.Device{device(0), device(7)}, want: 1000},
		"a foreign device":          {first: 1000, devices: []loop.Device{device(1000), device(1002)}, want: 1001},
		"a disk that was pulled":    {first: 1000, disks: []Disk{{Number: 1000}}, want: 1001},
		"a disk that moved on":      {first: 1000, disks: []Disk{{ID: "disk-1000", Number: 1001}}, want: 1002},
		"both, and the gap is past": {first: 1002, devices: []loop.Device{device(1002)}, disks: []Disk{{Number: 1003}}, want: 1004},
	} {
		if got, err := chooseNumber(tt.first, tt.devices, tt.disks); err != nil || got != tt.want {
			t.Errorf("%s: %d, %v; want %d", name, got, err, tt.want)
		}
	}
	if _, err := chooseNumber(maxNumber, []loop.Device{device(maxNumber)}, nil); err == nil || !strings.Contains(err.Error(), "out of loop devices") {
		t.Errorf("no number left: %v", err)
	}
}

func newTestManager(t *testing.T, dir state.Dir, host Host) *Manager {
	t.Helper()
	if err := dir.Make(); err != nil {
		t.Fatal(err)
	}
	j, err := state.OpenJournal(dir, "boot")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return New(dir, j, progress.Discard(), host)
}

// A file that was given stays when its disk is forgotten, and a disk whose file is gone is.
func TestGivenFile(t *testing.T) {
	t.Parallel()
	m := newTestManager(t, state.Dir(t.TempDir()), nil)
	file := filepath.Join(t.TempDir(), "given")
	if err := errors.Join(os.WriteFile(file, []byte("content"), 0o600), os.Truncate(file, MinBytes)); err != nil {
		t.Fatal(err)
	}
	d, err := m.create(Disk{Node: 1, Bytes: MinBytes, Given: file})
	if err != nil || m.File(d) != file {
		t.Fatalf("%+v on %s: %v", d, m.File(d), err)
	}
	if err := m.forget(d); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != MinBytes {
		t.Errorf("the file was touched: %v, %v", info, err)
	}
	if _, err := m.create(Disk{Node: 1, Bytes: MinBytes, Given: file + "-gone"}); err != nil {
		t.Fatal(err)
	}
	if err := m.sweep(); err != nil {
		t.Fatal(err)
	}
	if left, err := m.List(); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestAddFileRefuses(t *testing.T) {
	t.Parallel()
	m := newTestManager(t, state.Dir(t.TempDir()), nil)
	dir := t.TempDir()
	for name, c := range map[string]struct {
		size int64
		want string
	}{"small": {MinBytes - sector, "at least 64M"}, "odd": {MinBytes + 1, "sectors of 512"}} {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.WriteFile(file, nil, 0o600), os.Truncate(file, c.size)); err != nil {
			t.Fatal(err)
		}
		if _, err := m.AddFile(t.Context(), 1, file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, file := range []string{dir, filepath.Join(dir, "none")} {
		if _, err := m.AddFile(t.Context(), 1, file); err == nil {
			t.Errorf("%s became a disk", file)
		}
	}
	if left, err := m.List(); err != nil || len(left) > 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}

func TestRecords(t *testing.T) {
	t.Parallel()
	m := newTestManager(t, state.Dir(t.TempDir()), nil)
	disks := []Disk{
		{ID: "disk-1000", Node: 1, Bytes: 1 << 30, Number: 1000},
		{ID: "disk-1001", Node: 0, Bytes: 1 << 30, Number: 1004},
		{ID: "disk-10000", Node: 2, Bytes: 1 << 30, Number: 1004},
	}
	for _, d := range disks {
		if err := m.save(d); err != nil {
			t.Fatal(err)
		}
	}
	got, err := m.List()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(disks, got); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]string{
		"disk-1001": "disk-1001", "/dev/loop1000": "disk-1000", "loop1004": "disk-10000",
	} {
		if d, err := m.Find(name); err != nil || d.ID != want {
			t.Errorf("%s: found %s, %v; want %s", name, d.ID, err, want)
		}
	}
	if _, err := m.Find("disk-7"); err == nil || !strings.Contains(err.Error(), "`seamount-local disk list` shows all") {
		t.Errorf("an unknown disk: %v", err)
	}
	if err := os.WriteFile(m.recordFile("disk-1000"), []byte(`{"id":"disk-1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := m.List(); err == nil || !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("a damaged record: %v", err)
	}
}
