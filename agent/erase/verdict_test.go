package erase

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/bluestore"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/discover/verdict"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// sparse is a sparse file in the place of a disk that cannot discard.
type sparse struct{ *os.File }

func (sparse) Forget()                    {}
func (sparse) Discard(int64, int64) error { return os.ErrInvalid }

func newSparse(t *testing.T, size int64) sparse {
	t.Helper()
	file, err := os.Create(filepath.Join(t.TempDir(), "sdx"))
	if err == nil {
		t.Cleanup(func() { _ = file.Close() })
		err = file.Truncate(size)
	}
	if err != nil {
		t.Fatal(err)
	}
	return sparse{file}
}

func (s sparse) put(t *testing.T, offset int64, data []byte) {
	t.Helper()
	if _, err := s.WriteAt(data, offset); err != nil {
		t.Fatal(err)
	}
}

// layouts are what a disk may hold.
func layouts(t *testing.T) map[string]func(s sparse, size int64, r *rand.Rand) {
	label, err := os.ReadFile("../../discover/bluestore/testdata/ceph-20-main.label")
	if err != nil {
		t.Fatal(err)
	}
	return map[string]func(s sparse, size int64, r *rand.Rand){
		"labels": func(s sparse, size int64, _ *rand.Rand) {
			for _, at := range bluestore.Positions(size) {
				s.put(t, at, label)
			}
		},
		"a table": func(s sparse, size int64, _ *rand.Rand) {
			made, err := gpt.New(gpt.Geometry{Size: size, Sector: 512}, uuid.New()).With(gpt.Partition{
				Type: gpt.SliceType, UUID: uuid.New(), Name: "osd.1 data", Offset: mib, Size: 4 * mib})
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range append(append(made.Primary(), made.Backup()...), made.Boot()) {
				s.put(t, p.Offset, p.Data)
			}
			s.put(t, mib, label)
		},
		"LVM": func(s sparse, _ int64, _ *rand.Rand) {
			s.put(t, 512, []byte("LABELONE"))
			s.put(t, 0x218, []byte("LVM2 001"))
		},
		"LUKS2": func(s sparse, _ int64, _ *rand.Rand) {
			s.put(t, 0, []byte("LUKS\xba\xbe\x00\x02"))
			s.put(t, 4*mib, []byte("SKUL\xba\xbe"))
		},
		"RAID 1.0":       func(s sparse, size int64, _ *rand.Rand) { s.put(t, size&^4095-8192, []byte("\xfc\x4e\x2b\xa9")) },
		"RAID 0.90":      func(s sparse, size int64, _ *rand.Rand) { s.put(t, size&^65535-65536, []byte("\xfc\x4e\x2b\xa9")) },
		"a btrfs mirror": func(s sparse, size int64, _ *rand.Rand) { s.put(t, min(64*mib, size-mib)+0x40, []byte("_BHRfS_M")) },
		"every sample": func(s sparse, size int64, r *rand.Rand) {
			for _, e := range content.Extents(size) {
				s.put(t, e.Offset+r.Int64N(e.Length-8), []byte("whatever"))
			}
		},
	}
}

// Whatever was on a disk, discover finds nothing on it afterwards, and judges it Usable but for a size that is too small.
func TestEmptyAfterwards(t *testing.T) {
	t.Parallel()
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		t.Skip("blkid of util-linux is not installed")
	}
	for name, lay := range layouts(t) {
		for _, size := range slices.Compact([]int64{17*mib + 512, largestDisk}) {
			s, r := newSparse(t, size), rand.New(rand.NewPCG(1, uint64(size)))
			lay(s, size, r)
			target := content.Target{Device: s.Name(), Size: size, Blkid: blkid}
			if before := content.Read(t.Context(), target); empty(before) {
				t.Fatalf("%s of %d bytes: discover sees nothing before", name, size)
			}
			d := Disk{Name: "sdx", Device: s, Size: size, Sector: 512, Drop: func() error { return nil },
				CheckSealed: func(context.Context) error { return nil }}
			if _, err := d.Erase(t.Context(), Order{Target: [32]byte{1}}); err != nil {
				t.Fatalf("%s of %d bytes: %v", name, size, err)
			}
			found := content.Read(t.Context(), target)
			if !empty(found) {
				t.Errorf("%s of %d bytes: %+v", name, size, found)
			}
			judged := verdict.Judge(disk.Disk{Name: "sdx", Kind: disk.KindPlain, Zoned: "none", Content: found,
				Hardware: disk.Hardware{Size: max(size, verdict.MinimumSize)}}, verdict.Context{Node: "n1", Disk: "wwn-1"})
			if judged.Result != "Usable" {
				t.Errorf("%s of %d bytes: %s %+v", name, size, judged.Result, judged.Reasons)
			}
		}
	}
}

