package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StoragePool is a pool for block volumes: how the data is kept, on which disks, and under which StorageClasses it is
// handed out.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=sp,categories=seamount;storage
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Layout",type=string,JSONPath=`.status.summary.layout`
// +kubebuilder:printcolumn:name="Class",type=string,JSONPath=`.spec.deviceClass`
// +kubebuilder:printcolumn:name="Domain",type=string,JSONPath=`.status.resolved.failureDomain`
// +kubebuilder:printcolumn:name="Used",type=string,JSONPath=`.status.summary.used`
// +kubebuilder:printcolumn:name="StorageClass",type=string,JSONPath=`.status.summary.storageClasses`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Available",type=string,priority=1,JSONPath=`.status.capacity.available`
// +kubebuilder:printcolumn:name="Volumes",type=integer,priority=1,JSONPath=`.status.dependents.volumes`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || size(self.metadata.name) <= 50",optionalOldSelf=true,message="metadata.name: at most 50 characters; it is the pool's name in Ceph"
type StoragePool struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object. The name is at most 50 characters; it is the pool's name in Ceph.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want.
	//
	// +required
	Spec StoragePoolSpec `json:"spec,omitzero"`

	// status is what the operator found and did. It can be deleted and is rebuilt.
	//
	// +optional
	Status StoragePoolStatus `json:"status,omitzero"`
}

// StoragePoolList is a list of StoragePools.
//
// +kubebuilder:object:root=true
type StoragePoolList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []StoragePool `json:"items"`
}

// StoragePoolSpec is what people want of a pool.
//
// +kubebuilder:validation:XValidation:rule="!has(self.imageMetadata) || has(self.erasureCoded)",fieldPath=".imageMetadata",message="imageMetadata goes with erasureCoded: a replicated pool holds its own image headers"
type StoragePoolSpec struct {
	// clusterRef names the StorageCluster that the pool lives in. It cannot change.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot change: a pool lives in one cluster"
	ClusterRef ClusterReference `json:"clusterRef,omitzero"`

	PoolLayout `json:",inline"`

	// imageMetadata describes the replicated pool that holds the headers of the volumes of an erasure-coded pool.
	// With erasureCoded only.
	//
	// +optional
	ImageMetadata *ImageMetadataLayout `json:"imageMetadata,omitempty"`

	// quota of the pool, so that one team cannot fill the cluster. Default: none.
	//
	// +optional
	Quota *PoolQuota `json:"quota,omitempty"`

	// targetPercent of its device class that the pool is expected to fill, 1 to 100. With it, the number of PGs is right
	// from the start; without it, PGs are split under load as the pool grows.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100
	TargetPercent int32 `json:"targetPercent,omitempty"`

	// storageClasses under which the pool is handed out: a StorageClass and a VolumeSnapshotClass each.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.filter(c, c.?clusterDefault.orValue('Disabled') == 'Enabled').size() <= 1",message="storageClasses: only one can be clusterDefault"
	StorageClasses []PoolStorageClass `json:"storageClasses,omitempty"`
}

// ImageMetadataLayout describes the replicated pool beside an erasure-coded one.
type ImageMetadataLayout struct {
	// replicas of the headers, 2 to 9. Default: one more than the coding chunks, so that both pools survive the same
	// losses; 9 at most.
	//
	// +optional
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=9
	Replicas int32 `json:"replicas,omitempty"`

	// deviceClass of the disks that hold the headers. Default: the pool's.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.-]+$`
	DeviceClass string `json:"deviceClass,omitempty"`
}

// PoolStorageClass is a StorageClass of block volumes.
type PoolStorageClass struct {
	// name of the StorageClass and VolumeSnapshotClass, unique in the Kubernetes cluster.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	StorageClassSettings `json:",inline"`

	// fsType of volumes that hold a filesystem. Default: xfs.
	//
	// +optional
	FSType FSType `json:"fsType,omitempty"`

	// mapper that turns a volume into a block device. Default: Auto, the best that the node's kernel offers. The others
	// force one where another misbehaves.
	//
	// +optional
	Mapper Mapper `json:"mapper,omitempty"`
}

