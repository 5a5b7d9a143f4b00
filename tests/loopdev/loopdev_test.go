//go:build e2e

package loopdev

import (
	"errors"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestDisk(t *testing.T) {
	var path string
	t.Run("while it is there", func(t *testing.T) {
		d := New(t, 64<<20)
		path = d.Path
		fill(t, path)
		if err := d.Detach(); err != nil {
			t.Fatal(err)
		}
		if _, err := os.ReadFile("/sys/block/" + d.Name + "/loop/backing_file"); err == nil {
			t.Error("it is attached after it was detached")
		}
		if err := d.Reattach(d.File); err != nil {
			t.Fatal(err)
		}
		if got := head(t, path); got != "content" {
			t.Errorf("it holds %q after it was attached again", got)
		}
	})
	if _, err := os.Stat(path); err == nil {
		t.Errorf("%s is left", path)
	}
}

// fill writes to a device, through it to the file.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString("content")
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// head is what a disk begins with.
func head(t *testing.T, path string) string {
	t.Helper()
	text := make([]byte, len("content"))
	f, err := os.Open(path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer f.Close()
	if _, err := f.ReadAt(text, 0); err != nil {
		t.Error(err)
	}
	return string(text)
}

func TestStall(t *testing.T) {
	f := NewFUSEFile(t, 8<<20)
	d := Attach(t, f.Path, Options{})
	fill(t, d.Path)
	resume := f.Stall(t)
	read := make(chan string)
	go func() { read <- head(t, f.Path) }()
	select {
	case got := <-read:
		t.Errorf("read %q while the server hangs", got)
	case <-time.After(300 * time.Millisecond):
	}
	resume()
	if got := <-read; got != "content" {
		t.Errorf("read %q after it answers again", got)
	}
}

// What fails of the file fails on the device on it, and nothing else; when it is over, what was there is there.
func TestFail(t *testing.T) {
	f := NewFUSEFile(t, 8<<20)
	d := Attach(t, f.Path, Options{Direct: true})
	fill(t, d.Path)
	for _, ways := range []Access{Reads, Writes, Reads | Writes, 0} {
		f.Fail(ways)
		for way, use := range map[Access]func(int, []byte, int64) (int, error){Reads: unix.Pread, Writes: unix.Pwrite} {
			var want error
			if ways&way != 0 {
				want = unix.EIO
			}
			if err := pastCache(t, d.Path, use); !errors.Is(err, want) {
				t.Errorf("of %b, %b ends with %v, want %v", ways, way, err, want)
			}
		}
	}
	if got := head(t, f.Path); got != "content" {
		t.Errorf("it holds %q", got)
	}
}

// pastCache reads or writes the second block of a device, past the page cache.
func pastCache(t *testing.T, path string, use func(fd int, p []byte, offset int64) (int, error)) error {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // what was written is there, or failed
	page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(page) //nolint:errcheck // it goes with the test
	_, err = use(int(f.Fd()), page, 4096)
	return err
}
