package plan

import (
	"cmp"
	"fmt"
	"slices"
)

// mgrs decides which mgrs there are and where. A mgr stores nothing and may move; it does only when its node cannot have
// it any more.
func (c *computation) mgrs() {
	names := slices.Sorted(slices.Values(c.in.Mgrs))
	fit := c.fitNodes(c.in.Spec.Mgr.Placement)
	want := min(int(c.in.Spec.Mgr.Count), max(len(fit), 1))
	// A node that is away for a while takes no mgr away: only people do. Ceph is told, so it must answer.
	for len(names) > int(c.in.Spec.Mgr.Count) && c.in.Seed != nil && c.snapshot != nil {
		name := c.spareMgr(names)
		names = slices.DeleteFunc(names, func(n string) bool { return n == name })
		c.add(RemoveDaemon{mgrID(name)}, fmt.Sprintf("%s wanted", count(c.in.Spec.Mgr.Count, "mgr")))
	}
	for len(names) < want {
		name := freeName(func(n string) bool { return slices.Contains(names, n) })
		names = append(names, name)
		c.add(EnsureKey{Daemon: mgrID(name)}, fmt.Sprintf("%s wanted", count(want, "mgr")), EnsureIdentity{})
	}
	for _, name := range names {
		if node := c.stayingOn(mgrID(name), c.in.Spec.Mgr.Placement); node != "" {
			c.mgrPlaces = append(c.mgrPlaces, place{mgrID(name), node})
		}
	}
	for _, name := range names {
		if !hasPlace(c.mgrPlaces, mgrID(name)) {
			c.placeMgr(name, fit)
		}
	}
	sortPlaces(c.mgrPlaces)
}

func mgrID(name string) DaemonID { return DaemonID{DaemonMgr, name} }

// spareMgr returns a mgr that can go: the last one that does not run, such as one that was half removed, else the last
// one that is not active.
func (c *computation) spareMgr(names []string) string {
	return cmp.Or(lastThat(names,
		func(name string) bool { return c.deployed[mgrID(name)] == nil },
		func(name string) bool { return name != c.snapshot.Mgr.Active },
	), names[len(names)-1])
}

func (c *computation) placeMgr(name string, fit []Node) {
	free := slices.DeleteFunc(slices.Clone(fit), func(n Node) bool {
		return slices.ContainsFunc(c.mgrPlaces, func(p place) bool { return p.node == n.Name })
	})
	if len(free) == 0 {
		return
	}
	c.mgrPlaces = append(c.mgrPlaces, place{mgrID(name), c.apart(free, c.mgrPlaces).Name})
}
