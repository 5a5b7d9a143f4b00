package sim

import (
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
)

// Upgrade restarts a mon, mgr or MDS ("mon.a", "mgr.x", "mds.f") with another
// version. OSDs take theirs from StartOSD.
func (c *Cluster) Upgrade(daemon, version string) error {
	defer c.enter()()
	kind, name := cutEntity(daemon)
	switch kind {
	case "mon":
		return c.upgradeMon(name, version)
	case "mgr":
		if m := findMgr(c.mgrs.known, name); m != nil {
			m.version = version
			return nil
		}
	case "mds":
		if m := c.mds(name); m != nil {
			m.version = version
			return nil
		}
	}
	return fmt.Errorf("there is no %s to upgrade", daemon)
}

// upgradeMon refuses what ceph-mon refuses: to skip more than two releases, or to go back.
func (c *Cluster) upgradeMon(name, version string) error {
	m := findMon(c.mons.known, name)
	if m == nil {
		return fmt.Errorf("there is no mon.%s to upgrade", name)
	}
	required, _ := releaseNumber(c.osdmap.requireRelease)
	to := majorOf(version)
	if to > required+2 || to < c.mons.minRelease {
		return &ceph.Error{Op: "mon start", Target: "mon." + name, Kind: ceph.ErrRefused,
			Text: fmt.Sprintf("mon.%s cannot run %s: require_osd_release is %s, min_mon_release %d", name, version, c.osdmap.requireRelease, c.mons.minRelease)}
	}
	m.version = version
	c.raiseMinRelease()
	return nil
}
