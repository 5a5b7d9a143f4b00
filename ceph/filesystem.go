package ceph

import (
	"context"
	"time"
)

// Filesystems makes and steers CephFS.
type Filesystems interface {
	// Filesystems lists all, sorted by name, with their ranks.
	Filesystems(ctx context.Context) ([]Filesystem, error)
	// CreateFilesystem makes a filesystem on two pools that exist. One of that name on the same pools is no error.
	CreateFilesystem(ctx context.Context, name, metadataPool, dataPool string) error
	// AddDataPool adds a data pool.
	AddDataPool(ctx context.Context, filesystem, pool string) error
	// SetFilesystemOption sets one property as "fs set" names it (max_mds, allow_standby_replay, ...).
	SetFilesystemOption(ctx context.Context, filesystem, option, value string) error
	// FailFilesystem takes all ranks down, so that it can be removed.
	FailFilesystem(ctx context.Context, name string) error
	// RemoveFilesystem forgets a failed filesystem; its pools stay. One whose ranks run is ErrBusy; one that does not exist is no error.
	RemoveFilesystem(ctx context.Context, name string) error
	// FailMDS makes a standby take over from a rank (fs:0) or daemon.
	FailMDS(ctx context.Context, who string) error
}

// Filesystem is one CephFS.
type Filesystem struct {
	ID            int
	Name          string
	MetadataPool  int64
	DataPools     []int64
	MaxMDS        int
	StandbyReplay bool
	Joinable      bool
	Ranks         []MDS // active and replaying, by rank
	Failed        []int // ranks that nobody holds
	Damaged       []int // ranks that need a person
}

// MDS is one metadata server.
type MDS struct {
	Name      string
	Rank      int    // -1: standby
	State     string // MDSActive, MDSStandbyReplay, up:standby, ...
	Addresses []Address
}

// States of a metadata server: it serves a rank, or follows one to take over.
const (
	MDSActive        = "up:active"
	MDSStandbyReplay = "up:standby-replay"
)

// Subvolumes makes and changes the subvolumes that back file volumes.
type Subvolumes interface {
	// CreateSubvolumeGroup makes a group. One that exists is no error.
	CreateSubvolumeGroup(ctx context.Context, ref GroupRef, dataPool string) error
	// RemoveSubvolumeGroup removes an empty group; one that is not empty is ErrBusy, one that does not exist is no error.
	RemoveSubvolumeGroup(ctx context.Context, ref GroupRef) error
	// ListSubvolumeGroups lists the groups of a filesystem, sorted.
	ListSubvolumeGroups(ctx context.Context, filesystem string) ([]string, error)

	// CreateSubvolume makes a subvolume. One of that name is no error and keeps its size when asked with none.
	CreateSubvolume(ctx context.Context, spec SubvolumeSpec) error
	// Subvolume reads a subvolume. One that a clone still fills is ErrAgain.
	Subvolume(ctx context.Context, ref SubvolumeRef) (Subvolume, error)
	// ListSubvolumes lists the names in a group, sorted.
	ListSubvolumes(ctx context.Context, ref GroupRef) ([]string, error)
	// ResizeSubvolume sets the quota in bytes. Below what is used it is ErrInvalid.
	ResizeSubvolume(ctx context.Context, ref SubvolumeRef, size int64) error
	// RemoveSubvolume removes a subvolume. With snapshots it is ErrBusy, while a clone fills it ErrAgain; one that does not exist is no error.
	RemoveSubvolume(ctx context.Context, ref SubvolumeRef) error
	// RetireSubvolume removes what is in a subvolume and keeps its snapshots: it is then SubvolumeRetained, and goes with the last of
	// them. One without snapshots is removed; one that is retired or does not exist is no error, while a clone fills it it is ErrAgain.
	RetireSubvolume(ctx context.Context, ref SubvolumeRef) error

	// SubvolumeMetadata reads all keys of a subvolume's metadata. Of one that is retired it is ErrNotFound, while a clone fills it
	// ErrAgain. Neither snapshots nor clones have that of what they were made from.
	SubvolumeMetadata(ctx context.Context, ref SubvolumeRef) (map[string]string, error)
	// SetSubvolumeMetadata sets one key. What MetadataTrouble finds fault with is ErrInvalid.
	SetSubvolumeMetadata(ctx context.Context, ref SubvolumeRef, key, value string) error
	// RemoveSubvolumeMetadata removes one key. One that is not there is no error.
	RemoveSubvolumeMetadata(ctx context.Context, ref SubvolumeRef, key string) error

	// CreateSubvolumeSnapshot snapshots a subvolume. One of that name is no error.
	CreateSubvolumeSnapshot(ctx context.Context, ref SubvolumeSnapshotRef) error
	// SubvolumeSnapshot reads a snapshot, also one of a subvolume that is retired.
	SubvolumeSnapshot(ctx context.Context, ref SubvolumeSnapshotRef) (SubvolumeSnapshot, error)
	// ListSubvolumeSnapshots lists the names, sorted.
	ListSubvolumeSnapshots(ctx context.Context, ref SubvolumeRef) ([]string, error)
	// RemoveSubvolumeSnapshot removes a snapshot. With clones under way it is ErrAgain or ErrBusy; one that does not exist is no error.
	RemoveSubvolumeSnapshot(ctx context.Context, ref SubvolumeSnapshotRef) error
	// CloneSubvolume starts a full copy of a snapshot into a new subvolume of the same filesystem. One that was started before is no error.
	CloneSubvolume(ctx context.Context, from SubvolumeSnapshotRef, to SubvolumeSpec) error
	// CloneStatus tells how far a clone is.
	CloneStatus(ctx context.Context, ref SubvolumeRef) (CloneStatus, error)
	// CancelClone ends a clone under way, which RemoveSubvolume then removes. One that has ended, in whatever way, is no error.
	CancelClone(ctx context.Context, ref SubvolumeRef) error
}

