package v1alpha1

// Media is what a disk stores its data on.
//
// +kubebuilder:validation:Enum=HDD;SSD;NVMe
type Media string

// What disks store their data on.
const (
	MediaHDD  Media = "HDD"
	MediaSSD  Media = "SSD"
	MediaNVMe Media = "NVMe"
)

// Transport is what connects a disk.
//
// +kubebuilder:validation:Enum=SATA;SAS;NVMe;FC;ISCSI;Virtio;USB;MMC;Loop
type Transport string

// What connects disks.
const (
	TransportSATA   Transport = "SATA"
	TransportSAS    Transport = "SAS"
	TransportNVMe   Transport = "NVMe"
	TransportFC     Transport = "FC"
	TransportISCSI  Transport = "ISCSI"
	TransportVirtio Transport = "Virtio"
	TransportUSB    Transport = "USB"
	TransportMMC    Transport = "MMC"
	TransportLoop   Transport = "Loop"
)

// Presence says whether a disk's node sees it.
//
// +kubebuilder:validation:Enum=Present;Missing
type Presence string

// Whether a disk's node sees it.
const (
	PresencePresent Presence = "Present"
	PresenceMissing Presence = "Missing"
)

// IdentitySource says where a disk's identity comes from.
//
// +kubebuilder:validation:Enum=WWN;EUI;Serial;PartitionTable;Location;BackingFile
type IdentitySource string

// Where disks' identities come from, the best first.
const (
	IdentityWWN            IdentitySource = "WWN"
	IdentityEUI            IdentitySource = "EUI"
	IdentitySerial         IdentitySource = "Serial"
	IdentityPartitionTable IdentitySource = "PartitionTable"
	IdentityLocation       IdentitySource = "Location"
	IdentityBackingFile    IdentitySource = "BackingFile"
)

// ContentKind is the kind of what a disk holds.
//
// +kubebuilder:validation:Enum=Empty;PartitionTable;Filesystem;VolumeManager;RAIDMember;Encrypted;Swap;BlueStore;Unrecognized
type ContentKind string

// What disks hold.
const (
	ContentEmpty          ContentKind = "Empty"
	ContentPartitionTable ContentKind = "PartitionTable"
	ContentFilesystem     ContentKind = "Filesystem"
	ContentVolumeManager  ContentKind = "VolumeManager"
	ContentRAIDMember     ContentKind = "RAIDMember"
	ContentEncrypted      ContentKind = "Encrypted"
	ContentSwap           ContentKind = "Swap"
	ContentBlueStore      ContentKind = "BlueStore"
	ContentUnrecognized   ContentKind = "Unrecognized"
)

// VerdictResult says whether a disk may be used.
//
// +kubebuilder:validation:Enum=Usable;InUse;Rejected;Unknown
type VerdictResult string

// Whether a disk may be used. InUse is an OSD or DB disk of a cluster of this Kubernetes cluster. Unknown is not empty:
// only Usable disks are ever written.
const (
	VerdictUsable   VerdictResult = "Usable"
	VerdictInUse    VerdictResult = "InUse"
	VerdictRejected VerdictResult = "Rejected"
	VerdictUnknown  VerdictResult = "Unknown"
)

// OSDRole says what an OSD has on a disk.
//
// +kubebuilder:validation:Enum=Data;DB
type OSDRole string

// What an OSD has on a disk.
const (
	OSDRoleData OSDRole = "Data"
	OSDRoleDB   OSDRole = "DB"
)

// PlanAction says what is to be done with a disk.
//
// +kubebuilder:validation:Enum=Add;Provide;Keep;Wait;Skip
type PlanAction string

// What is to be done with a disk: make OSDs of it, make a DB disk of it, keep it in service, let it wait, leave it alone.
const (
	PlanAdd     PlanAction = "Add"
	PlanProvide PlanAction = "Provide"
	PlanKeep    PlanAction = "Keep"
	PlanWait    PlanAction = "Wait"
	PlanSkip    PlanAction = "Skip"
)

// DiskState is a disk's whole status in one word. It is derived, and no controller reads it back.
//
// +kubebuilder:validation:Enum=Unknown;Rejected;Usable;Excluded;Planned;Preparing;InService;Down;Draining;Drained;Wiping;Missing;Failed
type DiskState string

// A disk's whole status in one word.
const (
	DiskUnknown   DiskState = "Unknown"
	DiskRejected  DiskState = "Rejected"
	DiskUsable    DiskState = "Usable"
	DiskExcluded  DiskState = "Excluded"
	DiskPlanned   DiskState = "Planned"
	DiskPreparing DiskState = "Preparing"
	DiskInService DiskState = "InService"
	DiskDown      DiskState = "Down"
	DiskDraining  DiskState = "Draining"
	DiskDrained   DiskState = "Drained"
	DiskWiping    DiskState = "Wiping"
	DiskMissing   DiskState = "Missing"
	DiskFailed    DiskState = "Failed"
)
