package plan

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// settleLook is how long it takes at least to look again at a daemon that has only just started.
const settleLook = 2 * time.Second

// domainState is what matters of the OSDs of one failure domain to whoever drains nodes.
type domainState struct {
	// osds that Ceph does not do without.
	osds []int32
	// away says that one of them, with data to be on it, is down or has only just started; cordoned that the node of one is.
	away, cordoned bool
}

// disruption is which failure domain may be away, and why no other.
type disruption struct {
	// domain that is away, or may be; empty: none.
	domain string
	// open says that all OSDs of the domain may be evicted.
	open bool
	// spare is how many OSDs may be evicted beside those.
	spare int32
	// because says why, without figures that move.
	because string
}

// disrupt decides which failure domain may be away. There is one at most, and the choice stays with it: before is the one
// that was chosen last.
//
// What is away already comes first, for the OSDs of another domain have the copies that it lacks. A domain with a cordoned
// node follows once everything is clean: until then nobody knows who has the last copy of what. whole says that all PGs are
// active and clean; still that at least no data is on its way: then what PGs lack is on the OSDs that are down.
func disrupt(domains map[string]*domainState, before string, whole, still bool) disruption {
	away := domainsThat(domains, func(d *domainState) bool { return d.away })
	cordoned := domainsThat(domains, func(d *domainState) bool { return d.cordoned })
	var d disruption
	switch {
	case slices.Contains(away, before), len(away) == 0 && slices.Contains(cordoned, before):
		d.domain = before
	case len(away) > 0:
		d.domain = away[0]
	case whole && len(cordoned) > 0:
		d.domain = cordoned[0]
	case !whole && domains[before] != nil:
		d.domain = before // it is back, and still has to be brought up to date
	}
	switch {
	case len(away) > 1:
		d.because = "OSDs of " + some(away) + " are down or have just started"
	case d.domain != "" && whole, len(away) == 1 && still:
		waiting := slices.DeleteFunc(cordoned, func(name string) bool { return name == d.domain })
		d.open, d.because = true, openText(d.domain, waiting)
	case !whole:
		d.because = "not all PGs are active and clean"
	default:
		d.spare, d.because = 1, "all PGs are active and clean, and the failure domains are away one at a time"
	}
	return d
}

func openText(domain string, waiting []string) string {
	return fmt.Sprintf("the OSDs of %s may be evicted; those of %s wait until all PGs are active and clean again",
		domain, strings.Join(append(waiting, "all other failure domains"), " and "))
}

func domainsThat(domains map[string]*domainState, is func(*domainState) bool) (names []string) {
	for _, name := range sortedStrings(domains) {
		if is(domains[name]) {
			names = append(names, name)
		}
	}
	return names
}

// still says that no data is on its way, or out of reach: no PG recovers or moves, or waits to.
func still(pgs ceph.PGSummary) bool {
	return !anyPG(pgs, func(words []string) bool {
		return slices.ContainsFunc(words, func(word string) bool {
			return strings.Contains(word, "recover") || strings.Contains(word, "backfill") || slices.Contains([]string{"down", "incomplete", "unknown", "stale"}, word)
		})
	})
}

// osdBudget holds OSDs by failure domain. Of a cluster that cannot be seen nothing more is known than which domain was away
// last, and none may go.
//
// A domain is let go only while the budget in place holds all others. What was evicted until that was written may not be seen yet here:
// the executor looks it up on the server before it lets OSDs go, and the choice is made anew where one was.
func (c *computation) osdBudget() manifest.Budget {
	budget, before := manifest.Budget{Component: manifest.ComponentOSD}, manifest.Budget{Spare: 1}
	if have := c.budgetInPlace(budget); have != nil {
		before = *have
	}
	budget.Domain = before.Domain
	if c.snapshot == nil || !c.snapshot.Mgr.Available {
		budget.Because = unseen
		c.tellEvictions("OSD", unseen)
		return budget
	}
	domains, idle := c.osdDomains()
	whole := UncleanPGs(c.snapshot.PGs) == ""
	d := disrupt(domains, budget.Domain, whole, still(c.snapshot.PGs))
	if d.open && !whole && c.downBeside(d.domain) {
		d.open, d.because = false, "PGs lack what is on OSDs outside of "+d.domain+" that are down"
	}
	if d.open && (before.Spare != 0 || before.Domain != d.domain || c.restartsBeside(domains[d.domain])) {
		d.open, d.because = false, "the OSDs of "+d.domain+" may be next, once all others are held and none of them restarts"
	}
	switch {
	case d.open:
		idle = append(idle, domains[d.domain].osds...)
		c.plan.Evictions = append(c.plan.Evictions, d.because)
	case d.spare == 0:
		c.tellEvictions("OSD", d.because)
	}
	slices.Sort(idle)
	for _, id := range idle {
		budget.Without = append(budget.Without, osdName(id))
	}
	budget.Domain, budget.Spare, budget.Because = d.domain, d.spare, d.because
	return budget
}

