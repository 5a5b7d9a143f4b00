package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// RecoveryStatus is how far recovery has come. It is written at most every ten seconds.
type RecoveryStatus struct {
	// degradedPercent of the objects have too few copies.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	DegradedPercent *int32 `json:"degradedPercent,omitempty"`

	// misplacedPercent of the objects are to move.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MisplacedPercent *int32 `json:"misplacedPercent,omitempty"`

	// etaSeconds until it is done, at the present rate.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ETASeconds *int32 `json:"etaSeconds,omitempty"`
}

// DiskPlanSummary counts the disks by what is planned for them.
type DiskPlanSummary struct {
	// id of the plan: a hash of its steps and of the disks as they were observed.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	ID string `json:"id,omitempty"`

	// add counts disks that become OSDs.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Add int32 `json:"add"`

	// provide counts disks that become DB disks.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Provide int32 `json:"provide"`

	// keep counts disks in service.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Keep int32 `json:"keep"`

	// wait counts disks that match and have to wait.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Wait int32 `json:"wait"`

	// skip counts disks that are left alone.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Skip int32 `json:"skip"`

	// rawAdded is the raw capacity in bytes that the plan adds.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	RawAdded *resource.Quantity `json:"rawAdded,omitempty"`

	// message says the plan in words.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// UpgradeStatus is how far an upgrade has come.
type UpgradeStatus struct {
	// from is the version that is left.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	From string `json:"from,omitempty"`

	// to is the version that is wanted.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	To string `json:"to,omitempty"`

	// done daemons.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Done int32 `json:"done"`

	// total daemons.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Total int32 `json:"total"`

	// current failure domain.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Current string `json:"current,omitempty"`

	// etaSeconds until it is done, at the present rate.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ETASeconds *int32 `json:"etaSeconds,omitempty"`
}

// DriftStatus lists what somebody changed in Ceph by hand.
type DriftStatus struct {
	// count of the differences.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Count int32 `json:"count"`

	// first ten of them.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	First []DriftEntry `json:"first,omitempty"`
}

// DriftEntry is one thing that is in Ceph as nobody declared it.
type DriftEntry struct {
	// path of what differs, such as "config osd/osd_max_backfills".
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Path string `json:"path,omitempty"`

	// declared value. Absent: it is not declared at all.
	//
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=4096
	Declared *string `json:"declared,omitempty"`

	// live value in Ceph. Absent: it is not set.
	//
	// +optional
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=4096
	Live *string `json:"live,omitempty"`
}

// ClusterDependents counts what lives in a cluster.
type ClusterDependents struct {
	// pools are StoragePools.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Pools *int32 `json:"pools,omitempty"`

	// filesystems are StorageFilesystems.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Filesystems *int32 `json:"filesystems,omitempty"`

	// objectStores are ObjectStores.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ObjectStores *int32 `json:"objectStores,omitempty"`

	// volumes in all of them.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Volumes *int32 `json:"volumes,omitempty"`

	// first ten of them, as kind/name.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	First []string `json:"first,omitempty"`
}
