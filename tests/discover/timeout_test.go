//go:build e2e

package discover

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestHungDiskHidesNoOther (D1): a disk stops answering in the middle of its work, as far as anybody can tell by the
// device. It is Unknown, all others are reported in time, and when it answers again it is read again.
func TestHungDiskHidesNoOther(t *testing.T) {
	served := loopdev.NewFUSEFile(t, 4<<30)
	below := loopdev.Attach(t, served.Path, loopdev.Options{})
	hung := loopdev.Attach(t, fileOn(t, below), loopdev.Options{})
	well := []*loopdev.Disk{loopdev.New(t, diskSize), loopdev.New(t, diskSize), loopdev.New(t, diskSize)}
	c := newChain(t)
	c.reader.Deadline = 20 * time.Second
	resume := served.Stall(t)

	start := time.Now()
	found := c.scan(t, append(well, hung)...)
	if took := time.Since(start); took > 4*c.reader.Deadline {
		t.Errorf("the scan took %v, with a deadline of %v for each disk", took, c.reader.Deadline)
	}
	found[hung.Name].mustBe(t, v1alpha1.VerdictUnknown, v1alpha1.ReasonReadTimeout, "")
	for _, d := range well {
		found[d.Name].mustBe(t, v1alpha1.VerdictUsable, "", v1alpha1.ContentEmpty)
	}
	if got := c.scan(t, hung)[hung.Name].Disk.Content.Outcome; got == disk.OutcomeRead {
		t.Errorf("the hung disk was read")
	}
	if stuck := c.reader.Pool.Stuck(); stuck > 1 {
		t.Errorf("%d readers hang for one disk", stuck)
	}

	resume()
	await(t, "the reader that hung ends", func() bool { return c.reader.Pool.Stuck() == 0 })
	c.reader.Deadline = deadline
	c.scan(t, hung)[hung.Name].mustBe(t, v1alpha1.VerdictUsable, "", v1alpha1.ContentEmpty)
}

// fileOn makes a filesystem on a disk and in it the file of another, with zeros where readers look first: what is only
// reserved would be answered without asking the disk.
func fileOn(t *testing.T, d *loopdev.Disk) string {
	t.Helper()
	then(tool("mkfs.ext4", "-q", "-F"), mounted)(t, d)
	file := filepath.Join(mountPoint(d), "disk")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(diskSize); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		t.Fatal(err)
	}
	return file
}

// patience is how long something may take on a machine that is busy.
const patience = 3 * time.Minute

func await(t *testing.T, what string, check func() bool) {
	t.Helper()
	limit := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !check() {
		select {
		case <-limit:
			t.Fatalf("in %s not: %s", patience, what)
		case <-tick.C:
		}
	}
}
