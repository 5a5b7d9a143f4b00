package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

type monState struct {
	known      []*mon // every mon daemon that the driver named
	monmap     []*mon // by rank
	epoch      int64
	elections  int64
	quorum     []*mon // by rank
	minRelease int
}

type mon struct {
	name    string
	addrs   []ceph.Address
	running bool
	version string
}

// addMon makes a mon of the seed monmap.
func (c *Cluster) addMon(name string) {
	m := c.newMon(name)
	m.running = !c.opts.Stopped
	c.mons.monmap = append(c.mons.monmap, m)
	c.mons.epoch = 1
	c.mons.minRelease = c.release.number
	c.elect()
}

func (c *Cluster) newMon(name string) *mon {
	n := len(c.mons.known) + 1
	m := &mon{name: name, version: c.release.version, addrs: []ceph.Address{
		{Type: "v2", Addr: fmt.Sprintf("10.0.0.%d:3300", n)},
		{Type: "v1", Addr: fmt.Sprintf("10.0.0.%d:6789", n)},
	}}
	c.mons.known = append(c.mons.known, m)
	return m
}

// elect forms the quorum anew if it has to change.
func (c *Cluster) elect() {
	var alive []*mon
	for _, m := range c.mons.monmap {
		if m.running {
			alive = append(alive, m)
		}
	}
	if len(alive) <= len(c.mons.monmap)/2 {
		alive = nil
	}
	if slices.Equal(alive, c.mons.quorum) {
		return
	}
	c.mons.quorum = alive
	c.mons.elections += 2
	c.raiseMinRelease()
	c.bootWaiting()
}

// raiseMinRelease follows the oldest mon once all run in the quorum.
func (c *Cluster) raiseMinRelease() {
	if len(c.mons.quorum) == 0 || len(c.mons.quorum) < len(c.mons.monmap) {
		return
	}
	oldest := majorOf(c.mons.quorum[0].version)
	for _, m := range c.mons.quorum {
		oldest = min(oldest, majorOf(m.version))
	}
	c.mons.minRelease = max(c.mons.minRelease, oldest)
}

func (c *Cluster) quorate() bool { return len(c.mons.quorum) > 0 }

func findMon(mons []*mon, name string) *mon {
	i := slices.IndexFunc(mons, func(m *mon) bool { return m.name == name })
	if i < 0 {
		return nil
	}
	return mons[i]
}

// StartMon starts a mon. One that is not in the monmap joins, if there is a quorum to take it in.
func (c *Cluster) StartMon(name string) {
	defer c.enter()()
	m := findMon(c.mons.known, name)
	if m == nil {
		m = c.newMon(name)
	}
	m.running = true
	if findMon(c.mons.monmap, name) == nil && c.quorate() {
		c.mons.monmap = append(c.mons.monmap, m)
		c.mons.epoch++
	}
	c.elect()
}

// StopMon stops or crashes a mon: for the others it is the same.
func (c *Cluster) StopMon(name string) {
	defer c.enter()()
	if m := findMon(c.mons.known, name); m != nil {
		m.running = false
		c.elect()
	}
}

// QuorumStatus implements ceph.Mons.
func (k *Client) QuorumStatus(ctx context.Context) (ceph.QuorumStatus, error) {
	return ask(ctx, k, monRead("QuorumStatus", "quorum_status"), "", func(c *Cluster) (ceph.QuorumStatus, error) {
		return c.quorumStatus(), nil
	})
}

func (c *Cluster) quorumStatus() ceph.QuorumStatus {
	s := ceph.QuorumStatus{
		FSID: c.fsid, Epoch: c.mons.epoch, ElectionEpoch: c.mons.elections,
		Leader: c.mons.quorum[0].name, MinRelease: c.mons.minRelease,
	}
	for _, m := range c.mons.quorum {
		s.InQuorum = append(s.InQuorum, m.name)
	}
	for rank, m := range c.mons.monmap {
		s.Mons = append(s.Mons, ceph.Mon{Name: m.name, Rank: rank, Addresses: slices.Clone(m.addrs)})
	}
	return s
}

// MonMap implements ceph.Mons. The bytes are the simulator's own: no ceph-mon reads them.
func (k *Client) MonMap(ctx context.Context) ([]byte, error) {
	return ask(ctx, k, monRead("MonMap", "mon getmap"), "", func(c *Cluster) ([]byte, error) {
		text := fmt.Sprintf("simulated monmap\nepoch %d\nfsid %s\n", c.mons.epoch, c.fsid)
		for rank, m := range c.mons.monmap {
			text += fmt.Sprintf("%d: %s mon.%s\n", rank, addrVector(m.addrs), m.name)
		}
		return []byte(text), nil
	})
}

// addrVector prints addresses as Ceph does: [v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0].
func addrVector(addrs []ceph.Address) string {
	var all []string
	for _, a := range addrs {
		all = append(all, fmt.Sprintf("%s:%s/%d", a.Type, a.Addr, a.Nonce))
	}
	return "[" + strings.Join(all, ",") + "]"
}

// RemoveMon implements ceph.Mons. The daemon that was removed ends.
func (k *Client) RemoveMon(ctx context.Context, name string) error {
	return k.do(ctx, monWrite("RemoveMon", "mon remove"), "mon."+name, func(c *Cluster) error {
		m := findMon(c.mons.monmap, name)
		if m == nil {
			return nil
		}
		if len(c.mons.monmap) == 1 {
			return refusal.New(ceph.EINVAL, "error: refusing removal of last monitor %s", name).WithKind(ceph.ErrRefused)
		}
		m.running = false
		c.mons.monmap = slices.DeleteFunc(c.mons.monmap, func(o *mon) bool { return o == m })
		c.mons.epoch++
		c.elect()
		return nil
	})
}

// MonOKToStop implements ceph.Mons.
func (k *Client) MonOKToStop(ctx context.Context, names ...string) error {
	return k.do(ctx, monRead("MonOKToStop", "mon ok-to-stop"), strings.Join(names, ","), func(c *Cluster) error {
		if len(names) == 0 {
			return refusal.New(ceph.EINVAL, "no mon is named")
		}
		for _, name := range names {
			if findMon(c.mons.monmap, name) == nil {
				return refusal.New(ceph.ENOENT, "mon.%s does not exist", name)
			}
		}
		var rest []string
		for _, m := range c.mons.quorum {
			if !slices.Contains(names, m.name) {
				rest = append(rest, m.name)
			}
		}
		if len(rest) > len(c.mons.monmap)/2 {
			return nil
		}
		return refusal.New(ceph.EBUSY, "not enough monitors would be available (%s) after stopping mons [%s]",
			strings.Join(rest, ","), strings.Join(names, ","))
	})
}
