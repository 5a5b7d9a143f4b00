package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageOperation is an act on disks that can lose data or redundancy, or that waits for a person: what is asked for,
// the plan that was computed for it, who approved that plan, and how far it has come. Finished ones are kept for 90
// days: they are the audit trail.
//
// The rules at the root see spec and status together, and fire only when the approval changes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=sop,categories=seamount
// +kubebuilder:selectablefield:JSONPath=`.spec.type`
// +kubebuilder:selectablefield:JSONPath=`.spec.node`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Type",type=string,JSONPath=`.spec.type`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Targets",type=string,JSONPath=`.status.summary.targets`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="Progress",type=string,JSONPath=`.status.summary.progress`
// +kubebuilder:printcolumn:name="ETA",type=string,JSONPath=`.status.summary.eta`
// +kubebuilder:printcolumn:name="Plan",type=string,JSONPath=`.status.plan.id`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Step",type=string,priority=1,JSONPath=`.status.summary.step`
// +kubebuilder:printcolumn:name="Approver",type=string,priority=1,JSONPath=`.spec.approval.approver`
// +kubebuilder:printcolumn:name="Risks",type=string,priority=1,JSONPath=`.status.plan.risks`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Complete")].message`
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || !has(self.spec.approval)",optionalOldSelf=true,message="an operation cannot be created approved: its plan is computed first; read it, then approve its ID"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.approval) || (has(oldSelf.spec.approval) && self.spec.approval == oldSelf.spec.approval) || (has(self.status) && has(self.status.plan) && self.status.plan.id == self.spec.approval.planID)",message="approval.planID is not the current plan (status.plan.id): something changed since you read it; read it again"
// +kubebuilder:validation:XValidation:rule="!has(self.spec.approval) || (has(oldSelf.spec.approval) && self.spec.approval == oldSelf.spec.approval) || !has(self.status) || !has(self.status.plan) || !has(self.status.plan.risks) || self.status.plan.risks.all(r, has(self.spec.approval.acceptedRisks) && r in self.spec.approval.acceptedRisks)",message="approval.acceptedRisks must name every risk in status.plan.risks"
type StorageOperation struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what somebody asked for, and who approved it.
	//
	// +required
	Spec StorageOperationSpec `json:"spec,omitzero"`

	// status is the plan and how far it has come.
	//
	// +optional
	Status StorageOperationStatus `json:"status,omitzero"`
}

// StorageOperationList is a list of StorageOperations.
//
// +kubebuilder:object:root=true
type StorageOperationList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []StorageOperation `json:"items"`
}

