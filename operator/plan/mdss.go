package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// mdsRole is what an MDS does: it stands by, it follows a rank, or it holds one.
type mdsRole struct {
	filesystem string // empty: it stands by for any
	rank       int
	state      string
}

func (r mdsRole) holds() bool { return r.filesystem != "" && r.state != ceph.MDSStandbyReplay }

// order in which MDSs are restarted: those that hold a rank are last.
func (r mdsRole) order() int {
	switch {
	case r.holds():
		return 2
	case r.filesystem != "":
		return 1
	}
	return 0
}

// Servers is how many MDSs a filesystem has.
func (m MDS) Servers() int {
	switch m.Standby {
	case v1alpha1.StandbyNone:
		return int(m.Active)
	case v1alpha1.StandbyShared:
		return int(m.Active) + 1
	default:
		return int(m.Active) * 2
	}
}

// noteMDSs finds out which MDSs there are, and what Ceph says that they do.
func (c *computation) noteMDSs() {
	c.mdsFiles, c.mdsRoles = map[string]string{}, map[string]mdsRole{}
	for _, d := range c.in.Deployed {
		if d.Daemon.Kind == DaemonMDS {
			c.mdsFiles[d.Daemon.Name] = d.Filesystem
		}
	}
	for _, key := range c.in.MDSs {
		c.mdsFiles[key.Name] = cmp.Or(key.Filesystem, c.mdsFiles[key.Name])
	}
	if c.snapshot == nil {
		return
	}
	for _, mds := range c.snapshot.Standbys {
		c.mdsRoles[mds.Name] = mdsRole{rank: -1, state: mds.State}
	}
	for _, fs := range c.snapshot.Filesystems {
		for _, mds := range fs.Ranks {
			c.mdsRoles[mds.Name] = mdsRole{fs.Name, mds.Rank, mds.State}
		}
	}
}

func mdsID(name string) DaemonID { return DaemonID{DaemonMDS, name} }

// mdsSeen says that Ceph sees an MDS.
func (c *computation) mdsSeen(name string) bool {
	_, seen := c.mdsRoles[name]
	return seen
}

// mdssOf lists the MDSs of a filesystem, the oldest names first.
func (c *computation) mdssOf(filesystem string) []string {
	var ids []DaemonID
	for name, of := range c.mdsFiles {
		if of == filesystem {
			ids = append(ids, mdsID(name))
		}
	}
	slices.SortFunc(ids, compareDaemons)
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.Name
	}
	return names
}

// mdss decides which MDSs there are and where. They come once there is a Ceph that they can ask, and stay as long as the
// filesystem is in Ceph: a CephFS whose StorageFilesystem is gone goes on.
func (c *computation) mdss() {
	wanted := map[string]bool{}
	for _, fs := range c.in.Filesystems {
		if wanted[fs.Name] = !fs.Deleting || c.snapshot == nil || c.cephFS(fs.Name) != nil; wanted[fs.Name] {
			c.serve(fs)
		}
	}
	for _, filesystem := range slices.Compact(slices.Sorted(maps.Values(c.mdsFiles))) {
		if !wanted[filesystem] && c.snapshot != nil && c.cephFS(filesystem) == nil {
			c.removeMDSs(filesystem)
		}
	}
	sortPlaces(c.mdsPlaces)
}

// cephFS returns a filesystem as Ceph has it; nil: it does not.
func (c *computation) cephFS(name string) *ceph.Filesystem {
	return cephFSIn(c.snapshot, name)
}

// cephFSIn returns a filesystem of Ceph; nil: there is none of the name.
func cephFSIn(s *ceph.Snapshot, name string) *ceph.Filesystem {
	at := slices.IndexFunc(s.Filesystems, func(fs ceph.Filesystem) bool { return fs.Name == name })
	if at < 0 {
		return nil
	}
	return &s.Filesystems[at]
}

// removeMDSs takes away those MDSs of a filesystem that is gone that do not help out elsewhere.
func (c *computation) removeMDSs(filesystem string) {
	for _, name := range c.mdssOf(filesystem) {
		if !c.mdsRoles[name].holds() {
			c.add(RemoveDaemon{mdsID(name)}, fmt.Sprintf("the filesystem %s is gone", filesystem))
		}
	}
}

