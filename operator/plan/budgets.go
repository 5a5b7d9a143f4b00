package plan

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/seamount-dev/seamount/operator/manifest"
)

// leastMonsToSpare are the fewest mons of which one can be spared.
const leastMonsToSpare = 3

// ApplyBudget applies a PodDisruptionBudget.
type ApplyBudget struct{ Budget manifest.Budget }

// RemoveBudget takes a PodDisruptionBudget away.
type RemoveBudget struct{ Budget manifest.Budget }

// Target implements Action.
func (a ApplyBudget) Target() string { return a.Budget.Name() }

// Target implements Action.
func (a RemoveBudget) Target() string { return a.Budget.Name() }

// unseen is why nothing may be evicted of a cluster that cannot be seen.
const unseen = "Ceph does not say whether all is well"

// budgets keep evictions from taking away more than Ceph can spare. They follow what Ceph says also while nothing else is
// done: one that is not kept up would let a second failure domain go.
func (c *computation) budgets() {
	facts := c.in.Ceph
	asked := facts.Reach == ReachUnreachable || facts.Reach == ReachUnauthorized || facts.Snapshot != nil
	switch {
	case c.in.Identity == nil || !c.in.Mons.QuorumRecorded:
		return
	case c.snapshot != nil && c.snapshot.FSID != c.in.Identity.FSID:
		return // it is another cluster that answers
	case c.snapshot == nil && (facts.Fresh || !asked):
		return // it was well a moment ago, or is being asked: what is applied stays
	}
	var wanted []manifest.Budget
	if c.deploys(DaemonOSD) > 0 {
		wanted = append(wanted, c.osdBudget())
	}
	if c.deploys(DaemonMon) > 0 && !c.oneNode(DaemonMon, DaemonOSD) {
		wanted = append(wanted, c.monBudget())
	}
	wanted = append(wanted, c.standbyBudgets()...)
	c.applyBudgets(wanted)
}

// deploys counts the daemons of a kind that have a Deployment.
func (c *computation) deploys(kind DaemonKind) (number int) {
	for id := range c.deployed {
		if id.Kind == kind {
			number++
		}
	}
	return number
}

// monBudget spares one mon, when all others hold quorum without it. One or two mons can spare none: without quorum all I/O
// stops. A mon that is out of quorum is no loss.
func (c *computation) monBudget() manifest.Budget {
	budget := manifest.Budget{Component: manifest.ComponentMon, Because: c.whyNoMon()}
	if budget.Because == "" {
		budget.Spare, budget.Because = 1, "all mons are in quorum, and hold it without one"
		return budget
	}
	c.tellEvictions("mon", budget.Because)
	for _, id := range c.deployedMons() {
		if c.snapshot != nil && !c.inQuorum(id.Name) {
			budget.Without = append(budget.Without, id.String())
		}
	}
	return budget
}

// whyNoMon returns why no mon can be spared; empty: one can.
func (c *computation) whyNoMon() string {
	switch {
	case c.snapshot == nil:
		return unseen
	case len(c.snapshot.Quorum.Mons) < leastMonsToSpare:
		return fmt.Sprintf("a quorum of %s can spare none", count(len(c.snapshot.Quorum.Mons), "mon"))
	case len(c.snapshot.Quorum.InQuorum) < len(c.snapshot.Quorum.Mons):
		return "not all mons are in quorum"
	}
	for _, id := range c.deployedMons() {
		if c.inQuorum(id.Name) && c.unproven(id) {
			return id.String() + " does not run, or has only just started"
		}
	}
	return ""
}

// deployedMons are those that have a Deployment, in the order of their names. All other daemons may be thousands.
func (c *computation) deployedMons() []DaemonID {
	mons := map[DaemonID]*Deployed{}
	for id, d := range c.deployed {
		if id.Kind == DaemonMon {
			mons[id] = d
		}
	}
	return sortedDaemons(mons)
}

// tellEvictions notes, for whoever drains a node, why none of some daemons may be evicted.
func (c *computation) tellEvictions(noun, because string) {
	c.plan.Evictions = append(c.plan.Evictions, fmt.Sprintf("no %s may be evicted: %s", noun, because))
}

// standbyBudgets hold the mgrs, and the metadata servers of each filesystem, where one can take over from another. A single
// one may be evicted: it keeps nothing, and is made again elsewhere.
func (c *computation) standbyBudgets() (budgets []manifest.Budget) {
	numbers := map[string]int{}
	for id, d := range c.deployed {
		if id.Kind == DaemonMDS && d.Filesystem != "" {
			numbers[d.Filesystem]++
		}
	}
	for _, filesystem := range sortedStrings(numbers) {
		if numbers[filesystem] > 1 {
			budgets = append(budgets, manifest.Budget{
				Component: manifest.ComponentMDS, Filesystem: filesystem, Spare: 1, Because: "another metadata server takes over from one",
			})
		}
	}
	if c.deploys(DaemonMgr) > 1 {
		budgets = append(budgets, manifest.Budget{Component: manifest.ComponentMgr, Spare: 1, Because: "another mgr takes over from one"})
	}
	return budgets
}

// applyBudgets has what differs applied, and what is not wanted any more taken away.
func (c *computation) applyBudgets(wanted []manifest.Budget) {
	for _, budget := range wanted {
		if have := c.budgetInPlace(budget); have == nil || !reflect.DeepEqual(*have, budget) {
			c.add(ApplyBudget{budget}, budget.Because)
			c.wake(lookDraining) // the last look may refuse to let OSDs go, and a budget's status wakes nobody
		}
	}
	for _, budget := range slices.SortedFunc(slices.Values(c.in.Budgets), manifest.Budget.Compare) {
		if !slices.ContainsFunc(wanted, func(b manifest.Budget) bool { return b.Compare(budget) == 0 }) {
			c.add(RemoveBudget{budget}, "it protects nothing any more")
		}
	}
}

// budgetInPlace returns the budget for the same daemons as it is applied; nil: there is none.
func (c *computation) budgetInPlace(wanted manifest.Budget) *manifest.Budget {
	at := slices.IndexFunc(c.in.Budgets, func(b manifest.Budget) bool { return b.Compare(wanted) == 0 })
	if at < 0 {
		return nil
	}
	return &c.in.Budgets[at]
}
