//go:build e2e

package block

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

const fencedSize = 64 << 20

// A node is frozen with writes in flight, fenced, and its image used by another node. Whatever then becomes of the frozen
// worker, not a byte of what it had in flight reaches the image.
func TestFencedWriterStaysFenced(t *testing.T) {
	for name, revive := range map[string]func(*testing.T, *cephtest.Cluster, block.Worker){
		"thawed": func(t *testing.T, _ *cephtest.Cluster, w block.Worker) { do(t, unix.Kill(w.PID, unix.SIGCONT)) },
		"killed": func(t *testing.T, _ *cephtest.Cluster, w block.Worker) { do(t, unix.Kill(w.PID, unix.SIGKILL)) },
		// Without the blocklist the generation alone tells that the image was taken.
		"killed when the fence was lifted": func(t *testing.T, cluster *cephtest.Cluster, w block.Worker) {
			do(t, command.NewAdmin(admin(t, cluster), nil).RemoveBlocklist(within(t, patience), w.Address))
			do(t, unix.Kill(w.PID, unix.SIGKILL))
		},
	} {
		t.Run(name, func(t *testing.T) { fencedWriter(t, revive) })
	}
}

func fencedWriter(t *testing.T, revive func(*testing.T, *cephtest.Cluster, block.Worker)) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	suffix := strings.ReplaceAll(t.Name()[strings.LastIndex(t.Name(), "/")+1:], "_", "-")
	a, b := newNode(t, cluster, "frozen-"+suffix), newNode(t, cluster, "other-"+suffix)
	image := newImage(t, c, pool(t, cluster, c), "volume", fencedSize)
	disk := device(t, a.mapImage(image, block.SingleNode))
	writer := startFio(t, "--filename="+disk.Path, "--rw=randwrite", "--bs=64k", "--iodepth=32", "--direct=1",
		"--buffer_pattern=0xaa", "--time_based", "--runtime=120")
	NewWithT(t).Eventually(func() bool { return holds(t, b, image, 0xaa) }, patience).Should(BeTrue(), "the writer does not write")
	frozen := *a.status().Worker
	do(t, unix.Kill(frozen.PID, unix.SIGSTOP))

	if _, err := b.client.Map(within(t, patience), image, block.SingleNode); !block.Is(err, block.Locked) {
		t.Fatalf("map without a fence: %v, want %s", err, block.Locked)
	}
	do(t, command.NewAdmin(c, nil).AddBlocklist(within(t, patience), recorded(t, c, image)[a.name], time.Hour))
	began := time.Now()
	m := b.mapImage(image, block.SingleNode)
	t.Logf("mapped after the fence within %v, generation %d", time.Since(began).Round(time.Millisecond), m.Generation)
	fill(t, m.Path, 0xbb)
	b.unmap(image)
	do(t, writer.cmd.Process.Kill()) // what is written from now on was in flight before

	revive(t, cluster, frozen)
	NewWithT(t).Eventually(func() block.Phase { return a.mapped(image).Phase }, patience).Should(Equal(block.Aborted), "log:\n%s", a.log)
	t.Log(a.mapped(image).Reason)
	_ = writer.cmd.Wait() // it was killed
	if stale := countOther(t, b, image, 0xbb); stale != 0 {
		t.Errorf("%d bytes of the fenced node's are in the image", stale)
	}
	wantNoWrite(t, disk.Path)
	do(t, disk.Detach())
	a.unmap(image)
	if again := a.mapImage(image, block.SingleNode); again.Generation != 3 {
		t.Errorf("generation %d, want 3", again.Generation)
	}
	a.unmap(image)
}

// holds tells whether the image has the byte anywhere, read from another node.
func holds(t *testing.T, n *node, image block.Image, b byte) bool {
	t.Helper()
	return bytes.IndexByte(content(t, n, image), b) >= 0
}

// countOther counts the bytes that are another one.
func countOther(t *testing.T, n *node, image block.Image, b byte) int {
	t.Helper()
	all := content(t, n, image)
	return len(all) - bytes.Count(all, []byte{b})
}

// content reads a whole image.
func content(t *testing.T, n *node, image block.Image) []byte {
	t.Helper()
	m := n.mapImage(image, block.MultiNodeReadOnly)
	defer n.unmap(image)
	f, err := os.Open(m.Path)
	do(t, err)
	defer f.Close()
	all, err := io.ReadAll(f)
	do(t, err)
	if int64(len(all)) != m.Size {
		t.Fatalf("read %d bytes of %d", len(all), m.Size)
	}
	return all
}

// fill overwrites the whole file.
func fill(t *testing.T, path string, b byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	do(t, err)
	defer f.Close()
	chunk := bytes.Repeat([]byte{b}, 1<<20)
	for range fencedSize / len(chunk) {
		_, err := f.Write(chunk)
		do(t, err)
	}
	do(t, f.Sync())
}
