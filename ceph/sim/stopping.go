package sim

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// OSDOKToStop implements ceph.OSDs with the rules of the mgr's "osd ok-to-stop".
func (k *Client) OSDOKToStop(ctx context.Context, ids ...int) (ceph.OKToStop, error) {
	return ask(ctx, k, mgrRead("OSDOKToStop", "osd ok-to-stop"), osdNames(ids), func(c *Cluster) (ceph.OKToStop, error) {
		c.settle()
		if err := c.known(); err != nil {
			return ceph.OKToStop{}, err
		}
		return c.okToStop(joined(ids)), nil
	})
}

// known tells whether every PG was reported: without that nothing can be said.
func (c *Cluster) known() error {
	if n := c.data.sums.states[0]; n > 0 {
		return refusal.New(ceph.EAGAIN, "%d pgs have unknown state; cannot draw any conclusions", n)
	}
	return nil
}

func (c *Cluster) okToStop(ids []int) ceph.OKToStop {
	answer := ceph.OKToStop{OSDs: ids}
	for _, p := range c.allPGs() {
		rest, uses := p.without(ids)
		if !uses {
			continue
		}
		answer.PGs++
		if rest < p.pool.minSize || p.state&pgActive == 0 {
			answer.Inactive++
		}
	}
	answer.OK = answer.Inactive == 0
	if !answer.OK {
		answer.Explanation = fmt.Sprintf("unsafe to stop osd(s) at this time (%d PGs are or would become offline)", answer.Inactive)
	}
	return answer
}

// without counts who would still serve a PG if some OSDs stopped, and tells
// whether any of them serves it. In a degraded PG only whole copies count.
func (p *pg) without(ids []int) (rest int, uses bool) {
	for position, osd := range p.acting {
		if osd == crush.None {
			continue
		}
		if p.state&pgDegraded != 0 && !p.wholeOn(osd, p.shardAt(position)) {
			continue
		}
		if slices.Contains(ids, int(osd)) {
			uses = true
		} else {
			rest++
		}
	}
	return rest, uses
}

func (p *pg) wholeOn(osd, shard int32) bool {
	i := p.find(osd, shard)
	return i >= 0 && p.copies[i].missing == 0
}

// OSDSafeToDestroy implements ceph.OSDs with the rules of the mgr's "osd safe-to-destroy".
func (k *Client) OSDSafeToDestroy(ctx context.Context, ids ...int) (ceph.SafeToDestroy, error) {
	return ask(ctx, k, mgrRead("OSDSafeToDestroy", "osd safe-to-destroy"), osdNames(ids), func(c *Cluster) (ceph.SafeToDestroy, error) {
		c.settle()
		if err := c.known(); err != nil {
			return ceph.SafeToDestroy{}, err
		}
		return c.safeToDestroy(joined(ids)), nil
	})
}

// safeToDestroy is as wrong as Ceph (16.2.15, 18.2.7, 20.2.4): an OSD that is up, and that no PG is mapped to, is safe, whatever copies
// it has that PGs still recover from.
func (c *Cluster) safeToDestroy(ids []int) ceph.SafeToDestroy {
	var answer ceph.SafeToDestroy
	clean := c.allActiveClean()
	pgs := 0
	for _, id := range ids {
		o := c.osd(id)
		switch {
		case o == nil:
			answer.Safe = append(answer.Safe, id)
		case c.mapped(o) > 0:
			pgs += c.mapped(o)
			answer.Active = append(answer.Active, id)
		case !clean && (!o.booted() || !o.up):
			answer.MissingStats = append(answer.MissingStats, id)
		default:
			answer.Safe = append(answer.Safe, id)
		}
	}
	answer.Explanation = explain(answer, pgs)
	return answer
}

// allActiveClean tells whether every PG is active and clean; stale ones still count as Ceph counts them.
func (c *Cluster) allActiveClean() bool {
	n := 0
	for state, count := range c.data.sums.states {
		if state&(pgActive|pgClean) == pgActive|pgClean {
			n += count
		}
	}
	return n == c.data.sums.total
}

// mapped counts the PGs whose up or acting set has the OSD.
func (c *Cluster) mapped(o *osd) int {
	n := 0
	for _, p := range c.allPGs() {
		if slices.Contains(p.acting, int32(o.id)) || slices.Contains(p.up, int32(o.id)) {
			n++
		}
	}
	return n
}

func explain(a ceph.SafeToDestroy, pgs int) string {
	if len(a.Active)+len(a.MissingStats) == 0 {
		return ""
	}
	var b strings.Builder
	if len(a.Safe) > 0 {
		fmt.Fprintf(&b, "OSD(s) %s are safe to destroy without reducing data durability. ", idList(a.Safe))
	}
	if len(a.Active) > 0 {
		fmt.Fprintf(&b, "OSD(s) %s have %d pgs currently mapped to them. ", idList(a.Active), pgs)
	}
	if len(a.MissingStats) > 0 {
		fmt.Fprintf(&b, "OSD(s) %s have no reported stats, and not all PGs are active+clean; we cannot draw any conclusions. ", idList(a.MissingStats))
	}
	return b.String()
}

// idList prints ids as Ceph prints a set.
func idList(ids []int) string {
	return strings.ReplaceAll(strings.Trim(fmt.Sprint(ids), "[]"), " ", ",")
}

// PGsOfOSD implements ceph.PGs.
func (k *Client) PGsOfOSD(ctx context.Context, id int) ([]ceph.PG, error) {
	return ask(ctx, k, mgrRead("PGsOfOSD", "pg ls-by-osd"), osdNames([]int{id}), func(c *Cluster) ([]ceph.PG, error) {
		c.settle()
		switch o := c.osd(id); {
		case o == nil:
			return nil, refusal.New(ceph.ENOENT, "osd %d does not exist", id)
		case !o.up:
			return nil, refusal.New(ceph.EAGAIN, "osd %d is not up", id)
		}
		var pgs []ceph.PG
		for _, p := range c.allPGs() {
			if slices.Contains(p.up, int32(id)) || slices.Contains(p.acting, int32(id)) {
				pgs = append(pgs, p.export())
			}
		}
		return pgs, nil
	})
}

// PGStates implements ceph.PGs.
func (k *Client) PGStates(ctx context.Context) ([]ceph.PGStateCount, error) {
	return ask(ctx, k, mgrRead("PGStates", "pg stat"), "", func(c *Cluster) ([]ceph.PGStateCount, error) {
		c.settle()
		return c.pgSummary().ByState, nil
	})
}

func (p *pg) export() ceph.PG {
	return ceph.PG{ID: p.id(), State: p.state.String(), Up: ints(p.up), Acting: ints(p.acting), Objects: p.objects, Bytes: p.bytes}
}

func ints(set []int32) []int {
	out := make([]int, len(set))
	for i, osd := range set {
		out[i] = int(osd)
	}
	return out
}
