package v1alpha1

// DiskRequest asks the agent of a disk's node for work on the disk. It is sealed: the agent looks at the disk itself, and
// does nothing to one that is not as the request says.
//
// +kubebuilder:validation:XValidation:rule="self.action != 'Partition' || has(self.table) && has(self.slices)",message="Partition needs the table and the slices that the disk is to have"
// +kubebuilder:validation:XValidation:rule="(self.action == 'Erase') == has(self.erase)",message="Erase says in erase what may be erased, and no other action has it"
// +kubebuilder:validation:XValidation:rule="(self.action == 'RemoveHostDirectory') == has(self.fsid)",message="RemoveHostDirectory says in fsid whose directory goes, and no other action has it"
// +kubebuilder:validation:XValidation:rule="(self.action == 'RemoveHostDirectory') != has(self.seal)",message="seal is that of the disk that is worked on: RemoveHostDirectory touches no disk, and any other action needs it"
type DiskRequest struct {
	// id of the request: it follows from all that is in it, so that a report can be told from that of an earlier request.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// action that is asked for.
	//
	// +required
	Action DiskAction `json:"action,omitempty"`

	// node whose agent is asked. No other acts, also when the disk has moved.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// seal of the disk as it was judged: empty for Partition, with all that is to go for Erase. The first write must find
	// the same, unless this very request was begun before: then the disk says so. RemoveHostDirectory has none.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Seal string `json:"seal,omitempty"`

	// table is the GUID of the partition table. A table of this GUID is Seamount's own: Partition adds slices to it, and
	// Erase erases it. Any other is left alone by Partition, and by Erase unless it is what was sealed.
	//
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	Table string `json:"table,omitempty"`

	// slices that the table is to have. Those that are there already must be as they are here; none is ever moved or
	// taken away. For Erase: all that the table may have.
	//
	// +optional
	// +listType=map
	// +listMapKey=uuid
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Slices []DiskSlice `json:"slices,omitempty"`

	// erase is what may be erased, for the action Erase.
	//
	// +optional
	Erase *DiskErase `json:"erase,omitempty"`

	// fsid of the Ceph cluster whose directory on the node is removed, for the action RemoveHostDirectory. That cluster was
	// deleted and its disks erased.
	//
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	FSID string `json:"fsid,omitempty"`
}

// DiskErase says what Erase may erase. An OSD that is not named here is never erased. Without any the disk must be, sample
// for sample, the one that was sealed, whatever it holds.
//
// +kubebuilder:validation:XValidation:rule="self.mode != 'None'",message="mode is Signatures or Full: to erase nothing, ask for nothing"
// +kubebuilder:validation:XValidation:rule="!has(self.osds) || has(self.fsid)",message="osds goes with the fsid of their cluster"
type DiskErase struct {
	// mode says how much is erased. Signatures: every place where a program looks for what a disk holds, and every one
	// that discover samples. Full: every byte.
	//
	// +required
	Mode EraseMode `json:"mode,omitempty"`

	// fsid of the Ceph cluster that the OSDs belong to.
	//
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	FSID string `json:"fsid,omitempty"`

	// osds are the uuids of the OSDs that have data or DB on the disk.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=36
	// +kubebuilder:validation:items:MaxLength=36
	OSDs []string `json:"osds,omitempty"`
}

// DiskSlice is a partition for one OSD.
type DiskSlice struct {
	// uuid of the partition.
	//
	// +required
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	UUID string `json:"uuid,omitempty"`

	// osd that the partition is for.
	//
	// +required
	// +kubebuilder:validation:Minimum=0
	OSD int32 `json:"osd"`

	// role of the partition for the OSD.
	//
	// +required
	Role OSDRole `json:"role,omitempty"`

	// offset of the first byte on the disk, a multiple of 1 MiB.
	//
	// +required
	// +kubebuilder:validation:Minimum=1048576
	// +kubebuilder:validation:MultipleOf=1048576
	Offset int64 `json:"offset,omitempty"`

	// size in bytes, a multiple of 1 MiB.
	//
	// +required
	// +kubebuilder:validation:Minimum=1048576
	// +kubebuilder:validation:MultipleOf=1048576
	Size int64 `json:"size,omitempty"`

	// freed is the uuid of the OSD that had the partition for its DB and was destroyed, when nothing took its place. The partition
	// stays, and the next OSD whose DB fits overwrites it. Unset: it is that of osd.
	//
	// +optional
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	Freed string `json:"freed,omitempty"`
}

// DiskReport is what came of a DiskRequest.
type DiskReport struct {
	// id of the request.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	ID string `json:"id,omitempty"`

	// node whose agent reports.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Node string `json:"node,omitempty"`

	// result of it. What failed is tried again; what was refused is not.
	//
	// +required
	Result DiskReportResult `json:"result,omitempty"`

	// refusal says why not, when the result is not Done.
	//
	// +optional
	Refusal *Refusal `json:"refusal,omitempty"`

	// erasedBytes is how much was erased, and read back as zeros.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ErasedBytes int64 `json:"erasedBytes,omitempty"`
}

// DiskAction is work on a disk.
//
// +kubebuilder:validation:Enum=Partition;Erase;RemoveHostDirectory
type DiskAction string

// Work on a disk.
const (
	// DiskActionPartition gives the disk a partition table with the slices of the request.
	DiskActionPartition DiskAction = "Partition"
	// DiskActionErase erases what is on the disk, so that it can be used anew.
	DiskActionErase DiskAction = "Erase"
	// DiskActionRemoveHostDirectory removes what a cluster that was erased kept on the node itself, such as the stores of
	// its mons. Nothing is done to the disk: it is where the agent of its node reads what it is asked for.
	DiskActionRemoveHostDirectory DiskAction = "RemoveHostDirectory"
)

// DiskReportResult is what came of a DiskRequest.
//
// +kubebuilder:validation:Enum=Done;Refused;Failed
type DiskReportResult string

// What came of a DiskRequest.
const (
	DiskReportDone    DiskReportResult = "Done"
	DiskReportRefused DiskReportResult = "Refused"
	DiskReportFailed  DiskReportResult = "Failed"
)
