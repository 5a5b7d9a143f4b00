package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// DefaultMonGrace is how long a mon must have been lost before another takes its place, where nothing else is said: longer
// than a node takes to restart, so that a restart changes no monmap.
const DefaultMonGrace = 10 * time.Minute

// LostMons returns the mons that are out of quorum and cannot come back by themselves: their node is gone or not ready, or
// their store is missing. false: nobody knows, because Ceph does not answer.
func LostMons(in Observed) (lost []string, known bool) {
	snapshot := in.Ceph.fresh()
	if snapshot == nil {
		return nil, false
	}
	for _, mon := range in.Mons.Mons {
		if !slices.Contains(snapshot.Quorum.InQuorum, mon.Name) && whyLost(in, mon) != "" {
			lost = append(lost, mon.Name)
		}
	}
	return lost, true
}

// whyLost says why a mon cannot come back by itself; empty: it can.
func whyLost(in Observed, mon handover.Mon) string {
	if trouble := nodeTrouble(in, mon.Node); trouble != "" {
		return trouble
	}
	for _, d := range in.Deployed {
		if d.Daemon == (DaemonID{DaemonMon, mon.Name}) && !d.Running && d.Refusal != nil && d.Refusal.Reason == handover.ReasonStoreMissing {
			return "its store is missing"
		}
	}
	return ""
}

// nodeTrouble says why a node runs nothing, whatever the pods say that it was to run: nobody tells the API server that they
// have ended. Empty: it is ready.
func nodeTrouble(in Observed, node string) string {
	at := slices.IndexFunc(in.Nodes, func(n Node) bool { return n.Name == node })
	switch {
	case at < 0:
		return fmt.Sprintf("node %s is gone", node)
	case !in.Nodes[at].Ready:
		return fmt.Sprintf("node %s is not ready", node)
	}
	return ""
}

// failOver replaces a mon that has been lost for longer than the grace: another one joins the living quorum first, and only
// when it is there the lost one is taken out. It returns whether there is a mon to be replaced, so that the number of mons
// is not changed otherwise meanwhile.
func (c *computation) failOver(want int) bool {
	if c.snapshot == nil {
		return false
	}
	var lost []monPlace
	for _, mon := range c.monRecords {
		if !c.inQuorum(mon.Name) && whyLost(c.in, mon.Mon) != "" {
			lost = append(lost, mon)
		}
	}
	if len(lost) == 0 {
		return false
	}
	if len(c.monRecords) > c.reachable(want) {
		return c.finishFailover(lost, want)
	}
	var over []monPlace
	for _, mon := range lost {
		if left := c.monGraceLeft(mon.Name); left > 0 {
			c.wake(left)
			continue
		}
		over = append(over, mon)
	}
	if len(over) > 0 {
		c.beginFailover(over[0], lost)
	}
	return len(over) > 0
}

// monGraceLeft returns how long a lost mon may still come back.
func (c *computation) monGraceLeft(name string) time.Duration {
	grace := cmp.Or(c.in.MonGrace, DefaultMonGrace)
	since, known := c.in.MonsLost[name]
	if !known {
		return grace
	}
	return since.Add(grace).Sub(c.in.Now)
}

// beginFailover lets another mon join. All that are not lost must be in quorum, and must stay a majority if the new one
// enters the monmap and dies at once.
func (c *computation) beginFailover(old monPlace, lost []monPlace) {
	in, all := len(c.snapshot.Quorum.InQuorum), len(c.snapshot.Quorum.Mons)
	why := whyLost(c.in, old.Mon)
	switch {
	case len(c.monRecords)-len(lost) > in || (in+1)*2 <= all+1:
		c.hold(v1alpha1.ReasonMonOutOfQuorum, fmt.Sprintf("mon.%s is not replaced: %s, and the others are not all in quorum", old.Name, why),
			"bring the other mons back first")
	case len(c.monNodes()) == 0:
		c.hold(v1alpha1.ReasonTooFewNodes, fmt.Sprintf("mon.%s is not replaced: %s, and no other node is ready that mons may run on and that has none",
			old.Name, why), "bring the node back, add a node, or let mons run on more nodes (spec.mon.placement)")
	default:
		c.addMons(1, handover.MonJoining)
		added := c.monRecords[len(c.monRecords)-1]
		c.hold(v1alpha1.ReasonFailingOver, fmt.Sprintf("mon.%s on node %s takes the place of mon.%s: %s", added.Name, added.Node, old.Name, why), "")
	}
}

// finishFailover takes a lost mon out once another one is in its place. One that was to join and was lost before it did is
// given up after the grace too.
func (c *computation) finishFailover(lost []monPlace, want int) bool {
	var members []monPlace // that are lost, and have a vote
	for _, mon := range lost {
		switch {
		case c.inMonmap(mon.Name):
			members = append(members, mon)
		case c.monGraceLeft(mon.Name) <= 0:
			c.removeMon(mon.Name, "it was lost before it joined: "+whyLost(c.in, mon.Mon))
			return true
		default:
			c.wake(c.monGraceLeft(mon.Name))
		}
	}
	if len(members) == 0 {
		return false
	}
	old, in := members[0], c.quorateRecords()
	why := whyLost(c.in, old.Mon)
	if joining := c.joiningMon(lost); joining == nil && len(in) >= c.reachable(want)-len(members)+1 {
		successor := in[len(in)-1]
		c.replaceMon(old.Name, successor, fmt.Sprintf("mon.%s is in quorum in its place: %s", successor, why))
	} else if joining != nil {
		c.hold(v1alpha1.ReasonFailingOver, fmt.Sprintf("mon.%s on node %s is joining in the place of mon.%s: %s", joining.Name, joining.Node, old.Name, why), "")
	} else {
		c.hold(v1alpha1.ReasonFailingOver, fmt.Sprintf("mon.%s waits until another one is in quorum in its place: %s", old.Name, why), "")
	}
	return true
}

// joiningMon returns a mon that is out of quorum and can still come; nil: there is none.
func (c *computation) joiningMon(lost []monPlace) *monPlace {
	at := slices.IndexFunc(c.monRecords, func(m monPlace) bool { return !c.inQuorum(m.Name) && !slices.Contains(lost, m) })
	if at < 0 {
		return nil
	}
	return &c.monRecords[at]
}

// quorateRecords are the recorded mons that are in quorum, in the order in which they were named.
func (c *computation) quorateRecords() []string {
	var in []string
	for _, mon := range c.monRecords {
		if c.inQuorum(mon.Name) {
			in = append(in, mon.Name)
		}
	}
	return in
}

func (c *computation) hold(reason, message, remedy string) {
	c.plan.Failover = &v1alpha1.Refusal{Reason: reason, Message: message, Remedy: remedy}
}