// StoragePoolStatus is what the operator found and did.
type StoragePoolStatus struct {
	// conditions of the pool: Ready, Placeable, CapacityOK, StorageClassesReady, UpToDate and Deleting.
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

	// resolved are the values in force for the fields of spec that were left out.
	//
	// +optional
	Resolved *PoolDefaults `json:"resolved,omitempty"`

	// pools of Ceph behind this one.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=2
	Pools []CephPool `json:"pools,omitempty"`

	// capacity of the pool.
	//
	// +optional
	Capacity *PoolCapacity `json:"capacity,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *PoolSummary `json:"summary,omitempty"`

	// dependents are what keeps the pool from being deleted.
	//
	// +optional
	Dependents *PoolDependents `json:"dependents,omitempty"`
}

// PoolDefaults are the values in force for fields of spec with a default that is computed.
type PoolDefaults struct {
	// failureDomain of the copies or chunks.
	//
	// +optional
	FailureDomain FailureDomain `json:"failureDomain,omitempty"`

	// compression of the data.
	//
	// +optional
	Compression Compression `json:"compression,omitempty"`

	// imageMetadataReplicas of an erasure-coded pool.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ImageMetadataReplicas int32 `json:"imageMetadataReplicas,omitempty"`
}

// CephPool is a pool of Ceph.
type CephPool struct {
	// name of the pool in Ceph.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// id of the pool in Ceph.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	ID int64 `json:"id,omitempty"`

	// role of the pool.
	//
	// +required
	Role CephPoolRole `json:"role,omitempty"`
}

// PoolCapacity is how full a pool is. It is written at most once a minute, and only when the rounded value changed.
type PoolCapacity struct {
	// used bytes, before replication, to three digits.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Used *resource.Quantity `json:"used,omitempty"`

	// available bytes, before replication, as the fullest OSD allows; to three digits, and never negative.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Available *resource.Quantity `json:"available,omitempty"`

	// usedPercent of used and available together.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	UsedPercent *int32 `json:"usedPercent,omitempty"`
}

// PoolSummary is for eyes. It promises nothing to programs.
type PoolSummary struct {
	// layout in words, such as "3 copies" or "EC 4+2".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Layout string `json:"layout,omitempty"`

	// used share of the capacity.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Used string `json:"used,omitempty"`

	// storageClasses by their names, joined by commas.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	StorageClasses string `json:"storageClasses,omitempty"`
}

// PoolDependents counts what lives in a pool.
type PoolDependents struct {
	// volumes in the pool.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Volumes *int32 `json:"volumes,omitempty"`

	// snapshots in the pool.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Snapshots *int32 `json:"snapshots,omitempty"`

	// first ten of them, by their names in Ceph.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	First []string `json:"first,omitempty"`
}

// CephPoolRole says what a pool of Ceph holds.
//
// +kubebuilder:validation:Enum=Data;ImageMetadata
type CephPoolRole string

// What a pool of Ceph holds.
const (
	CephPoolData          CephPoolRole = "Data"
	CephPoolImageMetadata CephPoolRole = "ImageMetadata"
)

// FSType is the filesystem that is made on a volume.
//
// +kubebuilder:validation:Enum=xfs;ext4
type FSType string

// The filesystems that can be made on a volume.
const (
	FSTypeXFS  FSType = "xfs"
	FSTypeEXT4 FSType = "ext4"
)

// Mapper turns a volume into a block device on a node.
//
// +kubebuilder:validation:Enum=Auto;KRBD;NBD;Seamount
type Mapper string

// The mappers: the best that the node's kernel offers, the kernel's rbd driver, rbd-nbd, and seamount-block.
const (
	MapperAuto     Mapper = "Auto"
	MapperKRBD     Mapper = "KRBD"
	MapperNBD      Mapper = "NBD"
	MapperSeamount Mapper = "Seamount"
)
