package ceph

import "context"

// Client is one cluster. Consumers ask for the roles that they need, not for
// the whole.
type Client interface {
	Snapshotter
	Mons
	Mgrs
	OSDs
	PGs
	CRUSH
	Pools
	Auth
	Config
	Health
	Devices
	Versions
	Images
	Filesystems
	Subvolumes
	FileSessions

	// Close ends the session. Calls under way return ErrClosed or their own
	// result; later calls return ErrClosed. Close waits for no hung call.
	Close() error
}

// Snapshotter reads the whole state of a cluster at once.
type Snapshotter interface {
	// Snapshot costs at most MaxSnapshotCommands mon and mgr commands, however
	// many OSDs there are. It fails as a whole: a snapshot is never partial.
	Snapshot(ctx context.Context) (*Snapshot, error)
}

// MaxSnapshotCommands bounds the commands of one Snapshot.
const MaxSnapshotCommands = 12
