package plan

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// view is a cluster and its plan, as its status is derived from them.
type view struct {
	in       Observed
	plan     Plan
	snapshot *ceph.Snapshot // fresh, or nil
	waiting  []string       // operations that wait for a person
}

func isTrue(reason, format string, args ...any) Condition {
	return Condition{metav1.ConditionTrue, reason, fmt.Sprintf(format, args...)}
}

func isFalse(reason, format string, args ...any) Condition {
	return Condition{metav1.ConditionFalse, reason, fmt.Sprintf(format, args...)}
}

func notObserved(format string, args ...any) Condition {
	return Condition{metav1.ConditionUnknown, v1alpha1.ReasonNotObserved, fmt.Sprintf(format, args...)}
}

// conditions returns every condition of a StorageCluster, each time.
func (v *view) conditions() []typedCondition {
	return []typedCondition{
		{v1alpha1.ConditionReady, v.ready()},
		{v1alpha1.ConditionReachable, v.reachable()},
		{v1alpha1.ConditionMonQuorum, v.monQuorum()},
		{v1alpha1.ConditionDataHealthy, v.dataHealthy()},
		{v1alpha1.ConditionCapacityOK, v.capacityOK()},
		{v1alpha1.ConditionDisksSettled, v.disksSettled()},
		{v1alpha1.ConditionUpToDate, v.upToDate()},
		{v1alpha1.ConditionApprovalRequired, v.approvalRequired()},
		{v1alpha1.ConditionPaused, v.paused()},
		{v1alpha1.ConditionNodeDrain, v.nodeDrain()},
		{v1alpha1.ConditionDeleting, v.deleting()},
	}
}

func (v *view) ready() Condition {
	if refusal := v.plan.Refusal; refusal != nil {
		reason := v1alpha1.ReasonNotAvailable
		if refusal.Reason == v1alpha1.ReasonAuthenticationFailed {
			reason = v1alpha1.ReasonCephUnreachable
		}
		return isFalse(reason, "%s", withRemedy(*refusal))
	}
	switch reachable, quorum := v.reachable(), v.monQuorum(); {
	case v.in.Deleting && keepsFromDeleting(v.in) == nil:
		return isFalse(v1alpha1.ReasonDeleting, "the daemons are stopped; %s", v.whatStays())
	case !v.in.Mons.QuorumRecorded && v.snapshot == nil:
		return isFalse(v1alpha1.ReasonCreating, "%s", v.creating())
	case quorum.Reason == v1alpha1.ReasonQuorumLost:
		return isFalse(v1alpha1.ReasonQuorumLost, "%s", quorum.Message)
	case reachable.Status == metav1.ConditionUnknown:
		return reachable
	case reachable.Status == metav1.ConditionFalse:
		return isFalse(v1alpha1.ReasonCephUnreachable, "%s", reachable.Message)
	}
	return v.serving()
}

// serving judges by what Ceph says of itself.
func (v *view) serving() Condition {
	full, up := v.check("OSD_FULL"), 0
	for _, osd := range v.snapshot.OSDs {
		if osd.Up && osd.In {
			up++
		}
	}
	switch {
	case full != nil:
		return isFalse(v1alpha1.ReasonFull, "writes are stopped: %s", checkText(*full))
	case v.unavailable():
		return isFalse(v1alpha1.ReasonDataUnavailable, "%s", v.dataHealthy().Message)
	case up == 0:
		return isFalse(v1alpha1.ReasonCreating, "no OSD is up yet: %s", v.disksSettled().Message)
	}
	if open := v.openChecks(); len(open) > 0 {
		return isTrue(v1alpha1.ReasonServingDegraded, "%s", some(open))
	}
	return isTrue(v1alpha1.ReasonServing, "%s up, %s in quorum, HEALTH_OK", count(up, "OSD"), count(len(v.snapshot.Quorum.InQuorum), "mon"))
}

