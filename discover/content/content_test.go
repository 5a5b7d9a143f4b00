package content

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

// file makes a sparse file with bytes at offsets.
func file(t *testing.T, size int64, bytes map[int64]string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "sdx"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for offset, text := range bytes {
		if _, err := f.WriteAt([]byte(text), offset); err != nil {
			t.Fatal(err)
		}
	}
	return f.Name()
}

func realBlkid(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/sbin/blkid", "/sbin/blkid"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	path, err := exec.LookPath("blkid")
	if err != nil {
		t.Skip("blkid of util-linux is not installed")
	}
	return path
}

const testSize = 100 << 20

func TestReadBlank(t *testing.T) {
	t.Parallel()
	got := Read(t.Context(), Target{Device: file(t, testSize, nil), Size: testSize, Blkid: realBlkid(t)})
	want := disk.Content{
		Outcome: disk.OutcomeRead,
		Sources: []disk.Source{disk.SourceBlockdevice, disk.SourceBlkid},
		Samples: disk.Samples{First: -1},
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(disk.Samples{}, "Count", "Bytes", "Digest")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got.Samples.Count < strata/2 || len(got.Samples.Digest) != 64 {
		t.Errorf("samples %+v", got.Samples)
	}
}

func TestReadNamesWhatIsThere(t *testing.T) {
	t.Parallel()
	blkid := realBlkid(t)
	label := recordedLabel(t)
	for name, tt := range map[string]struct {
		bytes map[int64]string
		want  []string
	}{
		"MBR without entries":  {map[int64]string{510: "\x55\xaa"}, []string{"blkid dos PartitionTable", "blockdevice dos PartitionTable"}},
		"LUKS1 header":         {map[int64]string{0: "LUKS\xba\xbe\x00\x01"}, []string{"blkid crypto_LUKS Encrypted", "blockdevice crypto_LUKS Encrypted"}},
		"GPT at the end alone": {map[int64]string{testSize - 512: "EFI PART"}, []string{"blockdevice gpt PartitionTable"}},
		"protective MBR":       {map[int64]string{510: "\x55\xaa", 512: "EFI PART"}, []string{"blockdevice gpt PartitionTable", "blkid dos PartitionTable"}},
		"NTFS boot sector":     {map[int64]string{510: "\x55\xaa", 3: "NTFS    "}, []string{"blockdevice ntfs Filesystem", "blkid dos PartitionTable"}},
		"BlueStore":            {map[int64]string{0: label}, []string{"blkid ceph_bluestore BlueStore", "blockdevice ceph_bluestore BlueStore"}},
		"swap": {map[int64]string{4086: "SWAPSPACE2", 1024: "\x01\x00\x00\x00\xff\x0f\x00\x00"},
			[]string{"blkid swap Swap", "blockdevice swap Swap"}},
	} {
		got := Read(t.Context(), Target{Device: file(t, testSize, tt.bytes), Size: testSize, Blkid: blkid})
		var kinds []string
		for _, s := range got.Signatures {
			kinds = append(kinds, fmt.Sprintf("%s %s %s", s.Source, s.Type, s.Kind))
		}
		if diff := cmp.Diff(tt.want, kinds, cmpopts.SortSlices(func(a, b string) bool { return a < b })); diff != "" {
			t.Errorf("%s: signatures (-want +got):\n%s", name, diff)
		}
		if got.Outcome != disk.OutcomeRead || got.Samples.Count != 2 || got.Samples.NonZero == 0 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func recordedLabel(t *testing.T) string {
	t.Helper()
	label, err := os.ReadFile("../bluestore/testdata/ceph-20-main.label")
	if err != nil {
		t.Fatal(err)
	}
	return string(label)
}

func TestReadFindsCopiesOfALabel(t *testing.T) {
	t.Parallel()
	const size = 11 << 30
	target := Target{Size: size, Blkid: realBlkid(t)}
	target.Device = file(t, size, map[int64]string{1 << 30: recordedLabel(t), 10 << 30: recordedLabel(t)})
	target.Partitions = []string{file(t, testSize, map[int64]string{0: recordedLabel(t)})}
	got := Read(t.Context(), target)
	var offsets []int64
	for _, l := range got.Labels {
		if !l.Valid || l.OSDID != 7 {
			t.Errorf("label %+v", l)
		}
		offsets = append(offsets, l.Offset)
	}
	if diff := cmp.Diff([]int64{1 << 30, 10 << 30, 0}, offsets); diff != "" || got.Outcome != disk.OutcomeRead {
		t.Errorf("outcome %s %s, labels (-want +got):\n%s", got.Outcome, got.Text, diff)
	}
}

// The labels in slices are read although no device node of them is there.
func TestReadSlices(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	geometry := gpt.Geometry{Size: testSize, Sector: 512}
	table := gpt.New(geometry, uuid.NewSHA1(uuid.Nil, []byte("table")))
	for i, name := range []string{"osd.7 data", "osd.8 data"} {
		var err error
		table, err = table.With(gpt.Partition{
			Type: gpt.SliceType, UUID: uuid.NewSHA1(uuid.Nil, []byte(name)), Name: name, Offset: int64(1+2*i) * mib, Size: 2 * mib,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	written := map[int64]string{3 * mib: recordedLabel(t)}
	for _, piece := range append(append(table.Primary(), table.Backup()...), table.Boot()) {
		written[piece.Offset] = string(piece.Data)
	}
	target := Target{Device: file(t, testSize, written), Size: testSize, Blkid: realBlkid(t)}
	second := partitionName(filepath.Base(target.Device), 2)
	target.Partitions = []string{filepath.Join(filepath.Dir(target.Device), second)}
	got := Read(t.Context(), target)
	if got.Outcome != disk.OutcomeRead || got.Table == nil || got.Table.ID != table.GUID.String() || len(got.Table.Partitions) != 2 {
		t.Fatalf("%s %s, table %+v", got.Outcome, got.Text, got.Table)
	}
	if p := got.Table.Partitions[1]; p.Name != "osd.8 data" || p.Offset != 3*mib || p.Size != 2*mib || p.Type != gpt.SliceType.String() {
		t.Errorf("partition %+v", p)
	}
	if len(got.Labels) != 1 || got.Labels[0].Device != second || got.Labels[0].Offset != 0 || !got.Labels[0].Valid {
		t.Errorf("labels %+v, want one on %s", got.Labels, second)
	}
	if len(got.Sources) != 2 {
		t.Errorf("read by %v", got.Sources)
	}
}

func TestReadFails(t *testing.T) {
	t.Parallel()
	blkid, blank := realBlkid(t), file(t, testSize, nil)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		ctx    context.Context
		target Target
		want   disk.Outcome
	}{
		"no device":       {t.Context(), Target{Device: blank + "-", Size: testSize, Blkid: blkid}, disk.OutcomeFailed},
		"no partition":    {t.Context(), Target{Device: blank, Partitions: []string{blank + "1"}, Size: testSize, Blkid: blkid}, disk.OutcomeFailed},
		"another size":    {t.Context(), Target{Device: blank, Size: testSize + 512, Blkid: blkid}, disk.OutcomeFailed},
		"another number":  {t.Context(), Target{Device: blank, Size: testSize, Blkid: blkid, Number: disk.Number{Major: 8}}, disk.OutcomeFailed},
		"no sequence":     {t.Context(), Target{Device: blank, Size: testSize, Blkid: blkid, Sequence: 5}, disk.OutcomeFailed},
		"no blkid":        {t.Context(), Target{Device: blank, Size: testSize, Blkid: "/nonexistent/blkid"}, disk.OutcomeFailed},
		"blkid that ends": {t.Context(), Target{Device: blank, Size: testSize, Blkid: "/bin/false"}, disk.OutcomeFailed},
		"out of time":     {ended, Target{Device: blank, Size: testSize, Blkid: blkid}, disk.OutcomeTimeout},
		"a directory":     {t.Context(), Target{Device: filepath.Dir(blank), Size: testSize, Blkid: blkid}, disk.OutcomeFailed},
	} {
		if got := Read(tt.ctx, tt.target); got.Outcome != tt.want || got.Text == "" {
			t.Errorf("%s: %s %q, want %s", name, got.Outcome, got.Text, tt.want)
		}
	}
}

func TestReadErrorIsUnreadable(t *testing.T) {
	t.Parallel()
	d, err := openDevice(file(t, testSize, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.readFull(make([]byte, 10), 5000); outcome(err) != disk.OutcomeUnreadable {
		t.Errorf("outcome %s of %v", outcome(err), err)
	}
}

// Each entry of the table is found at each of its places, and a file of zeros has none.
func TestFindEachSignature(t *testing.T) {
	t.Parallel()
	for _, s := range signatures() {
		for i, place := range s.places {
			offset := place(testSize)
			if offset+int64(len(s.value)) > testSize {
				continue
			}
			d, err := openDevice(file(t, testSize, map[int64]string{offset: s.value}))
			if err != nil {
				t.Fatal(err)
			}
			found, err := find(d)
			want := []disk.Signature{{Source: disk.SourceBlockdevice, Device: "sdx", Kind: s.kind, Type: s.name, Offset: offset}}
			if diff := cmp.Diff(want, found); diff != "" || err != nil {
				t.Errorf("%s, place %d: %v (-want +got):\n%s", s.name, i, err, diff)
			}
			d.Close()
		}
	}
}

func TestParseBlkid(t *testing.T) {
	t.Parallel()
	sig := func(kind v1alpha1.ContentKind, name, uuid, label string) disk.Signature {
		return disk.Signature{Source: disk.SourceBlkid, Device: "sdx", Kind: kind, Type: name, Offset: -1, UUID: uuid, Label: label}
	}
	for out, want := range map[string][]disk.Signature{
		"": nil,
		"DEVNAME=/dev/sdx1\nPART_ENTRY_SCHEME=gpt\nPART_ENTRY_NUMBER=1\n":          nil,
		"DEVNAME=/dev/sdx\nUUID=u\nLABEL=my\\ disk\nTYPE=ext4\nUSAGE=filesystem\n": {sig(v1alpha1.ContentFilesystem, "ext4", "u", "my disk")},
		"DEVNAME=/dev/sdx\nPTUUID=p\nPTTYPE=gpt\n":                                 {sig(v1alpha1.ContentPartitionTable, "gpt", "p", "")},
		"TYPE=linux_raid_member\nUSAGE=raid\n":                                     {sig(v1alpha1.ContentRAIDMember, "linux_raid_member", "", "")},
		"TYPE=LVM2_member\nUSAGE=raid\n":                                           {sig(v1alpha1.ContentVolumeManager, "LVM2_member", "", "")},
		"TYPE=something_new\nUSAGE=other\n":                                        {sig(v1alpha1.ContentUnrecognized, "something_new", "", "")},
		"PTTYPE=dos\nTYPE=crypto_LUKS\nUSAGE=crypto\n":                             {sig(v1alpha1.ContentPartitionTable, "dos", "", ""), sig(v1alpha1.ContentEncrypted, "crypto_LUKS", "", "")},
	} {
		if diff := cmp.Diff(want, parseBlkid("sdx", []byte(out))); diff != "" {
			t.Errorf("%q (-want +got):\n%s", out, diff)
		}
	}
}

func FuzzParseBlkid(f *testing.F) {
	f.Add([]byte("DEVNAME=/dev/sdx\nUUID=u\nTYPE=ext4\nUSAGE=filesystem\nPTTYPE=gpt\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		for _, s := range parseBlkid("sdx", out) {
			if s.Kind == "" || s.Source != disk.SourceBlkid {
				t.Errorf("%+v", s)
			}
		}
	})
}
