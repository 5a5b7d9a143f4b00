// Package operation is the controller of StorageOperations. It observes one that has not come to its end, has plan decide,
// and writes the plan into its status. It carries nothing out: it changes nothing in Ceph, on nodes or on disks. What it
// asks Ceph beside the snapshot are the PGs of the OSDs that an operation is about.
package operation
