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

// TestDiscover is in parts: what a new cluster has in it when discover comes, then what happens to its disks, and last
// what happens when nothing does. Each part but the first installs discover if it is not there.
func TestDiscover(t *testing.T) {
	t.Run("a disk passes from node to node", func(t *testing.T) { takeOver(t, product.Prepare(t, nodes, "seamount-node")) })
	t.Run("eight disks", func(t *testing.T) { eightDisks(t, product.Install(t, nodes)) })
	for _, part := range []struct {
		name string
		test func(*testing.T, *product.Product)
	}{
		{"plugged", plugged},
		{"pulled and moved", moved},
		{"a volume is no disk", rawBlock},
		{"cannot write", confined},
		{"at rest", atRest},
		{"silent", silent},
	} {
		t.Run(part.name, func(t *testing.T) { part.test(t, product.Install(t, nodes, product.Discover)) })
	}
}
