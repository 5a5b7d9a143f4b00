//go:build e2e

package block

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

const many = 20

// manyMapped maps many images on one node.
func manyMapped(t testing.TB, n *node) []block.Mapped {
	t.Helper()
	c := admin(t, n.cluster)
	p := pool(t, n.cluster, c)
	all := make([]block.Mapped, many)
	var g errgroup.Group
	for i := range all {
		image := newImage(t, c, p, fmt.Sprintf("volume-%d", i), 512<<20)
		g.Go(func() (err error) {
			all[i], err = n.client.Map(within(t, patience), image, block.SingleNode)
			return err
		})
	}
	do(t, g.Wait())
	return all
}

// One worker serves many images. When it is killed all go on.
func TestManyImages(t *testing.T) {
	cluster := cephtest.Shared(t)
	n := newNode(t, cluster, "many")
	t.Logf("no image: %s", n.memory())
	all := manyMapped(t, n)
	t.Logf("%d images: %s", many, n.memory())
	var writers []*fio
	for _, m := range all[:4] {
		dir, _ := mount(t, device(t, m))
		writers = append(writers, verifying(t, dir, 15*time.Second))
	}
	tick := time.NewTicker(3 * time.Second)
	defer tick.Stop()
	for range 3 {
		<-tick.C
		t.Logf("takeover of %d images after %v", many, n.killWorker().Round(time.Millisecond))
		for _, m := range n.status().Images {
			if m.Phase != block.Serving || m.Generation != 1 {
				t.Errorf("after a takeover: %+v", m)
			}
		}
	}
	for _, w := range writers {
		t.Logf("longest request: %v", w.wantClean().Round(time.Millisecond))
	}
	t.Logf("%d images after takeovers: %s", many, n.memory())
}

// memory is what keeper and worker have in memory.
func (n *node) memory() string {
	n.t.Helper()
	return fmt.Sprintf("keeper %d MB, worker %d MB", resident(n.t, n.keeper.Process.Pid), resident(n.t, n.status().Worker.PID))
}

// resident is the memory of a process, in megabytes.
func resident(t testing.TB, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	do(t, err)
	_, line, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.Atoi(strings.Fields(line)[0])
	do(t, err)
	return kilobytes >> 10
}

// A changed key gets another worker, and nothing stops.
func TestKeyChanged(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	n := newNode(t, cluster, "rotated")
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	n.mapImage(image, block.SingleNode)
	before := n.status().Worker.PID
	n.connect()
	if pid := n.status().Worker.PID; pid != before {
		t.Errorf("the same connection made another worker: %d, %d", before, pid)
	}
	n.entity = "client.seamount-node-rotated-anew"
	n.key = newUser(t, cluster, n.entity)
	n.connect()
	if s := n.status(); s.Worker.PID == before || s.Entity != n.entity || n.mapped(image).Phase != block.Serving {
		t.Errorf("after the change: %+v", s)
	}
	wrong := n.connection()
	wrong.Key = cephtest.NewKey().Reveal()
	err := n.client.Connect(within(t, patience), wrong)
	if !block.Is(err, block.Denied) || n.mapped(image).Phase != block.Serving {
		t.Errorf("a wrong key: %v; %+v", err, n.mapped(image))
	}
	if err := n.client.Connect(within(t, patience), wrong); !block.Is(err, block.Denied) {
		t.Errorf("the wrong key once more: %v", err)
	}
	n.killWorker() // the next one has the key that worked
	fill(t, n.mapped(image).Path, 1)
	n.unmap(image)
}

// While Ceph does not answer a takeover waits, says so, and goes on when it does.
func TestCephAway(t *testing.T) {
	cluster := cephtest.Start(t, cephtest.Options{OSDs: 1})
	c := admin(t, cluster)
	n := newNode(t, cluster, "waiting")
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	m := n.mapImage(image, block.SingleNode)
	do(t, cluster.Pause("mon.a"))
	process, err := os.FindProcess(n.status().Worker.PID)
	do(t, err)
	do(t, process.Kill())
	NewWithT(t).Eventually(func() string { return n.status().Trouble }, patience).ShouldNot(BeEmpty())
	t.Log(n.status().Trouble)
	if now := n.mapped(image); now.Phase != block.Stalled || now.Reason == "" {
		t.Errorf("meanwhile: %+v", now)
	}
	do(t, cluster.Resume("mon.a"))
	NewWithT(t).Eventually(func() block.Phase { return n.mapped(image).Phase }, patience).Should(Equal(block.Serving))
	fill(t, m.Path, 1)
	n.unmap(image)
}

// Of a node that was started anew nothing is known but what lies in the image: its lock is its own to take.
func TestNodeRestarted(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	before, other := newNode(t, cluster, "restarted"), newNode(t, cluster, "looking-on")
	image := newImage(t, c, pool(t, cluster, c), "volume", 64<<20)
	before.mapImage(image, block.SingleNode)
	address := before.status().Worker.Address
	before.end()
	if _, err := other.client.Map(within(t, patience), image, block.SingleNode); !block.Is(err, block.Locked) {
		t.Errorf("another node's map: %v, want %s", err, block.Locked)
	}
	after := newNode(t, cluster, "restarted")
	if m := after.mapImage(image, block.SingleNode); m.Generation != 2 {
		t.Errorf("generation %d, want 2", m.Generation)
	}
	if !blocklisted(t, c, address) {
		t.Errorf("%s was not fenced", address)
	}
	after.unmap(image)
	wantFree(t, cluster, after, image)
}
