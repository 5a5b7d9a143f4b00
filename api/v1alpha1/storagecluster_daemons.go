package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// MonSpec describes the monitors.
type MonSpec struct {
	// count of mons: 1, 3, 5 or 7. Default: 1 on one or two nodes, else 3. It grows by itself as nodes join, and
	// shrinks only when it is lowered here.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=7
	// +kubebuilder:validation:XValidation:rule="self % 2 == 1",message="mon.count: 1, 3, 5 or 7; an even number of mons survives no more failures than one fewer"
	Count int32 `json:"count,omitempty"`

	// volume for each mon's store, for nodes without a lasting disk. Default: a directory on the host. It cannot change.
	// Not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next
	Volume *MonVolume `json:"volume,omitempty"`

	// placement of mons, in place of the cluster's.
	//
	// +optional
	Placement *Placement `json:"placement,omitempty"`

	// resources of each mon, as in a pod. Default: after resourceProfile.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// MonVolume is a claim for a mon's store.
type MonVolume struct {
	// storageClassName of the claims.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	StorageClassName string `json:"storageClassName,omitempty"`

	// size of each claim, in bytes.
	//
	// +required
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	Size resource.Quantity `json:"size,omitzero"`
}

// MgrSpec describes the managers.
type MgrSpec struct {
	// count of mgrs, one active and the others standing by. Default: 2, or 1 on one node.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=5
	Count int32 `json:"count,omitempty"`

	// modules to enable beyond those that the resource profile enables, such as telemetry.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=32
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[A-Za-z0-9_]+$`
	Modules []string `json:"modules,omitempty"`

	// placement of mgrs, in place of the cluster's.
	//
	// +optional
	Placement *Placement `json:"placement,omitempty"`

	// resources of each mgr, as in a pod. Default: after resourceProfile.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// OSDSpec describes the OSDs.
type OSDSpec struct {
	// placement of OSDs. An OSD follows its disk, so that only tolerations can be said.
	//
	// +optional
	Placement *OSDPlacement `json:"placement,omitempty"`

	// resources of each OSD, as in a pod; a rule's own take their place. The memory limit decides osd_memory_target.
	// Default: after resourceProfile and the node's memory.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}