// What somebody put on a disk beside the label of its OSD, or a copy of it, is refused, which the seal does not tell.
func TestSignatureBesideAnOSD(t *testing.T) {
	t.Parallel()
	const size = 3 << 30
	block, err := os.ReadFile("../../discover/bluestore/testdata/ceph-20-main.label")
	if err != nil {
		t.Fatal(err)
	}
	label, _ := bluestore.Parse(block)
	identity := v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "1"}
	order := Order{FSID: label.FSID, OSDs: []string{label.OSDUUID}}
	at := func(offset int64, data string) func(*testing.T, sparse) {
		return func(t *testing.T, s sparse) { s.put(t, offset, []byte(data)) }
	}
	for name, c := range map[string]struct {
		lay    func(*testing.T, sparse)
		reason string
	}{
		"nothing":            {at(2<<30, "data"), ""},
		"RAID 1.2":           {at(4096, "\xfc\x4e\x2b\xa9"), handover.ReasonDiskChanged},
		"RAID 1.0":           {at(size-8192, "\xfc\x4e\x2b\xa9"), handover.ReasonDiskChanged},
		"LUKS":               {at(0, "LUKS\xba\xbe\x00\x02"), handover.ReasonDiskChanged},
		"LVM":                {at(0x218, "LVM2 001"), handover.ReasonDiskChanged},
		"btrfs":              {at(64<<10+0x40, "_BHRfS_M"), handover.ReasonDiskChanged},
		"ext4, and copies":   {mkfs, handover.ReasonDiskChanged},
		"an MBR, and a copy": {func(t *testing.T, s sparse) { s.put(t, 0, make([]byte, 4096)); s.put(t, 510, []byte("\x55\xaa")) }, handover.ReasonDiskChanged},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSparse(t, size)
			s.put(t, 0, block)
			c.lay(t, s)
			s.put(t, 1<<30, block)
			device := disk.Disk{Name: "sdx", Content: disk.Content{Labels: []disk.Label{{Device: "sdx", OSDUUID: label.OSDUUID, Valid: true}}}}
			j := job{name: "wwn-1", device: device, id: identity, seal: seal.Of(device, identity), order: order}
			err := j.checkSealed(t.Context(), s.File, size)
			var refused *refusal.Error
			if errors.As(err, &refused); (err == nil) != (c.reason == "") || err != nil && (refused == nil || refused.Refusal.Reason != c.reason) {
				t.Errorf("%v; want %q", err, c.reason)
			}
		})
	}
}

func mkfs(t *testing.T, s sparse) {
	t.Helper()
	program, err := exec.LookPath("mkfs.ext4")
	if err != nil {
		t.Skip("mkfs.ext4 is not installed")
	}
	if out, err := exec.Command(program, "-q", "-F", s.Name()).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func empty(c disk.Content) bool {
	return c.Outcome == disk.OutcomeRead && len(c.Signatures)+len(c.Labels)+c.Samples.NonZero == 0 && c.Table == nil
}

// A disk with the mark is not empty, and nothing that has a name.
func TestMarkIsSeen(t *testing.T) {
	t.Parallel()
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		t.Skip("blkid of util-linux is not installed")
	}
	s := newSparse(t, 100*mib)
	s.put(t, 0, markOf(Order{Target: [32]byte{1}}, 512))
	found := content.Read(t.Context(), content.Target{Device: s.Name(), Size: 100 * mib, Blkid: blkid})
	if len(found.Signatures)+len(found.Labels) > 0 || found.Samples.NonZero == 0 || found.Samples.First != 0 {
		t.Errorf("%+v", found)
	}
	if !bytes.HasPrefix(markOf(Order{}, 4096), []byte(magic)) || len(magic) != 32 {
		t.Error("the mark has another form")
	}
}