// unavailable says that clients cannot read or write something: PGs are not active. PGs that a new mgr has not heard of yet are unknown,
// and those of a new pool are creating: neither keeps anybody from data, and Ceph says PG_AVAILABILITY of those that stay so for a minute
// (mon_pg_stuck_threshold): https://docs.ceph.com/en/latest/rados/operations/health-checks/#pg-availability
func (v *view) unavailable() bool {
	passing := []string{"active", "unknown", "creating"}
	return v.check("PG_AVAILABILITY") != nil || anyPG(v.snapshot.PGs, func(words []string) bool { return !intersects(words, passing) })
}

// creating says what the cluster waits for before its first quorum.
func (v *view) creating() string {
	for _, d := range v.in.Deployed {
		if d.Refusal != nil {
			return fmt.Sprintf("%s does not start: %s", d.Daemon, withRemedy(*d.Refusal))
		}
	}
	for _, d := range v.in.Deployed {
		if d.Trouble != "" {
			return fmt.Sprintf("%s does not start: %s", d.Daemon, d.Trouble)
		}
	}
	switch {
	case v.in.Spec.Pause == v1alpha1.PauseAll:
		return "spec.pause is All: nothing is made"
	case v.plan.MonsShort != "" && len(v.in.Mons.Mons) == 0:
		return v.plan.MonsShort
	case v.in.Seed == nil:
		return "the identity is made, and disks are claimed"
	}
	return "the mons form their first quorum"
}

// openChecks are Ceph's findings that nobody muted, heaviest first.
func (v *view) openChecks() []string {
	var errors, warnings []string
	for _, check := range v.snapshot.Health.Checks {
		switch {
		case check.Muted || slices.Contains(v.in.Spec.MutedHealthChecks, check.Code):
		case check.Severity == ceph.HealthErr:
			errors = append(errors, checkText(check))
		case check.Severity == ceph.HealthWarn:
			warnings = append(warnings, checkText(check))
		}
	}
	return append(errors, warnings...)
}

// checkText writes a finding in Ceph's own words.
func checkText(check ceph.HealthCheck) string { return check.Code + ": " + check.Summary }

// check returns one of Ceph's findings; nil: it has none of that code.
func (v *view) check(code string) *ceph.HealthCheck {
	for i, check := range v.snapshot.Health.Checks {
		if check.Code == code {
			return &v.snapshot.Health.Checks[i]
		}
	}
	return nil
}

func (v *view) reachable() Condition {
	switch facts := v.in.Ceph; facts.Reach {
	case ReachUnreachable:
		return isFalse(v1alpha1.ReasonMonsUnreachable, "no mon answers: %s", orNothing(facts.Text))
	case ReachUnauthorized:
		return isFalse(v1alpha1.ReasonAuthenticationFailed, "the mons do not accept the key of client.admin: %s", orNothing(facts.Text))
	case ReachAnswering:
		if facts.Snapshot == nil {
			return notObserved("the mons answer, and the state of the cluster is being read")
		}
		if !facts.Fresh {
			return isFalse(v1alpha1.ReasonStale, "the state of the cluster could not be read lately: %s", orNothing(facts.Text))
		}
		return isTrue(v1alpha1.ReasonAnswering, "Ceph answers")
	}
	return notObserved("nobody has asked Ceph yet")
}

func orNothing(text string) string {
	if text == "" {
		return "no more is known"
	}
	return text
}

