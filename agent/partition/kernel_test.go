package partition

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/gpt"
)

func sysfs(start, size, dev string) fstest.MapFS {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text + "\n")} }
	return fstest.MapFS{
		"dev/block/8:16/size": file("131072"), "dev/block/8:16/queue/rotational": file("0"),
		"dev/block/8:16/sdb2/partition": file("2"), "dev/block/8:16/sdb2/start": file(start),
		"dev/block/8:16/sdb2/size": file(size), "dev/block/8:16/sdb2/dev": file(dev),
	}
}

// What the kernel knows is found by its number, and must lie where the table has it.
func TestEnsureFinds(t *testing.T) {
	t.Parallel()
	sdb := disk.Number{Major: 8, Minor: 16}
	p := gpt.Partition{Number: 2, Offset: 4 << 20, Size: 1 << 20}
	for name, c := range map[string]struct {
		sys  fstest.MapFS
		want disk.Number
		says string
	}{
		"there":          {sysfs("8192", "2048", "259:3"), disk.Number{Major: 259, Minor: 3}, ""},
		"another place":  {sysfs("4096", "2048", "259:3"), disk.Number{}, "at 2097152"},
		"another size":   {sysfs("8192", "4096", "259:3"), disk.Number{}, "with 2097152"},
		"no number":      {sysfs("8192", "2048", "x"), disk.Number{}, "number of partition 2"},
		"no such a disk": {fstest.MapFS{}, disk.Number{}, "list the kernel's partitions"},
	} {
		got, err := Kernel{Sys: c.sys}.Ensure(nil, sdb, p)
		if got != c.want || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// A file takes no partitions: what the kernel says of that is passed on.
func TestEnsureFails(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/disk")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p := gpt.Partition{Number: 1, Offset: 4 << 20, Size: 1 << 20}
	_, err = Kernel{Sys: sysfs("8192", "2048", "259:3")}.Ensure(file, disk.Number{Major: 8, Minor: 16}, p)
	if err == nil || !strings.Contains(err.Error(), "tell the kernel of partition 1") {
		t.Error(err)
	}
}

// A partition that the kernel does not let go of is named; a disk without any needs nothing.
func TestDrop(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/disk")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	sdb := disk.Number{Major: 8, Minor: 16}
	none := fstest.MapFS{"dev/block/8:16/size": {Data: []byte("1\n")}, "dev/block/8:16/queue/rotational": {Data: []byte("0\n")}}
	if err := (Kernel{Sys: none}).Drop(file, sdb); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]struct {
		sys  fstest.MapFS
		says string
	}{
		"one that stays": {sysfs("8192", "2048", "259:3"), "have the kernel forget sdb2"},
		"no such a disk": {fstest.MapFS{}, "list the kernel's partitions"},
	} {
		if err := (Kernel{Sys: c.sys}).Drop(file, sdb); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
