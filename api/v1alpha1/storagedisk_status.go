package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageDiskStatus has three owners. discover writes node, otherNodes, presence, identity, device, hardware, content,
// verdict and the conditions Usable and Healthy; the agent writes report; the operator writes the rest. The policy
// seamount-own-node holds discover and agent to that.
type StorageDiskStatus struct {
	// conditions of the disk: Usable and Healthy (owner: discover), Fresh and InService (owner: operator).
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that the operator's part of this status speaks of.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// node that the disk is in. Owner: discover.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// otherNodes that see the disk too; each writes its own entry. A disk that several nodes see is never Usable.
	// Owner: discover.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	OtherNodes []string `json:"otherNodes,omitempty"`

	// presence says whether node sees the disk. Another node takes the disk over only after node said Missing.
	// Owner: discover.
	//
	// +optional
	Presence Presence `json:"presence,omitempty"`

	// identity that the disk is known by. Owner: discover.
	//
	// +optional
	Identity *DiskIdentity `json:"identity,omitempty"`

	// device is where the disk is today: to read, never to match. Owner: discover.
	//
	// +optional
	Device *DiskDevice `json:"device,omitempty"`

	// hardware of the disk. Owner: discover.
	//
	// +optional
	Hardware *DiskHardware `json:"hardware,omitempty"`

	// content that was found on the disk. Owner: discover.
	//
	// +optional
	Content *DiskContent `json:"content,omitempty"`

	// verdict says whether the disk may be used, and why not. Owner: discover.
	//
	// +optional
	Verdict *DiskVerdict `json:"verdict,omitempty"`

	// claim is the hold that a StorageCluster has on the disk. Where several want it the oldest wins; a claim is never
	// forced. Owner: operator.
	//
	// +optional
	Claim *DiskClaim `json:"claim,omitempty"`

	// osds that depend on the disk: what is lost with it. Owner: operator.
	//
	// +optional
	// +listType=map
	// +listMapKey=id
	// +listMapKey=role
	// +kubebuilder:validation:MaxItems=64
	OSDs []DiskOSD `json:"osds,omitempty"`

	// plan is what is to be done with the disk. Owner: operator.
	//
	// +optional
	Plan *DiskPlan `json:"plan,omitempty"`

	// request is work that the operator asks the agent of the disk's node for. Owner: operator.
	//
	// +optional
	Request *DiskRequest `json:"request,omitempty"`

	// report is what came of it. Owner: agent.
	//
	// +optional
	Report *DiskReport `json:"report,omitempty"`

	// state in one word, derived from all of the above, for columns and selectors. Owner: operator.
	//
	// +optional
	State DiskState `json:"state,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs. Owner: operator.
	//
	// +optional
	Summary *DiskSummary `json:"summary,omitempty"`
}

// DiskIdentity is what a disk is known by. It never comes from what Seamount itself writes or wipes.
type DiskIdentity struct {
	// source of the identity.
	//
	// +required
	Source IdentitySource `json:"source,omitempty"`

	// value of the identity, as the source has it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Value string `json:"value,omitempty"`
}

// DiskDevice is where a disk is today.
type DiskDevice struct {
	// name of the kernel for the disk, such as sdb. It changes at any time.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// path of the slot, as under /dev/disk/by-path.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Path string `json:"path,omitempty"`
}

// DiskHardware is what a disk says of itself.
type DiskHardware struct {
	// media of the disk.
	//
	// +optional
	Media Media `json:"media,omitempty"`

	// transport that connects it. Absent: none of those that are known.
	//
	// +optional
	Transport Transport `json:"transport,omitempty"`

	// model of the disk.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Model string `json:"model,omitempty"`

	// serial number of the disk.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Serial string `json:"serial,omitempty"`

	// firmware revision of the disk.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Firmware string `json:"firmware,omitempty"`

	// size in bytes, exactly.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Size *resource.Quantity `json:"size,omitempty"`

	// logicalBlockSize in bytes.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	LogicalBlockSize int32 `json:"logicalBlockSize,omitempty"`
}

// DiskContent is what was found on a disk.
type DiskContent struct {
	// kind of the content.
	//
	// +required
	Kind ContentKind `json:"kind,omitempty"`

	// detail in words, such as "GPT, 1 partition; ext4 on sdb1 mounted at /data".
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Detail string `json:"detail,omitempty"`

	// bluestore label, when there is one.
	//
	// +optional
	BlueStore *BlueStoreLabel `json:"bluestore,omitempty"`
}

// BlueStoreLabel says whose OSD a disk holds. The OSD's key, which is in the label too, is never read out.
type BlueStoreLabel struct {
	// fsid of the Ceph cluster.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	FSID string `json:"fsid,omitempty"`

	// osdID is the number of the OSD. Absent: the label does not say.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	OSDID *int32 `json:"osdID,omitempty"`

	// osdUUID of the OSD.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	OSDUUID string `json:"osdUUID,omitempty"`
}

// DiskVerdict says whether a disk may be used. Only a Usable disk is ever written.
type DiskVerdict struct {
	// result in one word.
	//
	// +required
	Result VerdictResult `json:"result,omitempty"`

	// reasons for it; the first weighs most.
	//
	// +optional
	// +listType=map
	// +listMapKey=reason
	// +kubebuilder:validation:MaxItems=16
	Reasons []Refusal `json:"reasons,omitempty"`

	// seal of the disk as it was judged: a hash of its identity and of samples of its content; in service, of its
	// identity and OSD. The first write must find the same.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Seal string `json:"seal,omitempty"`
}

// DiskClaim is the hold that a StorageCluster has on a disk.
type DiskClaim struct {
	// namespace of the StorageCluster.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Namespace string `json:"namespace,omitempty"`

	// name of the StorageCluster.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// fsid of the StorageCluster.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	FSID string `json:"fsid,omitempty"`

	// rule that selected the disk.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Rule string `json:"rule,omitempty"`
}

// DiskOSD is an OSD that has its data or its DB on a disk.
type DiskOSD struct {
	// id of the OSD in Ceph.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	ID int32 `json:"id"`

	// role of the disk for the OSD.
	//
	// +required
	Role OSDRole `json:"role,omitempty"`

	// uuid of the OSD.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	UUID string `json:"uuid,omitempty"`

	// size in bytes of what the OSD has on this disk.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	Size *resource.Quantity `json:"size,omitempty"`

	// deviceClass of the OSD in CRUSH.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DeviceClass string `json:"deviceClass,omitempty"`

	// dbDisk is the StorageDisk that holds the DB of the OSD. Absent: this one does.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	DBDisk string `json:"dbDisk,omitempty"`

	// slice is the UUID of the partition that belongs to the OSD. Absent: it has the whole disk.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Slice string `json:"slice,omitempty"`
}

// DiskPlan is what is to be done with a disk.
type DiskPlan struct {
	// action that is planned.
	//
	// +required
	Action PlanAction `json:"action,omitempty"`

	// reason for it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Reason string `json:"reason,omitempty"`

	// rule that the disk falls under.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	Rule string `json:"rule,omitempty"`

	// message says the plan in words.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`
}

// DiskSummary is for eyes. It promises nothing to programs.
type DiskSummary struct {
	// size in words, such as 16 TB.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Size string `json:"size,omitempty"`

	// osds by their numbers, such as 12,13.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	OSDs string `json:"osds,omitempty"`

	// reason of the verdict where that stands in the way, else of the plan.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Reason string `json:"reason,omitempty"`
}
