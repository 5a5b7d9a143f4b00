package sim

import "strings"

// pgState is a set of Ceph's PG states, in the order in which Ceph prints them.
type pgState uint32

const (
	pgStale pgState = 1 << iota
	pgCreating
	pgActive
	pgClean
	pgRecoveryWait
	pgRecoveryTooFull
	pgRecovering
	pgDown
	pgUndersized
	pgDegraded
	pgRemapped
	pgBackfillWait
	pgBackfilling
	pgBackfillTooFull
	pgIncomplete
	pgPeered
)

var pgStateNames = []string{
	"stale", "creating", "active", "clean", "recovery_wait", "recovery_toofull", "recovering", "down", "undersized", "degraded",
	"remapped", "backfill_wait", "backfilling", "backfill_toofull", "incomplete", "peered",
}

// pgAtWork are the states that say how far a PG is on its way to clean.
const pgAtWork = pgRecoveryWait | pgRecoveryTooFull | pgRecovering | pgBackfillWait | pgBackfilling | pgBackfillTooFull

// String prints the state as Ceph does; no state at all is "unknown": nobody reported the PG yet.
func (s pgState) String() string {
	if s == 0 {
		return "unknown"
	}
	var names []string
	for i, name := range pgStateNames {
		if s&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, "+")
}

// setWork changes only what work is under way.
func (c *Cluster) setWork(p *pg, work pgState) {
	state := p.state&^pgAtWork | work
	if state == p.state {
		return
	}
	c.account(p, -1)
	p.state = state
	c.account(p, 1)
}
