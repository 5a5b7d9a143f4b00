package filesystem

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/fault"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	flags, data := Split([]string{"noatime,discard", "ro", "", "nodev", "logbufs=8", "rw", "defaults"})
	if want := uintptr(unix.MS_NOATIME | unix.MS_RDONLY | unix.MS_NODEV); flags != want {
		t.Errorf("flags %#x, want %#x", flags, want)
	}
	if diff := cmp.Diff([]string{"discard", "logbufs=8"}, data); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]codes.Code{"xfs": codes.OK, "ext4": codes.OK, "btrfs": codes.InvalidArgument, "": codes.InvalidArgument} {
		if got := fault.CodeOf(Check(name)); got != want {
			t.Errorf("%q: %s, want %s", name, got, want)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	xfs := disk.Signature{Type: "xfs", Kind: v1alpha1.ContentFilesystem}
	gpt := disk.Signature{Type: "gpt", Kind: v1alpha1.ContentPartitionTable}
	for name, c := range map[string]struct {
		content disk.Content
		want    Found
	}{
		"blank":    {disk.Content{}, Found{Blank: true, What: "nothing"}},
		"samples":  {disk.Content{Samples: disk.Samples{NonZero: 1, First: 7}}, Found{What: "no known signature, but something at byte 7"}},
		"xfs":      {disk.Content{Signatures: []disk.Signature{xfs, xfs}}, Found{Type: "xfs", What: "xfs (Filesystem)"}},
		"table":    {disk.Content{Signatures: []disk.Signature{gpt}}, Found{What: "gpt (PartitionTable)"}},
		"two":      {disk.Content{Signatures: []disk.Signature{xfs, gpt}}, Found{What: "xfs (Filesystem), gpt (PartitionTable)"}},
		"label":    {disk.Content{Labels: []disk.Label{{}}}, Found{What: "a label of BlueStore"}},
		"xfs, osd": {disk.Content{Signatures: []disk.Signature{xfs}, Labels: []disk.Label{{}}}, Found{What: "xfs (Filesystem), a label of BlueStore"}},
	} {
		if diff := cmp.Diff(c.want, judge(c.content)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func xfsHead(block uint32, blocks uint64) []byte {
	head := append([]byte("XFSB"), binary.BigEndian.AppendUint32(nil, block)...)
	return append(binary.BigEndian.AppendUint64(head, blocks), make([]byte, superblock-16)...)
}

func ext4Head(blocks, high, shift, incompatible uint32) []byte {
	head := make([]byte, superblock)
	s := head[1024:]
	binary.LittleEndian.PutUint32(s[4:], blocks)
	binary.LittleEndian.PutUint32(s[0x18:], shift)
	binary.LittleEndian.PutUint16(s[0x38:], 0xEF53)
	binary.LittleEndian.PutUint32(s[0x60:], incompatible)
	binary.LittleEndian.PutUint32(s[0x150:], high)
	return head
}

func TestSizeOf(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		head []byte
		fs   string
		want int64
		ok   bool
	}{
		"xfs":            {xfsHead(4096, 1<<20), XFS, 4 << 30, true},
		"xfs, absurd":    {xfsHead(4096, 1<<60), XFS, 0, false},
		"xfs, no blocks": {xfsHead(0, 1), XFS, 0, false},
		"no xfs":         {make([]byte, superblock), XFS, 0, false},
		"ext4":           {ext4Head(1000, 5, 2, 0), Ext4, 4096000, true},
		"ext4, 64 bit":   {ext4Head(0, 1, 2, 0x80), Ext4, 16 << 40, true},
		"ext4, absurd":   {ext4Head(1000, 0, 40, 0), Ext4, 0, false},
		"no ext4":        {xfsHead(4096, 1), Ext4, 0, false},
		"short":          {[]byte("XFSB"), XFS, 0, false},
	} {
		if got, ok := sizeOf(c.head, c.fs); got != c.want || ok != c.ok {
			t.Errorf("%s: %d, %t", name, got, ok)
		}
	}
}

func FuzzSizeOf(f *testing.F) {
	f.Add(xfsHead(4096, 10), true)
	f.Add(ext4Head(10, 1, 2, 0x80), false)
	f.Fuzz(func(t *testing.T, head []byte, xfs bool) {
		name := Ext4
		if xfs {
			name = XFS
		}
		if size, ok := sizeOf(head, name); ok && size < 0 {
			t.Fatalf("a size of %d", size)
		}
	})
}

func TestVersions(t *testing.T) {
	t.Parallel()
	for out, want := range map[string]version{
		"mkfs.xfs version 6.1.0": {6, 1}, "mke2fs 1.47.0 (5-Feb-2023)\n\tUsing EXT2FS Library version 1.47.0": {1, 47},
	} {
		if got, err := parseVersion(out); got != want || err != nil {
			t.Errorf("%q: %v, %v", out, got, err)
		}
	}
	if _, err := parseVersion("mkfs.xfs: not found"); err == nil {
		t.Error("a version out of nothing")
	}
	for _, c := range []struct{ got, want []string }{
		{xfsOptions(version{5, 10}), []string{"-q", "-f", "-K"}},
		{xfsOptions(version{6, 1}), []string{"-q", "-f", "-K", "-i", "nrext64=0"}},
		{xfsOptions(version{6, 17}), []string{"-q", "-f", "-K", "-i", "nrext64=0", "-i", "exchange=0", "-n", "parent=0"}},
		{ext4Options(version{1, 46}), []string{"-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1"}},
		{ext4Options(version{1, 47}), []string{"-q", "-F", "-m", "0", "-E", "nodiscard,lazy_itable_init=1,lazy_journal_init=1", "-O", "^orphan_file"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}