func (v *view) monQuorum() Condition {
	if v.snapshot == nil {
		return v.quorumUnseen()
	}
	var out []string
	for _, mon := range v.in.Mons.Mons {
		if !slices.Contains(v.snapshot.Quorum.InQuorum, mon.Name) {
			out = append(out, v.monTrouble(mon.Name, mon.Node))
		}
	}
	in, all := len(v.snapshot.Quorum.InQuorum), max(len(v.snapshot.Quorum.Mons), len(v.in.Mons.Mons))
	switch failover := v.plan.Failover; {
	case len(out) > 0 && failover != nil:
		return isFalse(failover.Reason, "%d of %d mons are in quorum; %s; %s", in, all, strings.Join(out, "; "), withRemedy(*failover))
	case len(out) > 0:
		return isFalse(v1alpha1.ReasonMonOutOfQuorum, "%d of %d mons are in quorum; %s", in, all, strings.Join(out, "; "))
	case v.plan.MonsShort != "":
		return isFalse(v1alpha1.ReasonTooFewNodes, "%s", v.plan.MonsShort)
	}
	return isTrue(v1alpha1.ReasonAllInQuorum, "%d of %d mons are in quorum", in, all)
}

// quorumUnseen says what is known of the mons while Ceph does not answer. With fewer than half of them running, on nodes
// that are ready, there is no quorum.
func (v *view) quorumUnseen() Condition {
	if !v.in.Mons.QuorumRecorded || v.in.Ceph.Reach != ReachUnreachable {
		return notObserved("the mons could not be asked")
	}
	var down []string
	for _, mon := range v.in.Mons.Mons {
		if d := v.deployed(DaemonID{DaemonMon, mon.Name}); d == nil || !d.Running || nodeTrouble(v.in, mon.Node) != "" {
			down = append(down, v.monTrouble(mon.Name, mon.Node))
		}
	}
	if all := len(v.in.Mons.Mons); len(down)*2 >= all {
		return isFalse(v1alpha1.ReasonQuorumLost, "%d of %d mons do not run, and the others are no majority; %s", len(down), all, strings.Join(down, "; "))
	}
	return notObserved("the mons run, and could not be asked")
}

// monTrouble says why a mon is not in quorum, as far as is known.
func (v *view) monTrouble(name, node string) string {
	id := DaemonID{DaemonMon, name}
	text := fmt.Sprintf("%s on node %s", id, node)
	switch d := v.deployed(id); {
	case d == nil:
		return text + " has no pod"
	case d.Refusal != nil && d.Refusal.Reason == handover.ReasonStoreMissing:
		return fmt.Sprintf("%s has lost its store (StoreMissing): %s", text, withRemedy(*d.Refusal))
	case d.Refusal != nil:
		return fmt.Sprintf("%s does not start: %s", text, withRemedy(*d.Refusal))
	case d.Trouble != "":
		return fmt.Sprintf("%s does not start: %s", text, d.Trouble)
	case nodeTrouble(v.in, node) != "":
		return text + " does not answer: " + nodeTrouble(v.in, node)
	case !d.Running:
		return text + " does not run"
	}
	return text + " runs and has not joined"
}

func (v *view) deployed(id DaemonID) *Deployed {
	for i, d := range v.in.Deployed {
		if d.Daemon == id {
			return &v.in.Deployed[i]
		}
	}
	return nil
}

// pgTroubles are the states of PGs that matter, the heaviest first, with the reason for each.
func pgTroubles() []struct {
	reason string
	words  []string
} {
	return []struct {
		reason string
		words  []string
	}{
		{v1alpha1.ReasonInconsistent, []string{"inconsistent", "failed_repair", "recovery_unfound", "backfill_unfound"}},
		{v1alpha1.ReasonDegraded, []string{"degraded"}},
		{v1alpha1.ReasonUndersized, []string{"undersized"}},
	}
}

