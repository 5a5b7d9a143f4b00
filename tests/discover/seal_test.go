//go:build e2e

package discover

import (
	"errors"
	"math/rand/v2"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// TestSeal (D4) changes an empty disk after it was judged. Whoever is to write it first is refused, and writes nothing.
func TestSeal(t *testing.T) {
	for name, change := range map[string]func(*testing.T, *loopdev.Disk){
		"a byte that is sampled": writeByte,
		"a byte, past the kernel's counters": func(t *testing.T, d *loopdev.Disk) {
			t.Helper()
			writeByte(t, &loopdev.Disk{Name: d.Name, Path: d.File})
		},
		"a byte that was taken back":      then(writeByte, zero(0, diskSize/1024), tool("blkdiscard", "--force", "--zeroout")),
		"mounted in between, then blank":  then(tool("mkfs.xfs", "-q", "-f"), mountOnce, tool("blkdiscard", "--force", "--zeroout")),
		"discarded":                       tool("blkdiscard", "--force"),
		"pulled and put back":             replug,
		"another disk with the same name": swapFile,
		"grown":                           grow,
	} {
		t.Run(name, func(t *testing.T) {
			d, c := loopdev.New(t, diskSize), newChain(t)
			sealed := c.sealed(t, d)
			c.intact(t, d, sealed)
			change(t, d)
			c.broken(t, d, sealed)
		})
	}
}

// sealed judges a disk twice: as long as nothing changes, neither does the seal.
func (c *chain) sealed(t *testing.T, d *loopdev.Disk) string {
	t.Helper()
	first, second := c.scan(t, d)[d.Name], c.scan(t, d)[d.Name]
	if first.seal == "" || first.seal != second.seal {
		t.Fatalf("the seals of two scans are %q and %q", first.seal, second.seal)
	}
	return first.seal
}

// check is what the first writer does before it writes.
func (c *chain) check(t *testing.T, d *loopdev.Disk, sealed string) error {
	t.Helper()
	found, err := c.inventory.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	device, err := os.OpenFile(d.Path, os.O_RDWR|os.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	for _, f := range found {
		if f.Name == d.Name {
			_, id := identity.Of(f, node)
			return seal.Check(t.Context(), device, id, sealed)
		}
	}
	t.Fatalf("the inventory lacks %s", d.Name)
	return nil
}

func (c *chain) intact(t *testing.T, d *loopdev.Disk, sealed string) {
	t.Helper()
	if err := c.check(t, d, sealed); err != nil {
		t.Fatalf("refused though nothing changed: %v", err)
	}
}

func (c *chain) broken(t *testing.T, d *loopdev.Disk, sealed string) {
	t.Helper()
	before := d.Digest(t)
	err := c.check(t, d, sealed)
	var changed *seal.ChangedError
	if !errors.As(err, &changed) {
		t.Errorf("the seal holds: %v", err)
	}
	t.Logf("refused: %v", err)
	if d.Digest(t) != before {
		t.Error("the check has written to the disk")
	}
}

// writeByte writes one byte at a random place that is sampled.
func writeByte(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	extents := content.Extents(diskSize)
	e := extents[rand.IntN(len(extents))]
	at := e.Offset + rand.Int64N(e.Length)
	t.Logf("write a byte at %d", at)
	write(t, d, at, []byte{1})
}

func mountOnce(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	dir := t.TempDir()
	run(t, "", "mount", d.Path, dir)
	run(t, "", "umount", dir)
}

func replug(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	swapTo(t, d, d.File)
}

func swapFile(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	swapTo(t, d, loopdev.NewFile(t, diskSize))
}

func swapTo(t *testing.T, d *loopdev.Disk, file string) {
	t.Helper()
	if err := d.Detach(); err != nil {
		t.Fatal(err)
	}
	if err := d.Reattach(file); err != nil {
		t.Fatal(err)
	}
}

func grow(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	if err := os.Truncate(d.File, 2*diskSize); err != nil {
		t.Fatal(err)
	}
	run(t, "", "losetup", "--set-capacity", d.Path)
}

// TestMountedAfterTheVerdict (D4): a disk that somebody mounted meanwhile cannot be opened as the first writer opens it.
func TestMountedAfterTheVerdict(t *testing.T) {
	d := loopdev.New(t, diskSize)
	newChain(t).sealed(t, d)
	then(tool("mkfs.ext4", "-q", "-F"), mounted)(t, d)
	f, err := os.OpenFile(d.Path, os.O_RDWR|os.O_EXCL, 0)
	if err == nil {
		f.Close()
	}
	if !errors.Is(err, unix.EBUSY) {
		t.Errorf("opened a mounted disk: %v", err)
	}
}

// TestScanLeavesDisksAlone (D4): discover never opens a disk exclusively, which would make other people's mounts fail,
// and what it reads leaves no trace in what a seal covers.
func TestScanLeavesDisksAlone(t *testing.T) {
	d, c := loopdev.New(t, diskSize), newChain(t)
	tool("mkfs.ext4", "-q", "-F")(t, d)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 10 {
			c.scan(t, d)
		}
	}()
	for mounts := 0; ; mounts++ {
		select {
		case <-done:
			if mounts == 0 {
				t.Error("nothing was mounted while the disk was scanned")
			}
			return
		default:
			mountOnce(t, d)
		}
	}
}
