package ceph

import (
	"context"
	"time"
)

// OSDs makes, steers and removes object storage daemons.
type OSDs interface {
	// NewOSD reserves an id for a uuid and stores its key. With id nil Ceph
	// chooses. Repeating it with the same uuid returns the same id; a uuid or
	// an id that belongs to another OSD is ErrExists.
	NewOSD(ctx context.Context, req NewOSD) (int, error)
	// OSDOut marks OSDs out, so that their data moves away.
	OSDOut(ctx context.Context, ids ...int) error
	// OSDIn marks OSDs in.
	OSDIn(ctx context.Context, ids ...int) error
	// OSDDown marks OSDs down. One that runs comes back by itself.
	OSDDown(ctx context.Context, ids ...int) error
	// PurgeOSD removes the OSD's id, its key and its CRUSH entry for good. It
	// does not ask whether that is safe: ask SafeToDestroy first. An OSD that is
	// up is ErrBusy; one that does not exist is no error.
	PurgeOSD(ctx context.Context, id int) error
	// DestroyOSD removes the OSD's key and marks the id as free to be reused by NewOSD. An OSD that is up is ErrBusy.
	DestroyOSD(ctx context.Context, id int) error
	// OSDOKToStop asks whether every PG stays available while these OSDs are down.
	OSDOKToStop(ctx context.Context, ids ...int) (OKToStop, error)
	// OSDSafeToDestroy asks which of these OSDs hold nothing that is needed.
	OSDSafeToDestroy(ctx context.Context, ids ...int) (SafeToDestroy, error)
	// SetOSDFlag sets a cluster-wide flag such as noout.
	SetOSDFlag(ctx context.Context, flag string) error
	// UnsetOSDFlag clears a cluster-wide flag.
	UnsetOSDFlag(ctx context.Context, flag string) error
	// SetGroupFlag sets noup, nodown, noin or noout for OSDs ("osd.3"), CRUSH buckets or device classes.
	SetGroupFlag(ctx context.Context, flag string, who ...string) error
	// UnsetGroupFlag clears what SetGroupFlag set.
	UnsetGroupFlag(ctx context.Context, flag string, who ...string) error
	// RequireOSDRelease finishes an upgrade: older OSDs may not start any more. The release is a name, such as "tentacle".
	RequireOSDRelease(ctx context.Context, release string) error
	// Blocklist lists fenced client addresses, sorted by address.
	Blocklist(ctx context.Context) ([]BlocklistEntry, error)
	// AddBlocklist fences an address, such as 10.0.0.7:0/123456 or 10.0.0.7:0/0 (every client of the host), until the duration from now is over.
	AddBlocklist(ctx context.Context, addr string, d time.Duration) error
	// RemoveBlocklist lifts a fence. An address that is not on the list is no error.
	RemoveBlocklist(ctx context.Context, addr string) error
}

// NewOSD asks for an OSD id.
type NewOSD struct {
	UUID   string
	ID     *int   // nil: Ceph chooses
	Secret Secret // the key that lies in the disk's label; zero: Ceph stores none
}

// OSD is one OSD as a snapshot shows it, joined from the osdmap, the usage table, CRUSH and what the daemon reports.
type OSD struct {
	ID              int
	UUID            string
	Up              bool
	In              bool
	States          []string // Ceph's own, sorted: exists, up, destroyed, new, noout, ...
	Weight          float64  // reweight: 0 is out, 1 is in
	CRUSHWeight     float64  // TiB by convention
	DeviceClass     string
	Addresses       []Address // public
	Host            string    // as the daemon reports it
	Version         string    // as the daemon reports it, such as 20.2.4; empty if it never started
	DeviceIDs       []string  // as the daemon reports them: <dev>=<vendor_model_serial>
	TotalBytes      int64
	UsedBytes       int64
	AvailableBytes  int64
	PGs             int
	PrimaryAffinity float64
}

// OKToStop is Ceph's answer to "may these OSDs stop".
type OKToStop struct {
	OK          bool
	OSDs        []int  // that were asked for
	Inactive    int    // PGs that would become unavailable
	PGs         int    // PGs that use these OSDs
	Explanation string // Ceph's own words when it says no
}

// SafeToDestroy is Ceph's answer to "does anything need these OSDs".
type SafeToDestroy struct {
	Safe         []int
	Active       []int  // still in PGs' acting sets
	StoredPGs    []int  // hold PG data that may be the last copy
	MissingStats []int  // did not report: unknown is not safe
	Explanation  string // Ceph's own words when it says no
}

// BlocklistEntry is one fenced address.
type BlocklistEntry struct {
	Addr  string
	Until time.Time
}

// PGs reads placement groups.
type PGs interface {
	// PGsOfOSD lists the PGs whose up or acting set has the OSD. It grows with the OSD's PGs and is not part of a poll.
	PGsOfOSD(ctx context.Context, id int) ([]PG, error)
	// PGStates counts PGs by state, the most frequent first, as OSDs have told the mgr. Those of a Snapshot are up to
	// mgr_stats_period (5 s) older: the mgr tells the mons of them from time to time. ErrAgain: OSDs have still to report.
	PGStates(ctx context.Context) ([]PGStateCount, error)
}

// PG is one placement group.
type PG struct {
	ID      string // such as 4.1f
	State   string // such as active+clean
	Up      []int
	Acting  []int
	Objects int64
	Bytes   int64
}