func (v *view) dataHealthy() Condition {
	if v.snapshot == nil {
		return notObserved("the PGs could not be read")
	}
	pgs := v.snapshot.PGs
	unclean := UncleanPGs(pgs)
	if unclean == "" {
		return isTrue(v1alpha1.ReasonClean, "%s, all active and clean", count(pgs.Total, "PG"))
	}
	reason := v1alpha1.ReasonRecovering
	troubles := pgTroubles()
	for i := len(troubles) - 1; i >= 0; i-- {
		if anyPG(pgs, func(words []string) bool { return intersects(words, troubles[i].words) }) {
			reason = troubles[i].reason
		}
	}
	if anyPG(pgs, func(words []string) bool { return !slices.Contains(words, "active") }) {
		reason = v1alpha1.ReasonInactive
	}
	text := fmt.Sprintf("of %s: %s", count(pgs.Total, "PG"), unclean)
	for _, code := range []string{"PG_AVAILABILITY", "PG_DAMAGED", "OBJECT_UNFOUND", "PG_DEGRADED"} {
		if check := v.check(code); check != nil {
			text += "; " + checkText(*check)
		}
	}
	return isFalse(reason, "%s", text)
}

func anyPG(pgs ceph.PGSummary, is func(words []string) bool) bool {
	return slices.ContainsFunc(pgs.ByState, func(s ceph.PGStateCount) bool {
		return s.Count > 0 && is(strings.Split(s.State, "+"))
	})
}

