package plan

import "github.com/seamount-dev/seamount/ceph"

// CreateFilesystem makes a filesystem of Ceph on two pools.
type CreateFilesystem struct{ Name, MetadataPool, DataPool string }

// AddDataPool gives a filesystem another pool for files.
type AddDataPool struct{ Filesystem, Pool string }

// SetFilesystem sets an option of a filesystem.
type SetFilesystem struct{ Filesystem, Option, Value string }

// EnsureGroup makes a group of subvolumes.
type EnsureGroup struct {
	Group ceph.GroupRef
	// DataPool that its files go to; empty: the filesystem's first.
	DataPool string
}

// RemoveGroup takes a group of subvolumes away if it is empty.
type RemoveGroup struct{ Group ceph.GroupRef }

// RemoveFilesystem stops a filesystem and takes it away; its pools stay. The executor looks once more whether something
// is in it.
type RemoveFilesystem struct{ Name, MetadataPool string }

// Target implements Action.
func (a CreateFilesystem) Target() string { return a.Name }

// Target implements Action.
func (a AddDataPool) Target() string { return a.Pool }

// Target implements Action.
func (a SetFilesystem) Target() string { return a.Filesystem + "/" + a.Option }

// Target implements Action.
func (a EnsureGroup) Target() string { return a.Group.String() }

// Target implements Action.
func (a RemoveGroup) Target() string { return a.Group.String() }

// Target implements Action.
func (a RemoveFilesystem) Target() string { return a.Name }
