package loop

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// sysfs is a machine with a plain disk, an unattached, an attached and a large
// numbered loop device, in the kernel's own format.
func sysfs() fstest.MapFS {
	return fstest.MapFS{
		"block/vda/dev":                    {Data: []byte("254:0\n")},
		"block/loop-control":               {Data: []byte("")},
		"block/loop1000/dev":               {Data: []byte("7:1000\n")},
		"block/loop1000/size":              {Data: []byte("20971520\n")},
		"block/loop1000/diskseq":           {Data: []byte("19\n")},
		"block/loop1000/loop/backing_file": {Data: []byte("/var/lib/x/disk one.img (deleted)\n")},
		"block/loop7/dev":                  {Data: []byte("7:7\n")},
		"block/loop7/size":                 {Data: []byte("0\n")},
		"block/loop7/diskseq":              {Data: []byte("3\n")},
		"block/loop12/dev":                 {Data: []byte("7:12\n")},
		"block/loop12/size":                {Data: []byte("8\n")},
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	got, err := List(sysfs())
	if err != nil {
		t.Fatal(err)
	}
	want := []Device{
		{Number: 7, Major: 7, Minor: 7, Sequence: 3},
		{Number: 12, Major: 7, Minor: 12, Bytes: 4096},
		{Number: 1000, Major: 7, Minor: 1000, Bytes: 10 << 30, Sequence: 19, Backing: "/var/lib/x/disk one.img (deleted)"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got[0].Attached() || !got[2].Attached() {
		t.Error("attached is confused")
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	damaged := sysfs()
	damaged["block/loop7/size"] = &fstest.MapFile{Data: []byte("many\n")}
	if _, err := List(damaged); err == nil || !strings.Contains(err.Error(), "size of loop7") {
		t.Errorf("a size that is no number: %v", err)
	}
	if _, err := Read(sysfs(), 8); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a device that does not exist: %v", err)
	}
	if _, err := List(fstest.MapFS{}); err == nil {
		t.Error("no sysfs, and no error: unknown is not empty")
	}
}

func TestParsePath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]int{
		"/dev/loop0": 0, "/dev/loop1023": 1023, "loop5": 5,
		"/dev/loop": -1, "/dev/loop05": -1, "/dev/loop5p1": -1, "/dev/sda": -1, "/dev/loop-control": -1, "/dev/loop99999999999": -1,
	} {
		got, err := ParsePath(path)
		if (err != nil) != (want < 0) || (err == nil && got != want) {
			t.Errorf("%s: %d, %v", path, got, err)
		}
	}
}

func FuzzParseDev(f *testing.F) {
	f.Add("7:1000\n")
	f.Fuzz(func(t *testing.T, text string) {
		if _, _, err := parseDev(text); err == nil && !strings.Contains(text, ":") {
			t.Errorf("%q read as a device number", text)
		}
	})
}
