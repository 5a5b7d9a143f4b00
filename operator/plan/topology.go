package plan

import (
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// Locate returns the place in CRUSH that a node's labels say.
func Locate(node Node) ceph.Location { return nil }

// TopologyConflicts returns, by node, why the places of nodes cannot be told apart in CRUSH.
func TopologyConflicts(nodes []Node) map[string]v1alpha1.Refusal { return nil }

// EligibleNodes returns the nodes that daemons with a placement may be put on, in the order of their names.
func EligibleNodes(nodes []Node, placement v1alpha1.Placement) []Node { return nil }

// FactsOf returns what Resolve depends on. nodes must be all nodes; mons are those recorded, and previous is the status
// of the object, where the number of mons that was wanted last is read.
func FactsOf(spec *v1alpha1.StorageClusterSpec, nodes []Node, mons Mons, previous v1alpha1.StorageClusterStatus) ClusterFacts {
	return ClusterFacts{}
}
