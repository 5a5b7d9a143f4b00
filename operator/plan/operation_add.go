package plan

import (
	"fmt"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// prepareAdded waits until the disks that were approved serve. That it begins is recorded first: from then on the rules take
// them.
func (c *carrying) prepareAdded() {
	if !c.record.Final {
		c.record.Final = true
		c.save("the approved disks are taken")
		c.is(stepPrepare, lookSoon, "%s taken", count(len(c.record.Targets), "disk"))
		return
	}
	if c.dropping() {
		return
	}
	var at preparing
	for _, target := range c.record.Targets {
		if why, again := c.failedOn(target.Disk); why != "" && len(c.unborn(target.Disk)) > 0 {
			c.drop(target.Disk, c.unborn(target.Disk), why, again)
			return
		}
		c.lookAdded(target, &at)
	}
	switch {
	case len(at.working) > 0:
		c.is(stepPrepare, lookDraining, "%s", some(at.working))
	case len(at.lacking) > 0:
		c.fail("%s", some(at.lacking))
	default:
		c.finish("%s serve: %s", count(len(c.record.Targets), "disk"), c.addedText())
	}
}

func (c *carrying) lookAdded(target v1alpha1.OperationTarget, at *preparing) {
	on, text := c.on(target.Disk), c.unusable(target.Disk, target.Seal)
	why, _ := c.failedOn(target.Disk)
	switch drop := c.record.Dropped(target.Disk); {
	case drop != nil && len(on) == 0:
		at.lacking = append(at.lacking, fmt.Sprintf("disk %s failed: %s; %s, which never ran, was given back", target.Disk, drop.Why, osdNamesOf(drop.OSDs)))
	case why != "":
		at.lacking = append(at.lacking, fmt.Sprintf("disk %s failed: %s%s", target.Disk, why, c.staysText(target.Disk)))
	case c.provides(target.Disk):
	case len(on) == 0 && text != "":
		at.lacking = append(at.lacking, text)
	case len(on) == 0 && c.endsEarly():
		at.lacking = append(at.lacking, fmt.Sprintf("disk %s was not taken, and %s", target.Disk, c.endedBy()))
	case !complete(on):
		at.working = append(at.working, c.waitingText(target.Disk))
	default:
		c.serving(on, at)
	}
}

// provides says that a disk is the cluster's, for the DBs of others.
func (c *carrying) provides(disk string) bool {
	now := c.disks[disk]
	if now == nil || len(c.on(disk)) > 0 {
		return false
	}
	plan, o := deref(now.Status.Plan), newOperationComputation(c.in.OperationObserved)
	begun := plan.Action == v1alpha1.PlanProvide && plan.Reason == v1alpha1.PlanReasonMatched || plan.Action == v1alpha1.PlanKeep
	return begun && o.claimed(now)
}

func (c *carrying) addedDisks() (n int) {
	for _, target := range c.record.Targets {
		var at preparing
		if c.lookAdded(target, &at); len(at.working)+len(at.lacking)+len(at.in) == 0 {
			n++
		}
	}
	return n
}

func (c *carrying) addedText() string {
	var names []string
	for _, target := range c.record.Targets {
		on := c.on(target.Disk)
		for _, r := range on {
			names = append(names, osdName(r.ID))
		}
		if len(on) == 0 {
			names = append(names, target.Disk+" for DBs")
		}
	}
	return some(names)
}
