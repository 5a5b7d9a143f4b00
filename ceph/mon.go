package ceph

import "context"

// Mons reads and changes the monitors.
type Mons interface {
	// QuorumStatus tells which mons exist and which of them form the quorum.
	QuorumStatus(ctx context.Context) (QuorumStatus, error)
	// MonMap returns the current monmap as the binary that ceph-mon --mkfs takes.
	MonMap(ctx context.Context) ([]byte, error)
	// RemoveMon takes a mon out of the monmap. The last mon cannot be removed (ErrRefused or ErrBusy).
	RemoveMon(ctx context.Context, name string) error
	// MonOKToStop asks whether quorum holds without these mons. A no is ErrBusy with Ceph's words.
	MonOKToStop(ctx context.Context, names ...string) error
}

// QuorumStatus is the monmap and who of it votes.
type QuorumStatus struct {
	FSID          string
	Epoch         int64 // of the monmap
	ElectionEpoch int64
	Leader        string
	InQuorum      []string // names, in rank order
	Mons          []Mon    // in rank order
	MinRelease    int      // 16, 18, 20: min_mon_release
}

// Mon is one entry of the monmap.
type Mon struct {
	Name      string
	Rank      int
	Addresses []Address
}

// Address is one messenger address, such as v2 10.96.3.7:3300.
type Address struct {
	Type  string // v1, v2 or any
	Addr  string // host:port, IPv6 in brackets
	Nonce int64
}

// Mgrs reads and steers the manager daemons.
type Mgrs interface {
	// EnableMgrModule turns a module on; ErrNotFound when the release does not have it.
	EnableMgrModule(ctx context.Context, module string) error
	// DisableMgrModule turns a module off. An always-on module cannot be turned off (ErrInvalid or ErrRefused).
	DisableMgrModule(ctx context.Context, module string) error
	// FailMgr makes a standby take over from the named mgr. Naming a mgr that is not active is no error.
	FailMgr(ctx context.Context, name string) error
}

// MgrMap tells which mgr is active and which stand by.
type MgrMap struct {
	Epoch     int64
	Available bool
	Active    string // name, empty if none
	Standbys  []string
	Modules   []string // enabled, sorted, without the always-on ones
	AlwaysOn  []string // always on in some release that the mons know of, sorted
}
