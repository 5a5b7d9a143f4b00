package seal

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

var wwn = v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5000c50093282dee"}

func blank() disk.Disk {
	return disk.Disk{
		BootID: "b", Sequence: 9, Hardware: disk.Hardware{Size: 1 << 40},
		Counters: disk.Counters{Writes: 1, WrittenSectors: 8, Discards: 2, DiscardedSectors: 16},
		Content:  disk.Content{Outcome: disk.OutcomeRead, Samples: disk.Samples{Count: 5, Digest: "d"}},
	}
}

func withLabels(labels ...disk.Label) disk.Disk {
	d := blank()
	d.Content.Labels = labels
	return d
}

func TestSealChangesWithEachFact(t *testing.T) {
	t.Parallel()
	first := Of(blank(), wwn)
	if first != Of(blank(), wwn) || !strings.HasPrefix(first, "sha256:") || len(first) > 253 {
		t.Fatalf("seal %q", first)
	}
	seen := map[string]string{first: "nothing"}
	for name, change := range map[string]func(*disk.Disk){
		"size":             func(d *disk.Disk) { d.Hardware.Size++ },
		"boot":             func(d *disk.Disk) { d.BootID = "c" },
		"diskseq":          func(d *disk.Disk) { d.Sequence++ },
		"writes":           func(d *disk.Disk) { d.Counters.Writes++ },
		"written sectors":  func(d *disk.Disk) { d.Counters.WrittenSectors++ },
		"discards":         func(d *disk.Disk) { d.Counters.Discards++ },
		"discarded":        func(d *disk.Disk) { d.Counters.DiscardedSectors++ },
		"samples":          func(d *disk.Disk) { d.Content.Samples.Digest = "e" },
		"an OSD":           func(d *disk.Disk) { d.Content.Labels = []disk.Label{{OSDUUID: "u", Valid: true}} },
		"an OSD elsewhere": func(d *disk.Disk) { d.Content.Labels = []disk.Label{{OSDUUID: "v", Valid: true}} },
	} {
		d := blank()
		change(&d)
		seal := Of(d, wwn)
		if other, known := seen[seal]; known {
			t.Errorf("%s: the same seal as with %s changed", name, other)
		}
		seen[seal] = name
	}
	if _, known := seen[Of(blank(), v1alpha1.DiskIdentity{Source: v1alpha1.IdentitySerial, Value: wwn.Value})]; known {
		t.Error("the same seal for another identity")
	}
}

func TestSealOfAnOSD(t *testing.T) {
	t.Parallel()
	label := disk.Label{OSDUUID: "u", Valid: true}
	first := Of(withLabels(label, label), wwn)
	later := withLabels(label)
	later.BootID, later.Counters, later.Sequence, later.Content.Outcome = "c", disk.Counters{Writes: 7}, 3, disk.OutcomeTimeout
	if Of(later, wwn) != first {
		t.Error("the seal of an OSD's disk changes in service")
	}
	if Of(withLabels(disk.Label{OSDUUID: "u"}), wwn) != Of(blank(), wwn) {
		t.Error("a broken label makes an OSD")
	}
}

// The seal of a disk that is cut stays, whatever becomes of the labels in its slices, until another slice comes.
func TestSealOfSlices(t *testing.T) {
	t.Parallel()
	cut := func(uuids ...string) disk.Disk {
		d := blank()
		d.Content.Table = &disk.Table{}
		for _, id := range uuids {
			d.Content.Table.Partitions = append(d.Content.Table.Partitions, disk.TableEntry{Type: gpt.SliceType.String(), UUID: id})
		}
		return d
	}
	first := Of(cut("a", "b"), wwn)
	later := cut("b", "a")
	later.Counters, later.BootID, later.Content.Labels = disk.Counters{Writes: 7}, "c", []disk.Label{{OSDUUID: "u", Valid: true}}
	if Of(later, wwn) != first {
		t.Error("the seal changes with a label in a slice")
	}
	if Of(cut("a", "b", "c"), wwn) == first || first == Of(blank(), wwn) {
		t.Error("the seal does not change with the slices")
	}
}

func TestUnreadIsNotSealed(t *testing.T) {
	t.Parallel()
	for _, outcome := range []disk.Outcome{disk.OutcomeNotRead, disk.OutcomeTimeout, disk.OutcomeUnreadable, disk.OutcomeFailed} {
		d := blank()
		d.Content.Outcome = outcome
		if seal := Of(d, wwn); seal != "" {
			t.Errorf("%s: sealed %s", outcome, seal)
		}
	}
}

// host is a file in the place of a device (its device number is 0:0), and the files that tell of it.
func host(t *testing.T) (*os.File, Live) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { device.Close() })
	if err := device.Truncate(64 << 20); err != nil {
		t.Fatal(err)
	}
	return device, Live{
		Proc: fstest.MapFS{"sys/kernel/random/boot_id": {Data: []byte("boot\n")}},
		Sys: fstest.MapFS{
			"dev/block/0:0/stat":    {Data: []byte("  5 0 9 0 3 0 24 0 0 0 0 2 0 16 0 0 0\n")},
			"dev/block/0:0/diskseq": {Data: []byte("42\n")},
		},
	}
}

