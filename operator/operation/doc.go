// Package operation is the controller of StorageOperations. It observes one that has not come to its end, has plan decide, and
// has execute do the next step: what was approved is kept in a record from the first step to the last, so that an operator that
// is killed goes on where it was. What it asks Ceph beside the snapshot is about the OSDs of the operation alone.
package operation
