package ceph

import "context"

// Pools makes, changes and deletes pools.
type Pools interface {
	// Pools lists all pools, sorted by id.
	Pools(ctx context.Context) ([]Pool, error)
	// CreatePool makes a pool. One of that name is ErrExists: whether it is the same pool is for the caller to judge.
	CreatePool(ctx context.Context, spec PoolSpec) error
	// SetPoolOption sets one property as "osd pool set" names it (size, min_size, crush_rule, compression_mode, ...).
	SetPoolOption(ctx context.Context, pool, option, value string) error
	// SetPoolQuota sets the quota; zero lifts it.
	SetPoolQuota(ctx context.Context, pool string, q PoolQuota) error
	// EnableApplication tags the pool rbd, cephfs, rgw or other.
	EnableApplication(ctx context.Context, pool, application string) error
	// SetApplicationValue keeps a value beside the tag of an application that is enabled: at most 128 bytes each.
	SetApplicationValue(ctx context.Context, pool, application, key, value string) error
	// KeepSingleCopy makes a replicated pool keep one copy, which is lost with the disk it is on. It is allowed for the
	// length of this call only, and forbidden again whatever happens in it.
	KeepSingleCopy(ctx context.Context, pool string) error
	// DeletePool deletes a pool and all that is in it. Pool deletion is allowed for
	// the length of this call only, and forbidden again whatever happens in it.
	// A pool that does not exist is no error.
	DeletePool(ctx context.Context, pool string) error
}

// PoolType is replicated or erasure.
type PoolType string

// The two kinds of pools.
const (
	Replicated PoolType = "replicated"
	Erasure    PoolType = "erasure"
)

// PoolSpec asks for a pool.
type PoolSpec struct {
	Name               string
	Type               PoolType
	Size               int    // replicas; replicated only, 0: the cluster's default
	MinSize            int    // 0: Ceph's default
	Rule               string // empty: the default rule, or one made from the profile
	ErasureProfile     string // erasure only
	PGs                int    // 0: Ceph's default
	AutoscaleMode      string // on, off, warn; empty: Ceph's default
	OverwritesOnECPool bool   // allow_ec_overwrites, for images and files
}

// Pool is one pool as a snapshot shows it.
type Pool struct {
	ID             int64
	Name           string
	Type           PoolType
	Size           int
	MinSize        int
	PGs            int
	PGTarget       int
	AutoscaleMode  string
	RuleID         int
	ErasureProfile string
	Applications   []string // sorted
	// ApplicationValues are kept beside the tags, such as "rbd/key".
	ApplicationValues map[string]string
	Options           map[string]string
	Quota             PoolQuota
	Flags             []string // sorted: hashpspool, full, nearfull, ...
	StoredBytes       int64    // user data, before replication
	UsedBytes         int64    // raw
	AvailableBytes    int64    // user data that still fits, as the fullest OSD allows
	Objects           int64
	PercentUsed       float64 // 0 to 1, as Ceph computes it
}

// PoolQuota limits a pool; zero is no limit.
type PoolQuota struct {
	Bytes   int64
	Objects int64
}
