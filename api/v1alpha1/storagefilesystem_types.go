package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageFilesystem is a CephFS: its pools, its metadata servers, and the StorageClasses under which it is handed out.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=sfs,categories=seamount;storage
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="MDS",type=string,JSONPath=`.status.summary.mds`
// +kubebuilder:printcolumn:name="Used",type=string,JSONPath=`.status.summary.used`
// +kubebuilder:printcolumn:name="StorageClass",type=string,JSONPath=`.status.summary.storageClasses`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="DataPools",type=string,priority=1,JSONPath=`.status.summary.dataPools`
// +kubebuilder:printcolumn:name="Subvolumes",type=integer,priority=1,JSONPath=`.status.dependents.subvolumes`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
type StorageFilesystem struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want.
	//
	// +required
	Spec StorageFilesystemSpec `json:"spec,omitzero"`

	// status is what the operator found and did. It can be deleted and is rebuilt.
	//
	// +optional
	Status StorageFilesystemStatus `json:"status,omitzero"`
}

// StorageFilesystemList is a list of StorageFilesystems.
//
// +kubebuilder:object:root=true
type StorageFilesystemList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []StorageFilesystem `json:"items"`
}

// StorageFilesystemSpec is what people want of a filesystem.
//
// +kubebuilder:validation:XValidation:rule="!has(self.storageClasses) || self.storageClasses.all(c, !has(c.dataPool) || self.dataPools.exists(p, p.name == c.dataPool))",fieldPath=".storageClasses",message="storageClasses.dataPool must be one of dataPools"
type StorageFilesystemSpec struct {
	// clusterRef names the StorageCluster that the filesystem lives in. It cannot change.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot change: a filesystem lives in one cluster"
	ClusterRef ClusterReference `json:"clusterRef,omitzero"`

	// metadataPool holds names and attributes; put it on fast disks. It must be replicated. Default: 3 replicas.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.erasureCoded)",message="metadataPool must be replicated"
	MetadataPool *PoolLayout `json:"metadataPool,omitempty"`

	// dataPools hold the files. The first is the default pool and must be replicated. Pools can be added at the end; none
	// can be taken away.
	//
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.size() == 0 || !has(self[0].erasureCoded)",message="dataPools[0] must be replicated: CephFS keeps every file's backtrace in its first data pool"
	// +kubebuilder:validation:XValidation:rule="[0, 1, 2, 3, 4, 5, 6, 7].all(i, i >= oldSelf.size() || (i < self.size() && self[i].name == oldSelf[i].name))",message="dataPools: a data pool cannot be taken away or moved; its files would be lost"
	DataPools []FilesystemDataPool `json:"dataPools,omitempty"`

	// mds describes the metadata servers.
	//
	// +optional
	MDS *MDSSpec `json:"mds,omitempty"`

	// storageClasses under which the filesystem is handed out: a StorageClass and a VolumeSnapshotClass each.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:XValidation:rule="self.filter(c, c.?clusterDefault.orValue('Disabled') == 'Enabled').size() <= 1",message="storageClasses: only one can be clusterDefault"
	StorageClasses []FilesystemStorageClass `json:"storageClasses,omitempty"`
}

// FilesystemDataPool is a pool for files.
type FilesystemDataPool struct {
	// name of the pool within the filesystem.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name,omitempty"`

	PoolLayout `json:",inline"`
}

// MDSSpec describes the metadata servers.
type MDSSpec struct {
	// active ranks, 1 to 16. Default: 1.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=16
	Active int32 `json:"active,omitempty"`

	// standby servers. Replay: a warm one for each rank, which takes over in seconds. Shared: one cold one for all.
	// None: a failed rank waits for its pod. Default: Replay.
	//
	// +optional
	Standby MDSStandby `json:"standby,omitempty"`

	// placement of the servers, in place of the cluster's.
	//
	// +optional
	Placement *Placement `json:"placement,omitempty"`

	// resources of each server, as in a pod. The memory limit decides the size of its cache. Default: after the
	// cluster's resourceProfile.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// FilesystemStorageClass is a StorageClass of file volumes.
type FilesystemStorageClass struct {
	// name of the StorageClass and VolumeSnapshotClass, unique in the Kubernetes cluster.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Name string `json:"name,omitempty"`

	StorageClassSettings `json:",inline"`

	// dataPool that the volumes' files go to, one of spec.dataPools. Default: the first.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	DataPool string `json:"dataPool,omitempty"`

	// mounter of the volumes. Default: Auto, the kernel's client where the node has it, else FUSE.
	//
	// +optional
	Mounter Mounter `json:"mounter,omitempty"`
}

// StorageFilesystemStatus is what the operator found and did.
type StorageFilesystemStatus struct {
	// conditions of the filesystem: Ready, Placeable, CapacityOK, StorageClassesReady, UpToDate, MDSHealthy and Deleting.
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
	Resolved *FilesystemDefaults `json:"resolved,omitempty"`

	// ranks and the servers that hold them.
	//
	// +optional
	// +listType=map
	// +listMapKey=rank
	// +kubebuilder:validation:MaxItems=16
	Ranks []MDSRank `json:"ranks,omitempty"`

	// capacity of all data pools together.
	//
	// +optional
	Capacity *PoolCapacity `json:"capacity,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *FilesystemSummary `json:"summary,omitempty"`

	// dependents are what keeps the filesystem from being deleted.
	//
	// +optional
	Dependents *FilesystemDependents `json:"dependents,omitempty"`
}

// FilesystemDefaults are the values in force for fields of spec with a default that is computed.
type FilesystemDefaults struct {
	// metadataReplicas of the metadata pool.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	MetadataReplicas int32 `json:"metadataReplicas,omitempty"`

	// activeMDS is the number of ranks wanted.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ActiveMDS int32 `json:"activeMDS,omitempty"`

	// standbyMDS says which servers stand by.
	//
	// +optional
	StandbyMDS MDSStandby `json:"standbyMDS,omitempty"`
}

// MDSRank is a rank and the server that holds it.
type MDSRank struct {
	// rank in the filesystem, from 0.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	Rank int32 `json:"rank"`

	// daemon that holds the rank.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Daemon string `json:"daemon,omitempty"`

	// node that the daemon runs on.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// state in Ceph's words, such as active or replay.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	State string `json:"state,omitempty"`
}

// FilesystemSummary is for eyes. It promises nothing to programs.
type FilesystemSummary struct {
	// mds servers: active of wanted, and those that stand by.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	MDS string `json:"mds,omitempty"`

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

	// dataPools by their names, joined by commas.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	DataPools string `json:"dataPools,omitempty"`
}

// FilesystemDependents counts what lives in a filesystem.
type FilesystemDependents struct {
	// subvolumes in the filesystem.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Subvolumes *int32 `json:"subvolumes,omitempty"`

	// first ten of them, by their names in Ceph.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	First []string `json:"first,omitempty"`
}

// MDSStandby says which servers stand by.
//
// +kubebuilder:validation:Enum=Replay;Shared;None
type MDSStandby string

// Which servers stand by.
const (
	StandbyReplay MDSStandby = "Replay"
	StandbyShared MDSStandby = "Shared"
	StandbyNone   MDSStandby = "None"
)

// Mounter mounts a file volume on a node.
//
// +kubebuilder:validation:Enum=Auto;Kernel;FUSE
type Mounter string

// The mounters: the best that the node's kernel offers, the kernel's client, ceph-fuse.
const (
	MounterAuto   Mounter = "Auto"
	MounterKernel Mounter = "Kernel"
	MounterFUSE   Mounter = "FUSE"
)
