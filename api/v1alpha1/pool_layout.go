package v1alpha1

import "k8s.io/apimachinery/pkg/api/resource"

// PoolLayout says how a pool keeps its data: how many copies or chunks, over what, on which disks. StoragePool,
// StorageFilesystem and ObjectStore share it, with the same rules.
//
// +kubebuilder:validation:XValidation:rule="has(self.replicated) != has(self.erasureCoded)",message="exactly one of replicated and erasureCoded"
// +kubebuilder:validation:XValidation:rule="has(self.replicated) == has(oldSelf.replicated)",message="a pool cannot change between replicated and erasure coded: make a new pool and move the volumes"
type PoolLayout struct {
	// replicated keeps whole copies. The fastest, and the only layout for databases and metadata.
	//
	// +optional
	Replicated *ReplicatedLayout `json:"replicated,omitempty"`

	// erasureCoded cuts data into chunks and adds coding chunks: less space, more work for small writes.
	// Chosen when the pool is made; it cannot change.
	//
	// +optional
	ErasureCoded *ErasureCodedLayout `json:"erasureCoded,omitempty"`

	// failureDomain is what each copy or chunk gets one of its own of. Default: the cluster's topology.failureDomain.
	// When it changes, data moves; a change that cannot be placed is refused and nothing moves.
	//
	// +optional
	FailureDomain FailureDomain `json:"failureDomain,omitempty"`

	// deviceClass is the class of the disks that hold the data, such as hdd, ssd or nvme. Default: disks of any class.
	// When it changes, data moves; a change that cannot be placed is refused and nothing moves.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_.-]+$`
	DeviceClass string `json:"deviceClass,omitempty"`

	// compression of data on disk. Default: None. Passive compresses what the client marks as compressible, Aggressive
	// all but what it marks as incompressible, Force everything.
	//
	// +optional
	Compression Compression `json:"compression,omitempty"`
}

// ReplicatedLayout keeps whole copies of the data.
//
// +kubebuilder:validation:XValidation:rule="self.replicas != 1 || has(self.singleCopy)",message="replicated.replicas: 1 loses data with the first disk that fails; if that is meant add singleCopy: Accepted"
// +kubebuilder:validation:XValidation:rule="self.replicas == 1 || !has(self.singleCopy)",message="replicated.singleCopy: goes with replicas: 1 only; take it out"
type ReplicatedLayout struct {
	// replicas is the number of copies, 1 to 9. It may change; data is copied or removed.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=9
	Replicas int32 `json:"replicas,omitempty"`

	// singleCopy says, with Accepted, that losing the data with the first disk that fails is meant. Only with replicas: 1.
	//
	// +optional
	SingleCopy SingleCopy `json:"singleCopy,omitempty"`
}

// ErasureCodedLayout cuts data into chunks. The pool survives the loss of as many chunks as there are coding chunks,
// and needs one failure domain for each chunk of either kind.
//
// +kubebuilder:validation:XValidation:rule="self.dataChunks == oldSelf.dataChunks && self.codingChunks == oldSelf.codingChunks",message="erasureCoded: dataChunks and codingChunks are fixed when the pool is made"
// +kubebuilder:validation:XValidation:rule="self.dataChunks + self.codingChunks <= 20",message="erasureCoded: dataChunks and codingChunks together are at most 20"
type ErasureCodedLayout struct {
	// dataChunks that each object is cut into, at least 2. Fixed when the pool is made.
	//
	// +required
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=19
	DataChunks int32 `json:"dataChunks,omitempty"`

	// codingChunks added to them, at least 1: as many may be lost. Fixed when the pool is made.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=18
	CodingChunks int32 `json:"codingChunks,omitempty"`
}

// PoolQuota bounds what a pool may hold. A pool that reached it refuses writes.
type PoolQuota struct {
	// bytes of data, before replication.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	Bytes *resource.Quantity `json:"bytes,omitempty"`

	// objects is the number of RADOS objects.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Objects int64 `json:"objects,omitempty"`
}

// Compression is BlueStore's compression mode of a pool.
//
// +kubebuilder:validation:Enum=None;Passive;Aggressive;Force
type Compression string

// The compression modes.
const (
	CompressionNone       Compression = "None"
	CompressionPassive    Compression = "Passive"
	CompressionAggressive Compression = "Aggressive"
	CompressionForce      Compression = "Force"
)

// SingleCopy is a person's consent to a pool with one copy.
//
// +kubebuilder:validation:Enum=Accepted
type SingleCopy string

// SingleCopyAccepted says that losing the data with the first disk that fails is meant.
const SingleCopyAccepted SingleCopy = "Accepted"
