// Package disk is the controller of all StorageDisks. In one pass over all disks, nodes and clusters it has plan say
// which cluster takes which disk, claims them, writes the operator's part of their status, and hands each cluster's
// plan to the cluster's controller. It alone writes a StorageDisk on the operator's side. It touches no disk.
package disk
