package plan

import "github.com/seamount-dev/seamount/ceph"

// EnsurePoolRule makes the CRUSH rule of a pool of Ceph: with Profile, that of an erasure-coded one.
type EnsurePoolRule struct {
	Rule    ceph.ReplicatedRule
	Profile *ceph.ErasureProfile
}

// CreateCephPool makes a pool of Ceph.
type CreateCephPool struct{ Spec ceph.PoolSpec }

// ClaimCephPool tags a pool of Ceph for what it is to hold and writes beside the tag whose it is.
type ClaimCephPool struct{ Pool, Owner string }

// InitCephPool readies a pool of Ceph for images.
type InitCephPool struct{ Pool string }

// SetCephPool sets an option of a pool of Ceph.
type SetCephPool struct{ Pool, Option, Value string }

// SingleCopy makes a pool of Ceph keep one copy, which the mons allow for that one call.
type SingleCopy struct{ Pool string }

// SetCephPoolQuota sets the quota of a pool of Ceph.
type SetCephPoolQuota struct {
	Pool  string
	Quota ceph.PoolQuota
}

// RecordCephPool writes beside the tag of a pool which settings it was given, so that a change by hand is told from a
// change of the spec.
type RecordCephPool struct{ Pool, Settings string }

// RemovePoolRule takes a rule away that no pool uses any more, and the profile of its name before.
type RemovePoolRule struct {
	Rule    string
	Profile bool
}

// DeleteCephPool deletes a pool of Ceph. With Images the executor looks once more whether there are any.
type DeleteCephPool struct {
	Pool   string
	Images bool
}

// MakeClass makes a class for volumes. One of the same object that differs is deleted before: Kubernetes lets
// nobody change it.
type MakeClass struct {
	Class    VolumeClass
	Replaces bool
}

// RemoveClass deletes a class for volumes of the object.
type RemoveClass struct {
	Kind ClassKind
	Name string
}

// ReleasePool takes the finalizer off the StoragePool or StorageFilesystem.
type ReleasePool struct{}

// Target implements Action.
func (a EnsurePoolRule) Target() string { return a.Rule.Name }

// Target implements Action.
func (a CreateCephPool) Target() string { return a.Spec.Name }

// Target implements Action.
func (a ClaimCephPool) Target() string { return a.Pool }

// Target implements Action.
func (a InitCephPool) Target() string { return a.Pool }

// Target implements Action.
func (a SetCephPool) Target() string { return a.Pool + "/" + a.Option }

// Target implements Action.
func (a SingleCopy) Target() string { return a.Pool }

// Target implements Action.
func (a SetCephPoolQuota) Target() string { return a.Pool }

// Target implements Action.
func (a RecordCephPool) Target() string { return a.Pool }

// Target implements Action.
func (a RemovePoolRule) Target() string { return a.Rule }

// Target implements Action.
func (a DeleteCephPool) Target() string { return a.Pool }

// Target implements Action.
func (a MakeClass) Target() string { return string(a.Class.Kind) + "/" + a.Class.Name }

// Target implements Action.
func (a RemoveClass) Target() string { return string(a.Kind) + "/" + a.Name }

// Target implements Action.
func (ReleasePool) Target() string { return "" }
