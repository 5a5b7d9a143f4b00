package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// rolloutSettle is how long after the last start of a daemon Ceph must have been read for its word to count: OSDs
// report the states of their PGs every few seconds, and until then a PG still counts as what it was.
const rolloutSettle = 10 * time.Second

// change is a daemon whose pod would restart.
type change struct {
	daemon   Daemon
	deployed *Deployed
	reason   string
}

func (c change) id() DaemonID { return c.daemon.ID }

// rollout lets changed templates reach one failure domain at a time. A daemon that does no work loses nothing by a restart
// and is changed at once: a bad setting is taken back without waiting for health that it spoilt.
func (c *computation) rollout(changes []change) {
	var gated []change
	for _, ch := range changes {
		if !c.idle(ch) {
			gated = append(gated, ch)
			continue
		}
		c.add(ApplyDaemon{Daemon: ch.daemon}, "it does no work now, and changes: "+ch.reason)
	}
	if len(gated) == 0 {
		return
	}
	because := c.gate(gated)
	var batch []change
	if because == nil {
		batch, because = c.batch(gated)
	}
	ids := make([]DaemonID, 0, len(batch))
	for _, ch := range batch {
		ids = append(ids, ch.id())
	}
	for _, ch := range gated {
		if slices.Contains(ids, ch.id()) {
			c.add(ApplyDaemon{Daemon: ch.daemon, Restart: true, Batch: ids}, "restarts: "+ch.reason)
			continue
		}
		c.plan.Held = append(c.plan.Held, Held{ch.daemon, ch.reason, *because})
	}
	c.wake(rolloutSettle)
}

// idle says that a daemon does nothing that a restart would interrupt: it does not run, or it has run for a while and
// Ceph does not see it.
func (c *computation) idle(ch change) bool {
	if !ch.deployed.Running {
		return true
	}
	if c.snapshot == nil || c.snapshot.At.Sub(ch.deployed.Started) < rolloutSettle {
		return false
	}
	switch id := ch.id(); id.Kind {
	case DaemonMon:
		return !c.inQuorum(id.Name)
	case DaemonMgr:
		return !c.mgrKnown(id.Name)
	case DaemonMDS:
		return !c.mdsSeen(id.Name)
	default:
		return !c.osdUp(id)
	}
}

func holdRollout(format string, args ...any) *v1alpha1.Refusal {
	return &v1alpha1.Refusal{Reason: v1alpha1.ReasonUpgrading, Message: cut(fmt.Sprintf(format, args...))}
}

// gate returns why no daemon may be restarted now; nil: the next batch may.
func (c *computation) gate(gated []change) *v1alpha1.Refusal {
	s := c.snapshot
	if s == nil {
		return holdRollout("a restart waits until Ceph answers")
	}
	if refusal := c.unsettled(gated); refusal != nil {
		return refusal
	}
	switch {
	case len(s.Quorum.InQuorum) < len(s.Quorum.Mons):
		return holdRollout("a restart waits for all mons: %d of %d are in quorum", len(s.Quorum.InQuorum), len(s.Quorum.Mons))
	case !s.Mgr.Available:
		return holdRollout("a restart waits for a mgr: without one nobody knows whether the data is well")
	}
	if unclean := UncleanPGs(s.PGs); unclean != "" {
		return holdRollout("a restart waits until all PGs are clean: %s", unclean)
	}
	return nil
}

// unsettled returns what of the last restarts is not over yet.
func (c *computation) unsettled(gated []change) *v1alpha1.Refusal {
	changing := map[DaemonID]bool{}
	for _, ch := range gated {
		changing[ch.id()] = true
	}
	for _, id := range sortedDaemons(c.deployed) {
		d := c.deployed[id]
		switch {
		case !d.Settled:
			return holdRollout("a restart waits for the pod of %s, which is being replaced", id)
		case !changing[id] && !d.Running && !c.abandonedOSD(id):
			return holdRollout("a restart waits for %s, which does not run", id)
		case id.Kind == DaemonOSD && !c.osdUp(id) && !c.abandonedOSD(id):
			return holdRollout("a restart waits for %s, which is not up", id)
		case c.snapshot.At.Sub(d.Started) < rolloutSettle && d.Running:
			return holdRollout("a restart waits until %s has run for a while", id)
		}
	}
	return nil
}

// osdUp says that Ceph sees an OSD up.
func (c *computation) osdUp(id DaemonID) bool {
	osd := c.osdOf(id)
	return osd != nil && osd.Up
}

// abandonedOSD says that Ceph does without an OSD: it is down and out, or the osdmap does not have it.
func (c *computation) abandonedOSD(id DaemonID) bool {
	if id.Kind != DaemonOSD {
		return false
	}
	osd := c.osdOf(id)
	return osd == nil || !osd.Up && !osd.In
}

