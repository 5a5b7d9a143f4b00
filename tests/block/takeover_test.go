//go:build e2e

package block

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// A worker that is killed under a verifying fio is not noticed but for a stall.
func TestWorkerKilled(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "killed")
	image := newImage(t, c, pool(t, cluster, c), "volume", 1<<30)
	m := n.mapImage(image, block.SingleNode)
	if !m.Takeover || m.Generation != 1 || m.Size != 1<<30 || m.Phase != block.Serving {
		t.Fatalf("mapped: %+v", m)
	}
	disk := device(t, m)
	dir, unmount := mount(t, disk)
	kills := rounds.Of(t, rounds.Kills, 5)
	f := verifying(t, dir, time.Duration(3*kills+3)*time.Second)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for range kills {
		<-tick.C
		t.Logf("takeover after %v", n.killWorker().Round(time.Millisecond))
	}
	t.Logf("longest request: %v", f.wantClean().Round(time.Millisecond))
	unmount()
	do(t, disk.Detach())
	n.unmap(image)
	wantFree(t, cluster, n, image)
}

// wantFree wants no lock, no watcher, no recorded client and no file.
func wantFree(t *testing.T, cluster *cephtest.Cluster, n *node, image block.Image) {
	t.Helper()
	c := admin(t, cluster)
	lockers, err := c.ImageLockers(within(t, patience), ref(image))
	if err != nil || len(lockers) != 0 {
		t.Errorf("lockers after the unmap: %v, %v", lockers, err)
	}
	watchers, err := c.ImageWatchers(within(t, patience), ref(image))
	if err != nil || len(watchers) != 0 {
		t.Errorf("watchers after the unmap: %v, %v", watchers, err)
	}
	if clients := recorded(t, c, image); len(clients) != 0 {
		t.Errorf("recorded clients after the unmap: %v", clients)
	}
	if _, err := os.Stat(filepath.Join(n.dir, image.Pool)); !os.IsNotExist(err) {
		t.Errorf("files are left: %v", err)
	}
}

// A keeper that is killed alone leaves the worker serving, and the next one saves the images from a death of that.
func TestKeeperKilled(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "adopting")
	image := newImage(t, c, pool(t, cluster, c), "volume", 1<<30)
	disk := device(t, n.mapImage(image, block.SingleNode))
	dir, unmount := mount(t, disk)
	f := verifying(t, dir, 12*time.Second)
	worker := n.status().Worker.PID
	for range 2 {
		n.killKeeper()
		n.start()
		if s := n.status(); s.Worker == nil || s.Worker.PID != worker || n.mapped(image).Phase != block.Serving {
			t.Fatalf("adopted: %+v\nlog:\n%s", s, n.log)
		}
	}
	for range 2 {
		t.Logf("takeover after %v", n.killWorker().Round(time.Millisecond))
	}
	f.wantClean()
	unmount()
	do(t, disk.Detach())
	n.unmap(image)
	wantFree(t, cluster, n, image)
}

// A keeper and a worker that are both killed end the mapping. That is said, and undone.
func TestBothKilled(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "both")
	image := newImage(t, c, pool(t, cluster, c), "volume", 1<<30)
	disk := device(t, n.mapImage(image, block.SingleNode))
	worker := n.status().Worker.PID
	n.killKeeper()
	do(t, unix.Kill(worker, unix.SIGKILL))
	wantEnded(t, worker) // as long as it dies a keeper may get from it what it serves
	n.start()
	m := n.mapped(image)
	if m.Phase != block.Lost || m.Reason == "" {
		t.Fatalf("mapped: %+v", m)
	}
	t.Log(m.Reason)
	if _, err := n.client.Map(within(t, patience), image, block.SingleNode); !block.Is(err, block.Gone) {
		t.Errorf("map again without unmap: %v, want %s", err, block.Gone)
	}
	wantNoWrite(t, disk.Path)
	do(t, disk.Detach())
	n.unmap(image)
	wantFree(t, cluster, n, image)
	if again := n.mapImage(image, block.SingleNode); again.Generation != 2 {
		t.Errorf("generation %d, want 2", again.Generation)
	}
	n.unmap(image)
}

// wantNoWrite wants a write to fail.
func wantNoWrite(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_SYNC, 0)
	do(t, err)
	defer f.Close()
	if _, err := f.Write(make([]byte, 4096)); err == nil {
		t.Errorf("a write to %s succeeds", path)
	}
}

// A planned hand-over is not noticed at all, and fences nobody.
func TestHandOver(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "handing")
	image := newImage(t, c, pool(t, cluster, c), "volume", 1<<30)
	disk := device(t, n.mapImage(image, block.SingleNode))
	dir, unmount := mount(t, disk)
	f := verifying(t, dir, 8*time.Second)
	for range 3 {
		before := *n.status().Worker
		do(t, n.client.HandOver(within(t, patience)))
		after := *n.status().Worker
		if after.PID == before.PID || n.mapped(image).Phase != block.Serving || n.mapped(image).Generation != 1 {
			t.Fatalf("handed over: %+v, %+v", after, n.mapped(image))
		}
		wantEnded(t, before.PID)
		if blocklisted(t, c, before.Address) {
			t.Errorf("%s was fenced", before.Address)
		}
	}
	t.Logf("takeover after %v", n.killWorker().Round(time.Millisecond))
	t.Logf("longest request: %v", f.wantClean().Round(time.Millisecond))
	unmount()
	do(t, disk.Detach())
	n.unmap(image)
	wantFree(t, cluster, n, image)
}

func wantEnded(t *testing.T, pid int) {
	t.Helper()
	NewWithT(t).Eventually(func() error { _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); return err }, patience).ShouldNot(Succeed())
}
