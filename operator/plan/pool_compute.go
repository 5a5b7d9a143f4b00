package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// When a pool is planned again although nothing changed.
const (
	// poolSoon is for what was just done: Ceph and caches show it a moment later.
	poolSoon = time.Second
	// poolOften is for what the mgr tells with a delay, such as that data is gone.
	poolOften = 5 * time.Second
	// poolSeldom is for what nobody announces: how full a pool is, how many images it has, snapshot classes.
	poolSeldom = time.Minute
)

// poolComputation is a plan in the making for an object that has pools of Ceph. It shares with that of a cluster how steps
// are added.
type poolComputation struct {
	computation
	in       OwnerObserved
	owner    poolOwner
	out      PoolPlan
	snapshot *ceph.Snapshot // fresh, or nil
	members  []member
}

func newPoolComputation(in OwnerObserved, owner poolOwner) poolComputation {
	return poolComputation{
		computation: computation{planned: map[string]bool{}},
		in:          in, owner: owner, snapshot: in.Ceph.fresh(), members: owner.members,
	}
}

// ComputePool plans for one StoragePool. The same arguments give the same plan.
func ComputePool(in PoolObserved) PoolPlan {
	computation := newPoolComputation(in.OwnerObserved, in.owner())
	c := &computation
	if in.Deleting {
		c.remove(removal{names: []string{in.Key.Name, in.Key.Name + dataPoolSuffix}, occupied: c.occupied, images: c.hasImages})
		return c.finish()
	}
	if !in.Cluster.Found || c.snapshot == nil {
		return c.finish()
	}
	c.place()
	if c.out.Refusal = c.refuse(); c.out.Refusal == nil {
		c.make()
		c.staleRules()
	}
	if c.out.Whole {
		c.classes(restsOnPools, restsOnPools)
	}
	return c.finish()
}

func (c *poolComputation) finish() PoolPlan {
	out := c.out
	out.Steps = c.plan.Steps
	if c.in.Cluster.Paused {
		out.Paused, out.Steps = out.Steps, nil
	}
	out.After = poolSeldom
	switch {
	case len(out.Steps) > 0:
		out.After = poolSoon
	case out.Occupied != nil || out.Waiting != "" || out.ClassesWait != "":
		out.After = poolOften
	}
	return out
}

// find returns a pool of Ceph; nil: there is none of the name.
func (c *poolComputation) find(name string) *ceph.Pool {
	at := slices.IndexFunc(c.snapshot.Pools, func(p ceph.Pool) bool { return p.Name == name })
	if at < 0 {
		return nil
	}
	return &c.snapshot.Pools[at]
}

// value returns what is kept beside the tag of a pool.
func (o poolOwner) value(pool *ceph.Pool, key string) string {
	return pool.ApplicationValues[o.Application+"/"+key]
}

// OwnerOf returns what a pool of Ceph was made for, of whatever kind; empty: for nobody that is known.
func OwnerOf(pool ceph.Pool) string {
	for _, kind := range OwnerKinds() {
		if owner := pool.ApplicationValues[kind.Application+"/"+PoolOwnerKey]; owner != "" {
			return owner
		}
	}
	return ""
}

// owned says that a pool of Ceph is this object's. One that nobody has is when it has no other tag, serves no filesystem
// and is placed by a rule of ours: it was made, and the program was killed before it could say so.
func (c *poolComputation) owned(pool *ceph.Pool) bool {
	if owner := OwnerOf(*pool); owner != "" {
		return owner == c.owner.Owner(c.in.Key.Name)
	}
	foreign := slices.ContainsFunc(pool.Applications, func(a string) bool { return a != c.owner.Application })
	return !foreign && c.filesystemOn(pool.ID) == nil && ownRule(pool.Name, ruleByID(c.snapshot.CRUSH.Rules, pool.RuleID))
}

// filesystemOn returns the filesystem that uses a pool of Ceph; nil: none does.
func (c *poolComputation) filesystemOn(pool int64) *ceph.Filesystem {
	for i := range c.snapshot.Filesystems {
		fs := &c.snapshot.Filesystems[i]
		if fs.MetadataPool == pool || slices.Contains(fs.DataPools, pool) {
			return fs
		}
	}
	return nil
}

func (c *poolComputation) place() {
	for _, m := range c.members {
		if c.out.Unplaceable == nil {
			c.out.Unplaceable = m.unplaceable(c.snapshot)
		}
	}
}

// refuse returns why the pools of these names are left alone.
func (c *poolComputation) refuse() *v1alpha1.Refusal {
	for _, m := range c.members {
		pool := c.find(m.name)
		switch {
		case pool == nil:
		case !c.owned(pool):
			return c.foreignPool(pool)
		case (pool.Type == ceph.Erasure) != m.layout.ErasureCoded():
			return &v1alpha1.Refusal{
				Reason:  v1alpha1.ReasonCephRefused,
				Message: fmt.Sprintf("the pool %s of Ceph is %s, and cannot become %s", pool.Name, pool.Type, layoutText(m.layout)),
				Remedy:  fmt.Sprintf("make a %s of another name and move the volumes", c.owner.Kind),
			}
		}
	}
	return nil
}

func (c *poolComputation) foreignPool(pool *ceph.Pool) *v1alpha1.Refusal {
	return &v1alpha1.Refusal{
		Reason: v1alpha1.ReasonCephRefused,
		Message: fmt.Sprintf("Ceph has a pool %s already, which is not of this %s but of %s", pool.Name, c.owner.Kind,
			cmp.Or(OwnerOf(*pool), "somebody else")),
		Remedy: fmt.Sprintf("choose another name; or give the pool to this %s, in the toolbox: ceph osd pool application set %s %s %s %s",
			c.owner.Kind, pool.Name, c.owner.Application, PoolOwnerKey, c.owner.Owner(c.in.Key.Name)),
	}
}

