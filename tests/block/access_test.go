//go:build e2e

package block

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// A second node is refused at once, with the name of the first. Whoever only reads is not.
func TestSecondMapper(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	a, b := newNode(t, cluster, "first"), newNode(t, cluster, "second")
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	a.mapImage(image, block.SingleNode)
	began := time.Now()
	_, err := b.client.Map(within(t, patience), image, block.SingleNode)
	t.Logf("refused after %v: %v", time.Since(began).Round(time.Millisecond), err)
	var refused *block.Error
	if !errors.As(err, &refused) || refused.Code != block.Locked || refused.Holder == nil || refused.Holder.Node != "first" ||
		!strings.Contains(err.Error(), "node first") {
		t.Fatalf("second mapper: %+v", refused)
	}
	if clients := recorded(t, c, image); len(clients) != 1 {
		t.Errorf("recorded clients: %v", clients)
	}
	b.mapImage(image, block.MultiNodeReadOnly)
	b.unmap(image)
	a.unmap(image)
	b.mapImage(image, block.SingleNode)
	b.unmap(image)
	wantFree(t, cluster, b, image)
}

// Two nodes read one image, and neither can write.
func TestReadOnly(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	for _, name := range []string{"reader-a", "reader-b"} {
		n := newNode(t, cluster, name)
		m := n.mapImage(image, block.MultiNodeReadOnly)
		disk := device(t, m)
		if _, err := os.ReadFile(disk.Path); err != nil {
			t.Error(err)
		}
		if f, err := os.OpenFile(m.Path, os.O_WRONLY, 0); err == nil {
			f.Close()
			t.Error("the file opens for writing")
		}
		t.Logf("takeover after %v", n.killWorker().Round(time.Millisecond))
		if _, err := os.ReadFile(m.Path); err != nil || n.mapped(image).Phase != block.Serving {
			t.Errorf("after a takeover: %v, %+v", err, n.mapped(image))
		}
	}
}

// Where several nodes write, a worker that dies ends the mapping, since nothing tells who wrote last.
func TestMultiNode(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	a, b := newNode(t, cluster, "multi-a"), newNode(t, cluster, "multi-b")
	image := newImage(t, c, pool(t, cluster, c), "volume", fencedSize)
	ma, mb := a.mapImage(image, block.MultiNode), b.mapImage(image, block.MultiNode)
	fill(t, ma.Path, 0x0a)
	fill(t, mb.Path, 0x0b)
	if clients := recorded(t, c, image); len(clients) != 2 || ma.Takeover {
		t.Errorf("recorded clients: %v; mapped: %+v", clients, ma)
	}
	a.killWorker()
	if m := a.mapped(image); m.Phase != block.Aborted || !strings.Contains(m.Reason, "other nodes write too") {
		t.Errorf("after its worker died: %+v", m)
	}
	if other := countOther(t, newNode(t, cluster, "multi-c"), image, 0x0b); other != 0 {
		t.Errorf("%d bytes are not what was written last", other)
	}
	a.unmap(image)
	b.unmap(image)
	// Nobody fences a worker that died where other nodes write too, and Ceph keeps its watch until osd_client_watch_timeout of 30 s.
	NewWithT(t).Eventually(func() ([]ceph.Watcher, error) { return c.ImageWatchers(within(t, patience), ref(image)) }, patience).Should(BeEmpty())
	wantFree(t, cluster, b, image)
}

// A larger image is seen by file and device, and discarded space is Ceph's again.
func TestResizeAndDiscard(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "resizing")
	image := newImage(t, c, pool(t, cluster, c), "volume", 512<<20)
	m := n.mapImage(image, block.SingleNode)
	wantBlank(t, n, image, true)
	disk := device(t, m)
	dir, unmount := mount(t, disk)
	run(t, "fio", "--name=fill", "--directory="+dir, "--size=200M", "--rw=write", "--bs=1M", "--direct=1", "--end_fsync=1", "--ioengine=libaio")
	run(t, "sync", "-f", dir)
	wantBlank(t, n, image, false)
	full := usedBytes(t, cluster, image)
	do(t, os.RemoveAll(dir+"/fill.0.0"))
	// xfs frees what a deleted file had in the background, and an unmount waits for that.
	do(t, unix.Unmount(dir, 0))
	do(t, unix.Mount(disk.Path, dir, "xfs", 0, ""))
	t.Log(run(t, "fstrim", "-v", dir))
	if free := usedBytes(t, cluster, image); full < 200<<20 || free > full-180<<20 {
		t.Errorf("used %d bytes with a file of 200 MiB, %d after fstrim", full, free)
	}

	do(t, c.ResizeImage(within(t, patience), ref(image), 1<<30))
	grown, err := n.client.Refresh(within(t, patience), image)
	do(t, err)
	if grown.Size != 1<<30 {
		t.Errorf("size after the resize: %d", grown.Size)
	}
	wantDeviceSize(t, disk, m.Path, 1<<30)
	run(t, "xfs_growfs", dir)
	unmount()
	do(t, disk.Detach())
	n.unmap(image)
}

