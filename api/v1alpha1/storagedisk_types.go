package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageDisk is one physical disk: what it is, what it holds, whether it may be used and why not, what is planned for
// it and which OSDs live on it. discover and the operator write it; people write spec.use.
//
// It is named by the disk's own identity and never by its device name, and it stays when the disk moves to another
// node. A multipath LUN is one disk. While an OSD needs the disk, the finalizer seamount.dev/osd keeps the object, so
// that a dead disk can still be named.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Cluster,shortName=sd;disk;disks
// +kubebuilder:selectablefield:JSONPath=`.status.node`
// +kubebuilder:selectablefield:JSONPath=`.status.state`
// +kubebuilder:selectablefield:JSONPath=`.status.verdict.result`
// +kubebuilder:selectablefield:JSONPath=`.status.plan.action`
// +kubebuilder:selectablefield:JSONPath=`.status.claim.name`
// +kubebuilder:printcolumn:name="Node",type=string,JSONPath=`.status.node`
// +kubebuilder:printcolumn:name="Device",type=string,JSONPath=`.status.device.name`
// +kubebuilder:printcolumn:name="Media",type=string,JSONPath=`.status.hardware.media`
// +kubebuilder:printcolumn:name="Size",type=string,JSONPath=`.status.summary.size`
// +kubebuilder:printcolumn:name="Verdict",type=string,JSONPath=`.status.verdict.result`
// +kubebuilder:printcolumn:name="State",type=string,JSONPath=`.status.state`
// +kubebuilder:printcolumn:name="OSD",type=string,JSONPath=`.status.summary.osds`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Because",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Usable")].reason`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.summary.reason`
// +kubebuilder:printcolumn:name="Plan",type=string,priority=1,JSONPath=`.status.plan.action`
// +kubebuilder:printcolumn:name="Rule",type=string,priority=1,JSONPath=`.status.plan.rule`
// +kubebuilder:printcolumn:name="Cluster",type=string,priority=1,JSONPath=`.status.claim.name`
// +kubebuilder:printcolumn:name="Healthy",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Healthy")].status`
// +kubebuilder:printcolumn:name="Model",type=string,priority=1,JSONPath=`.status.hardware.model`
// +kubebuilder:printcolumn:name="Serial",type=string,priority=1,JSONPath=`.status.hardware.serial`
// +kubebuilder:printcolumn:name="Path",type=string,priority=1,JSONPath=`.status.device.path`
type StorageDisk struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object. The name is the identity of the disk: wwn-..., eui-..., sn-<model>-<serial>,
	// ptuuid-..., path-<node>-<hash> or loop-<node>-<hash>.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want of this very disk.
	//
	// +optional
	// +default={}
	Spec StorageDiskSpec `json:"spec,omitzero"`

	// status is what discover found and what the operator decided. It can be deleted and is rebuilt.
	//
	// +optional
	Status StorageDiskStatus `json:"status,omitzero"`
}

// StorageDiskList is a list of StorageDisks.
//
// +kubebuilder:object:root=true
type StorageDiskList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []StorageDisk `json:"items"`
}

// StorageDiskSpec is what people want of a disk.
type StorageDiskSpec struct {
	// use says, with Never, to leave this disk alone, whatever the rules say. It has no effect on a disk in service: to take that
	// away, create a StorageOperation. Default: Allowed.
	//
	// +optional
	// +default="Allowed"
	Use DiskUse `json:"use,omitempty"`
}

// DiskUse says whether a disk may be used at all.
//
// +kubebuilder:validation:Enum=Allowed;Never
type DiskUse string

// Whether a disk may be used at all.
const (
	DiskUseAllowed DiskUse = "Allowed"
	DiskUseNever   DiskUse = "Never"
)
