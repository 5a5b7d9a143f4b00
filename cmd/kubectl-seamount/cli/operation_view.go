package cli

import (
	"cmp"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// drawOperation draws the whole plan of an operation.
func drawOperation(p *paper, o answer.Operation) {
	p.linef("%s/%s: %s of %s in cluster %s%s", o.Namespace, o.Name, o.Type, o.Targets, o.Cluster, orNone(", plan ", o.PlanID))
	drawOperationPlan(p, o)
}

// drawOperationPlan draws the steps, the disks, the forecast, the risks, and what stands in the way.
func drawOperationPlan(p *paper, o answer.Operation) {
	section(p, o.Steps,
		column[answer.PlannedStep]{name: "STEP", cell: func(s answer.PlannedStep) string { return s.Name }},
		column[answer.PlannedStep]{name: "EFFECT", cell: func(s answer.PlannedStep) string { return s.Effect }},
		column[answer.PlannedStep]{name: "WHY", cell: func(s answer.PlannedStep) string { return s.Why }},
	)
	section(p, o.Disks,
		column[answer.OperationDisk]{name: "DISK", cell: func(d answer.OperationDisk) string { return d.Disk }},
		column[answer.OperationDisk]{name: "NODE", cell: func(d answer.OperationDisk) string { return d.Node }},
		column[answer.OperationDisk]{name: "OSDS", cell: func(d answer.OperationDisk) string { return answer.Numbers(d.OSDs) }},
		column[answer.OperationDisk]{name: "STEP", cell: func(d answer.OperationDisk) string { return d.Step }},
		column[answer.OperationDisk]{name: "MESSAGE", cell: func(d answer.OperationDisk) string { return d.Message }},
		column[answer.OperationDisk]{name: "REPORT", cell: func(d answer.OperationDisk) string { return d.Report }},
	)
	p.linef("")
	for _, fact := range o.Outcome {
		p.linef("  %s: %s", fact.Name, fact.Value)
	}
	if o.PlanID != "" {
		p.linef("  risks: %s", cmp.Or(strings.Join(o.Risks, ", "), "none"))
	}
	for _, b := range o.Blockers {
		p.linef("  in its way: %s: %s", b.Reason, b.Message)
		if b.Remedy != "" {
			p.linef("    do: %s", b.Remedy)
		}
	}
	if o.PlanID != "" {
		p.linef("")
	}
}

// drawProgress draws how far an operation is, what it waits for, and what can be typed next.
func drawProgress(p *paper, o answer.Operation) {
	p.linef("%s", joined(": ", cmp.Or(o.State, "not planned yet"), orDash(o.Message)))
	for _, line := range []string{
		orNone("  intent: ", unlessProceed(o.Intent)), orNone("  approved: ", o.Approval), orNone("  started: ", moment(o.Started)),
		orNone("  at step: ", o.Step), orNone("  progress: ", progressLine(o)), orNone("  ended: ", moment(o.Completed)),
	} {
		if line != "" {
			p.linef("%s", line)
		}
	}
	for _, f := range o.Waits {
		p.linef("  waits: %s (%s): %s", f.Condition, f.Reason, f.Message)
	}
	for _, command := range o.Next {
		p.linef("  next: %s", command)
	}
}

// unlessProceed leaves out the intent that everybody expects.
func unlessProceed(intent string) string {
	if intent == "Proceed" {
		return ""
	}
	return intent
}

func moment(t *metav1.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// progressLine is the share that is done, and what is left.
func progressLine(o answer.Operation) string {
	return joined(", ", answer.Percent(o.Percent), orSuffix(answer.Count(o.PGsLeft), " PGs left"), orSuffix(answer.Size(o.BytesLeft), " left"),
		orNone("done in about ", o.ETA))
}
