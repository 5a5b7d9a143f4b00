package plan

import (
	"fmt"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// subject is a disk that no cluster has yet, as one cluster judges it.
type subject struct {
	planner *diskPlanner
	cluster *diskCluster
	disk    *v1alpha1.StorageDisk
	node    *Node // nil: not known
	rule    *Rule // the first that matches
}

// judge returns the plan entry of the disk: the first check that has something to say.
func (s *subject) judge() v1alpha1.DiskPlan {
	for _, check := range []func() v1alpha1.DiskPlan{
		s.excludedByDisk, s.claimedByOther, s.nodeNotSelected, s.noRuleMatches, s.excludedByRule, s.rejected,
		s.verdictUnknown, s.stale, s.nodeNotReady, s.tooSmallSlices,
	} {
		if plan := check(); plan.Action != "" {
			return s.named(plan)
		}
	}
	action := v1alpha1.PlanAdd
	if s.rule.Use == v1alpha1.RuleUseDB {
		action = v1alpha1.PlanProvide
	}
	return s.named(v1alpha1.DiskPlan{Action: action, Reason: v1alpha1.PlanReasonMatched})
}

// named adds the rule that the disk falls under.
func (s *subject) named(plan v1alpha1.DiskPlan) v1alpha1.DiskPlan {
	if s.rule != nil {
		plan.Rule = s.rule.Name
	}
	plan.Message = cut(plan.Message)
	return plan
}

func skip(reason, format string, args ...any) v1alpha1.DiskPlan {
	return v1alpha1.DiskPlan{Action: v1alpha1.PlanSkip, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func wait(reason, format string, args ...any) v1alpha1.DiskPlan {
	return v1alpha1.DiskPlan{Action: v1alpha1.PlanWait, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func (s *subject) excludedByDisk() v1alpha1.DiskPlan {
	if s.disk.Spec.Use != v1alpha1.DiskUseNever {
		return v1alpha1.DiskPlan{}
	}
	return skip(v1alpha1.PlanReasonExcludedByDisk, "spec.use of this disk is Never; to let the rules decide set it to Allowed")
}

func (s *subject) claimedByOther() v1alpha1.DiskPlan {
	claim := s.disk.Status.Claim
	if claim == nil || s.cluster.claims(claim) || s.planner.abandoned(s.disk) {
		return v1alpha1.DiskPlan{}
	}
	return skip(v1alpha1.PlanReasonClaimedByOther, "StorageCluster %s/%s (fsid %s) holds this disk", claim.Namespace, claim.Name, claim.FSID)
}

func (s *subject) nodeNotSelected() v1alpha1.DiskPlan {
	selector := s.cluster.Spec.Storage.NodeSelector
	if s.node == nil || selects(selector, s.node.Labels) {
		return v1alpha1.DiskPlan{}
	}
	return skip(v1alpha1.PlanReasonNodeNotSelected, "storage.nodeSelector %s does not select node %s", selectorText(selector), s.node.Name)
}

func (s *subject) noRuleMatches() v1alpha1.DiskPlan {
	rule, nearest := matchRules(s.cluster.Spec.Storage.Rules, s.disk, s.node)
	if s.rule = rule; rule != nil {
		return v1alpha1.DiskPlan{}
	}
	return skip(v1alpha1.PlanReasonNoRuleMatches, "%s", nearest)
}

func (s *subject) excludedByRule() v1alpha1.DiskPlan {
	if s.rule.Use != v1alpha1.RuleUseNever {
		return v1alpha1.DiskPlan{}
	}
	return skip(v1alpha1.PlanReasonExcludedByRule, "rule %s says use: Never", s.rule.Name)
}

// rejected passes on what discover found. A disk in use that no cluster of the plan knows is somebody else's.
func (s *subject) rejected() v1alpha1.DiskPlan {
	verdict := deref(s.disk.Status.Verdict)
	first := firstReason(verdict)
	switch verdict.Result {
	case v1alpha1.VerdictRejected:
		return skip(orReason(first.Reason, v1alpha1.ReasonNotEmpty), "%s", withRemedy(first))
	case v1alpha1.VerdictInUse:
		return skip(v1alpha1.PlanReasonClaimedByOther, "%s", withRemedy(first))
	}
	return v1alpha1.DiskPlan{}
}

// verdictUnknown lets wait whatever is not known for certain. Unknown is not empty.
func (s *subject) verdictUnknown() v1alpha1.DiskPlan {
	status := &s.disk.Status
	verdict := deref(status.Verdict)
	var why string
	switch {
	case status.Verdict == nil:
		why = "discover has not judged this disk yet"
	case verdict.Result != v1alpha1.VerdictUsable:
		why = withRemedy(firstReason(verdict))
	case status.Presence != v1alpha1.PresencePresent:
		why = fmt.Sprintf("node %s does not see this disk any more", status.Node)
	case len(status.OtherNodes) > 0:
		why = fmt.Sprintf("nodes %s see this disk too", join(status.OtherNodes))
	case verdict.Seal == "" || status.Identity == nil:
		why = "discover gave no seal, so that the first write could not be checked"
	case sizeOf(s.disk) <= 0:
		why = "the size of this disk is not known"
	default:
		return v1alpha1.DiskPlan{}
	}
	return wait(v1alpha1.PlanReasonVerdictUnknown, "%s", why)
}

func (s *subject) stale() v1alpha1.DiskPlan {
	switch {
	case s.node == nil:
		return wait(v1alpha1.PlanReasonStale, "node %s is gone from Kubernetes", s.disk.Status.Node)
	case s.node.Discover != DiscoverReporting:
		return wait(v1alpha1.PlanReasonStale, "discover on node %s is silent, so that what is known of this disk may be old", s.node.Name)
	}
	return v1alpha1.DiskPlan{}
}

func (s *subject) nodeNotReady() v1alpha1.DiskPlan {
	conflict, conflicts := s.planner.conflicts[s.node.Name]
	taint := untolerated(s.node.Taints, s.cluster.Spec.OSD.Tolerations)
	switch {
	case s.node.Deleting:
		return wait(v1alpha1.PlanReasonNodeNotReady, "node %s is being deleted", s.node.Name)
	case s.node.Unschedulable:
		return wait(v1alpha1.PlanReasonNodeNotReady, "node %s is cordoned; kubectl uncordon %[1]s", s.node.Name)
	case !s.node.Ready:
		return wait(v1alpha1.PlanReasonNodeNotReady, "node %s is not ready", s.node.Name)
	case taint != nil:
		return wait(v1alpha1.PlanReasonNodeNotReady, "node %s has the taint %s; tolerate it in spec.osd.placement.tolerations",
			s.node.Name, taint.ToString())
	case conflicts:
		return wait(v1alpha1.PlanReasonNodeNotReady, "%s", withRemedy(conflict))
	}
	return v1alpha1.DiskPlan{}
}

func (s *subject) tooSmallSlices() v1alpha1.DiskPlan {
	if s.rule.Use == v1alpha1.RuleUseDB {
		return v1alpha1.DiskPlan{}
	}
	if bytes := dataBytes(s.rule, sizeOf(s.disk)); bytes < minOSDBytes {
		return skip(v1alpha1.ReasonTooSmall, "rule %s leaves %s for each of %s; an OSD needs %s", s.rule.Name,
			binarySize(max(bytes, 0)), count(s.rule.OSDsPerDisk, "OSD"), binarySize(minOSDBytes))
	}
	return v1alpha1.DiskPlan{}
}

func firstReason(verdict v1alpha1.DiskVerdict) v1alpha1.Refusal {
	if len(verdict.Reasons) == 0 {
		return v1alpha1.Refusal{Message: fmt.Sprintf("discover judged this disk %s and gave no reason", verdict.Result)}
	}
	return verdict.Reasons[0]
}

// withRemedy writes a refusal as one text.
func withRemedy(r v1alpha1.Refusal) string {
	if r.Remedy == "" {
		return r.Message
	}
	return r.Message + "; " + r.Remedy
}

func orReason(reason, otherwise string) string {
	if reason == "" {
		return otherwise
	}
	return reason
}

func sizeOf(disk *v1alpha1.StorageDisk) int64 {
	if size := deref(disk.Status.Hardware).Size; size != nil {
		return size.Value()
	}
	return 0
}
