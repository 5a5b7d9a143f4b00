package v1alpha1

// DiskRequest asks the agent of a disk's node for work on the disk. It is sealed: the agent looks at the disk itself, and
// does nothing to one that is not as the request says.
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

	// seal of the disk as it was judged empty. Without a partition table of this request on the disk, the first write
	// must find the same.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	Seal string `json:"seal,omitempty"`

	// table is the GUID of the partition table. A table of this GUID is Seamount's own, and slices are added to it; any
	// other is left alone.
	//
	// +required
	// +kubebuilder:validation:MinLength=36
	// +kubebuilder:validation:MaxLength=36
	Table string `json:"table,omitempty"`

	// slices that the table is to have. Those that are there already must be as they are here; none is ever moved or
	// taken away.
	//
	// +required
	// +listType=map
	// +listMapKey=uuid
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=64
	Slices []DiskSlice `json:"slices,omitempty"`
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
}

// DiskAction is work on a disk.
//
// +kubebuilder:validation:Enum=Partition
type DiskAction string

// DiskActionPartition gives the disk a partition table with the slices of the request.
const DiskActionPartition DiskAction = "Partition"

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
