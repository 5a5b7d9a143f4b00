package ceph

import "time"

// Snapshot is the state of a cluster at one time, as several commands told it.
// It is immutable: readers share it.
type Snapshot struct {
	At       time.Time // when the first command was sent: nothing in it is older
	Took     time.Duration
	Commands int // that were sent for it

	FSID        string
	Quorum      QuorumStatus
	Mgr         MgrMap
	Health      HealthReport
	Versions    []DaemonVersion
	OSDMap      OSDMap
	OSDs        []OSD // by id
	CRUSH       CRUSHMap
	Pools       []Pool // by id
	PGs         PGSummary
	Capacity    Capacity
	Filesystems []Filesystem // by name
	Standbys    []MDS        // that serve no filesystem
	Config      []ConfigOption
}

// OSDMap is what the osdmap says of the cluster as a whole.
type OSDMap struct {
	Epoch          int64
	Flags          []string // sorted: noout, sortbitwise, ...
	RequireRelease string   // such as tentacle
	FullRatio      float64
	BackfillFull   float64
	NearFull       float64
	// BucketFlags are noup, nodown, noin and noout of CRUSH buckets, by their names; each list is sorted.
	BucketFlags map[string][]string
}

// PGSummary counts PGs by state and says what recovery does.
type PGSummary struct {
	Total                 int
	ByState               []PGStateCount // largest first, then by name
	Objects               int64
	DegradedObjects       int64 // copies that are missing
	MisplacedObjects      int64 // copies that lie elsewhere
	UnfoundObjects        int64
	TotalCopies           int64 // what degraded and misplaced are parts of
	RecoveringBytesPerSec int64
	RecoveringKeysPerSec  int64
	ReadBytesPerSec       int64
	WriteBytesPerSec      int64
	ReadOpsPerSec         int64
	WriteOpsPerSec        int64
}

// PGStateCount is how many PGs are in a state such as active+clean.
type PGStateCount struct {
	State string
	Count int
}

// Capacity is raw space, over all OSDs and by device class.
type Capacity struct {
	TotalBytes     int64
	UsedBytes      int64
	AvailableBytes int64
	Classes        []ClassCapacity // by name
}

// ClassCapacity is the raw space of one device class.
type ClassCapacity struct {
	Class          string
	TotalBytes     int64
	UsedBytes      int64
	AvailableBytes int64
}