func wantBlank(t *testing.T, n *node, image block.Image, want bool) {
	t.Helper()
	blank, err := n.client.Blank(within(t, patience), image)
	if err != nil || blank != want {
		t.Errorf("blank: %t, %v, want %t", blank, err, want)
	}
}

// usedBytes is what the image's objects take.
func usedBytes(t *testing.T, cluster *cephtest.Cluster, image block.Image) int {
	t.Helper()
	out, err := cluster.Tool(within(t, patience), "rbd", "-c", cluster.Dir()+"/client.conf", "diff", image.String(), "--format", "json").Output()
	do(t, err)
	var used int
	for _, field := range strings.Split(string(out), `"length":`)[1:] {
		length, err := strconv.Atoi(field[:strings.IndexAny(field, ",}")])
		do(t, err)
		used += length
	}
	return used
}

func wantDeviceSize(t *testing.T, disk *loopdev.Disk, file string, want int64) {
	t.Helper()
	if info, err := os.Stat(file); err != nil || info.Size() != want {
		t.Errorf("%s: %v, %v", file, info, err)
	}
	f, err := os.Open(disk.Path)
	do(t, err)
	defer f.Close()
	do(t, unix.IoctlSetInt(int(f.Fd()), unix.LOOP_SET_CAPACITY, 0))
	size, err := f.Seek(0, 2)
	if err != nil || size != want {
		t.Errorf("%s has %d bytes, %v, want %d", disk.Path, size, err, want)
	}
}

// The mark of a formatting lies in the image, for whoever maps it next.
func TestFormattingMark(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	a, b := newNode(t, cluster, "formatting-a"), newNode(t, cluster, "formatting-b")
	if m := a.mapImage(image, block.SingleNode); m.Formatting != "" {
		t.Errorf("a new image is marked: %q", m.Formatting)
	}
	do(t, a.client.SetFormatting(within(t, patience), image, "xfs"))
	a.unmap(image)
	if m := b.mapImage(image, block.SingleNode); m.Formatting != "xfs" {
		t.Errorf("the mark is %q", m.Formatting)
	}
	do(t, b.client.SetFormatting(within(t, patience), image, ""))
	if m := b.mapImage(image, block.SingleNode); m.Formatting != "" {
		t.Errorf("the mark is %q after it was taken away", m.Formatting)
	}
	b.unmap(image)
}

// What cannot be mapped is refused with the reason, in time.
func TestRefusals(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "refusing")
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	n.mapImage(image, block.SingleNode)
	held, err := os.Open(n.mapped(image).Path)
	do(t, err)
	for _, c := range []struct {
		name string
		call func() error
		code block.Code
		word string
	}{
		{"pool", func() error { return n.tryMap(block.Image{Pool: "absent", Name: "volume"}) }, block.NotFound, "pool absent does not exist"},
		{"image", func() error { return n.tryMap(block.Image{Pool: image.Pool, Name: "absent"}) }, block.NotFound, "does not exist"},
		{"path", func() error { return n.tryMap(block.Image{Pool: "..", Name: "volume"}) }, block.Invalid, "no pool and image"},
		{"access", func() error { _, err := n.client.Map(within(t, patience), image, block.MultiNode); return err }, block.Mismatch, "unmap it first"},
		{"in use", func() error { return n.client.Unmap(within(t, patience), image) }, block.Busy, "in use"},
		{"shutdown", func() error { return n.client.Shutdown(within(t, patience)) }, block.Busy, "1 images are mapped"},
	} {
		if err := c.call(); !block.Is(err, c.code) || !strings.Contains(fmt.Sprint(err), c.word) {
			t.Errorf("%s: %v, want %s and %q", c.name, err, c.code, c.word)
		}
	}
	do(t, held.Close())
	n.unmap(image)
	n.unmap(image)
	worker := n.status().Worker.PID
	do(t, n.client.Shutdown(within(t, patience)))
	wantEnded(t, worker)
	do(t, n.keeper.Wait())
}

func (n *node) tryMap(image block.Image) error {
	_, err := n.client.Map(within(n.t, patience), image, block.SingleNode)
	return err
}
