package answer

import (
	"cmp"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Operations answers: what was asked for, what waits for whom, and how far it is.
type Operations struct {
	Operations []Operation `json:"operations"`
}

// Operation is a StorageOperation.
type Operation struct {
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Type      string           `json:"type"`
	Cluster   string           `json:"cluster"`
	Targets   string           `json:"targets"`
	State     string           `json:"state,omitempty"`
	Intent    string           `json:"intent,omitempty"`
	WhatIf    bool             `json:"whatIf,omitempty"`
	Step      string           `json:"step,omitempty"`
	Percent   *int32           `json:"percent,omitempty"`
	PGsLeft   *int32           `json:"pgsLeft,omitempty"`
	BytesLeft int64            `json:"bytesLeft,omitempty"`
	ETA       string           `json:"eta,omitempty"`
	PlanID    string           `json:"planID,omitempty"`
	Risks     []string         `json:"risks,omitempty"`
	Approver  string           `json:"approver,omitempty"`
	Approval  string           `json:"approval,omitempty"`
	Created   metav1.Time      `json:"created"`
	Started   *metav1.Time     `json:"started,omitempty"`
	Completed *metav1.Time     `json:"completed,omitempty"`
	Message   string           `json:"message,omitempty"`
	Steps     []PlannedStep    `json:"steps,omitempty"`
	Outcome   []Fact           `json:"outcome,omitempty"`
	Disks     []OperationDisk  `json:"disks,omitempty"`
	Blockers  []OperationBlock `json:"blockers,omitempty"`
	// Waits are the conditions that keep it from going on, beyond what Message says.
	Waits []Finding `json:"waits,omitempty"`
	// Next are the commands that make sense in its state, each with what it does.
	Next []string `json:"next,omitempty"`
}

// PlannedStep is a step of an operation's plan.
type PlannedStep struct {
	Name string `json:"name"`
	// Effect is Reversible or Final.
	Effect string `json:"effect"`
	Why    string `json:"why,omitempty"`
}

// Fact is a line of a forecast.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// OperationDisk is a disk that an operation acts on.
type OperationDisk struct {
	Disk string  `json:"disk"`
	Node string  `json:"node,omitempty"`
	OSDs []int32 `json:"osds,omitempty"`
	Step string  `json:"step,omitempty"`
	// Message says how far it is.
	Message string `json:"message,omitempty"`
	// Report is what the agent did to the disk, and read back: Verified, Refused or Failed, and how.
	Report string `json:"report,omitempty"`
}

// OperationBlock is what stands in the way of an operation.
type OperationBlock struct {
	Reason  string `json:"reason"`
	Message string `json:"message"`
	Remedy  string `json:"remedy,omitempty"`
}

// ListOperations answers: those that wait for a person first, then those that run, then the newest.
func ListOperations(s *Snapshot) Operations {
	answer := Operations{Operations: []Operation{}}
	for i := range s.Operations {
		answer.Operations = append(answer.Operations, DescribeOperation(&s.Operations[i]))
	}
	slices.SortStableFunc(answer.Operations, func(a, b Operation) int {
		return cmp.Or(cmp.Compare(urgency(a.State), urgency(b.State)), b.Created.Compare(a.Created.Time),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return answer
}

// Finished says that nothing more comes of an operation.
func Finished(state v1alpha1.OperationState) bool {
	switch state {
	case v1alpha1.OperationSucceeded, v1alpha1.OperationFailed, v1alpha1.OperationCancelled, v1alpha1.OperationSuperseded:
		return true
	}
	return false
}

func urgency(state string) int {
	switch s := v1alpha1.OperationState(state); {
	case s == v1alpha1.OperationAwaitingApproval:
		return 0
	case Finished(s):
		return 2
	}
	return 1
}

// DescribeOperation returns all that is said of an operation.
func DescribeOperation(o *v1alpha1.StorageOperation) Operation {
	plan, summary := deref(o.Status.Plan), deref(o.Status.Summary)
	answer := Operation{
		Namespace: o.Namespace, Name: o.Name, Type: string(o.Spec.Type), Cluster: o.Spec.ClusterRef.Name, Targets: Targets(o),
		State: string(o.Status.State), Intent: string(o.Spec.Intent), WhatIf: IsWhatIf(o), Step: orElse(summary.Step, stepOfTargets(o)),
		PlanID: plan.ID, Risks: enums(plan.Risks), Approver: deref(o.Spec.Approval).Approver, Approval: approvalOf(o),
		Created: o.CreationTimestamp, Started: o.Status.StartTime, Completed: o.Status.CompletionTime,
		Message: operationMessage(o), Outcome: outcome(plan.Outcome), Waits: waits(o), Next: next(o),
	}
	if progress := o.Status.Progress; progress != nil {
		answer.Percent, answer.ETA = &progress.Percent, orElse(Seconds(progress.ETASeconds), summary.ETA)
		answer.PGsLeft, answer.BytesLeft = progress.PGsLeft, bytesOf(progress.BytesLeft)
	}
	for _, step := range plan.Steps {
		answer.Steps = append(answer.Steps, PlannedStep{step.Name, string(step.Effect), step.Why})
	}
	for _, t := range o.Status.Targets {
		answer.Disks = append(answer.Disks, OperationDisk{t.Disk, t.Node, t.OSDs, t.Step, t.Message, report(t.Report)})
	}
	for _, b := range plan.Blockers {
		answer.Blockers = append(answer.Blockers, OperationBlock(b))
	}
	return answer
}

func outcome(o *v1alpha1.OperationOutcome) []Fact {
	if o == nil {
		return nil
	}
	var facts []Fact
	add := func(name, value string) {
		if value != "" {
			facts = append(facts, Fact{name, value})
		}
	}
	add("data to move", Size(bytesOf(o.BytesToMove)))
	add("takes about", Seconds(o.ETASeconds))
	add("fullest OSD afterwards", Percent(o.FullestPercentAfter))
	add("may fail meanwhile", o.RedundancyDuring)
	return facts
}

// Numbers writes the OSDs 12 and 13 as 12,13.
func Numbers(ids []int32) string { return numbers(ids) }