// asScanned is how a scan saw the device of host.
func asScanned(t *testing.T, device *os.File) disk.Disk {
	t.Helper()
	samples, err := content.Sample(t.Context(), device, content.Extents(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	return disk.Disk{
		BootID: "boot", Sequence: 42, Hardware: disk.Hardware{Size: 64 << 20},
		Counters: disk.Counters{Writes: 3, WrittenSectors: 24, Discards: 2, DiscardedSectors: 16},
		Content:  disk.Content{Outcome: disk.OutcomeRead, Samples: samples},
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*testing.T, *os.File, Live)
		id     v1alpha1.DiskIdentity
		want   []string
	}{
		"nothing": {func(*testing.T, *os.File, Live) {}, wwn, nil},
		"a sampled byte": {func(t *testing.T, device *os.File, _ Live) {
			extents := content.Extents(64 << 20)
			write(t, device, extents[len(extents)/2].Offset)
		}, wwn, []string{"sampled content"}},
		"another disk": {func(*testing.T, *os.File, Live) {}, v1alpha1.DiskIdentity{Source: wwn.Source, Value: "6"}, []string{"identity"}},
		"a write": {set("dev/block/0:0/stat", "5 0 9 0 4 0 32 0 0 0 0 2 0 16 0 0 0"), wwn,
			[]string{"counters of writes and discards"}},
		"attached anew": {set("dev/block/0:0/diskseq", "43"), wwn, []string{"attachment of the device"}},
		"another size": {func(t *testing.T, device *os.File, _ Live) {
			if err := device.Truncate(65 << 20); err != nil {
				t.Fatal(err)
			}
		}, wwn, []string{"size", "sampled content"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			device, live := host(t)
			sealed := Of(asScanned(t, device), wwn)
			tt.change(t, device, live)
			err := live.Check(t.Context(), device, tt.id, sealed)
			var changed *ChangedError
			if (err == nil) != (tt.want == nil) || err != nil && !errors.As(err, &changed) {
				t.Fatalf("error %v", err)
			}
			if changed != nil {
				if diff := cmp.Diff(tt.want, changed.Facts); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			}
		})
	}
}

func set(path, text string) func(*testing.T, *os.File, Live) {
	return func(_ *testing.T, _ *os.File, live Live) {
		live.Sys.(fstest.MapFS)[path].Data = []byte(text)
	}
}

func write(t *testing.T, device *os.File, offset int64) {
	t.Helper()
	if _, err := device.WriteAt([]byte{1}, offset); err != nil {
		t.Fatal(err)
	}
}

func TestCheckRefusesWhatIsNoSeal(t *testing.T) {
	t.Parallel()
	device, live := host(t)
	for _, sealed := range []string{"", "sha256:", "md5" + Of(asScanned(t, device), wwn)[3:], Of(withLabels(disk.Label{OSDUUID: "u", Valid: true}), wwn)} {
		if err := live.Check(t.Context(), device, wwn, sealed); err == nil {
			t.Errorf("%q is accepted", sealed)
		}
	}
	live.Sys = fstest.MapFS{}
	if err := live.Check(t.Context(), device, wwn, Of(asScanned(t, device), wwn)); err == nil {
		t.Error("accepted without the kernel's statistics")
	}
}

// The numbers of stat are those that the kernel documents (Documentation/block/stat.rst).
func TestCounters(t *testing.T) {
	t.Parallel()
	got, err := counters("1 2 3 4 5 6 7 8 9 10 11")
	if diff := cmp.Diff(disk.Counters{Writes: 5, WrittenSectors: 7}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for _, text := range []string{"", "1 2 3", "1 2 3 4 x 6 7 8 9 10 11"} {
		if _, err := counters(text); err == nil {
			t.Errorf("%q: no error", text)
		}
	}
}

// Of a disk with a signature only the ends were sampled. Such a seal is none of a blank disk, and a write is still seen.
func TestCheckOccupied(t *testing.T) {
	t.Parallel()
	device, live := host(t)
	write(t, device, 1080)
	d := asScanned(t, device)
	whole := Of(d, wwn)
	samples, err := content.Sample(t.Context(), device, content.Ends(64<<20))
	if err != nil {
		t.Fatal(err)
	}
	d.Content.Samples = samples
	ends := Of(d, wwn)
	for _, sealed := range []string{whole, ends} {
		if err := live.check(t.Context(), device, wwn, sealed, true); err != nil {
			t.Error(err)
		}
	}
	var changed *ChangedError
	if err := live.Check(t.Context(), device, wwn, ends); !errors.As(err, &changed) {
		t.Errorf("the seal of a disk with a signature is taken for that of a blank one: %v", err)
	}
	set("dev/block/0:0/stat", "5 0 9 0 4 0 32 0 0 0 0 2 0 16 0 0 0")(t, device, live)
	if err := live.check(t.Context(), device, wwn, ends, true); !errors.As(err, &changed) {
		t.Errorf("a write is not seen: %v", err)
	}
	if err := live.check(t.Context(), device, wwn, "nonsense", true); err == nil || errors.As(err, new(*ChangedError)) {
		t.Errorf("what is no seal: %v", err)
	}
}
