package sim

import (
	"cmp"
	"maps"
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

// mgrStats are the numbers that the mgr collects.
type mgrStats struct {
	pgs      ceph.PGSummary
	capacity ceph.Capacity
	osds     []osdStat // by id
	pools    map[int64]poolStat
}

type osdStat struct {
	total, used, available int64
	pgs                    int
}

type poolStat struct {
	stored, used, available, objects int64
	percent                          float64
}

// FreezeStats holds the mgr's numbers (usage, PGs, recovery) as they are now,
// as when a mgr stops hearing from OSDs.
func (c *Cluster) FreezeStats() {
	defer c.enter()()
	c.frozen = c.collectStats()
}

// ThawStats lets the mgr's numbers follow again.
func (c *Cluster) ThawStats() {
	defer c.enter()()
	c.frozen = nil
}

func (c *Cluster) mgrStats() *mgrStats {
	if c.frozen != nil {
		return c.frozen
	}
	return c.collectStats()
}

func (c *Cluster) collectStats() *mgrStats {
	c.settle()
	s := &mgrStats{pgs: c.pgSummary(), osds: make([]osdStat, len(c.osds)), pools: map[int64]poolStat{}}
	classes := map[string]*ceph.ClassCapacity{}
	for _, o := range c.allOSDs() {
		s.osds[o.id] = c.statOf(o)
		s.add(c.crush.Class(o.id), s.osds[o.id], classes)
	}
	for _, class := range slices.Sorted(maps.Keys(classes)) {
		s.capacity.Classes = append(s.capacity.Classes, *classes[class])
	}
	for _, p := range c.pools.sorted {
		s.pools[p.id] = c.poolStat(p)
	}
	return s
}

// statOf is what the mgr knows of an OSD. It forgets the usage of one that is out.
func (c *Cluster) statOf(o *osd) osdStat {
	if !o.in() {
		return osdStat{pgs: o.pgs}
	}
	return osdStat{total: o.total(), used: o.used(), available: o.available(), pgs: o.pgs}
}

func (s *mgrStats) add(class string, o osdStat, classes map[string]*ceph.ClassCapacity) {
	s.capacity.TotalBytes += o.total
	s.capacity.UsedBytes += o.used
	s.capacity.AvailableBytes += o.available
	if class == "" {
		return
	}
	sum, ok := classes[class]
	if !ok {
		sum = &ceph.ClassCapacity{Class: class}
		classes[class] = sum
	}
	sum.TotalBytes += o.total
	sum.UsedBytes += o.used
	sum.AvailableBytes += o.available
}

func (c *Cluster) poolStat(p *pool) poolStat {
	s := poolStat{stored: p.bytes, used: p.raw, objects: p.objects}
	rate := float64(p.size) / float64(p.chunks)
	if rule, ok := c.crush.RuleByID(p.rule); ok {
		s.available = c.available(rule, rate)
	}
	if all := float64(s.used) + float64(s.available)*rate; all > 0 {
		s.percent = float64(s.used) / all
	}
	return s
}

func (c *Cluster) pgSummary() ceph.PGSummary {
	sums := c.data.sums
	s := ceph.PGSummary{
		Total: sums.total, Objects: sums.objects, DegradedObjects: sums.degraded, MisplacedObjects: sums.misplaced,
		TotalCopies: sums.copies, RecoveringBytesPerSec: c.recoveryRate(),
	}
	for state, n := range sums.states {
		s.ByState = append(s.ByState, ceph.PGStateCount{State: state.String(), Count: n})
	}
	slices.SortFunc(s.ByState, func(a, b ceph.PGStateCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.State, b.State))
	})
	return s
}

// exportPools joins the pools with the mgr's numbers.
func (c *Cluster) exportPools(s *mgrStats) []ceph.Pool {
	pools := make([]ceph.Pool, 0, len(c.pools.sorted))
	for _, p := range c.pools.sorted {
		stat := s.pools[p.id]
		pools = append(pools, ceph.Pool{
			ID: p.id, Name: p.name, Type: p.kind, Size: p.size, MinSize: p.minSize, PGs: len(p.pgs), PGTarget: p.pgTarget,
			AutoscaleMode: p.scaling, RuleID: p.rule, ErasureProfile: p.profile, Applications: enabled(p.apps),
			ApplicationValues: maps.Clone(p.values),
			Options:           maps.Clone(p.options), Quota: p.quota, Flags: c.flagsOf(p),
			StoredBytes: stat.stored, UsedBytes: stat.used, AvailableBytes: stat.available, Objects: stat.objects, PercentUsed: stat.percent,
		})
	}
	return pools
}

// flagsOf lists a pool's flags with those that Ceph sets by itself.
func (c *Cluster) flagsOf(p *pool) []string {
	flags := enabled(p.flags)
	switch c.poolFullness(p) {
	case full:
		flags = append(flags, "full")
	case backfillFull:
		flags = append(flags, "backfillfull")
	case nearFull:
		flags = append(flags, "nearfull")
	}
	if c.overQuota(p) {
		flags = append(flags, "full_quota", "full")
	}
	slices.Sort(flags)
	return slices.Compact(flags)
}
