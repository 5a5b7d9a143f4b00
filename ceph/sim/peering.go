package sim

import (
	"slices"

	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// settle brings PGs up to date with the maps. Whatever reads PGs, space or
// health calls it first; it costs nothing when nothing changed.
func (c *Cluster) settle() {
	d := &c.data
	if d.all || d.any {
		for _, pool := range c.pools.sorted {
			c.remapPool(pool)
		}
		d.all, d.any = false, false
		clear(d.touched)
	}
	if c.recovery.stale {
		c.schedule()
	}
}

func (c *Cluster) remapPool(pool *pool) {
	rule, ok := c.crush.RuleByID(pool.rule)
	if !ok {
		return
	}
	for _, p := range pool.pgs {
		moved, x := false, pool.hash(p.seed)
		out := func(osd int) bool { return c.isOut(osd, x) }
		if c.data.all || pool.moved || c.data.isTouched(p.raw) {
			raw := c.crush.Choose(rule, x, pool.size, out)
			moved = !slices.Equal(raw, p.raw) || !p.created
			p.raw = raw
		}
		if moved || pool.moved || c.concerns(p) {
			c.peer(p)
		}
	}
	pool.moved = false
}

// isOut is CRUSH's test of the reweight: between 0 and 1 it turns away a share of the PGs.
func (c *Cluster) isOut(id int, x uint64) bool {
	o := c.osd(id)
	switch {
	case o == nil || o.weight <= 0:
		return true
	case o.weight >= 1:
		return false
	default:
		return float64(crush.Hash(x, uint64(id))&0xffff) >= o.weight*0x10000
	}
}

// concerns tells whether an OSD that changed has to do with the PG.
func (c *Cluster) concerns(p *pg) bool {
	if !c.data.any {
		return false
	}
	d := &c.data
	return d.isTouched(p.raw) || d.isTouched(p.up) || d.isTouched(p.acting) ||
		slices.ContainsFunc(p.copies, func(y pgCopy) bool { return d.isTouched([]int32{y.osd}) })
}

// peer lets a PG find out who serves it, and what has to be done to make it clean.
func (c *Cluster) peer(p *pg) {
	c.endJob(p)
	c.account(p, -1)
	before := p.state
	p.up = c.upSet(p)
	c.create(p)
	switch {
	case !p.created:
		p.state = c.unborn(p)
		c.setActing(p, p.up)
	case members(p.up) == 0:
		p.state |= pgStale
		p.state &^= pgAtWork
	case !c.recoverable(p):
		p.state = c.broken(p)
		c.setActing(p, p.up)
		p.degraded, p.misplaced = 0, 0
	default:
		c.activate(p)
	}
	if p.state != before {
		p.since = c.clock.now
	}
	c.account(p, 1)
	c.await(p)
}

func (c *Cluster) upSet(p *pg) []int32 {
	up := make([]int32, 0, len(p.raw))
	for _, osd := range p.raw {
		if osd != crush.None && c.isUp(osd) {
			up = append(up, osd)
		} else if p.erasure() {
			up = append(up, crush.None)
		}
	}
	return up
}

// create makes the first copies of a new PG, once enough OSDs are there.
func (c *Cluster) create(p *pg) {
	if p.created || members(p.up) < int(p.pool.chunks) || members(p.up) == 0 {
		return
	}
	p.created = true
	for position, osd := range p.up {
		if osd != crush.None {
			c.addCopy(p, osd, p.shardAt(position), 0)
		}
	}
}

// unborn is the state of a PG that has no copy yet.
func (c *Cluster) unborn(p *pg) pgState {
	if members(p.up) == 0 {
		return 0
	}
	return pgCreating | pgIncomplete
}

// recoverable tells whether the OSDs that are up hold all data between them.
func (c *Cluster) recoverable(p *pg) bool {
	return c.wholeShards(p, func(osd int32) bool { return c.isUp(osd) }) >= int(p.pool.chunks)
}

// wholeShards counts the different shards (or the replicas, as one) that are whole.
func (c *Cluster) wholeShards(p *pg, counts func(osd int32) bool) int {
	var seen uint64
	n := 0
	for _, y := range p.copies {
		if y.missing == 0 && counts(y.osd) && seen&(1<<y.shard) == 0 {
			seen |= 1 << y.shard
			n++
		}
	}
	return n
}

// broken is the state of a PG whose data is not there: down while an OSD that
// is down holds it, incomplete when nobody does.
func (c *Cluster) broken(p *pg) pgState {
	if c.wholeShards(p, func(int32) bool { return true }) >= int(p.pool.chunks) {
		return pgDown
	}
	return pgIncomplete
}

func (c *Cluster) activate(p *pg) {
	c.receive(p)
	c.setActing(p, c.chooseActing(p))
	c.count(p)
	c.trim(p)
	p.state = c.serving(p)
	if p.state&pgClean != 0 {
		c.dropStrays(p)
	}
}

// receive gives OSDs that the PG shall move to a copy that lacks everything.
func (c *Cluster) receive(p *pg) {
	for position, osd := range p.up {
		if osd != crush.None && p.find(osd, p.shardAt(position)) < 0 {
			c.addCopy(p, osd, p.shardAt(position), p.shardBytes())
		}
	}
}

// chooseActing takes those of the up set that can serve; others that still
// have the data stand in for the rest.
func (c *Cluster) chooseActing(p *pg) []int32 {
	if p.erasure() {
		return c.erasureActing(p)
	}
	acting := make([]int32, 0, p.pool.size)
	for _, osd := range p.up {
		if p.copies[p.find(osd, 0)].serves() {
			acting = append(acting, osd)
		}
	}
	for _, osd := range c.strays(p, 0) {
		if len(acting) < p.pool.size {
			acting = append(acting, osd)
		}
	}
	return acting
}

func (c *Cluster) erasureActing(p *pg) []int32 {
	acting := make([]int32, len(p.up))
	for position, osd := range p.up {
		acting[position] = crush.None
		shard := p.shardAt(position)
		if osd != crush.None && p.copies[p.find(osd, shard)].serves() {
			acting[position] = osd
		} else if strays := c.strays(p, shard); len(strays) > 0 {
			acting[position] = strays[0]
		}
	}
	return acting
}

// strays lists OSDs outside of the up set that run and hold a whole copy, sorted.
func (c *Cluster) strays(p *pg, shard int32) []int32 {
	var ids []int32
	for _, y := range p.copies {
		if y.shard == shard && y.missing == 0 && c.isUp(y.osd) && !slices.Contains(p.up, y.osd) {
			ids = append(ids, y.osd)
		}
	}
	slices.Sort(ids)
	return ids
}

// trim drops partial copies that recovery will not complete.
func (c *Cluster) trim(p *pg) {
	for i := len(p.copies) - 1; i >= 0; i-- {
		y := p.copies[i]
		wanted := y.serves() || slices.Contains(p.up, y.osd) || !c.isUp(y.osd)
		if !wanted {
			c.dropCopy(p, i)
		}
	}
}

// serving is the state of a PG whose data is there.
func (c *Cluster) serving(p *pg) pgState {
	n := members(p.acting)
	state := pgPeered
	if n >= p.pool.minSize {
		state = pgActive
	}
	if n < p.pool.size {
		state |= pgUndersized
	}
	if p.degraded > 0 {
		state |= pgDegraded
	}
	if !slices.Equal(p.acting, p.up) {
		state |= pgRemapped
	}
	switch {
	case len(c.targets(p, pgRecovering)) > 0:
		return state | pgRecoveryWait
	case len(c.targets(p, pgBackfilling)) > 0:
		return state | pgBackfillWait
	case state == pgActive:
		return state | pgClean
	}
	return state
}

// dropStrays deletes the copies that a clean PG no longer needs, also on OSDs
// that are down: they will delete theirs when they come back.
func (c *Cluster) dropStrays(p *pg) {
	for i := len(p.copies) - 1; i >= 0; i-- {
		if !slices.Contains(p.acting, p.copies[i].osd) {
			c.dropCopy(p, i)
		}
	}
}
