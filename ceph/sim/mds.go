package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// mds is one metadata server daemon.
type mds struct {
	name    string
	version string
	addrs   []ceph.Address
	running bool
	fs      *filesystem // nil: it stands by
	rank    int
	state   string
	diedAt  time.Time
}

// takeover is how long a rank replays before it is active.
const takeover = time.Second

func (m *mds) export() ceph.MDS {
	rank := m.rank
	if m.fs == nil {
		rank = -1
	}
	return ceph.MDS{Name: m.name, Rank: rank, State: m.state, Addresses: slices.Clone(m.addrs)}
}

func (c *Cluster) mds(name string) *mds {
	i := slices.IndexFunc(c.files.daemons, func(m *mds) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return c.files.daemons[i]
}

// StartMDS starts a metadata server. It takes a rank that nobody holds, or stands by.
func (c *Cluster) StartMDS(name string) {
	defer c.enter()()
	m := c.mds(name)
	if m == nil {
		n := len(c.files.daemons) + 1
		m = &mds{name: name, version: c.release.version, addrs: []ceph.Address{
			{Type: "v2", Addr: fmt.Sprintf("10.0.1.%d:6800", n), Nonce: int64(n)},
			{Type: "v1", Addr: fmt.Sprintf("10.0.1.%d:6801", n), Nonce: int64(n)},
		}}
		c.files.daemons = append(c.files.daemons, m)
	}
	if !m.running {
		m.running, m.state = true, "up:standby"
		c.assignRanks()
	}
}

// StopMDS ends a metadata server in order: a standby takes over at once.
func (c *Cluster) StopMDS(name string) {
	defer c.enter()()
	if m := c.mds(name); m != nil {
		m.running = false
		c.replaceMDS(m)
	}
}

// CrashMDS ends a metadata server without a word: a standby takes over after the beacon grace.
func (c *Cluster) CrashMDS(name string) {
	defer c.enter()()
	m := c.mds(name)
	if m == nil || !m.running {
		return
	}
	m.running, m.diedAt = false, c.clock.now
	died := m.diedAt
	c.after(c.secondsOption("mon", "mds_beacon_grace", 15), func() {
		if !m.running && m.diedAt.Equal(died) {
			c.replaceMDS(m)
		}
	})
}

// replaceMDS takes a daemon's rank away; one that runs comes back as the last standby.
func (c *Cluster) replaceMDS(m *mds) {
	c.standBy(m)
	if !m.running {
		m.state = "down:dne"
	}
	c.files.daemons = append(slices.DeleteFunc(c.files.daemons, func(o *mds) bool { return o == m }), m)
	c.assignRanks()
}

// standBy leaves a daemon's rank to others.
func (c *Cluster) standBy(m *mds) {
	if m == nil || m.fs == nil {
		return
	}
	if m.fs.ranks[m.rank] == m {
		m.fs.ranks[m.rank] = nil
	}
	if m.fs.followers[m.rank] == m {
		delete(m.fs.followers, m.rank)
	}
	m.fs, m.state = nil, "up:standby"
}

// assignRanks gives ranks that nobody holds to standbys.
func (c *Cluster) assignRanks() {
	for _, fs := range c.filesystems() {
		c.stopSurplus(fs)
		if !fs.joinable {
			continue
		}
		for rank := range fs.maxMDS {
			c.fillRank(fs, rank)
		}
		for rank := range fs.maxMDS {
			c.followRank(fs, rank)
		}
	}
}

func (c *Cluster) stopSurplus(fs *filesystem) {
	for _, rank := range slices.Sorted(maps.Keys(fs.ranks)) {
		if rank >= fs.maxMDS {
			c.standBy(fs.ranks[rank])
			c.standBy(fs.followers[rank])
			delete(fs.ranks, rank)
		}
		if !fs.standbyReplay {
			c.standBy(fs.followers[rank])
		}
	}
}

func (c *Cluster) fillRank(fs *filesystem, rank int) {
	holder, known := fs.ranks[rank]
	if holder != nil {
		return
	}
	m := fs.followers[rank]
	if m == nil {
		m = c.standby()
	}
	if m == nil {
		return
	}
	delete(fs.followers, rank)
	m.fs, m.rank, m.state = fs, rank, "up:replay"
	if !known {
		m.state = "up:creating"
	}
	fs.ranks[rank] = m
	c.after(takeover, func() {
		if m.fs == fs && fs.ranks[rank] == m && m.running {
			m.state = "up:active"
		}
	})
}

func (c *Cluster) followRank(fs *filesystem, rank int) {
	if !fs.standbyReplay || fs.ranks[rank] == nil || fs.followers[rank] != nil {
		return
	}
	if m := c.standby(); m != nil {
		m.fs, m.rank, m.state = fs, rank, "up:standby-replay"
		fs.followers[rank] = m
	}
}

// standby finds the daemon that has stood by the longest, nil if none does.
func (c *Cluster) standby() *mds {
	i := slices.IndexFunc(c.files.daemons, func(m *mds) bool { return m.running && m.fs == nil })
	if i < 0 {
		return nil
	}
	return c.files.daemons[i]
}

// standbys lists the daemons that serve no filesystem, by name.
func (c *Cluster) standbys() []ceph.MDS {
	var all []ceph.MDS
	for _, m := range c.files.daemons {
		if m.running && m.fs == nil {
			all = append(all, m.export())
		}
	}
	slices.SortFunc(all, func(a, b ceph.MDS) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// FailMDS implements ceph.Filesystems.
func (k *Client) FailMDS(ctx context.Context, who string) error {
	return k.do(ctx, monWrite("FailMDS", "mds fail"), who, func(c *Cluster) error {
		if m := c.mdsOf(who); m != nil && m.fs != nil {
			c.replaceMDS(m)
		}
		return nil
	})
}

// mdsOf finds a daemon by name or by rank ("fs:0").
func (c *Cluster) mdsOf(who string) *mds {
	name, rank, ok := strings.Cut(who, ":")
	if !ok {
		if m := c.mds(who); m != nil && m.running {
			return m
		}
		return nil
	}
	n, err := strconv.Atoi(rank)
	fs := c.files.byName[name]
	if err != nil || fs == nil {
		return nil
	}
	return fs.ranks[n]
}

// serves tells whether the filesystem answers: its first rank is active.
func (fs *filesystem) serves() bool {
	m := fs.ranks[0]
	return m != nil && m.running && m.state == "up:active"
}
