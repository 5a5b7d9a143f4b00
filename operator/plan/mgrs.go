package plan

import (
	"fmt"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

// mgrPlace is a mgr that is to run, and where.
type mgrPlace struct{ name, node string }

// mgrs decides which mgrs there are and where. A mgr stores nothing and may move; it does only when its node cannot have
// it any more.
func (c *computation) mgrs() {
	names := slices.Sorted(slices.Values(c.in.Mgrs))
	fit := c.mgrNodes()
	want := min(int(c.in.Spec.Mgr.Count), max(len(fit), 1))
	// A node that is away for a while takes no mgr away: only people do. Ceph is told, so it must answer.
	for len(names) > int(c.in.Spec.Mgr.Count) && c.in.Seed != nil && c.snapshot != nil {
		name := c.spareMgr(names)
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
		c.add(RemoveMgr{name}, fmt.Sprintf("%s wanted", count(c.in.Spec.Mgr.Count, "mgr")))
	}
	for len(names) < want {
		name := freeName(func(n string) bool { return slices.Contains(names, n) })
		names = append(names, name)
		c.add(EnsureMgr{name}, fmt.Sprintf("%s wanted", count(want, "mgr")), EnsureIdentity{})
	}
	for _, name := range names {
		if node := c.stayingMgr(name); node != "" {
			c.mgrPlaces = append(c.mgrPlaces, mgrPlace{name, node})
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(c.mgrPlaces, func(p mgrPlace) bool { return p.name == name }) {
			c.placeMgr(name, fit)
		}
	}
	slices.SortFunc(c.mgrPlaces, func(a, b mgrPlace) int { return compareDaemons(a.id(), b.id()) })
}

func (p mgrPlace) id() DaemonID { return DaemonID{DaemonMgr, p.name} }

// mgrNodes are the nodes that mgrs may be on, those that are ready first.
func (c *computation) mgrNodes() []Node {
	nodes := EligibleNodes(c.in.Nodes, c.in.Spec.Mgr.Placement)
	ready := slices.DeleteFunc(slices.Clone(nodes), func(n Node) bool { return !n.Ready })
	if len(ready) > 0 {
		return ready
	}
	return nodes
}

// spareMgr returns a mgr that can go: the last one that does not run, such as one that was half removed, else the last
// one that is not active.
func (c *computation) spareMgr(names []string) string {
	for _, spare := range []func(name string) bool{
		func(name string) bool { return c.deployed[DaemonID{DaemonMgr, name}] == nil },
		func(name string) bool { return name != c.snapshot.Mgr.Active },
	} {
		for _, name := range slices.Backward(names) {
			if spare(name) {
				return name
			}
		}
	}
	return names[len(names)-1]
}

// stayingMgr returns the node of a mgr that stays where it is; empty: it has to be placed.
func (c *computation) stayingMgr(name string) string {
	d := c.deployed[DaemonID{DaemonMgr, name}]
	if d == nil {
		return ""
	}
	node := c.nodes[d.Node]
	if node == nil || node.Deleting || !selects(c.in.Spec.Mgr.Placement.NodeSelector, node.Labels) {
		return ""
	}
	if !node.Ready && !d.Running {
		return ""
	}
	return d.Node
}

func (c *computation) placeMgr(name string, fit []Node) {
	var locations []ceph.Location
	free := slices.DeleteFunc(slices.Clone(fit), func(n Node) bool {
		return slices.ContainsFunc(c.mgrPlaces, func(p mgrPlace) bool { return p.node == n.Name })
	})
	if len(free) == 0 {
		return
	}
	for _, place := range c.mgrPlaces {
		if node := c.nodes[place.node]; node != nil {
			locations = append(locations, Locate(*node))
		}
	}
	c.mgrPlaces = append(c.mgrPlaces, mgrPlace{name, spread(free, locations).Name})
}

// mgrStrange says that Ceph may not know the key of a mgr: the mgr has no Deployment yet, or has run for a while and Ceph
// does not see it. That its key was in the seed says little: it may have been taken away and made anew since.
func (c *computation) mgrStrange(mgr mgrPlace) bool {
	d := c.deployed[mgr.id()]
	return !c.mgrKnown(mgr.name) && (d == nil || d.Running && c.snapshot.At.Sub(d.Started) >= rolloutSettle)
}
