package plan

import "github.com/seamount-dev/seamount/operator/manifest"

// EnsureWipe stores, with Create, that the disks of a cluster that is being deleted are to be erased, and which these are: before
// anything is stopped. The executor looks once more whether the object is being deleted so, and that no operation is carried out.
type EnsureWipe struct{ Record manifest.WipeRecord }

// RecordWipe stores how far that is. It is refused when somebody has changed the record meanwhile.
type RecordWipe struct{ Record manifest.WipeRecord }

// MakeOperation makes a StorageOperation that erases disks of a cluster that is being deleted, unless the record says by now
// that it was made: one that a person deleted does not come back.
type MakeOperation struct{ Operation manifest.WipeOperation }

// ForgetCluster takes away all that is stored of a cluster whose disks are all erased or given up, the identity last: looked up
// live, for it cannot be undone.
type ForgetCluster struct{}

// DropWipe takes the record of a deletion away whose policy is Retain by now.
type DropWipe struct{}

// Target implements Action.
func (EnsureWipe) Target() string { return "" }

// Target implements Action.
func (RecordWipe) Target() string { return "" }

// Target implements Action.
func (a MakeOperation) Target() string { return a.Operation.Name }

// Target implements Action.
func (ForgetCluster) Target() string { return "" }

// Target implements Action.
func (DropWipe) Target() string { return "" }
