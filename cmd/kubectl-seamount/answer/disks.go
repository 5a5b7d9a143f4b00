package answer

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Disks answers: which disks are there, what is each for, and why.
type Disks struct {
	Disks []Disk `json:"disks"`
	// Hidden counts the disks that were left out because nobody would miss them.
	Hidden int `json:"hidden"`
}

// Disk is a disk and what is said of it.
type Disk struct {
	Name      string `json:"name"`
	Node      string `json:"node,omitempty"`
	Device    string `json:"device,omitempty"`
	Path      string `json:"path,omitempty"`
	SizeBytes int64  `json:"sizeBytes,omitempty"`
	Media     string `json:"media,omitempty"`
	Transport string `json:"transport,omitempty"`
	Model     string `json:"model,omitempty"`
	Serial    string `json:"serial,omitempty"`
	Verdict   string `json:"verdict,omitempty"`
	State     string `json:"state,omitempty"`
	// OSDs that have their data or their DB on the disk.
	OSDs []int32 `json:"osds,omitempty"`
	// Cluster that holds the disk, as namespace/name.
	Cluster string `json:"cluster,omitempty"`
	Action  string `json:"action,omitempty"`
	Rule    string `json:"rule,omitempty"`
	// Healthy is True, False or Unknown, as the disk reports of itself.
	Healthy string `json:"healthy,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Message says the reason in words, and Remedy what to do about it.
	Message string `json:"message,omitempty"`
	Remedy  string `json:"remedy,omitempty"`
}

// DiskQuery says which disks are asked for.
type DiskQuery struct {
	// Node whose disks are meant; empty: every node.
	Node string
	// All also shows disks that nobody would miss.
	All bool
}

// ListDisks answers a query, by node and device.
func ListDisks(s *Snapshot, q DiskQuery) Disks {
	answer := Disks{Disks: []Disk{}}
	for i := range s.Disks {
		d := &s.Disks[i]
		switch {
		case q.Node != "" && d.Status.Node != q.Node:
		case !q.All && negligible(d):
			answer.Hidden++
		default:
			answer.Disks = append(answer.Disks, describeDisk(d))
		}
	}
	slices.SortFunc(answer.Disks, func(a, b Disk) int {
		return cmp.Or(cmp.Compare(a.Node, b.Node), cmp.Compare(a.Device, b.Device), cmp.Compare(a.Name, b.Name))
	})
	return answer
}

// negligible says that nobody would miss a disk in a list: one that was pulled and holds no OSD, or a loop device, stick
// or card that no rule asks for.
func negligible(d *v1alpha1.StorageDisk) bool {
	status := d.Status
	if len(status.OSDs) > 0 || status.Claim != nil {
		return false
	}
	if status.Presence == v1alpha1.PresenceMissing {
		return true
	}
	outside := []v1alpha1.Transport{v1alpha1.TransportLoop, v1alpha1.TransportUSB, v1alpha1.TransportMMC}
	unasked := status.Plan == nil || status.Plan.Reason == v1alpha1.PlanReasonNoRuleMatches
	return unasked && slices.Contains(outside, deref(status.Hardware).Transport)
}

func describeDisk(d *v1alpha1.StorageDisk) Disk {
	status := d.Status
	hardware, device, plan := deref(status.Hardware), deref(status.Device), deref(status.Plan)
	answer := Disk{
		Name: d.Name, Node: status.Node, Device: device.Name, Path: device.Path, SizeBytes: bytesOf(hardware.Size),
		Media: string(hardware.Media), Transport: string(hardware.Transport), Model: hardware.Model, Serial: hardware.Serial,
		Verdict: string(deref(status.Verdict).Result), State: string(status.State), OSDs: osdsOn(d),
		Action: string(plan.Action), Rule: plan.Rule,
	}
	if claim := status.Claim; claim != nil {
		answer.Cluster = claim.Namespace + "/" + claim.Name
	}
	if healthy := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionHealthy); healthy != nil {
		answer.Healthy = string(healthy.Status)
	}
	why := diskReason(d)
	answer.Reason, answer.Message, answer.Remedy = why.Reason, why.Message, why.Remedy
	return answer
}

// osdsOn returns the OSDs that depend on a disk, each once.
func osdsOn(d *v1alpha1.StorageDisk) []int32 {
	var ids []int32
	for _, osd := range d.Status.OSDs {
		ids = append(ids, osd.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// diskReason returns what weighs most of all that is said of a disk.
func diskReason(d *v1alpha1.StorageDisk) v1alpha1.Refusal {
	status := d.Status
	if healthy := find(status.Conditions, failing); healthy != nil {
		return v1alpha1.Refusal{Reason: healthy.Reason, Message: healthy.Message, Remedy: replaceDisk}
	}
	if len(status.OSDs) > 0 && isFalse(status.Conditions, v1alpha1.ConditionInService) {
		service := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionInService)
		return v1alpha1.Refusal{Reason: service.Reason, Message: service.Message}
	}
	verdict := deref(status.Verdict)
	stands := verdict.Result == v1alpha1.VerdictRejected || verdict.Result == v1alpha1.VerdictUnknown
	if stands && len(status.OSDs) == 0 && len(verdict.Reasons) > 0 {
		return verdict.Reasons[0]
	}
	if fresh := meta.FindStatusCondition(status.Conditions, v1alpha1.ConditionFresh); fresh != nil && fresh.Status == metav1.ConditionFalse {
		return v1alpha1.Refusal{Reason: fresh.Reason, Message: "stale: " + fresh.Message}
	}
	if status.Plan != nil {
		return v1alpha1.Refusal{Reason: status.Plan.Reason, Message: status.Plan.Message}
	}
	return v1alpha1.Refusal{Message: message(status.Conditions, v1alpha1.ConditionInService)}
}

// failing tells the condition in which a disk reports errors of its own.
func failing(c *metav1.Condition) bool {
	return c.Type == v1alpha1.ConditionHealthy && c.Status == metav1.ConditionFalse
}

// message of a condition; empty: there is none.
func message(have []metav1.Condition, kind string) string {
	return deref(meta.FindStatusCondition(have, kind)).Message
}

// place says where a disk is, for people who go there.
func place(d *v1alpha1.StorageDisk) string {
	text := joinWords(" ", deref(d.Status.Device).Name, deref(d.Status.Hardware).Model)
	if d.Status.Node != "" {
		text = joinWords(", ", text, "node "+d.Status.Node)
	}
	if serial := deref(d.Status.Hardware).Serial; serial != "" {
		text = joinWords(", ", text, "serial "+serial)
	}
	return text
}

// needs says which OSDs are lost with a disk.
func needs(d *v1alpha1.StorageDisk) string {
	var names []string
	for _, id := range osdsOn(d) {
		names = append(names, fmt.Sprintf("osd.%d", id))
	}
	return strings.Join(names, ", ")
}
