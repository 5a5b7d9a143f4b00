package ceph

import "context"

// CRUSH reads and changes the map that places data.
type CRUSH interface {
	// CRUSHMap reads buckets, classes, weights and rules.
	CRUSHMap(ctx context.Context) (CRUSHMap, error)
	// AddBucket makes a bucket such as rack r2. A bucket of that name and type is no error; of another type ErrExists.
	AddBucket(ctx context.Context, name, bucketType string) error
	// MoveBucket moves a bucket under the location.
	MoveBucket(ctx context.Context, name string, loc Location) error
	// RemoveBucket removes an empty bucket. One that holds something is ErrBusy; one that does not exist is no error.
	RemoveBucket(ctx context.Context, name string) error
	// PlaceOSD puts an OSD at the location with the weight, making missing buckets.
	PlaceOSD(ctx context.Context, id int, weight float64, loc Location) error
	// SetDeviceClass gives OSDs a class, taking away the one they have.
	SetDeviceClass(ctx context.Context, class string, ids ...int) error
	// CreateReplicatedRule makes a rule. One of that name that places alike is no error, else ErrExists.
	CreateReplicatedRule(ctx context.Context, rule ReplicatedRule) error
	// CreateErasureRule makes a rule from a profile. One of that name is no error.
	CreateErasureRule(ctx context.Context, name, profile string) error
	// RemoveRule removes a rule. One that a pool uses is ErrBusy; one that does not exist is no error.
	RemoveRule(ctx context.Context, name string) error
	// SetErasureProfile makes a profile. One of that name that differs is ErrExists: a pool may rely on it.
	SetErasureProfile(ctx context.Context, p ErasureProfile) error
	// ErasureProfile reads a profile.
	ErasureProfile(ctx context.Context, name string) (ErasureProfile, error)
	// RemoveErasureProfile removes a profile. One that a pool uses is ErrBusy; one that does not exist is no error.
	RemoveErasureProfile(ctx context.Context, name string) error
}

// Location is a place in the tree, outermost first: root=default, rack=r2, host=n3.
type Location []LocationLevel

// LocationLevel is one bucket of a Location.
type LocationLevel struct{ Type, Name string }

// CRUSHMap is the tree and its rules.
type CRUSHMap struct {
	Buckets []Bucket      // sorted by id, -1 first; without the shadow trees of device classes
	Devices []CRUSHDevice // sorted by id
	Rules   []CRUSHRule   // sorted by id
	Types   []string      // bucket types by rank, osd first
}

// Bucket is one inner node.
type Bucket struct {
	ID     int // negative
	Name   string
	Type   string
	Weight float64
	Items  []CRUSHItem
}

// CRUSHItem is a child: an OSD (id ≥ 0) or a bucket.
type CRUSHItem struct {
	ID     int
	Weight float64
}

// CRUSHDevice is an OSD in the tree.
type CRUSHDevice struct {
	ID    int
	Name  string
	Class string // empty: none yet
}

// CRUSHRule is a rule, reduced to what Seamount reads of it.
type CRUSHRule struct {
	ID            int
	Name          string
	Type          PoolType
	Root          string // of the first take step, without the class
	DeviceClass   string // of the first take step
	FailureDomain string // of the first choose step, "osd" for devices
}

// ReplicatedRule asks for a rule.
type ReplicatedRule struct {
	Name          string
	Root          string // "default" if empty
	FailureDomain string // a bucket type, or "osd"
	DeviceClass   string // empty: any
}

// ErasureProfile is how an erasure-coded pool codes and places.
type ErasureProfile struct {
	Name          string
	DataChunks    int // k
	CodingChunks  int // m
	Plugin        string
	FailureDomain string
	DeviceClass   string
	Root          string // "default" if empty
}
