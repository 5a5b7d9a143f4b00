package bluestore

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/disk"
)

const (
	recordedUUID = "11111111-2222-4333-8444-555555555555"
	recordedFSID = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
	// keyMark stands where the key was in the recorded labels.
	keyMark = "REPLACED"
)

func recorded(t testing.TB, name string) []byte {
	t.Helper()
	block, err := os.ReadFile(filepath.Join("testdata", name+".label"))
	if err != nil {
		t.Fatal(err)
	}
	return append(block, make([]byte, LabelSize-len(block))...)
}

func TestParseRecordedLabels(t *testing.T) {
	t.Parallel()
	main := disk.Label{
		OSDUUID: recordedUUID, FSID: recordedFSID, OSDID: 7, Size: 512 << 20, Description: "main", Ready: true, Valid: true,
	}
	unready, later := main, main
	later.Size = 12 << 30
	unready.OSDID, unready.Ready = 12, false
	for name, want := range map[string]disk.Label{
		"ceph-16-main":    main,
		"ceph-16-unready": unready,
		"ceph-20-main":    later,
		"ceph-20-copy":    later,
		"ceph-16-db":      {OSDUUID: recordedUUID, OSDID: -1, Size: 512 << 20, Description: "bluefs db", Valid: true},
	} {
		got, found := Parse(recorded(t, name))
		if diff := cmp.Diff(want, got); !found || diff != "" {
			t.Errorf("%s: found %t (-want +got):\n%s", name, found, diff)
		}
	}
}

func TestParseBroken(t *testing.T) {
	t.Parallel()
	whole := recorded(t, "ceph-16-main")
	for name, block := range map[string][]byte{
		"magic alone":          []byte(magic),
		"text alone":           whole[:preamble],
		"cut in the struct":    whole[:preamble+100],
		"cut in the checksum":  whole[:0x264],
		"length past the end":  changed(whole, preamble+2, 0xff, 0xff, 0xff, 0xff),
		"a bit in the uuid":    changed(whole, preamble+6, 0x10),
		"a bit in the values":  changed(whole, 0x100, 'b'),
		"a wrong checksum":     changed(whole, 0x264, 1, 2, 3, 4),
		"more pairs than said": changed(whole, 0x6a, 0xff, 0xff),
	} {
		label, found := Parse(block)
		if !found || label.Valid {
			t.Errorf("%s: found %t, %+v; want a label that is not valid", name, found, label)
		}
	}
	for name, block := range map[string][]byte{"nothing": nil, "zeros": make([]byte, LabelSize), "other": whole[1:]} {
		if _, found := Parse(block); found {
			t.Errorf("%s: a label was found", name)
		}
	}
}

func changed(block []byte, at int, with ...byte) []byte {
	block = append([]byte(nil), block...)
	copy(block[at:], with)
	return block
}

// The law D6: whatever stands in a label, its key does not come out.
func TestTheKeyStays(t *testing.T) {
	t.Parallel()
	whole := recorded(t, "ceph-16-main")
	if !strings.Contains(string(whole), keyMark) {
		t.Fatal("the recorded label holds no key")
	}
	for at := range whole[:0x270] {
		for _, with := range []byte{0, 4, 8, 41, 0xff} {
			label, _ := Parse(changed(whole, at, with))
			mustNotCarryKey(t, label)
		}
	}
}

func mustNotCarryKey(t *testing.T, label disk.Label) {
	t.Helper()
	text, err := json.Marshal(label)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), keyMark[:4]) {
		t.Fatalf("the key came out: %s", text)
	}
}

func TestPositions(t *testing.T) {
	t.Parallel()
	const gib = int64(1) << 30
	for _, tt := range []struct {
		size int64
		want []int64
	}{
		{0, nil},
		{LabelSize, []int64{0}},
		{gib + LabelSize - 1, []int64{0}},
		{gib + LabelSize, []int64{0, gib}},
		{20000 * gib, []int64{0, gib, 10 * gib, 100 * gib, 1000 * gib}},
	} {
		if diff := cmp.Diff(tt.want, Positions(tt.size)); diff != "" {
			t.Errorf("size %d (-want +got):\n%s", tt.size, diff)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"ceph-16-main", "ceph-16-db", "ceph-16-unready", "ceph-20-main"} {
		f.Add(recorded(f, name))
	}
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, block []byte) {
		label, found := Parse(block)
		if found != strings.HasPrefix(string(block), magic) {
			t.Errorf("found %t", found)
		}
		if !found && label != (disk.Label{OSDID: -1}) {
			t.Errorf("no label, but %+v", label)
		}
		if label.OSDID < -1 || len(label.FSID) > 36 || len(label.OSDUUID) > 36 || len(label.Description) > 32 {
			t.Errorf("%+v", label)
		}
	})
}
