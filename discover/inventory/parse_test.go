package inventory

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

func TestCovering(t *testing.T) {
	t.Parallel()
	mounts := []mountinfo.Mount{{Point: "/", Type: "ext4"}, {Point: "/srv", Type: "xfs"}, {Point: "/srv", Type: "fuse.x"}, {Point: "/srv/a", Type: "tmpfs"}}
	for path, want := range map[string]string{
		"/srv": "fuse.x", "/srv/b": "fuse.x", "/srv/a/file": "tmpfs", "/srv/ab": "fuse.x", "/service": "ext4", "relative": "ext4",
	} {
		if got := covering(mounts, path).Type; got != want {
			t.Errorf("%s lies in %s, want %s", path, got, want)
		}
	}
}

func TestParseSwaps(t *testing.T) {
	t.Parallel()
	const heading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
	for name, tt := range map[string]struct {
		text  string
		want  []string
		fails bool
	}{
		"none": {text: heading},
		"two, and a file": {text: heading + "/dev/sdb2    partition 1 0 -2\n/swap file 1 0 -3\n/dev/dm\\0401\\040(deleted) partition 1 0 5\n",
			want: []string{"/dev/sdb2", "/dev/dm 1"}},
		"cut off": {text: heading + "/dev/sdb2 part", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseSwaps(tt.text)
			if diff := cmp.Diff(tt.want, got); diff != "" || err != nil != tt.fails {
				t.Error(err, diff)
			}
		})
	}
}

func TestParseCounters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text  string
		want  disk.Counters
		fails bool
	}{
		"an old kernel": {text: "1 2 3 4 5 6 7 8 9 10 11", want: disk.Counters{Writes: 5, WrittenSectors: 7}},
		"a new kernel": {text: "  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15 16 17",
			want: disk.Counters{Writes: 5, WrittenSectors: 7, Discards: 12, DiscardedSectors: 14}},
		"cut off":  {text: "1 2 3", fails: true},
		"no count": {text: "1 2 3 4 5 6 7 8 9 10 -11", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseCounters(tt.text)
			if got != tt.want || err != nil != tt.fails {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestParseSerialPage(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		page, want string
		fails      bool
	}{
		"filled with space": {page: "\x00\x80\x00\x08  ZL2A  ", want: "ZL2A"},
		"more than it says": {page: "\x00\x80\x00\x02ABCD", want: "AB"},
		"bytes of no text":  {page: "\x00\x80\x00\x04A\x00\xffB", want: "A B"},
		"empty":             {page: "\x00\x80\x00\x00"},
		"cut off":           {page: "\x00\x80\x01\x00AB", fails: true},
		"another page":      {page: "\x00\x83\x00\x02AB", fails: true},
		"nothing":           {fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseSerialPage([]byte(tt.page))
			if got != tt.want || err != nil != tt.fails {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestParseDescriptor(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		text  string
		want  descriptor
		fails bool
	}{
		"a file":        {text: "pos:\t0\nflags:\t02100002\nmnt_id:\t24\nino:\t5\nlock:\t1: POSIX", want: descriptor{0o2100002, 24}},
		"no mount":      {text: "flags:\t02", fails: true},
		"no flags":      {text: "mnt_id:\t24", fails: true},
		"flags of text": {text: "flags:\trw\nmnt_id:\t24", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseDescriptor(tt.text)
			if got != tt.want || err != nil != tt.fails {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestParseParent(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"812 (dd) S 700 812": "700", "812 (a) S 1 (b) R 701 812 812": "701", "812 dd S 700": "", "812 (dd) S": "", "812 (dd) S x": "", "": "",
	} {
		if got, err := parseParent(text); got != want || err != nil != (want == "") {
			t.Errorf("%q: got %q, %v", text, got, err)
		}
	}
}

// FuzzParse gives the kernel's and the devices' texts to all who read them: none fails in any other way than by an error,
// and what they make of it is what they promise.
func FuzzParse(f *testing.F) {
	f.Add([]byte("Filename Type\n/dev/sdb2 partition 1 0 -2"))
	f.Add([]byte("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"))
	f.Add([]byte("\x00\x80\x00\x08  ZL2A  "))
	f.Add([]byte("flags:\t02100002\nmnt_id:\t24"))
	f.Add([]byte("812 (dd) S 700 812"))
	f.Fuzz(func(t *testing.T, content []byte) {
		text := string(content)
		if _, err := parseSwaps(text); err == nil && len(mountinfo.Unescape(text)) > len(text) {
			t.Error("undoing escapes made it longer")
		}
		if serial, err := parseSerialPage(content); err == nil && (printable(serial) != serial || len(serial) > len(content)) {
			t.Errorf("serial number %q", serial)
		}
		if d, err := parseDescriptor(text); err == nil && (d.flags < 0 || d.mount < 0) {
			t.Errorf("%+v", d)
		}
		if parent, err := parseParent(text); (err == nil) != (parent != "") {
			t.Errorf("parent %q, %v", parent, err)
		}
		if c, err := parseCounters(text); err != nil && c != (disk.Counters{}) {
			t.Errorf("counters %+v with an error", c)
		}
		if n, err := disk.ParseNumber(text); err != nil && n != (disk.Number{}) {
			t.Errorf("number %+v with an error", n)
		}
	})
}
