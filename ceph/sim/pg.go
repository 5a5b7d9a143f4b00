package sim

import (
	"fmt"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// pg is one placement group.
type pg struct {
	pool *pool
	seed int

	raw    []int32 // where CRUSH wants it, whatever runs
	up     []int32 // raw without OSDs that are down
	acting []int32 // who serves it
	copies []pgCopy

	created bool
	bytes   int64
	objects int64

	state     pgState
	since     time.Time // of the state
	degraded  int64     // copies of objects that are missing
	misplaced int64     // copies of objects that lie elsewhere
	total     int64     // copies of objects that there should be
	job       *job
	waiting   bool
}

// pgCopy is what one OSD holds of a PG: a replica, or one shard of an
// erasure-coded PG.
type pgCopy struct {
	osd     int32
	shard   int32 // 0 for replicas
	missing int64 // bytes it lacks
	behind  bool  // was whole once: it lacks only what its log tells, and may serve
}

// serves tells whether the copy may be in an acting set.
func (y pgCopy) serves() bool { return y.missing == 0 || y.behind }

func (p *pg) id() string { return fmt.Sprintf("%d.%x", p.pool.id, p.seed) }

// shardBytes is what one whole copy takes.
func (p *pg) shardBytes() int64 { return (p.bytes + p.pool.chunks - 1) / p.pool.chunks }

func (p *pg) stored(y pgCopy) int64 { return max(0, p.shardBytes()-y.missing) }

func (p *pg) erasure() bool { return p.pool.kind == ceph.Erasure }

// shardAt is the shard that a position of the acting set holds.
func (p *pg) shardAt(position int) int32 {
	if p.erasure() {
		return int32(position)
	}
	return 0
}

// find returns the index of a copy, -1 if the OSD has none of the shard.
func (p *pg) find(osd, shard int32) int {
	return slices.IndexFunc(p.copies, func(y pgCopy) bool { return y.osd == osd && y.shard == shard })
}

// members counts the OSDs of a set that may have holes.
func members(set []int32) int {
	n := 0
	for _, osd := range set {
		if osd != crush.None {
			n++
		}
	}
	return n
}

// placement is what changed since PGs were last mapped.
type placement struct {
	all     bool   // CRUSH, or an OSD came in: every PG has to be mapped anew
	touched []bool // OSDs by id
	any     bool
	sums    pgSums
}

// pgSums adds up all PGs.
type pgSums struct {
	total     int
	states    map[pgState]int
	objects   int64
	degraded  int64
	misplaced int64
	copies    int64
}

func newPlacement() placement { return placement{sums: pgSums{states: map[pgState]int{}}} }

func (d *placement) touch(osd int) {
	if missing := osd + 1 - len(d.touched); missing > 0 {
		d.touched = append(d.touched, make([]bool, missing)...)
	}
	d.touched[osd], d.any = true, true
}

func (d *placement) isTouched(set []int32) bool {
	for _, osd := range set {
		if osd >= 0 && int(osd) < len(d.touched) && d.touched[osd] {
			return true
		}
	}
	return false
}

// account adds a PG to the sums, or takes it out before it changes.
func (c *Cluster) account(p *pg, sign int) {
	s, n := &c.data.sums, int64(sign)
	s.total += sign
	s.states[p.state] += sign
	if s.states[p.state] == 0 {
		delete(s.states, p.state)
	}
	s.objects += n * p.objects
	if sign > 0 {
		p.total = p.objects * int64(p.pool.size)
	}
	s.copies += n * p.total
	s.degraded += n * p.degraded
	s.misplaced += n * p.misplaced
	p.pool.bytes += n * p.bytes
	p.pool.objects += n * p.objects
}

// addCopy gives an OSD a copy that lacks some bytes.
func (c *Cluster) addCopy(p *pg, osd, shard int32, missing int64) {
	y := pgCopy{osd: osd, shard: shard, missing: missing}
	p.copies = append(p.copies, y)
	c.store(p, osd, p.stored(y))
	c.osds[osd].copies++
}

// dropCopy removes the copy at the index.
func (c *Cluster) dropCopy(p *pg, i int) {
	y := p.copies[i]
	c.store(p, y.osd, -p.stored(y))
	c.osds[y.osd].copies--
	p.copies = slices.Delete(p.copies, i, i+1)
}

func (c *Cluster) setMissing(p *pg, i int, missing int64) {
	y := &p.copies[i]
	before := p.stored(*y)
	y.missing = missing
	y.behind = y.behind && missing > 0
	c.store(p, y.osd, p.stored(*y)-before)
}

// store books bytes on an OSD.
func (c *Cluster) store(p *pg, osd int32, delta int64) {
	c.osds[osd].data += delta
	p.pool.raw += delta
}

// dropCopies forgets all that an OSD's disk held.
func (c *Cluster) dropCopies(osd int32) {
	for _, p := range c.allPGs() {
		for i := len(p.copies) - 1; i >= 0; i-- {
			if p.copies[i].osd == osd {
				c.endJob(p)
				c.dropCopy(p, i)
			}
		}
	}
}

// allPGs lists all PGs by pool and seed.
func (c *Cluster) allPGs() []*pg {
	var all []*pg
	for _, pool := range c.pools.sorted {
		all = append(all, pool.pgs...)
	}
	return all
}

// write changes what a PG holds. OSDs that are down miss it.
func (c *Cluster) write(p *pg, bytes, objects int64) {
	c.account(p, -1)
	before := p.shardBytes()
	p.bytes += bytes
	p.objects += objects
	delta := p.shardBytes() - before
	for i := range p.copies {
		c.follow(p, i, delta)
	}
	c.count(p)
	if p.state&(pgActive|pgPeered) != 0 {
		p.state &^= pgDegraded
		if p.degraded > 0 {
			p.state |= pgDegraded
		}
	}
	c.account(p, 1)
}

// follow makes a copy take part in a write, or fall behind.
func (c *Cluster) follow(p *pg, i int, delta int64) {
	y := &p.copies[i]
	stored := max(0, p.shardBytes()-delta-y.missing)
	if !c.isUp(y.osd) && delta > 0 {
		y.behind = y.behind || y.missing == 0
		y.missing += delta
	}
	y.missing = min(y.missing, p.shardBytes())
	c.store(p, y.osd, p.stored(*y)-stored)
}

// setActing changes who serves a PG.
func (c *Cluster) setActing(p *pg, acting []int32) {
	c.countActing(p.acting, -1)
	p.acting = acting
	c.countActing(acting, 1)
}

func (c *Cluster) countActing(set []int32, sign int) {
	for _, id := range set {
		if o := c.osd(int(id)); o != nil {
			o.pgs += sign
		}
	}
}