func intersects(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

func (v *view) capacityOK() Condition {
	if v.snapshot == nil {
		return notObserved("the usage could not be read")
	}
	for _, level := range []struct{ code, reason string }{
		{"OSD_FULL", v1alpha1.ReasonFull}, {"OSD_BACKFILLFULL", v1alpha1.ReasonBackfillFull}, {"OSD_NEARFULL", v1alpha1.ReasonNearFull},
	} {
		if check := v.check(level.code); check != nil {
			return isFalse(level.reason, "%s; add disks, or delete data", checkText(*check))
		}
	}
	name, lost, left := v.afterLoss()
	switch {
	case name == "":
		return isTrue(v1alpha1.ReasonRoom, "no OSD is near full")
	case left < 0:
		return isFalse(v1alpha1.ReasonNoRoomToHeal, "if %s with %s is lost, the rest is too small for the data; add disks elsewhere", name, binarySize(lost))
	}
	return isTrue(v1alpha1.ReasonRoom,
		"no OSD is near full, and the data would fit without %s, the largest part that can fail at once", name)
}

// afterLoss returns the largest failure domain, its size, and how much would be free below the near-full ratio without
// it. With fewer than two domains there is nothing to heal to, and it returns no name.
func (v *view) afterLoss() (name string, lost, left int64) {
	domains, at := map[string]int64{}, map[int]string{}
	for _, r := range v.in.Reservations {
		at[int(r.ID)] = domainOf(v.in.Spec.FailureDomain, osdName(r.ID), r.Location)
	}
	var total, used int64
	for _, osd := range v.snapshot.OSDs {
		if domain, known := at[osd.ID]; known && osd.In {
			domains[domain] += osd.TotalBytes
			total, used = total+osd.TotalBytes, used+osd.UsedBytes
		}
	}
	if len(domains) < 2 || v.snapshot.OSDMap.NearFull <= 0 {
		return "", 0, 0
	}
	for _, domain := range sortedStrings(domains) {
		if domains[domain] > lost {
			name, lost = domain, domains[domain]
		}
	}
	return name, lost, int64(float64(total-lost)*v.snapshot.OSDMap.NearFull) - used
}

func (v *view) disksSettled() Condition {
	disks := v.in.Disks
	switch {
	case disks == nil:
		return notObserved("no plan of the disks was made yet")
	case len(disks.Problems) > 0:
		return isFalse(disks.Problems[0].Reason, "%s", disks.Problems[0].Message)
	}
	return isTrue(v1alpha1.ReasonNothingToDo, "%s in service", count(disks.Summary.Keep, "disk"))
}

func (v *view) upToDate() Condition {
	p := v.plan
	switch {
	case p.Refusal != nil && p.Refusal.Reason == v1alpha1.ReasonUnsupportedRelease:
		return isFalse(v1alpha1.ReasonUnsupportedRelease, "%s", withRemedy(*p.Refusal))
	case p.Refusal != nil:
		return notObserved("nothing is done for this cluster")
	case p.ImageHeld != nil && p.ImageHeld.Reason == v1alpha1.ReasonUpgradesPaused:
		return isFalse(v1alpha1.ReasonUpgradeBlocked, "%s", withRemedy(*p.ImageHeld))
	case p.ImageHeld != nil:
		return isFalse(p.ImageHeld.Reason, "%s", withRemedy(*p.ImageHeld))
	case p.Outdated > 0:
		return isFalse(v1alpha1.ReasonUpgrading, "%s", v.outdated())
	case p.TopologyDrift != "":
		return isFalse(v1alpha1.ReasonTopologyDrift,
			"%s; data stays where it is until somebody moves the hosts in CRUSH, or the labels back", p.TopologyDrift)
	case len(p.Drift) > 0:
		return isFalse(v1alpha1.ReasonConfigDrift, "%s changed in Ceph by hand, the first: %s", count(len(p.Drift), "setting"), p.Drift[0].Path)
	case v.in.Seed == nil:
		return notObserved("there is no daemon yet")
	}
	return isTrue(v1alpha1.ReasonCurrent, "%s as spec says", count(p.Daemons, "daemon"))
}

// outdated says how many daemons wait for a restart, why, and for what.
func (v *view) outdated() string {
	text := fmt.Sprintf("%s of %d to be restarted", count(v.plan.Outdated, "daemon"), v.plan.Daemons)
	for _, step := range v.plan.Steps {
		if apply, ok := step.Do.(ApplyDaemon); ok && apply.Restart {
			return fmt.Sprintf("%s; %s now %s", text, apply.Daemon.ID, step.Reason)
		}
	}
	if len(v.plan.Held) > 0 {
		held := v.plan.Held[0]
		text += fmt.Sprintf("; %s, for %s: %s", held.Because.Message, held.Daemon.ID, held.Change)
	}
	return text
}

func (v *view) approvalRequired() Condition {
	disks := 0
	for _, entry := range deref(v.in.Disks).Entries {
		if entry.Plan.Reason == v1alpha1.PlanReasonAwaitingApproval {
			disks++
		}
	}
	switch {
	case len(v.waiting) > 0:
		return isTrue(v1alpha1.ReasonOperationsWaiting, "%s for approval: %s", count(len(v.waiting), "operation"), some(v.waiting))
	case disks > 0:
		return isTrue(v1alpha1.ReasonOperationsWaiting, "%s for approval: spec.approvals.newDisks is Manual", count(disks, "new disk"))
	}
	return isFalse(v1alpha1.ReasonNoneWaiting, "nothing waits for a person")
}

func (v *view) paused() Condition {
	switch v.in.Spec.Pause {
	case v1alpha1.PauseAll:
		return isTrue(v1alpha1.ReasonPausedAll, "spec.pause is All: nothing is changed; %s would be done", count(len(v.plan.Paused), "step"))
	case v1alpha1.PauseUpgrades:
		return isTrue(v1alpha1.ReasonUpgradesPaused, "spec.pause is Upgrades: daemons stay on their image")
	}
	return isFalse(v1alpha1.ReasonNotPaused, "spec.pause is None")
}

func (v *view) deleting() Condition {
	if !v.in.Deleting {
		return isFalse(v1alpha1.ReasonNotDeleting, "the StorageCluster stays")
	}
	if refusal := keepsFromDeleting(v.in); refusal != nil {
		return isTrue(refusal.Reason, "%s", withRemedy(*refusal))
	}
	if v.in.Wiping.Record != nil && len(v.in.Deployed) == 0 {
		return isTrue(v1alpha1.ReasonWipingDisks, "%s", v.wipingText())
	}
	text := fmt.Sprintf("%s to stop; %s", count(len(v.in.Deployed), "daemon"), v.whatStays())
	if v.in.Spec.Pause == v1alpha1.PauseAll {
		text += "; held by spec.pause: All"
	}
	return isTrue(v1alpha1.ReasonStoppingDaemons, "%s", text)
}
