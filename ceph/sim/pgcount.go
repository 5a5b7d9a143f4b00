package sim

import (
	"math"
	"slices"
)

// growPGs gives a pool the PGs that it lacks. A pool that has some splits
// them: the new ones begin where the old ones lie.
func (c *Cluster) growPGs(p *pool) {
	before := len(p.pgs)
	if before == 0 {
		p.pgs = make([]*pg, 0, p.pgTarget)
	}
	for seed := before; seed < p.pgTarget; seed++ {
		child := &pg{pool: p, seed: seed, since: c.clock.now}
		if before > 0 {
			c.split(p.pgs[seed%before], child)
		}
		c.account(child, 1)
		p.pgs = append(p.pgs, child)
	}
	c.replace(p)
}

func (c *Cluster) split(parent, child *pg) {
	child.created, child.state = parent.created, parent.state
	c.setActing(child, slices.Clone(parent.acting))
	for _, y := range parent.copies {
		c.addCopy(child, y.osd, y.shard, 0)
	}
}

// shrinkPGs takes the last PGs of a pool away.
func (c *Cluster) shrinkPGs(p *pool, n int) {
	for _, gone := range p.pgs[n:] {
		c.endJob(gone)
		for i := len(gone.copies) - 1; i >= 0; i-- {
			c.dropCopy(gone, i)
		}
		c.account(gone, -1)
		c.setActing(gone, nil)
		gone.state, gone.waiting = 0, false
	}
	p.pgs = slices.Delete(p.pgs, n, len(p.pgs))
	c.replace(p)
}

// adjustPGs follows the pools' PG targets, once their PGs are clean.
func (c *Cluster) adjustPGs() {
	c.settle()
	for _, p := range c.pools.sorted {
		if len(p.pgs) != p.pgTarget && allClean(p) {
			c.resharePGs(p)
		}
	}
}

func allClean(p *pool) bool {
	return !slices.ContainsFunc(p.pgs, func(g *pg) bool { return g.state&pgClean == 0 })
}

// resharePGs changes the number of PGs and spreads the pool's bytes over them anew.
func (c *Cluster) resharePGs(p *pool) {
	blobs := p.blobs
	p.blobs = map[string]int64{}
	for name, size := range blobs {
		c.spread(p, name, size, 0)
	}
	if p.pgTarget > len(p.pgs) {
		c.growPGs(p)
	} else {
		c.shrinkPGs(p, p.pgTarget)
	}
	for name, size := range blobs {
		c.spread(p, name, 0, size)
	}
	p.blobs = blobs
	c.osdmap.epoch++
}

// autoscale sets the PG targets of the pools that leave it to Ceph: as many
// PGs as the share of the data asks for, when that is three times off.
func (c *Cluster) autoscale() {
	c.adjustPGs()
	if c.osdmap.flags["noautoscale"] {
		return
	}
	for _, p := range c.pools.sorted {
		if p.scaling != "on" {
			continue
		}
		want := c.wantedPGs(p)
		if want > 3*p.pgTarget || want*3 < p.pgTarget {
			p.pgTarget = want
		}
	}
}

func (c *Cluster) wantedPGs(p *pool) int {
	rule, ok := c.crush.RuleByID(p.rule)
	if !ok {
		return p.pgTarget
	}
	var capacity int64
	osds := 0
	for _, m := range c.crush.Members(rule) {
		if o := c.osd(m.ID); o != nil && o.in() {
			osds++
			capacity += o.total()
		}
	}
	if capacity == 0 {
		return p.pgTarget
	}
	share := float64(p.raw) / float64(capacity)
	ideal := share * float64(osds) * float64(c.intOption("mgr", "mon_target_pg_per_osd", 100)) / float64(p.size)
	return max(p.leastPGs(), int(math.Exp2(math.Round(math.Log2(max(1, ideal))))))
}

// leastPGs is where the autoscaler starts: 32, and 1 for the mgr's own pool.
func (p *pool) leastPGs() int {
	if isMgrPool(p.name) {
		return 1
	}
	n, err := parseCount("pg_num_min", p.options["pg_num_min"])
	if err != nil {
		return 32
	}
	return max(1, n)
}

func isMgrPool(name string) bool { return name == ".mgr" || name == "device_health_metrics" }
