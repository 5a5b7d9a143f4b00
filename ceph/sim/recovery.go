package sim

import (
	"cmp"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// recovery is the work that makes PGs clean again.
type recovery struct {
	jobs  map[*pg]*job
	queue []*pg // that wait, the most urgent first once sorted
	dirty bool  // the order of the queue
	stale bool  // something changed that may let a job start
}

func newRecovery() recovery { return recovery{jobs: map[*pg]*job{}} }

// job copies what some OSDs lack of one PG.
type job struct {
	kind    pgState // pgRecovering or pgBackfilling
	leader  int32
	targets []target
	started time.Time
	finish  *event
}

type target struct {
	osd, shard int32
	lacked     int64 // when the job started
	reserved   int64 // of the OSD's space, for what is still to come
}

// targets lists the copies that a kind of work completes: recovery those that
// serve already, backfill those that do not.
func (c *Cluster) targets(p *pg, kind pgState) []int {
	set := p.acting
	if kind == pgBackfilling {
		set = p.up
	}
	var found []int
	for position, osd := range set {
		if osd == crush.None {
			continue
		}
		i := p.find(osd, p.shardAt(position))
		if i >= 0 && p.copies[i].missing > 0 && p.copies[i].serves() == (kind == pgRecovering) {
			found = append(found, i)
		}
	}
	return found
}

// await puts a PG that needs work into the queue.
func (c *Cluster) await(p *pg) {
	if p.state&pgAtWork == 0 {
		return
	}
	if !p.waiting {
		p.waiting = true
		c.recovery.queue = append(c.recovery.queue, p)
	}
	c.recovery.dirty, c.recovery.stale = true, true
}

// urgency orders PGs: those that serve nobody first, then those that lack
// copies, then those that only have to move.
func (p *pg) urgency() int {
	switch {
	case p.state&pgActive == 0:
		return 0
	case p.state&pgDegraded != 0:
		return members(p.acting)
	default:
		return 1000
	}
}

// schedule starts what can start.
func (c *Cluster) schedule() {
	r := &c.recovery
	r.stale = false
	if r.dirty {
		slices.SortFunc(r.queue, func(a, b *pg) int {
			return cmp.Or(cmp.Compare(a.urgency(), b.urgency()), cmp.Compare(a.pool.id, b.pool.id), cmp.Compare(a.seed, b.seed))
		})
		r.dirty = false
	}
	limit := c.intOption("osd", "osd_max_backfills", 1)
	r.queue = slices.DeleteFunc(r.queue, func(p *pg) bool {
		done := p.pool.deleted || p.state&pgAtWork == 0 || p.job != nil || c.start(p, limit)
		p.waiting = !done
		return done
	})
}

// start begins the next work of a PG and tells whether it could.
func (c *Cluster) start(p *pg, limit int) bool {
	kind, ratio := pgRecovering, c.osdmap.full
	found := c.targets(p, kind)
	if len(found) == 0 {
		kind, ratio = pgBackfilling, c.osdmap.backfillFull
		found = c.targets(p, kind)
	}
	if c.forbidden(p, kind) || c.osds[leader(p)].leading >= limit {
		c.setWork(p, waitingFor(kind))
		return false
	}
	for _, i := range found {
		y := p.copies[i]
		if c.osds[y.osd].ratioWith(c.osds[y.osd].incoming+y.missing) > ratio {
			c.setWork(p, tooFullFor(kind))
			return false
		}
		if c.osds[y.osd].receiving >= limit {
			c.setWork(p, waitingFor(kind))
			return false
		}
	}
	c.begin(p, kind, found)
	return true
}

// leader is the OSD that drives the work of a PG: the first that has it whole.
func leader(p *pg) int32 {
	for position, osd := range p.acting {
		if osd != crush.None && p.copies[p.find(osd, p.shardAt(position))].missing == 0 {
			return osd
		}
	}
	return p.acting[slices.IndexFunc(p.acting, func(osd int32) bool { return osd != crush.None })]
}

func waitingFor(kind pgState) pgState {
	if kind == pgRecovering {
		return pgRecoveryWait
	}
	return pgBackfillWait
}

func tooFullFor(kind pgState) pgState {
	if kind == pgRecovering {
		return pgRecoveryTooFull
	}
	return pgBackfillTooFull
}

// forbidden tells whether a flag holds the work back.
func (c *Cluster) forbidden(p *pg, kind pgState) bool {
	flags := c.osdmap.flags
	return flags["norecover"] || kind == pgBackfilling && (flags["nobackfill"] || flags["norebalance"] && p.state&pgDegraded == 0)
}

func (c *Cluster) begin(p *pg, kind pgState, found []int) {
	j := &job{kind: kind, leader: leader(p), started: c.clock.now}
	var most int64
	for _, i := range found {
		y := p.copies[i]
		j.targets = append(j.targets, target{osd: y.osd, shard: y.shard, lacked: y.missing, reserved: y.missing})
		c.osds[y.osd].receiving++
		c.osds[y.osd].incoming += y.missing
		most = max(most, y.missing)
	}
	c.osds[j.leader].leading++
	p.job = j
	c.recovery.jobs[p] = j
	c.setWork(p, kind)
	duration := time.Duration(float64(most) / float64(c.opts.RecoveryRate) * float64(time.Second))
	j.finish = c.after(duration, func() { c.complete(p) })
}

// complete ends a job that is done.
func (c *Cluster) complete(p *pg) {
	targets := p.job.targets
	c.endJob(p)
	c.account(p, -1)
	for _, t := range targets {
		if i := p.find(t.osd, t.shard); i >= 0 {
			c.setMissing(p, i, 0)
		}
	}
	c.account(p, 1)
	c.peer(p)
}

// endJob stops a job and keeps what it did so far.
func (c *Cluster) endJob(p *pg) {
	j := p.job
	if j == nil {
		return
	}
	c.advanceJob(p)
	j.finish.cancel()
	c.giveBack(j.leader, func(o *osd) { o.leading-- })
	for _, t := range j.targets {
		c.giveBack(t.osd, func(o *osd) {
			o.receiving--
			o.incoming -= t.reserved
		})
	}
	p.job = nil
	delete(c.recovery.jobs, p)
	c.recovery.stale = true
}

func (c *Cluster) giveBack(id int32, give func(*osd)) {
	if o := c.osd(int(id)); o != nil {
		give(o)
	}
}

// progress books what the jobs did up to now.
func (c *Cluster) progress() {
	for p := range c.recovery.jobs {
		c.advanceJob(p)
	}
}

func (c *Cluster) advanceJob(p *pg) {
	j := p.job
	done := int64(c.clock.now.Sub(j.started).Seconds() * float64(c.opts.RecoveryRate))
	c.account(p, -1)
	for n := range j.targets {
		t := &j.targets[n]
		i := p.find(t.osd, t.shard)
		if i < 0 {
			continue
		}
		c.advanceCopy(p, i, t.lacked-done)
		c.osds[t.osd].incoming += p.copies[i].missing - t.reserved
		t.reserved = p.copies[i].missing
	}
	c.count(p)
	c.account(p, 1)
}

// advanceCopy lowers what a copy lacks; the last byte arrives when the job completes.
func (c *Cluster) advanceCopy(p *pg, i int, missing int64) {
	missing = min(max(missing, 1), p.copies[i].missing)
	behind := p.copies[i].behind
	c.setMissing(p, i, missing)
	p.copies[i].behind = behind
}

// recoveryRate is how many bytes a second arrive at the OSDs that recover.
func (c *Cluster) recoveryRate() int64 {
	var rate int64
	for _, j := range c.recovery.jobs {
		rate += int64(len(j.targets)) * c.opts.RecoveryRate
	}
	return rate
}
