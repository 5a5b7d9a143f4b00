//go:build e2e

package cluster

import (
	"os"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

// nodes of the cluster.
const nodes = 3

// TestDiscover is in parts that build on each other: what a new cluster has in it when discover comes, then what happens
// to its disks, and last what happens when nothing does.
func TestDiscover(t *testing.T) {
	p := product.Install(t, nodes)
	t.Run("a disk passes from node to node", func(t *testing.T) { takeOver(t, p) })
	t.Run("eight disks", func(t *testing.T) { eightDisks(t, p) })
	t.Run("plugged", func(t *testing.T) { plugged(t, p) })
	t.Run("pulled and moved", func(t *testing.T) { moved(t, p) })
	t.Run("a volume is no disk", func(t *testing.T) { rawBlock(t, p) })
	t.Run("cannot write", func(t *testing.T) { confined(t, p) })
	t.Run("at rest", func(t *testing.T) { atRest(t, p) })
	t.Run("silent", func(t *testing.T) { silent(t, p) })
}
