package sim

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/ceph/sim/internal/crush"
)

// count works out how many copies of the PG's objects are missing, and how
// many lie elsewhere than they should.
func (c *Cluster) count(p *pg) {
	p.degraded, p.misplaced = 0, 0
	if p.objects == 0 || p.shardBytes() == 0 {
		return
	}
	lack, away := c.lacking(p), c.lackingUp(p)
	p.degraded = lack
	p.misplaced = max(0, away-lack)
}

// lacking counts the objects that the best copies of each position lack.
func (c *Cluster) lacking(p *pg) int64 {
	best := c.bestCopies(p)
	var sum int64
	for position := range p.pool.size {
		if position < len(best) {
			sum += p.objectsOf(best[position])
		} else {
			sum += p.objects
		}
	}
	return sum
}

// bestCopies lists what serves or will serve, the most complete first; of an
// erasure-coded PG the best of each shard, by position.
func (c *Cluster) bestCopies(p *pg) []int64 {
	if p.erasure() {
		best := make([]int64, p.pool.size)
		for position := range best {
			best[position] = p.bestOf(int32(position), c)
		}
		return best
	}
	var missing []int64
	for _, y := range p.copies {
		if c.isUp(y.osd) && (slices.Contains(p.acting, y.osd) || slices.Contains(p.up, y.osd)) {
			missing = append(missing, y.missing)
		}
	}
	slices.SortFunc(missing, cmp.Compare)
	return missing
}

func (p *pg) bestOf(shard int32, c *Cluster) int64 {
	best := p.shardBytes()
	for _, y := range p.copies {
		if y.shard == shard && c.isUp(y.osd) {
			best = min(best, y.missing)
		}
	}
	return best
}

// lackingUp counts the objects that the OSDs of the up set lack.
func (c *Cluster) lackingUp(p *pg) int64 {
	var sum int64
	for position, osd := range p.up {
		if osd == crush.None {
			continue
		}
		if i := p.find(osd, p.shardAt(position)); i >= 0 {
			sum += p.objectsOf(p.copies[i].missing)
		} else {
			sum += p.objects
		}
	}
	return sum + int64(p.pool.size-members(p.up))*p.objects
}

// objectsOf turns bytes that are missing into objects.
func (p *pg) objectsOf(missing int64) int64 {
	if missing == 0 {
		return 0
	}
	share := float64(missing) / float64(p.shardBytes())
	return min(p.objects, max(1, int64(share*float64(p.objects)+0.5)))
}