// downBeside says that OSDs are down that are not of a failure domain: also those that are out, destroyed, or nobody's.
func (c *computation) downBeside(domain string) bool {
	level, tree := c.drainLevel(), newCRUSHTree(c.snapshot)
	return slices.ContainsFunc(c.snapshot.OSDs, func(osd ceph.OSD) bool {
		name := osdName(int32(osd.ID)) //nolint:gosec // Ceph's ids are below 2^31
		at := slices.IndexFunc(c.osds, func(r *Reservation) bool { return int(r.ID) == osd.ID })
		switch {
		case osd.Up || at < 0 && osd.CRUSHWeight == 0: // nothing is on one without a weight
			return false
		case at >= 0:
			name = domainOf(level, name, c.osds[at].Location)
		case level != v1alpha1.FailureDomainOSD:
			name = bucketOf(level) + " " + tree.domain(osd.ID, bucketOf(level))
		}
		return name != domain
	})
}

// restartsBeside says that OSDs of another failure domain are restarted in this very pass.
func (c *computation) restartsBeside(domain *domainState) bool {
	return slices.ContainsFunc(c.osds, func(r *Reservation) bool {
		id := DaemonID{DaemonOSD, strconv.Itoa(int(r.ID))}
		return c.deployed[id] != nil && c.planned[stepID(ApplyDaemon{Daemon: Daemon{ID: id}})] && !slices.Contains(domain.osds, r.ID)
	})
}

// letGo returns the failure domain whose OSDs may all be evicted at this moment; empty: there is none.
func (c *computation) letGo() string {
	budget := c.budgetInPlace(manifest.Budget{Component: manifest.ComponentOSD})
	if budget == nil {
		return ""
	}
	for _, name := range budget.Without {
		if _, number, _ := strings.Cut(name, "."); !c.abandonedOSD(DaemonID{DaemonOSD, number}) {
			return budget.Domain
		}
	}
	return ""
}

// besideDrain returns those OSDs that may be restarted while evictions may take a failure domain away at any moment: its own,
// or all when there is none such; and why the others wait.
func (c *computation) besideDrain(of []change) ([]change, *v1alpha1.Refusal) {
	open, level := c.letGo(), c.drainLevel()
	if open == "" {
		return of, nil
	}
	own := slices.DeleteFunc(slices.Clone(of), func(ch change) bool { return domainOf(level, ch.id().String(), ch.daemon.OSD.Location) != open })
	return own, holdRollout("a restart waits while the OSDs of %s may be evicted: drain its nodes if they are to be, and uncordon them", open)
}

// osdDomains sorts the OSDs that are deployed by failure domain. Those that Ceph does without, because they never came up or
// are down and out, are idle: they hold nobody up.
func (c *computation) osdDomains() (domains map[string]*domainState, idle []int32) {
	domains = map[string]*domainState{}
	level := c.drainLevel()
	for _, r := range c.osds {
		id := DaemonID{DaemonOSD, strconv.Itoa(int(r.ID))}
		if c.deployed[id] == nil {
			continue
		}
		if c.abandonedOSD(id) {
			idle = append(idle, r.ID)
			continue
		}
		name := domainOf(level, id.String(), r.Location)
		if domains[name] == nil {
			domains[name] = &domainState{}
		}
		domain, node := domains[name], c.nodes[r.Node]
		domain.osds = append(domain.osds, r.ID)
		domain.away = domain.away || c.osdmap[r.ID].In && (!c.osdmap[r.ID].Up || c.unproven(id))
		domain.cordoned = domain.cordoned || node != nil && node.cordoned()
	}
	return domains, idle
}

// unproven says that a daemon does not run, is about to stop or being replaced, or had hardly begun when Ceph was seen: that it
// was well tells little.
func (c *computation) unproven(id DaemonID) bool {
	d := c.deployed[id]
	if !d.Running || d.Stopping || !d.Settled {
		return true
	}
	left := rolloutSettle - c.snapshot.At.Sub(d.Started)
	if left > 0 {
		c.wake(max(left, settleLook))
	}
	return left > 0
}

// drainLevel returns the innermost of the failure domains that pools spread their copies over. While OSDs are on one node
// only, that is the node: what is drained with it is all there is.
func (c *computation) drainLevel() v1alpha1.FailureDomain {
	if c.oneNode(DaemonOSD) {
		return v1alpha1.FailureDomainHost
	}
	used := map[string]bool{}
	for _, pool := range c.snapshot.Pools {
		rule := slices.IndexFunc(c.snapshot.CRUSH.Rules, func(r ceph.CRUSHRule) bool { return r.ID == pool.RuleID })
		if rule >= 0 && pool.Size > 1 {
			used[c.snapshot.CRUSH.Rules[rule].FailureDomain] = true
		}
	}
	for _, domain := range failureDomains() {
		if used[bucketOf(domain)] {
			return domain
		}
	}
	return c.in.Spec.FailureDomain
}

// failureDomains from the innermost to the outermost.
func failureDomains() []v1alpha1.FailureDomain {
	return []v1alpha1.FailureDomain{
		v1alpha1.FailureDomainOSD, v1alpha1.FailureDomainHost, v1alpha1.FailureDomainChassis, v1alpha1.FailureDomainRack, v1alpha1.FailureDomainRow,
		v1alpha1.FailureDomainRoom, v1alpha1.FailureDomainDatacenter, v1alpha1.FailureDomainZone, v1alpha1.FailureDomainRegion,
	}
}

// oneNode says that all daemons of some kinds are on one node.
func (c *computation) oneNode(kinds ...DaemonKind) bool {
	nodes := map[string]bool{}
	for id, d := range c.deployed {
		if slices.Contains(kinds, id.Kind) {
			nodes[d.Node] = true
		}
	}
	return len(nodes) == 1
}
