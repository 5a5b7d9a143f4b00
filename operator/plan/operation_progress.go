package plan

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Progress is written in such steps, and not sooner one after the other.
const (
	percentStep   = 5
	progressEvery = 10 * time.Second
)

// How far an operation is of which the data has moved, and whose OSDs are gone.
const (
	percentDrained = 90
	percentPurged  = 95
)

// status returns the operator's part of the status of an operation that is carried out.
func (c *carrying) status() v1alpha1.StorageOperationStatus {
	before := deref(c.in.Previous)
	plan, started := c.record.Plan, metav1.NewTime(c.record.Started)
	status := v1alpha1.StorageOperationStatus{
		ObservedGeneration: c.in.Generation, State: c.stage.state, Plan: &plan, StartTime: &started,
		Progress: c.progress(before.Progress), Conditions: c.conditions(before),
	}
	if c.stage.done {
		status.CompletionTime = before.CompletionTime
		if status.CompletionTime == nil {
			now := metav1.NewTime(c.in.Now)
			status.CompletionTime = &now
		}
	}
	status.Targets = c.targets(status.Progress)
	status.Summary = &v1alpha1.OperationSummary{
		Targets: targetsText(c.record.Targets), Step: c.stage.step, Progress: fmt.Sprintf("%d%%", status.Progress.Percent),
	}
	if eta := status.Progress.ETASeconds; eta != nil && *eta > 0 && !c.stage.done {
		status.Summary.ETA = (time.Duration(*eta) * time.Second).String()
	}
	return status
}

func (c *carrying) conditions(before v1alpha1.StorageOperationStatus) []metav1.Condition {
	reason := v1alpha1.ReasonByUser
	if c.record.ByPolicy {
		reason = v1alpha1.ReasonByPolicy
	}
	complete, failed := isFalse(c.stage.reason, "%s", c.stage.message), isFalse(v1alpha1.ReasonNotFailed, "no step has failed")
	switch {
	case c.stage.failed != "":
		failed = isTrue(v1alpha1.ReasonStepFailed, "%s", c.stage.failed)
	case c.stage.done:
		complete = isTrue(c.stage.reason, "%s", c.stage.message)
	}
	return operationConditions(c.in, isTrue(reason, "%s", c.record.Approval), c.safe(), complete, failed)
}

// operationConditions returns every condition of an operation, each time.
func operationConditions(in CarryObserved, approved, safe, complete, failed Condition) []metav1.Condition {
	return transitions(deref(in.Previous).Conditions, in.Generation, metav1.NewTime(in.Now), []typedCondition{
		{v1alpha1.ConditionApproved, approved}, {v1alpha1.ConditionSafe, safe}, {v1alpha1.ConditionComplete, complete},
		{v1alpha1.ConditionFailed, failed},
	})
}

// safe says whether the next step may be taken.
func (c *carrying) safe() Condition {
	switch {
	case c.in.Unsafe != nil:
		return isFalse(c.in.Unsafe.Reason, "%s", withRemedy(*c.in.Unsafe))
	case c.stage.done:
		return isTrue(v1alpha1.ReasonSafeToProceed, "each step was looked at before it was taken")
	case c.needsCeph() && c.snapshot == nil:
		return isFalse(v1alpha1.ReasonStaleData, "what is known of Ceph is not fresh, and nothing is decided on old data")
	}
	for _, osd := range c.record.OSDs {
		if known := c.osdmap[osd.ID]; known != nil && !osd.Gone && !Destroyed(known) && !strings.EqualFold(known.UUID, osd.UUID) {
			return isFalse(v1alpha1.ReasonDeviceChanged, "Ceph's %s has the uuid %s, and not %s as the disk: it is left alone", osdName(osd.ID), known.UUID, osd.UUID)
		}
	}
	return isTrue(v1alpha1.ReasonSafeToProceed, "nothing speaks against the next step when it was last looked at")
}

// progress returns how far the operation is. It stays what it was while no step of percent is reached, or too little time
// has passed.
func (c *carrying) progress(before *v1alpha1.OperationProgress) *v1alpha1.OperationProgress {
	now := c.measure()
	if before == nil || c.stage.done {
		return now
	}
	if before.Percent == now.Percent || c.in.Now.Sub(c.in.ProgressAt) < progressEvery || now.PGsLeft == nil && c.moving() {
		return before.DeepCopy()
	}
	return now
}

// moving says that data is on its way.
func (c *carrying) moving() bool { return takesOSDs(c.record.Type) && !c.record.Drained }