// serve sees to it that a filesystem has as many MDSs as it asks for. One that is being deleted keeps those that it has.
func (c *computation) serve(fs ClusterFilesystem) {
	names := c.mdssOf(fs.Name)
	want := fs.MDS.Servers()
	reason := fmt.Sprintf("filesystem %s wants %s", fs.Name, count(want, "MDS"))
	if fs.Deleting || c.snapshot == nil || !c.in.Mons.QuorumRecorded {
		want = len(names)
	}
	if len(names) > want {
		if spare := c.spareMDS(names); spare != "" {
			c.add(RemoveDaemon{mdsID(spare)}, reason)
			names = slices.DeleteFunc(names, func(n string) bool { return n == spare })
		}
	}
	for len(names) < want && c.snapshot.Mgr.Available {
		name := c.freeMDSName(fs.Name)
		c.mdsFiles[name] = fs.Name
		names = append(names, name)
	}
	for _, name := range names {
		if c.snapshot != nil && !c.hasKey(name) {
			c.add(EnsureKey{mdsID(name), fs.Name}, reason)
		}
	}
	c.placeMDSs(fs, names)
}

func (c *computation) hasKey(name string) bool {
	return slices.ContainsFunc(c.in.MDSs, func(key MDSKey) bool { return key.Name == name })
}

// freeMDSName returns the first name that no MDS of the cluster has, nor any that Ceph sees.
func (c *computation) freeMDSName(filesystem string) string {
	prefix := v1alpha1.MDSPrefix(filesystem) + "-"
	return prefix + freeName(func(letter string) bool {
		_, taken := c.mdsFiles[prefix+letter]
		return taken || c.mdsSeen(prefix+letter)
	})
}

// spareMDS returns an MDS that can go: one that does not run, such as one that was half removed, else one that Ceph does
// not see, else one that stands by, else one that follows a rank. Empty: all hold ranks, and Ceph is still to take one away.
func (c *computation) spareMDS(names []string) string {
	return lastThat(names,
		func(name string) bool { return c.deployed[mdsID(name)] == nil && !c.mdsSeen(name) },
		func(name string) bool { return !c.mdsSeen(name) },
		func(name string) bool { return c.mdsRoles[name].filesystem == "" },
		func(name string) bool { return !c.mdsRoles[name].holds() },
	)
}

// placeMDSs puts the MDSs of a filesystem on different nodes, as far as there are as many: a node takes its MDSs along.
func (c *computation) placeMDSs(fs ClusterFilesystem, names []string) {
	fit, own := c.fitNodes(fs.MDS.Placement), []place(nil)
	for _, name := range names {
		if node := c.stayingOn(mdsID(name), fs.MDS.Placement); node != "" {
			own = append(own, place{mdsID(name), node})
		}
	}
	for _, name := range names {
		if hasPlace(own, mdsID(name)) || len(fit) == 0 {
			continue
		}
		best := fewest(fewest(fit, own), slices.Concat(c.mdsPlaces, own))
		own = append(own, place{mdsID(name), c.apart(best, own).Name})
	}
	c.mdsPlaces = append(c.mdsPlaces, own...)
}

// wantedMDSs lists the MDSs that are to run.
func (c *computation) wantedMDSs() []wanted {
	var all []wanted
	for _, mds := range c.mdsPlaces {
		fs := c.filesystem(c.mdsFiles[mds.id.Name])
		d := c.daemon(mds.id, mds.node, fs.MDS.Placement.Tolerations, fs.MDS.Resources)
		d.Filesystem = fs.Name
		all = append(all, wanted{d, []Action{EnsureKey{mds.id, fs.Name}, RegisterKey{mds.id}}})
	}
	return all
}

// filesystem returns a StorageFilesystem by its name; empty: there is none.
func (c *computation) filesystem(name string) ClusterFilesystem {
	for _, fs := range c.in.Filesystems {
		if fs.Name == name {
			return fs
		}
	}
	return ClusterFilesystem{}
}
