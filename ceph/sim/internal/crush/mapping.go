package crush

import (
	"slices"

	"github.com/seamount-dev/seamount/ceph"
)

// None stands for "no OSD" in a position of an erasure-coded PG.
const None = -1

// tries is CRUSH's choose_total_tries.
const tries = 51

// tree is the part of the map that one rule sees: one root, one class, nothing
// of weight zero.
type tree struct {
	id      int
	rank    int
	weight  int64
	items   []choice
	members []Member // once they were asked for
}

type choice struct {
	id      int
	weight  int64
	inverse float64 // 1 / weight
	sub     *tree   // nil: a device
}

// Choose maps a PG to up to n OSDs. A replicated rule gives a shorter list when
// it finds no more, an erasure rule leaves None in the position. The function
// out tells that an OSD's data has to go elsewhere.
func (m *Map) Choose(rule ceph.CRUSHRule, x uint64, n int, out func(osd int) bool) []int32 {
	t := m.treeOf(rule.Root, rule.DeviceClass)
	if t == nil {
		return empty(rule, n)
	}
	p := placement{tree: t, x: x, n: n, domain: rankOf(rule.FailureDomain), out: out}
	if rule.Type == ceph.Erasure {
		return p.indep()
	}
	return p.firstn()
}

func empty(rule ceph.CRUSHRule, n int) []int32 {
	if rule.Type != ceph.Erasure {
		return nil
	}
	return slices.Repeat([]int32{None}, n)
}

// Member is an OSD that a rule can use.
type Member struct {
	ID     int
	Weight float64 // in CRUSH
}

// Members lists the OSDs that a rule can use, by id. Callers share the list.
func (m *Map) Members(rule ceph.CRUSHRule) []Member {
	t := m.treeOf(rule.Root, rule.DeviceClass)
	if t == nil {
		return nil
	}
	if t.members == nil {
		t.members = t.collect([]Member{})
		slices.SortFunc(t.members, func(a, b Member) int { return a.ID - b.ID })
	}
	return t.members
}

func (t *tree) collect(list []Member) []Member {
	for _, c := range t.items {
		if c.sub == nil {
			list = append(list, Member{ID: c.id, Weight: float64(c.weight) / unit})
		} else {
			list = c.sub.collect(list)
		}
	}
	return list
}

func (m *Map) treeOf(root, class string) *tree {
	key := root + "~" + class
	if t, ok := m.trees[key]; ok {
		return t
	}
	b, ok := m.byName[root]
	if !ok {
		return nil
	}
	if m.trees == nil {
		m.trees = map[string]*tree{}
	}
	m.trees[key] = m.grow(b, class)
	return m.trees[key]
}

func (m *Map) grow(b *bucket, class string) *tree {
	t := &tree{id: b.id, rank: b.rank}
	for _, i := range b.items {
		var sub *tree
		weight := i.weight
		if i.sub != nil {
			sub = m.grow(i.sub, class)
			weight = sub.weight
		} else if class != "" && m.devices[i.id].class != class {
			continue
		}
		if weight > 0 {
			t.weight += weight
			t.items = append(t.items, choice{id: i.id, weight: weight, inverse: 1 / float64(weight), sub: sub})
		}
	}
	return t
}

// draw is straw2: each item draws a straw whose length follows its weight, so
// that a change moves data to or from the item that changed only.
func (t *tree) draw(x uint64, r int) choice {
	if len(t.items) == 0 {
		return choice{id: None}
	}
	best, shortest := 0, 0.0
	seed := Hash(x, uint64(r))
	for i := range t.items {
		straw := float64(exponential(Hash(seed, uint64(t.items[i].id)))) * t.items[i].inverse
		if i == 0 || straw < shortest {
			best, shortest = i, straw
		}
	}
	return t.items[best]
}

// descend walks down to an item of the rank.
func (t *tree) descend(x uint64, r, rank int) choice {
	for {
		c := t.draw(x, r)
		if c.sub == nil {
			if rank == 0 {
				return c
			}
			return choice{id: None}
		}
		if c.sub.rank == rank {
			return c
		}
		t = c.sub
	}
}

type placement struct {
	tree   *tree
	x      uint64
	n      int
	domain int
	out    func(int) bool

	domains []int
	osds    []int32
}

// try looks for one OSD in a failure domain that is not taken yet. An empty
// tree answers None too.
func (p *placement) try(r int) (domain, osd int) {
	c := p.tree.descend(p.x, r, p.domain)
	if c.id == None && c.sub == nil || slices.Contains(p.domains, c.id) {
		return 0, None
	}
	leaf := c
	if c.sub != nil {
		leaf = c.sub.descend(p.x, r, 0)
	}
	if leaf.sub != nil || leaf.id < 0 || p.out(leaf.id) {
		return 0, None
	}
	return c.id, leaf.id
}

func (p *placement) firstn() []int32 {
	for rep := range p.n {
		for attempt := range tries {
			if domain, osd := p.try(rep + attempt); osd != None {
				p.domains = append(p.domains, domain)
				p.osds = append(p.osds, int32(osd))
				break
			}
		}
	}
	return p.osds
}

func (p *placement) indep() []int32 {
	p.osds = slices.Repeat([]int32{None}, p.n)
	for attempt := range tries {
		for rep := range p.n {
			if p.osds[rep] != None {
				continue
			}
			if domain, osd := p.try(rep + p.n*attempt); osd != None {
				p.domains = append(p.domains, domain)
				p.osds[rep] = int32(osd)
			}
		}
	}
	return p.osds
}
