//go:build e2e

package operator

import (
	"os"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

var nodes = []string{"node1", "node2", "node3"}

// cephImage and nodeImage are the images of Ceph and of seamount-node that the nodes have; empty before.
var cephImage, nodeImage string

// install is Seamount in a cluster of three nodes that have the image of Ceph.
func install(t testing.TB) *product.Product {
	t.Helper()
	product.Prepare(t, len(nodes), "ceph-20", "seamount-node", "seamount")
	p := product.Install(t, len(nodes), product.Discover)
	if cephImage == "" {
		cephImage, nodeImage = p.Image(t, "ceph-20"), p.Image(t, "seamount-node")
	}
	return p
}

// installAll is install with the operator.
func installAll(t testing.TB) *product.Product {
	t.Helper()
	install(t)
	return product.Install(t, len(nodes), product.Discover, product.Operator)
}

// addDisks plugs that many new disks into each node. They go with the test.
func addDisks(t testing.TB, p *product.Product, each int) []cluster.Disk {
	t.Helper()
	var disks []cluster.Disk
	for range each {
		for _, node := range nodes {
			disks = append(disks, p.AddDisk(t, node, diskSize))
		}
	}
	return disks
}

const diskSize = "6G"
