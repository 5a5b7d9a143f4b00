package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// stuckAfter is mon_pg_stuck_threshold: Ceph waits that long before it counts
// a PG as undersized.
const stuckAfter = time.Minute

// pgChecks reports what PGs lack. The sums tell whether there is anything to look for.
func (c *Cluster) pgChecks() []ceph.HealthCheck {
	var unhealthy bool
	for state := range c.data.sums.states {
		if state&^(pgActive|pgClean|pgRemapped|pgBackfilling|pgBackfillWait) != 0 || state&pgActive == 0 {
			unhealthy = true
		}
	}
	if !unhealthy {
		return nil
	}
	f := &pgFindings{}
	for _, p := range c.allPGs() {
		f.look(c, p)
	}
	return f.checks(c)
}

// pgFindings collects the PGs of each check.
type pgFindings struct {
	inactive, down, incomplete, stale int
	degraded, undersized              int
	availability, redundancy          []string
	backfillFull, recoveryFull        []string
}

func (f *pgFindings) look(c *Cluster, p *pg) {
	stuck := c.clock.now.Sub(p.since)
	now := fmt.Sprintf("pg %s is %s, acting %s", p.id(), p.state, actingText(p))
	f.lookAvailability(p, now, stuck)
	if p.state&pgDegraded != 0 {
		f.degraded++
	}
	if p.state&pgUndersized != 0 && stuck >= stuckAfter {
		f.undersized++
		now = fmt.Sprintf("pg %s is stuck undersized for %s, current state %s, last acting %s", p.id(), span(stuck), p.state, actingText(p))
	}
	if p.state&pgDegraded != 0 || p.state&pgUndersized != 0 && stuck >= stuckAfter {
		f.redundancy = append(f.redundancy, now)
	}
	if p.state&pgBackfillTooFull != 0 {
		f.backfillFull = append(f.backfillFull, now)
	}
	if p.state&pgRecoveryTooFull != 0 {
		f.recoveryFull = append(f.recoveryFull, now)
	}
}

func (f *pgFindings) lookAvailability(p *pg, now string, stuck time.Duration) {
	if p.state&pgStale != 0 {
		f.stale++
	}
	if p.state&pgDown != 0 {
		f.down++
	}
	if p.state&pgIncomplete != 0 {
		f.incomplete++
	}
	if p.state&pgActive == 0 {
		f.inactive++
		now = fmt.Sprintf("pg %s is stuck inactive for %s, current state %s, last acting %s", p.id(), span(stuck), p.state, actingText(p))
	}
	if p.state&pgActive == 0 || p.state&pgStale != 0 {
		f.availability = append(f.availability, now)
	}
}

// span prints a duration as Ceph does: whole seconds, minutes, hours.
func span(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	default:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
}

// actingText prints an acting set with NONE for a hole.
func actingText(p *pg) string {
	var ids []string
	for _, osd := range p.acting {
		if osd < 0 {
			ids = append(ids, "NONE")
		} else {
			ids = append(ids, fmt.Sprint(osd))
		}
	}
	return "[" + strings.Join(ids, ",") + "]"
}

// counted is a number of PGs in a state.
type counted struct {
	n    int
	what string
}

// listed prints "2 pgs inactive, 1 pg down".
func listed(counts ...counted) string {
	var parts []string
	for _, c := range counts {
		switch c.n {
		case 0:
		case 1:
			parts = append(parts, "1 pg "+c.what)
		default:
			parts = append(parts, fmt.Sprintf("%d pgs %s", c.n, c.what))
		}
	}
	return strings.Join(parts, ", ")
}

func (f *pgFindings) checks(c *Cluster) []ceph.HealthCheck {
	var checks []ceph.HealthCheck
	checks = append(checks, warning("PG_AVAILABILITY", "Reduced data availability: "+
		listed(counted{f.inactive, "inactive"}, counted{f.down, "down"}, counted{f.incomplete, "incomplete"}, counted{f.stale, "stale"}), f.availability)...)
	summary := "Degraded data redundancy: "
	if s := c.data.sums; s.degraded > 0 {
		summary += fmt.Sprintf("%d/%d objects degraded (%.3f%%), ", s.degraded, s.copies, 100*float64(s.degraded)/float64(s.copies))
	}
	checks = append(checks, warning("PG_DEGRADED", summary+
		listed(counted{f.degraded, "degraded"}, counted{f.undersized, "undersized"}), f.redundancy)...)
	checks = append(checks, warning("PG_BACKFILL_FULL",
		"Low space hindering backfill (add storage if this doesn't resolve itself): "+listed(counted{len(f.backfillFull), "backfill_toofull"}), f.backfillFull)...)
	return append(checks, finding(ceph.HealthErr, "PG_RECOVERY_FULL",
		"Full OSDs blocking recovery: "+listed(counted{len(f.recoveryFull), "recovery_toofull"}), f.recoveryFull)...)
}
