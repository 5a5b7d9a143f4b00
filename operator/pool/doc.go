// Package pool is the controller of StoragePools: it observes one pool, has plan decide, has execute do it, and writes
// the status. It decides nothing itself. What it knows of Ceph comes from the session of the pool's cluster.
package pool
