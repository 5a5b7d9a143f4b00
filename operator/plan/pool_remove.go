package plan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// emptyPool is how many bytes a pool without images may still hold: librbd keeps some records of its own.
const emptyPool = 1 << 20

// removal is how an object with pools of Ceph is taken away.
type removal struct {
	// names of its pools.
	names []string
	// occupied returns what is still in the pools; nil: nothing.
	occupied func([]ceph.Pool) *v1alpha1.Refusal
	// images says that a pool holds images, which are looked for once more.
	images func(pool string) bool
	// before plans what comes before the pools are deleted; nil: nothing.
	before func()
}

// remove deletes the pools of Ceph and what was made beside them, once nothing is in them. What was not made for this
// object stays.
func (c *poolComputation) remove(r removal) {
	reason := fmt.Sprintf("the %s is being deleted", c.owner.Kind)
	if !c.in.Cluster.Found || !c.in.Cluster.Identity && !c.owner.made {
		c.removeClasses(reason)
		c.add(ReleasePool{}, "there is no cluster that has pools of it", c.removals()...)
		return
	}
	if c.snapshot == nil {
		return
	}
	pools := c.ownPools(r.names)
	if c.out.Occupied = r.occupied(pools); c.out.Occupied != nil {
		return
	}
	c.removeClasses(reason)
	if r.before != nil {
		r.before()
	}
	for _, pool := range pools {
		c.add(DeleteCephPool{pool.Name, r.images(pool.Name)}, reason+", and nothing is in the pool", c.removals()...)
	}
	c.removeRules(r.names)
	c.add(ReleasePool{}, "all that was made for it is deleted", c.removals()...)
}

// removals lists what is planned so far: each deletion comes after all before it.
func (c *poolComputation) removals() []Action {
	var all []Action
	for _, step := range c.plan.Steps {
		all = append(all, step.Do)
	}
	return all
}

func (c *poolComputation) hasImages(pool string) bool { return pool == c.in.Key.Name }

// ownPools returns the pools of Ceph of these names that were made for this object.
func (c *poolComputation) ownPools(names []string) []ceph.Pool {
	var own []ceph.Pool
	for _, name := range names {
		if pool := c.find(name); pool != nil && c.owned(pool) {
			own = append(own, *pool)
		}
	}
	return own
}

// occupied returns what is still in the pools; nil: nothing. What could not be listed is not empty.
func (c *poolComputation) occupied(pools []ceph.Pool) *v1alpha1.Refusal {
	for _, pool := range pools {
		content := c.in.Content
		switch {
		case c.hasImages(pool.Name) && !content.Known:
			return &v1alpha1.Refusal{
				Reason:  v1alpha1.ReasonNotObserved,
				Message: fmt.Sprintf("the images in the pool could not be listed: %s", orNone(content.Trouble)),
			}
		case c.hasImages(pool.Name) && content.Volumes+content.Snapshots > 0:
			return &v1alpha1.Refusal{
				Reason:  v1alpha1.ReasonDependentsExist,
				Message: fmt.Sprintf("the pool still holds %s", c.owner.contentText(content)),
				Remedy:  "delete them first",
			}
		case pool.StoredBytes > emptyPool:
			return &v1alpha1.Refusal{
				Reason:  v1alpha1.ReasonDependentsExist,
				Message: fmt.Sprintf("the pool %s of Ceph still holds %sB that belong to no image here", pool.Name, binarySize(pool.StoredBytes)),
				Remedy:  "wait for deletions that are under way, or see in the toolbox what it is: rados -p " + pool.Name + " ls --all",
			}
		}
	}
	return nil
}

// contentText says what a pool or a filesystem holds, with the first names.
func (o poolOwner) contentText(content PoolContent) string {
	var parts []string
	for _, kind := range []struct {
		n    int32
		noun string
	}{{content.Volumes, o.volume}, {content.Snapshots, "snapshot"}} {
		if kind.n > 0 {
			parts = append(parts, count(kind.n, kind.noun))
		}
	}
	names := slices.Clone(content.First[:min(len(content.First), shown)])
	if more := int(content.Volumes+content.Snapshots) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, " and ") + " (" + strings.Join(names, ", ") + ")"
}

// removeRules takes away every rule that was made for the pools, whatever they were placed by last.
func (c *poolComputation) removeRules(names []string) {
	for _, name := range names {
		if pool := c.find(name); pool != nil && !c.owned(pool) {
			continue
		}
		for _, rule := range c.snapshot.CRUSH.Rules {
			if ownRule(name, rule) && !c.usedElsewhere(rule.ID, names) {
				c.add(RemovePoolRule{rule.Name, rule.Type == ceph.Erasure}, "its pool is deleted", c.removals()...)
			}
		}
	}
}

// usedElsewhere says that somebody placed a pool of his own by the rule.
func (c *poolComputation) usedElsewhere(rule int, own []string) bool {
	return slices.ContainsFunc(c.snapshot.Pools, func(p ceph.Pool) bool {
		return p.RuleID == rule && !slices.Contains(own, p.Name)
	})
}