// GroupRef names a subvolume group.
type GroupRef struct{ Filesystem, Group string }

// String returns filesystem/group.
func (r GroupRef) String() string { return r.Filesystem + "/" + r.Group }

// SubvolumeRef names a subvolume.
type SubvolumeRef struct {
	GroupRef
	Name string
}

// String returns filesystem/group/subvolume.
func (r SubvolumeRef) String() string { return r.GroupRef.String() + "/" + r.Name }

// SubvolumeSnapshotRef names a snapshot of a subvolume.
type SubvolumeSnapshotRef struct {
	SubvolumeRef
	Snapshot string
}

// String returns filesystem/group/subvolume@snapshot.
func (r SubvolumeSnapshotRef) String() string { return r.SubvolumeRef.String() + "@" + r.Snapshot }

// SubvolumeSpec asks for a subvolume.
type SubvolumeSpec struct {
	SubvolumeRef
	Size     int64  // quota in bytes; 0: none
	DataPool string // empty: the group's
	Mode     string // octal, empty: 0755
}

// Subvolume is one subvolume.
type Subvolume struct {
	SubvolumeRef
	Path     string // from the filesystem's root
	Size     int64  // quota in bytes; 0: none
	Used     int64  // bytes
	DataPool string
	State    string // SubvolumeComplete, SubvolumeRetained, ...
	Created  time.Time
}

// States of a subvolume.
const (
	SubvolumeComplete = "complete"
	// SubvolumeRetained is one of which only snapshots are left.
	SubvolumeRetained = "snapshot-retained"
)

// SubvolumeSnapshot is a snapshot of a subvolume.
type SubvolumeSnapshot struct {
	SubvolumeSnapshotRef
	Size    int64 // bytes that it holds
	Created time.Time
	Cloning bool // clones of it are under way
}

// CloneStatus is how far a clone is.
type CloneStatus struct {
	State   string               // CloneComplete, CloneFailed, CloneCanceled; pending, in-progress: under way
	Percent int                  // -1: Ceph does not say
	Error   string               // Ceph's own words when it failed
	Source  SubvolumeSnapshotRef // what is copied; empty when it is complete
}

// States of a clone that do not change any more.
const (
	CloneComplete = "complete"
	CloneFailed   = "failed"
	CloneCanceled = "canceled"
)
