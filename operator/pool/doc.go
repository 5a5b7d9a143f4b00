// Package pool is the controller of whatever pools of Ceph are made for: StoragePools and StorageFilesystems. It observes
// one object, has plan decide, has execute do it, and writes the status. It decides nothing itself. What it knows of Ceph
// comes from the session of the object's cluster.
package pool