func (c *carrying) measure() *v1alpha1.OperationProgress {
	switch {
	case c.stage.done && c.stage.reason == v1alpha1.ReasonSucceeded:
		return &v1alpha1.OperationProgress{Percent: 100}
	case c.moving():
		return c.measureDrain()
	case c.record.Type == v1alpha1.OperationAdd:
		return &v1alpha1.OperationProgress{Percent: stepped(100 * c.addedDisks() / max(len(c.record.Targets), 1))}
	case !takesOSDs(c.record.Type):
		return &v1alpha1.OperationProgress{Percent: stepped(100 * c.erasedDisks() / max(len(c.record.Disks), 1))}
	case c.purged():
		return &v1alpha1.OperationProgress{Percent: percentPurged}
	}
	return &v1alpha1.OperationProgress{Percent: percentDrained, PGsLeft: new(int32(0))}
}

func stepped(percent int) int32 { return int32(percent) / percentStep * percentStep } //nolint:gosec // a percentage

func (c *carrying) erasedDisks() (n int) {
	for i := range c.record.Disks {
		if c.record.Disks[i].Done {
			n++
		}
	}
	return n
}

// measureDrain measures by the PGs that are still on the OSDs. While they cannot be read, nothing is said of them.
func (c *carrying) measureDrain() *v1alpha1.OperationProgress {
	progress := &v1alpha1.OperationProgress{Percent: deref(deref(c.in.Previous).Progress).Percent}
	o := newOperationComputation(c.in.OperationObserved)
	for _, id := range c.living() {
		o.osds[id] = true
	}
	if c.snapshot == nil {
		return progress
	}
	o.tree = newCRUSHTree(c.snapshot)
	if !o.pgsKnown() {
		return progress
	}
	pgs, bytes := o.left()
	progress.PGsLeft, progress.BytesLeft = new(pgs), threeDigits(bytes)
	share := moved(float64(bytes), float64(c.record.StartBytes), float64(pgs), float64(c.record.StartPGs))
	progress.Percent = stepped(int(share * percentDrained))
	if elapsed := c.in.Now.Sub(c.record.Started).Seconds(); share > 0 && elapsed > 0 {
		progress.ETASeconds = new(int32(min(elapsed*(1-share)/share, 1<<30)))
	}
	return progress
}

// moved returns how much of the data has moved: by its bytes, or by PGs where there are none.
func moved(bytes, startBytes, pgs, startPGs float64) float64 {
	left, start := bytes, startBytes
	if start <= 0 {
		left, start = pgs, startPGs
	}
	if start <= 0 {
		return 1
	}
	return min(max(1-left/start, 0), 1)
}

// targets returns the targets as they were approved, and where each is.
func (c *carrying) targets(progress *v1alpha1.OperationProgress) []v1alpha1.OperationTarget {
	targets := make([]v1alpha1.OperationTarget, 0, len(c.record.Targets))
	for _, target := range c.record.Targets {
		target.Step, target.Message = c.stage.step, cut(c.stage.message)
		if c.moving() && progress.PGsLeft != nil && !c.stage.done && c.in.Trouble == nil {
			target.Message = fmt.Sprintf("%d of %d PGs left", *progress.PGsLeft, c.record.StartPGs)
		}
		c.describeErasure(&target)
		c.describePreparing(&target)
		targets = append(targets, target)
	}
	return targets
}

// describeErasure says how far one disk is.
func (c *carrying) describeErasure(target *v1alpha1.OperationTarget) {
	disk, now := c.record.Disk(target.Disk), c.disks[target.Disk]
	switch {
	case disk != nil && disk.Done:
		target.Report, target.Message = disk.Report.DeepCopy(), cmp.Or(deref(disk.Report).Message, "done")
	case disk == nil || c.stage.step != stepErase:
		return
	case c.kept[target.Disk] != "":
		target.Message = cut("not erased: " + c.kept[target.Disk])
	case now == nil || now.Status.Presence == v1alpha1.PresenceMissing:
		target.Message = "WaitingForDisk: it is missing; put it in, or delete this operation to give it up"
	default:
		target.Message = "its agent is asked to erase it"
		request := EraseRequest(c.record.Erase, disk, now.Status.Node)
		if report := now.Status.Report; report != nil && report.ID == request.ID && report.Refusal != nil {
			target.Message = cut("it is tried again: " + withRemedy(*report.Refusal))
		}
	}
}