// StorageOperationSpec is what somebody asked for.
//
// +kubebuilder:validation:XValidation:rule="self.type == oldSelf.type && has(self.disks) == has(oldSelf.disks) && (!has(self.disks) || self.disks == oldSelf.disks) && has(self.node) == has(oldSelf.node) && (!has(self.node) || self.node == oldSelf.node) && has(self.replacement) == has(oldSelf.replacement) && (!has(self.replacement) || self.replacement == oldSelf.replacement) && (has(self.erase) ? self.erase : 'Signatures') == (has(oldSelf.erase) ? oldSelf.erase : 'Signatures')",message="type, disks, node, erase and replacement cannot change: cancel this operation and create another"
// +kubebuilder:validation:XValidation:rule="has(self.disks) != has(self.node) && (!has(self.node) || self.type in ['Drain', 'Remove'])",message="name either disks or a node, and a node only for Drain or Remove"
// +kubebuilder:validation:XValidation:rule="!has(self.replacement) || (self.type == 'Replace' && has(self.disks) && self.disks.size() == 1)",message="replacement goes with Replace of a single disk"
// +kubebuilder:validation:XValidation:rule="oldSelf.?intent.orValue('Proceed') != 'Cancel' || self.?intent.orValue('Proceed') == 'Cancel'",fieldPath=".intent",message="a cancelled operation cannot be resumed: create another"
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.approval) || has(self.approval)",message="an approval cannot be taken back; set intent: Hold or Cancel"
type StorageOperationSpec struct {
	// clusterRef names the StorageCluster whose disks these are. It cannot change.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot change: an operation belongs to one cluster"
	ClusterRef ClusterReference `json:"clusterRef,omitzero"`

	// type of the operation. Add: make OSDs of new disks. Drain: move the data away and keep the OSDs. Remove: drain,
	// purge the OSDs and erase the disks. Replace: put another disk in the place of one, with the same OSD id. Wipe: erase
	// disks without OSDs in service. It cannot change.
	//
	// +required
	Type OperationType `json:"type,omitempty"`

	// disks by the names of their StorageDisks, also Missing ones. Either disks or node. It cannot change.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	Disks []string `json:"disks,omitempty"`

	// node whose OSD disks are meant, all of them. Only with type Drain or Remove. Either disks or node. It cannot change.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// replacement is the StorageDisk to take the place of a single one. Only with type Replace. Default: the next Usable
	// disk in its slot, else one of its rule on its node. It cannot change.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Replacement string `json:"replacement,omitempty"`

	// erase says how much of a disk is erased. Signatures: all labels, partition tables and the copies of either, so that
	// the disk becomes Usable again. Full: every block. None: nothing. It cannot change.
	//
	// +optional
	// +default="Signatures"
	Erase EraseMode `json:"erase,omitempty"`

	// intent says whether the operation goes on. Hold stops it between two steps, until it is Proceed again. Cancel undoes
	// what can be undone; it works until the first Final step begins, and is for good.
	//
	// +optional
	// +default="Proceed"
	Intent OperationIntent `json:"intent,omitempty"`

	// approval of the plan in status. Absent: the operation waits, unless the cluster's policy approves it. It needs the
	// verb "approve" on storageoperations, can be renewed when the plan changed, and cannot be taken back.
	//
	// +optional
	Approval *OperationApproval `json:"approval,omitempty"`
}

// OperationApproval is a person's consent to a plan.
type OperationApproval struct {
	// planID of the plan that was read (status.plan.id). The approval is void as soon as the plan changes.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	PlanID string `json:"planID,omitempty"`

	// approver is the user name of the caller, as the API server knows it. Filled in by kubectl seamount approve.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	Approver string `json:"approver,omitempty"`

	// acceptedRisks names every risk of the plan.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	AcceptedRisks []Risk `json:"acceptedRisks,omitempty"`

	// comment for those who come later, such as the number of a ticket.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Comment string `json:"comment,omitempty"`
}

// OperationType says what an operation does.
//
// +kubebuilder:validation:Enum=Add;Drain;Remove;Replace;Wipe
type OperationType string

// What operations do.
const (
	OperationAdd     OperationType = "Add"
	OperationDrain   OperationType = "Drain"
	OperationRemove  OperationType = "Remove"
	OperationReplace OperationType = "Replace"
	OperationWipe    OperationType = "Wipe"
)

// EraseMode says how much of a disk is erased.
//
// +kubebuilder:validation:Enum=None;Signatures;Full
type EraseMode string

// How much of a disk is erased.
const (
	EraseNone       EraseMode = "None"
	EraseSignatures EraseMode = "Signatures"
	EraseFull       EraseMode = "Full"
)

// OperationIntent says whether an operation goes on.
//
// +kubebuilder:validation:Enum=Proceed;Hold;Cancel
type OperationIntent string

// Whether an operation goes on.
const (
	IntentProceed OperationIntent = "Proceed"
	IntentHold    OperationIntent = "Hold"
	IntentCancel  OperationIntent = "Cancel"
)

// Risk is something that a plan may cost.
//
// +kubebuilder:validation:Enum=DataLoss;RedundancyLoss;NoRoomToHeal;ForeignData;SharedDB
type Risk string

// What a plan may cost: data; redundancy while it runs; the room to recover from the loss of the largest failure
// domain; data that is not of this cluster; the OSDs whose DB is on a shared disk.
const (
	RiskDataLoss       Risk = "DataLoss"
	RiskRedundancyLoss Risk = "RedundancyLoss"
	RiskNoRoomToHeal   Risk = "NoRoomToHeal"
	RiskForeignData    Risk = "ForeignData"
	RiskSharedDB       Risk = "SharedDB"
)