func (c *computation) osdOf(id DaemonID) *ceph.OSD {
	n, err := strconv.ParseInt(id.Name, 10, 32)
	if err != nil {
		return nil
	}
	return c.osdmap[int32(n)]
}

// UncleanPGs says how many PGs are not active and clean; empty: all are. Scrubbing is no harm.
func UncleanPGs(pgs ceph.PGSummary) string {
	var parts []string
	for _, state := range pgs.ByState {
		if !cleanState(state.State) && state.Count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", state.Count, state.State))
		}
	}
	return some(parts)
}

func cleanState(state string) bool {
	active, clean := false, false
	for _, word := range strings.Split(state, "+") {
		switch word {
		case "active":
			active = true
		case "clean":
			clean = true
		case "scrubbing", "deep", "snaptrim", "snaptrim_wait", "wait":
		default:
			return false
		}
	}
	return active && clean
}

// batch returns the daemons that restart together, and why the others wait. Mons go before mgrs before OSDs before MDSs,
// as Ceph asks for; of mons and mgrs one at a time, the leader and the active one last; of OSDs a failure domain, or as much
// of it as Ceph lets stop; of MDSs one at a time, those that stand by first.
func (c *computation) batch(gated []change) ([]change, *v1alpha1.Refusal) {
	kind := slices.MinFunc(gated, func(a, b change) int { return compareDaemons(a.id(), b.id()) }).id().Kind
	var of []change
	for _, ch := range gated {
		if ch.id().Kind == kind {
			of = append(of, ch)
		}
	}
	switch kind {
	case DaemonOSD:
		return c.osdBatch(of)
	case DaemonMDS:
		return c.mdsBatch(of)
	default:
		return c.leaderBatch(kind, of)
	}
}

// leaderBatch takes one mon or mgr.
func (c *computation) leaderBatch(kind DaemonKind, of []change) ([]change, *v1alpha1.Refusal) {
	last := c.lastOf(kind)
	first := slices.MinFunc(of, func(a, b change) int {
		return cmp.Or(boolRank(a.id().Name == last)-boolRank(b.id().Name == last), compareDaemons(a.id(), b.id()))
	})
	of = []change{first}
	if denial := c.denial(of); denial != nil {
		return nil, denial
	}
	return of, oneAtATime(first)
}

func oneAtATime(first change) *v1alpha1.Refusal {
	return holdRollout("one daemon at a time: %s restarts first", first.id())
}

// lastOf names the mon or mgr that is restarted last, so that the work of leading moves only once.
func (c *computation) lastOf(kind DaemonKind) string {
	if kind == DaemonMon {
		return c.snapshot.Quorum.Leader
	}
	return c.snapshot.Mgr.Active
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// osdBatch tries the failure domains one after the other, whole, then host by host, then OSD by OSD, and takes the first
// that Ceph has not just refused. While a failure domain is drained, it is the only one.
func (c *computation) osdBatch(of []change) ([]change, *v1alpha1.Refusal) {
	of, denied := c.besideDrain(of)
	for _, domain := range c.groups(of, c.in.Spec.FailureDomain) {
		for _, finer := range []v1alpha1.FailureDomain{c.in.Spec.FailureDomain, v1alpha1.FailureDomainHost, v1alpha1.FailureDomainOSD} {
			for _, batch := range c.groups(domain.changes, finer) {
				if denial := c.denial(batch.changes); denial != nil {
					denied = denial
					continue
				}
				return batch.changes, holdRollout("one failure domain at a time: %s restarts first", batch.name)
			}
		}
	}
	return nil, denied
}

type group struct {
	name    string
	changes []change
}

// groups splits OSDs by failure domain, in the order of the domains' names.
func (c *computation) groups(of []change, domain v1alpha1.FailureDomain) []group {
	byName := map[string][]change{}
	for _, ch := range of {
		name := domainOf(domain, ch.id().String(), ch.daemon.OSD.Location)
		byName[name] = append(byName[name], ch)
	}
	var groups []group
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		groups = append(groups, group{name, byName[name]})
	}
	return groups
}

// denial returns Ceph's "no" to stopping just these daemons; nil: it did not say no lately.
func (c *computation) denial(of []change) *v1alpha1.Refusal {
	for _, denied := range c.in.Denied {
		if len(denied.Daemons) == len(of) && !slices.ContainsFunc(of, func(ch change) bool { return !slices.Contains(denied.Daemons, ch.id()) }) {
			return holdRollout("Ceph says that %s may not stop: %s", some(names(denied.Daemons)), denied.Text)
		}
	}
	return nil
}

func names(ids []DaemonID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}
