//go:build e2e

package daemon

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/daemon"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// A disk that changed after it was judged is refused and left as it is (D4).
func TestChangedDisk(t *testing.T) {
	n := newNode(t, "/", 16, "127.0.77.3")
	for name, change := range map[string]func(t *testing.T, d *loopdev.Disk){
		"a byte":       aByte,
		"another size": func(t *testing.T, d *loopdev.Disk) { resize(t, d, diskSize+1<<20) },
		"a write that left nothing": func(t *testing.T, d *loopdev.Disk) {
			aByte(t, d)
			put(t, d, 0, sampled(diskSize))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := loopdev.New(t, diskSize)
			osd := n.osd(0, d)
			change(t, d)
			before := digest(t, d)
			osd.start()
			refused(t, osd, handover.ReasonDiskChanged)
			if digest(t, d) != before {
				t.Error("the disk was written to")
			}
		})
	}
}

// sampled is an offset that discover looks at, somewhere in the middle.
func sampled(size int64) int64 {
	extents := content.Extents(size)
	return extents[len(extents)/2].Offset
}

func aByte(t *testing.T, d *loopdev.Disk) { put(t, d, 'x', sampled(diskSize)) }

// put writes a byte through the device and brings it to the disk.
func put(t *testing.T, d *loopdev.Disk, value byte, offset int64) {
	t.Helper()
	f, err := os.OpenFile(d.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte{value}, offset)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

func resize(t *testing.T, d *loopdev.Disk, size int64) {
	t.Helper()
	f, err := os.OpenFile(d.Path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // nothing was written to it
	err = os.Truncate(d.File, size)
	if err := errors.Join(err, unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0)); err != nil {
		t.Fatal(err)
	}
}

// digest of all that is in the file behind a disk, and where: the holes of a sparse file are skipped.
func digest(t *testing.T, d *loopdev.Disk) string {
	t.Helper()
	f, err := os.Open(d.File)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // it was only read
	hash := sha256.New()
	for from, to := int64(0), int64(0); ; from = to {
		from, err = unix.Seek(int(f.Fd()), from, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return hex.EncodeToString(hash.Sum(nil))
		}
		if err == nil {
			to, err = unix.Seek(int(f.Fd()), from, unix.SEEK_HOLE)
		}
		if err == nil {
			fmt.Fprintf(hash, "%d-%d:", from, to)
			_, err = io.Copy(hash, io.NewSectionReader(f, from, to-from))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// An OSD whose mkfs is killed goes on when it starts again, whenever that was (S3): at some moments from the start to
// the end of it, and in the middle of it for sure.
func TestKilledWhileTheDiskIsMade(t *testing.T) {
	n := newNode(t, "/", 16, "127.0.77.4")
	var whole time.Duration
	var found []string
	for round := range 7 {
		d := loopdev.New(t, diskSize)
		osd := n.osd(0, d)
		began := time.Now()
		osd.start()
		switch {
		case round == 0: // to know how long it takes
			becomes(t, osd, d, "ready")
			whole = time.Since(began)
		case round%2 == 0:
			halt(t, osd, d)
		default:
			<-time.After(rand.N(whole))
		}
		osd.kill()
		found = append(found, labelled(t, d))
		osd.start()
		becomes(t, osd, d, "ready")
		osd.kill()
	}
	t.Logf("it takes %s; killed when the disk was %q", whole.Round(time.Millisecond), found)
	if !slices.Contains(found, "unfinished") {
		t.Error("no mkfs was killed in the middle")
	}
}

// BlueStore is made before the OSD in it is: an mkfs that was killed in between goes on too, although BlueStore then looks
// at what it finds and the OSD's directory is new (S3).
func TestKilledBetweenBlueStoreAndOSD(t *testing.T) {
	n, d := newNode(t, "/", 16, "127.0.77.7"), loopdev.New(t, diskSize)
	osd := n.osd(0, d)
	osd.start()
	becomes(t, osd, d, "ready")
	osd.kill()
	if out, err := exec.Command("ceph-bluestore-tool", "rm-label-key", "--dev", d.Path, "-k", "ready").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got := labelled(t, d); got != "unfinished" {
		t.Fatalf("the disk is %s", got)
	}
	osd.start()
	becomes(t, osd, d, "ready")
}

// halt stops an OSD's processes in the middle of mkfs. That runs for a moment at a time, so that a busy machine cannot
// let it finish between the look at the label and the signal.
func halt(t *testing.T, osd *pod, d *loopdev.Disk) {
	t.Helper()
	g := gomega.NewWithT(t)
	g.Eventually(osd.makesFilesystem, patience, "1ms").Should(gomega.BeTrue())
	g.Eventually(func() string {
		osd.signal(syscall.SIGSTOP)
		label := labelled(t, d)
		if label == "blank" {
			osd.signal(syscall.SIGCONT)
		}
		return label
	}, patience, "20ms").Should(gomega.Equal("unfinished"), func() string { return osd.output.String() })
}

// becomes waits until the label on an OSD's disk says so.
func becomes(t *testing.T, osd *pod, d *loopdev.Disk, want string) {
	t.Helper()
	gomega.NewWithT(t).Eventually(func() string { return labelled(t, d) }, patience, "2ms").Should(gomega.Equal(want),
		func() string { return osd.output.String() })
}

// labelled says what BlueStore's label on a disk says.
func labelled(t *testing.T, d *loopdev.Disk) string {
	t.Helper()
	f, err := os.Open(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // it was only read
	labels, err := daemon.NodeDisks{}.Labels(f)
	switch {
	case err != nil:
		t.Fatal(err)
	case len(labels) == 0:
		return "blank"
	case labels[0].Ready:
		return "ready"
	}
	return "unfinished"
}

// A disk that something else holds is waited for, and not touched until it is free (C3).
func TestBusyDisk(t *testing.T) {
	n, d := newNode(t, "/", 16, "127.0.77.5"), loopdev.New(t, diskSize)
	osd := n.osd(0, d)
	holder, err := os.OpenFile(d.Path, os.O_RDONLY|unix.O_EXCL, 0)
	if err != nil {
		t.Fatal(err)
	}
	osd.start()
	g := gomega.NewWithT(t)
	g.Consistently(func() bool { return osd.running() && labelled(t, d) == "blank" }, "2s", "100ms").Should(gomega.BeTrue())
	if err := holder.Close(); err != nil {
		t.Fatal(err)
	}
	becomes(t, osd, d, "ready")
}

// A disk with another OSD is refused and left as it is, also when that OSD is of the same cluster.
func TestForeignOSD(t *testing.T) {
	n, d := newNode(t, "/", 16, "127.0.77.6"), loopdev.New(t, diskSize)
	first := n.osd(0, d)
	first.start()
	becomes(t, first, d, "ready")
	first.kill()
	second := n.osd(1, d)
	before := digest(t, d)
	second.start()
	refused(t, second, handover.ReasonForeignOSD)
	if digest(t, d) != before {
		t.Error("the disk was written to")
	}
	if !strings.Contains(second.lastWords(), "osd.0") {
		t.Errorf("it does not say whose disk it is: %s", second.lastWords())
	}
}
