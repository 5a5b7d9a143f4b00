//go:build e2e

package block

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/images/built"
)

// From the bundle of the image, by its dynamic linker and with its libraries alone, keeper and worker do the same.
func TestFromTheBundle(t *testing.T) {
	cluster := cephtest.Shared(t)
	c := admin(t, cluster)
	bundle := filepath.Join(built.One(t, "seamount-node").Root(t), "bundle")
	n := newNode(t, cluster, "bundled", filepath.Join(bundle, "ld-linux-x86-64.so.2"), "--library-path", filepath.Join(bundle, "lib"),
		"--argv0", "seamount-block", filepath.Join(bundle, "bin", "seamount-block"))
	image := newImage(t, c, pool(t, cluster, c), "volume", fencedSize)
	m := n.mapImage(image, block.SingleNode)
	fill(t, m.Path, 1)
	t.Logf("takeover after %v", n.killWorker().Round(0))
	wantLibrary(t, n.status().Worker.PID, filepath.Join(bundle, "lib", "librbd.so.1"))
	n.killKeeper()
	n.start()
	fill(t, m.Path, 2)
	do(t, n.client.HandOver(within(t, patience)))
	fill(t, m.Path, 3)
	n.unmap(image)
	wantFree(t, cluster, n, image)
}

// wantLibrary wants a process to have a library, and none of another place.
func wantLibrary(t *testing.T, pid int, library string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	do(t, err)
	if !strings.Contains(string(maps), library) {
		t.Errorf("process %d does not have %s", pid, library)
	}
	for _, line := range strings.Split(string(maps), "\n") {
		if strings.Contains(line, " /usr/lib/") || strings.Contains(line, " /lib/") {
			t.Errorf("process %d has a library of the host: %s", pid, line)
		}
	}
}
