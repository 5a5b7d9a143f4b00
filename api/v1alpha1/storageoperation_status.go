package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageOperationStatus is the plan of an operation and how far it has come. The operator owns it.
type StorageOperationStatus struct {
	// conditions of the operation: Approved, Safe, Complete and Failed.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state in one word, derived from the rest of the status, for columns and selectors.
	//
	// +optional
	State OperationState `json:"state,omitempty"`

	// plan of the operation.
	//
	// +optional
	Plan *OperationPlan `json:"plan,omitempty"`

	// targets are the disks that the operation acts on.
	//
	// +optional
	// +listType=map
	// +listMapKey=disk
	// +kubebuilder:validation:MaxItems=64
	Targets []OperationTarget `json:"targets,omitempty"`

	// progress is written in steps of 5 percent, at least ten seconds apart.
	//
	// +optional
	Progress *OperationProgress `json:"progress,omitempty"`

	// startTime of the first step.
	//
	// +optional
	StartTime *metav1.Time `json:"startTime,omitempty"`

	// completionTime of the last step.
	//
	// +optional
	CompletionTime *metav1.Time `json:"completionTime,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *OperationSummary `json:"summary,omitempty"`
}

// OperationPlan is what an operation will do, what that costs, and what stands in its way.
type OperationPlan struct {
	// id of the plan: a hash of the names of its steps, its risks, and the identity, OSD and seal of each target. When
	// one of them changes the id does, and an approval is void.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ID string `json:"id,omitempty"`

	// steps in their order, the same for every target.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Steps []OperationStep `json:"steps,omitempty"`

	// outcome is a forecast. It is no part of the id.
	//
	// +optional
	Outcome *OperationOutcome `json:"outcome,omitempty"`

	// risks that an approval must accept by name.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	Risks []Risk `json:"risks,omitempty"`

	// blockers stand in the way of the plan: nothing is done while there is one.
	//
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=16
	Blockers []Refusal `json:"blockers,omitempty"`
}

// OperationStep is a step of a plan.
type OperationStep struct {
	// name of the step.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// effect of the step. From the first Final step on, the operation cannot be cancelled.
	//
	// +required
	Effect StepEffect `json:"effect,omitempty"`

	// why the step is taken.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Why string `json:"why,omitempty"`
}

// OperationOutcome is a forecast.
type OperationOutcome struct {
	// bytesToMove between OSDs.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	BytesToMove *resource.Quantity `json:"bytesToMove,omitempty"`

	// etaSeconds from the start to the end.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ETASeconds *int32 `json:"etaSeconds,omitempty"`

	// fullestPercentAfter is how full the fullest OSD will be.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	FullestPercentAfter *int32 `json:"fullestPercentAfter,omitempty"`

	// redundancyDuring says in words what more may fail while it runs.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	RedundancyDuring string `json:"redundancyDuring,omitempty"`
}

// OperationTarget is a disk that an operation acts on.
type OperationTarget struct {
	// disk by the name of its StorageDisk.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Disk string `json:"disk,omitempty"`

	// node that the disk is in, whose agent acts on it.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// osds that depend on the disk, by their numbers.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=64
	OSDs []int32 `json:"osds,omitempty"`

	// seal of the disk as it was planned with. The agent refuses to touch a disk that has another.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Seal string `json:"seal,omitempty"`

	// step of the plan that the target is at.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Step string `json:"step,omitempty"`

	// message says in words how far it is.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// report of the agent of node: what was done to the disk, and read back. The operator takes it from the status of the disk.
	//
	// +optional
	Report *TargetReport `json:"report,omitempty"`
}

// TargetReport is what an agent did to a disk.
type TargetReport struct {
	// result of what was done.
	//
	// +required
	Result ReportResult `json:"result,omitempty"`

	// erasedBytes that were written over or discarded.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	ErasedBytes *resource.Quantity `json:"erasedBytes,omitempty"`

	// message says what and why in words.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// OperationProgress is how far an operation has come.
type OperationProgress struct {
	// percent of the whole, in steps of 5.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=100
	Percent int32 `json:"percent"`

	// pgsLeft to move.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	PGsLeft *int32 `json:"pgsLeft,omitempty"`

	// bytesLeft to move.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	BytesLeft *resource.Quantity `json:"bytesLeft,omitempty"`

	// etaSeconds until it is done, at the present rate.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ETASeconds *int32 `json:"etaSeconds,omitempty"`
}

// OperationSummary is for eyes. It promises nothing to programs.
type OperationSummary struct {
	// targets in words, such as osd.12.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Targets string `json:"targets,omitempty"`

	// step that runs.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Step string `json:"step,omitempty"`

	// progress in percent.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Progress string `json:"progress,omitempty"`

	// eta in words, such as 1h8m.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ETA string `json:"eta,omitempty"`
}

// OperationState is an operation's whole status in one word. It is derived, and no controller reads it back.
//
// +kubebuilder:validation:Enum=Planning;Refused;AwaitingApproval;Running;Held;Succeeded;Failed;Cancelled;Superseded
type OperationState string

// An operation's whole status in one word.
const (
	OperationPlanning         OperationState = "Planning"
	OperationRefused          OperationState = "Refused"
	OperationAwaitingApproval OperationState = "AwaitingApproval"
	OperationRunning          OperationState = "Running"
	OperationHeld             OperationState = "Held"
	OperationSucceeded        OperationState = "Succeeded"
	OperationFailed           OperationState = "Failed"
	OperationCancelled        OperationState = "Cancelled"
	OperationSuperseded       OperationState = "Superseded"
)

// StepEffect says whether a step can be undone.
//
// +kubebuilder:validation:Enum=Reversible;Final
type StepEffect string

// Whether a step can be undone.
const (
	EffectReversible StepEffect = "Reversible"
	EffectFinal      StepEffect = "Final"
)

// ReportResult says what became of a request to an agent.
//
// +kubebuilder:validation:Enum=Verified;Refused;Failed
type ReportResult string

// What became of a request to an agent: done and read back; not begun, because the disk is not as it was sealed; begun
// and not finished.
const (
	ReportVerified ReportResult = "Verified"
	ReportRefused  ReportResult = "Refused"
	ReportFailed   ReportResult = "Failed"
)
