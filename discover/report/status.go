package report

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/discover/verdict"
)

// maxName is how long a name that hardware gives may be in the API, in bytes.
const maxName = 253

// present is this node's part of the status of a disk that it sees.
func (r *Reporter) present(s Sighting, j verdict.Judgement, live v1alpha1.StorageDiskStatus) v1alpha1.StorageDiskStatus {
	return v1alpha1.StorageDiskStatus{
		Node:     r.node,
		Presence: v1alpha1.PresencePresent,
		Identity: &s.Identity,
		Device:   &v1alpha1.DiskDevice{Name: s.Disk.Name, Path: cut(s.Disk.Hardware.Path)},
		Hardware: hardware(s.Disk.Hardware),
		Content:  j.Content,
		Verdict:  &v1alpha1.DiskVerdict{Result: j.Result, Reasons: j.Reasons, Seal: sealed(s, j)},
		Conditions: []metav1.Condition{
			r.condition(v1alpha1.ConditionHealthy, j.Healthy, live), r.condition(v1alpha1.ConditionUsable, j.Usable, live),
		},
	}
}

// sealed leaves the seal out where the verdict is not settled, and where somebody writes to the disk: it would be broken,
// and written anew, all the time. An OSD's seal does not depend on what the OSD writes.
func sealed(s Sighting, j verdict.Judgement) string {
	switch {
	case j.Result == v1alpha1.VerdictUnknown, j.Result == v1alpha1.VerdictRejected && verdict.Held(s.Disk):
		return ""
	}
	return seal.Of(s.Disk, s.Identity)
}

func hardware(h disk.Hardware) *v1alpha1.DiskHardware {
	return &v1alpha1.DiskHardware{
		Media: h.Media, Transport: h.Transport, Model: cut(h.Model), Serial: cut(h.Serial), Firmware: cut(h.Firmware),
		Size: resource.NewQuantity(h.Size, resource.DecimalSI), LogicalBlockSize: h.LogicalBlockSize,
	}
}

// missing is this node's part of the status of a disk that it does not see. What the disk was stays, so that a dead disk
// can still be named; whether it may be used is not known.
func (r *Reporter) missing(live v1alpha1.StorageDiskStatus) v1alpha1.StorageDiskStatus {
	gone := v1alpha1.Refusal{
		Reason: v1alpha1.ReasonNotScanned, Message: fmt.Sprintf("node %s does not see the disk", r.node),
		Remedy: "plug it in again, in this or another node; what was on it is unchanged",
	}
	healthy := r.condition(v1alpha1.ConditionHealthy,
		verdict.Condition{Status: metav1.ConditionUnknown, Reason: v1alpha1.ReasonNotObserved, Message: gone.Message}, live)
	if known := find(live.Conditions, v1alpha1.ConditionHealthy); known != nil && known.Status == metav1.ConditionFalse {
		healthy = *known // why it is gone, perhaps
	}
	return v1alpha1.StorageDiskStatus{
		Node: r.node, Presence: v1alpha1.PresenceMissing,
		Identity: live.Identity, Hardware: live.Hardware, Content: live.Content,
		Verdict: &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUnknown, Reasons: []v1alpha1.Refusal{gone}},
		Conditions: []metav1.Condition{healthy, r.condition(v1alpha1.ConditionUsable,
			verdict.Condition{Status: metav1.ConditionUnknown, Reason: gone.Reason, Message: gone.Message}, live)},
	}
}

// condition keeps the time of the last change while the status stays.
func (r *Reporter) condition(kind string, c verdict.Condition, live v1alpha1.StorageDiskStatus) metav1.Condition {
	since := metav1.NewTime(r.now()).Rfc3339Copy()
	if known := find(live.Conditions, kind); known != nil && known.Status == c.Status {
		since = known.LastTransitionTime
	}
	return metav1.Condition{Type: kind, Status: c.Status, Reason: c.Reason, Message: c.Message, LastTransitionTime: since}
}

func find(conditions []metav1.Condition, kind string) *metav1.Condition {
	i := slices.IndexFunc(conditions, func(c metav1.Condition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &conditions[i]
}

// ownPart is what of a status is discover's, in the order that this package makes.
func ownPart(s v1alpha1.StorageDiskStatus) v1alpha1.StorageDiskStatus {
	own := v1alpha1.StorageDiskStatus{
		Node: s.Node, Presence: s.Presence, Identity: s.Identity, Device: s.Device, Hardware: s.Hardware, Content: s.Content,
		Verdict: s.Verdict,
	}
	for _, kind := range []string{v1alpha1.ConditionHealthy, v1alpha1.ConditionUsable} {
		if c := find(s.Conditions, kind); c != nil {
			own.Conditions = append(own.Conditions, *c)
		}
	}
	return own
}

// labels that discover owns.
func labels(node string, media v1alpha1.Media) map[string]string {
	l := map[string]string{v1alpha1.LabelNode: v1alpha1.NodeLabelValue(node)}
	if media != "" {
		l[v1alpha1.LabelMedia] = string(media)
	}
	return l
}

// ownLabels are the labels of an object that are discover's.
func ownLabels(all map[string]string) map[string]string {
	own := map[string]string{}
	for _, key := range []string{v1alpha1.LabelNode, v1alpha1.LabelMedia} {
		if value, ok := all[key]; ok {
			own[key] = value
		}
	}
	return own
}

func cut(name string) string { return name[:min(len(name), maxName)] }
