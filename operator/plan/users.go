package plan

import (
	"slices"
	"time"
)

// Users are the users of volumes: one of the CSI controller, and one of each node.
type Users struct {
	// Handed is what the CSI controller was handed; nil: nothing yet.
	Handed *HandedUsers
	// Checked says that the users in Ceph were compared with what they are to be, since this program began: somebody may
	// have changed them before.
	Checked bool
	// Granted are the filesystems that nodes reached by then.
	Granted []FilesystemGroups
	// Gone says since when nodes are gone that have a user.
	Gone map[string]time.Time
}

// HandedUsers is what the Secret of the CSI controller has of a cluster, without the keys.
type HandedUsers struct {
	FSID  string
	Mons  []string
	Nodes []string // sorted
}

// FilesystemGroups are the groups of subvolumes of a filesystem, which volumes are in.
type FilesystemGroups struct {
	Filesystem string
	Groups     []string // sorted
}

// UserGrace is how long a node is gone before its user is taken away. A node that comes back meanwhile, because somebody
// deleted only its object, goes on with its volumes.
const UserGrace = 10 * time.Minute

// ProvideUsers makes the users that are missing in Ceph, gives them the capabilities that they are to have, and hands them
// to the CSI controller. A user that was fenced stays as it is.
type ProvideUsers struct {
	// Nodes that have a user, sorted. Retired have one no more.
	Nodes, Retired []string
	// Mons are the addresses that are handed over.
	Mons []string
	// Filesystems that nodes reach, by name. A group whose StorageClass is gone stays in reach while Ceph has it: volumes of
	// it may be in use.
	Filesystems []FilesystemGroups
}

// Target implements Action.
func (ProvideUsers) Target() string { return "" }

// users sees to it that the CSI controller has what it needs, and asks Ceph only when that changes.
func (c *computation) users() {
	if c.snapshot == nil || c.in.Identity == nil || !c.in.Mons.QuorumRecorded {
		return
	}
	do := ProvideUsers{Mons: monHosts(c.in.Mons)}
	for name := range c.nodes {
		do.Nodes = append(do.Nodes, name)
	}
	if handed := c.in.Users.Handed; handed != nil {
		c.retire(handed.Nodes, &do)
	}
	slices.Sort(do.Nodes)
	for _, fs := range c.in.Filesystems {
		if len(fs.Groups) > 0 {
			do.Filesystems = append(do.Filesystems, FilesystemGroups{fs.Name, fs.Groups})
		}
	}
	if reason := c.usersReason(do); reason != "" {
		c.add(do, reason)
	}
}

// retire sorts the nodes that are gone: their users stay for a while.
func (c *computation) retire(handed []string, do *ProvideUsers) {
	for _, name := range handed {
		if c.nodes[name] != nil {
			continue
		}
		since, known := c.in.Users.Gone[name]
		if left := since.Add(UserGrace).Sub(c.in.Now); !known || left > 0 {
			do.Nodes = append(do.Nodes, name)
			c.wake(max(left, time.Second))
			continue
		}
		do.Retired = append(do.Retired, name)
	}
}

// usersReason says why users are to be provided; empty: the CSI controller has them.
func (c *computation) usersReason(do ProvideUsers) string {
	handed := c.in.Users.Handed
	switch {
	case handed == nil:
		return "the CSI controller has no users of the cluster yet"
	case handed.FSID != c.in.Identity.FSID:
		return "the CSI controller has users of a cluster with another fsid"
	case len(do.Retired) > 0:
		return "nodes that have a user are gone: " + some(do.Retired)
	case !slices.Equal(handed.Mons, do.Mons):
		return "the mons have other addresses"
	case !slices.Equal(handed.Nodes, do.Nodes):
		return "nodes have no user yet: " + some(missing(do.Nodes, handed.Nodes))
	case !c.in.Users.Checked:
		return "the users may have been changed while the operator was away"
	case !slices.EqualFunc(c.in.Users.Granted, do.Filesystems, sameGroups):
		return "filesystems have come or gone, or their StorageClasses have"
	}
	return ""
}

func sameGroups(a, b FilesystemGroups) bool {
	return a.Filesystem == b.Filesystem && slices.Equal(a.Groups, b.Groups)
}

// missing returns what is in all and not in some.
func missing(all, have []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(name string) bool { return slices.Contains(have, name) })
}

// monHosts are the addresses of mons as mon_host takes them.
func monHosts(mons Mons) []string {
	hosts := make([]string, 0, len(mons.Mons))
	for _, mon := range mons.Mons {
		hosts = append(hosts, mon.AddressVector())
	}
	return hosts
}
