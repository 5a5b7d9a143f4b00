package sim

import (
	"slices"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// objectSize is into what RBD and CephFS cut their data.
const objectSize = 4 * mebibyte

// FillBytes writes bytes into a pool, as a client would, or deletes them if
// the number is negative. They spread over the pool's PGs.
func (c *Cluster) FillBytes(poolName string, bytes int64) error {
	defer c.enter()()
	p, err := c.pool(poolName)
	if err != nil {
		return err
	}
	return c.fill(p, "filled by hand", bytes)
}

// fill adds to what a pool stores under a name.
func (c *Cluster) fill(p *pool, name string, bytes int64) error {
	if bytes > 0 {
		if err := c.writable(p); err != nil {
			return err
		}
	}
	c.setBlob(p, name, max(0, p.blobs[name]+bytes))
	return nil
}

// writable tells what keeps data from being written to a pool.
func (c *Cluster) writable(p *pool) error {
	c.settle()
	if c.poolFull(p) || c.overQuota(p) {
		return refusal.New(ceph.ENOSPC, "pool '%s' is full", p.name)
	}
	if slices.ContainsFunc(p.pgs, func(g *pg) bool { return !g.serving() }) {
		return &ceph.Error{Kind: ceph.ErrTimeout, Text: "a PG of the pool is inactive"}
	}
	return nil
}

// serving tells whether a PG answers clients.
func (p *pg) serving() bool { return p.state&pgActive != 0 && p.state&pgStale == 0 }

func (c *Cluster) setBlob(p *pool, name string, size int64) {
	c.settle()
	c.spread(p, name, p.blobs[name], size)
	p.blobs[name] = size
	if size == 0 {
		delete(p.blobs, name)
	}
	c.recovery.stale = true
}

// spread books the change of a blob on the PGs that hold its objects: object i
// lies in PG (start + i) mod n.
func (c *Cluster) spread(p *pool, name string, before, after int64) {
	n := int64(len(p.pgs))
	if n == 0 || before == after {
		return
	}
	start := int64(hashOf(name) % uint64(n))
	touched := min(n, max(objects(before), objects(after)))
	for i := range touched {
		oldBytes, oldObjects := share(before, i, n)
		newBytes, newObjects := share(after, i, n)
		c.write(p.pgs[(start+i)%n], newBytes-oldBytes, newObjects-oldObjects)
	}
}

func objects(size int64) int64 { return (size + objectSize - 1) / objectSize }

// share is what of a blob lies in the i-th PG from its start.
func share(size, i, n int64) (bytes, count int64) {
	all := objects(size)
	if i >= all {
		return 0, 0
	}
	count = (all-i-1)/n + 1
	bytes = count * objectSize
	if (all-1)%n == i {
		bytes -= all*objectSize - size
	}
	return bytes, count
}

// overQuota tells whether a pool has reached its quota.
func (c *Cluster) overQuota(p *pool) bool {
	q := p.quota
	return q.Bytes > 0 && p.bytes >= q.Bytes || q.Objects > 0 && p.objects >= q.Objects
}

// fullness is Ceph's scale of how full an OSD or a pool is.
type fullness int

const (
	roomy fullness = iota
	nearFull
	backfillFull
	full
)

func (c *Cluster) fullnessOf(o *osd) fullness {
	switch r := o.ratio(); {
	case r >= c.osdmap.full:
		return full
	case r >= c.osdmap.backfillFull:
		return backfillFull
	case r >= c.osdmap.nearFull:
		return nearFull
	default:
		return roomy
	}
}

// poolFullness is that of the fullest OSD that the pool's rule can use.
func (c *Cluster) poolFullness(p *pool) fullness {
	rule, ok := c.crush.RuleByID(p.rule)
	if !ok {
		return roomy
	}
	return c.ruleFullness(rule)
}

func (c *Cluster) ruleFullness(rule ceph.CRUSHRule) fullness {
	worst := roomy
	for _, m := range c.crush.Members(rule) {
		if o := c.osd(m.ID); o != nil && o.up && o.in() {
			worst = max(worst, c.fullnessOf(o))
		}
	}
	return worst
}

func (c *Cluster) poolFull(p *pool) bool {
	return c.osdmap.flags["full"] || c.poolFullness(p) == full
}

// available is MAX AVAIL: what users can still store under a rule until the
// OSD that fills first is full.
func (c *Cluster) available(rule ceph.CRUSHRule, rawPerByte float64) int64 {
	var weight float64
	for _, m := range c.crush.Members(rule) {
		if o := c.osd(m.ID); o != nil && o.in() {
			weight += m.Weight * o.weight
		}
	}
	least := -1.0
	for _, m := range c.crush.Members(rule) {
		o := c.osd(m.ID)
		if o == nil || !o.in() || o.total() == 0 {
			continue
		}
		usable := max(0, float64(o.available())-float64(o.total())*(1-c.osdmap.full))
		projected := usable * weight / (m.Weight * o.weight)
		if least < 0 || projected < least {
			least = projected
		}
	}
	return int64(max(0, least) / rawPerByte)
}
