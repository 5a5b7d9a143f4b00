package plan

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// place is a daemon that keeps nothing on its node, a mgr or an MDS, and the node that it is to run on.
type place struct {
	id   DaemonID
	node string
}

func sortPlaces(places []place) {
	slices.SortFunc(places, func(a, b place) int { return compareDaemons(a.id, b.id) })
}

func hasPlace(places []place, id DaemonID) bool {
	return slices.ContainsFunc(places, func(p place) bool { return p.id == id })
}

// lastThat returns the last of the names for which the first condition holds, else the last for which the second does, and so
// on. Empty: there is none.
func lastThat(names []string, conditions ...func(name string) bool) string {
	for _, holds := range conditions {
		for _, name := range slices.Backward(names) {
			if holds(name) {
				return name
			}
		}
	}
	return ""
}

// fitNodes are the nodes that daemons with a placement may be on: those that are ready, if any is.
func (c *computation) fitNodes(placement v1alpha1.Placement) []Node {
	nodes := EligibleNodes(c.in.Nodes, placement)
	ready := slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return !n.Ready })
	if len(ready) > 0 {
		return ready
	}
	return nodes
}

// stayingOn returns the node of a daemon that stays where it is; empty: it has to be placed. It moves only when its node
// cannot have it any more.
func (c *computation) stayingOn(id DaemonID, placement v1alpha1.Placement) string {
	d := c.deployed[id]
	if d == nil {
		return ""
	}
	node := c.nodes[d.Node]
	if node == nil || node.Deleting || !selects(placement.NodeSelector, node.Labels) {
		return ""
	}
	if !node.Ready && !d.Running {
		return ""
	}
	return d.Node
}

// apart returns the node that shares the least with the places.
func (c *computation) apart(nodes []Node, places []place) Node {
	var locations []ceph.Location
	for _, p := range places {
		if node := c.nodes[p.node]; node != nil {
			locations = append(locations, Locate(*node))
		}
	}
	return spread(nodes, locations)
}

// fewest returns those of the nodes that the fewest places are on.
func fewest(nodes []Node, places []place) []Node {
	counts := map[string]int{}
	for _, p := range places {
		counts[p.node]++
	}
	if len(nodes) == 0 {
		return nil
	}
	least := counts[slices.MinFunc(nodes, func(a, b Node) int { return cmp.Compare(counts[a.Name], counts[b.Name]) }).Name]
	return slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return counts[n.Name] > least })
}