// make brings every pool of Ceph to what is declared.
func (c *poolComputation) make() {
	c.out.Whole = true
	for _, m := range c.members {
		pool := c.find(m.name)
		if pool == nil {
			c.out.Whole = false
			c.create(m)
			continue
		}
		c.out.Made = append(c.out.Made, v1alpha1.CephPool{Name: m.name, ID: pool.ID, Role: m.role})
		if c.owner.value(pool, PoolSettingsKey) == "" {
			c.out.Whole = false
		}
		c.keep(m, *pool)
	}
}

// create makes a pool and gives it all that creating does not. Without a place for its data nothing is made.
func (c *poolComputation) create(m member) {
	if c.out.Unplaceable != nil {
		return
	}
	rule, spec := m.rule(), m.spec()
	created := CreateCephPool{spec}
	c.ensureRule(rule)
	c.add(created, "Ceph has no pool of this name", rule)
	fresh := ceph.Pool{
		Name: m.name, Type: spec.Type, Size: spec.Size, MinSize: m.minSize(), AutoscaleMode: spec.AutoscaleMode, RuleID: -1,
	}
	if m.layout.ErasureCoded() {
		fresh.Flags = []string{"ec_overwrites"}
	}
	c.settle(m, fresh, m.differences(fresh, []ceph.CRUSHRule{{ID: -1, Name: spec.Rule}}), created)
}

func (c *poolComputation) ensureRule(rule EnsurePoolRule) {
	if !slices.ContainsFunc(c.snapshot.CRUSH.Rules, func(r ceph.CRUSHRule) bool { return r.Name == rule.Rule.Name }) {
		c.add(rule, "a pool is placed by a rule of its own")
	}
}

// keep brings a pool that there is to what is declared. What differs although it was all set before was changed by hand.
func (c *poolComputation) keep(m member, pool ceph.Pool) {
	differences := m.differences(pool, c.snapshot.CRUSH.Rules)
	if c.owner.value(&pool, PoolSettingsKey) == m.settingsText() {
		c.out.Drift = append(c.out.Drift, differences...)
		return
	}
	wanted := c.placeable(differences)
	if slices.ContainsFunc(wanted, func(d PoolDifference) bool { return d.Option == optionRule }) {
		c.ensureRule(m.rule())
	}
	c.settle(m, pool, wanted, m.rule())
}

// placeable leaves out what moves data while there is no place for it.
func (c *poolComputation) placeable(differences []PoolDifference) (wanted []PoolDifference) {
	for _, d := range differences {
		if c.out.Unplaceable != nil && movesData(d.Option) {
			c.out.Held = append(c.out.Held, d)
			continue
		}
		wanted = append(wanted, d)
	}
	if len(c.out.Held) > 0 { // min_size goes with size
		wanted = slices.DeleteFunc(wanted, func(d PoolDifference) bool { return d.Option == optionMinSize })
	}
	return wanted
}

// settle claims a pool, readies it, sets what differs and records that.
func (c *poolComputation) settle(m member, pool ceph.Pool, wanted []PoolDifference, after Action) {
	claim, done := ClaimCephPool{m.name, c.owner.Owner(c.in.Key.Name)}, []Action{}
	if c.owner.value(&pool, PoolOwnerKey) == "" {
		c.add(claim, "the pool is to say whose it is", after)
	}
	if m.images && c.owner.value(&pool, PoolSettingsKey) == "" {
		c.add(InitCephPool{m.name}, "images are kept in it", after, claim)
		done = append(done, InitCephPool{m.name})
	}
	for _, s := range m.settings() {
		at := slices.IndexFunc(wanted, func(d PoolDifference) bool { return d.Option == s.option })
		if at < 0 {
			continue
		}
		c.out.Changing, c.out.Moves = append(c.out.Changing, wanted[at]), c.out.Moves || movesData(s.option)
		c.add(m.action(s), wanted[at].String(), append(slices.Clone(done), after, claim)...)
		done = append(done, m.action(s))
	}
	if len(c.out.Held) == 0 {
		c.add(RecordCephPool{m.name, m.settingsText()}, "all settings are as declared", append(done, after, claim)...)
	}
}

// differences lists the settings of a pool that are not as they are to be, in the order in which they are set. Where
// the number of copies changes, Ceph changes min_size too, so that it is set again.
func (m member) differences(pool ceph.Pool, rules []ceph.CRUSHRule) []PoolDifference {
	var found []PoolDifference
	resized := false
	for _, s := range m.settings() {
		is := live(pool, s.option, rules)
		differs := !sameValue(is, s.value)
		resized = resized || differs && s.option == optionSize
		if differs || resized && s.option == optionMinSize {
			found = append(found, PoolDifference{m.name, s.option, s.value, is})
		}
	}
	return found
}

// staleRules takes away the rules that the pools had before. The rule that a profile was made with keeps it company.
func (c *poolComputation) staleRules() {
	for _, m := range c.members {
		pool := c.find(m.name)
		if pool == nil {
			continue
		}
		for _, rule := range c.snapshot.CRUSH.Rules {
			if ownRule(m.name, rule) && rule.ID != pool.RuleID && rule.Name != m.ruleName() && rule.Name != pool.ErasureProfile {
				c.add(RemovePoolRule{rule.Name, rule.Type == ceph.Erasure}, "no pool is placed by it any more")
			}
		}
	}
}
