package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageClusterStatus is what the operator found and did. It does not grow with the number of OSDs: what concerns one
// disk is in its StorageDisk. Nothing in it moves while nothing happens.
type StorageClusterStatus struct {
	// conditions of the cluster: Ready, Reachable, MonQuorum, DataHealthy, CapacityOK, DisksSettled, UpToDate,
	// ApprovalRequired, Paused and Deleting.
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

	// fsid is Ceph's identity of the cluster. Set once it is kept in a Secret that outlives the namespace's deletion.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	FSID string `json:"fsid,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *ClusterSummary `json:"summary,omitempty"`

	// resolved are the values in force for the fields of spec that were left out.
	//
	// +optional
	Resolved *ClusterDefaults `json:"resolved,omitempty"`

	// mons of the cluster.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=7
	Mons []MonStatus `json:"mons,omitempty"`

	// versions that the daemons run.
	//
	// +optional
	// +listType=map
	// +listMapKey=daemon
	// +listMapKey=version
	// +kubebuilder:validation:MaxItems=24
	Versions []DaemonVersion `json:"versions,omitempty"`

	// classes of disks, with their OSDs and capacity.
	//
	// +optional
	// +listType=map
	// +listMapKey=deviceClass
	// +kubebuilder:validation:MaxItems=16
	Classes []DeviceClassStatus `json:"classes,omitempty"`

	// capacity of the whole cluster.
	//
	// +optional
	Capacity *ClusterCapacity `json:"capacity,omitempty"`

	// recovery that is going on. Absent when there is none.
	//
	// +optional
	Recovery *RecoveryStatus `json:"recovery,omitempty"`

	// plan for the disks, as sums. What is planned for one disk is in its StorageDisk.
	//
	// +optional
	Plan *DiskPlanSummary `json:"plan,omitempty"`

	// upgrade that is going on. Absent when there is none.
	//
	// +optional
	Upgrade *UpgradeStatus `json:"upgrade,omitempty"`

	// drift lists what somebody changed in Ceph by hand. Absent when there is none.
	//
	// +optional
	Drift *DriftStatus `json:"drift,omitempty"`

	// dependents are what keeps the cluster from being deleted.
	//
	// +optional
	Dependents *ClusterDependents `json:"dependents,omitempty"`
}

// ClusterSummary is for eyes. It promises nothing to programs.
type ClusterSummary struct {
	// health in Ceph's words, shortened: OK, WARN or ERR.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Health string `json:"health,omitempty"`

	// version of Ceph that runs; two, joined by an arrow, during an upgrade.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Version string `json:"version,omitempty"`

	// mons in quorum, of all.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Mons string `json:"mons,omitempty"`

	// osds that are up, of all.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	OSDs string `json:"osds,omitempty"`

	// used share of the raw capacity.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Used string `json:"used,omitempty"`

	// pending operations that wait for approval.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Pending string `json:"pending,omitempty"`
}

// ClusterDefaults are the values in force for fields of spec with a default that is computed. They are never written
// to spec.
type ClusterDefaults struct {
	// monCount is the number of mons wanted.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MonCount int32 `json:"monCount,omitempty"`

	// mgrCount is the number of mgrs wanted.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MgrCount int32 `json:"mgrCount,omitempty"`

	// failureDomain of pools that name none.
	//
	// +optional
	FailureDomain FailureDomain `json:"failureDomain,omitempty"`

	// resourceProfile of the daemons.
	//
	// +optional
	ResourceProfile ResourceProfile `json:"resourceProfile,omitempty"`

	// networkMode of the daemons.
	//
	// +optional
	NetworkMode NetworkMode `json:"networkMode,omitempty"`

	// ipFamily of the daemons.
	//
	// +optional
	IPFamily IPFamily `json:"ipFamily,omitempty"`

	// newDisks that match a rule and are empty.
	//
	// +optional
	NewDisks ApprovalMode `json:"newDisks,omitempty"`

	// failedDisks that can be replaced.
	//
	// +optional
	FailedDisks ApprovalMode `json:"failedDisks,omitempty"`

	// removals that somebody asked for.
	//
	// +optional
	Removals ApprovalMode `json:"removals,omitempty"`

	// maxAutomaticPerDay is how many disks failedDisks and removals may take in 24 hours.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MaxAutomaticPerDay int32 `json:"maxAutomaticPerDay,omitempty"`
}

// MonStatus is one mon.
type MonStatus struct {
	// name of the mon.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// node that it runs on.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// address that the other daemons know it by.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Address string `json:"address,omitempty"`

	// state of the mon.
	//
	// +optional
	State MonState `json:"state,omitempty"`
}

// DaemonVersion counts the daemons of a kind that run a version.
type DaemonVersion struct {
	// daemon type: mon, mgr, osd, mds or rgw.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Daemon string `json:"daemon,omitempty"`

	// version of Ceph.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Version string `json:"version,omitempty"`

	// count of daemons.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Count int32 `json:"count"`
}

// DeviceClassStatus sums up the OSDs of a device class.
type DeviceClassStatus struct {
	// deviceClass in CRUSH.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DeviceClass string `json:"deviceClass,omitempty"`

	// osds of the class.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	OSDs int32 `json:"osds"`

	// up is how many of them are up.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Up int32 `json:"up"`

	// raw capacity in bytes.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Raw *resource.Quantity `json:"raw,omitempty"`

	// used bytes of it.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Used *resource.Quantity `json:"used,omitempty"`

	// usedPercent of the raw capacity.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	UsedPercent *int32 `json:"usedPercent,omitempty"`

	// fullestPercent is how full the fullest OSD of the class is.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	FullestPercent *int32 `json:"fullestPercent,omitempty"`
}

// ClusterCapacity is the capacity of the whole cluster. It is written at most once a minute, and only when the rounded
// value changed.
type ClusterCapacity struct {
	// raw capacity in bytes, to three digits.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Raw *resource.Quantity `json:"raw,omitempty"`

	// used bytes of it, to three digits.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Used *resource.Quantity `json:"used,omitempty"`

	// usedPercent of the raw capacity.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	UsedPercent *int32 `json:"usedPercent,omitempty"`

	// daysToFull at the present rate, to two digits. Absent while there is too little history to say.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	DaysToFull *int32 `json:"daysToFull,omitempty"`
}

// MonState says whether a mon takes part.
//
// +kubebuilder:validation:Enum=InQuorum;Out
type MonState string

// Whether a mon takes part.
const (
	MonInQuorum MonState = "InQuorum"
	MonOut      MonState = "Out"
)
