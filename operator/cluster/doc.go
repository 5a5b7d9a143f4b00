// Package cluster is the controller of StorageClusters: it observes one cluster, has plan decide, has execute do it, and
// writes the status. It decides nothing itself, and acts on disks only through what the controller of disks claimed.
package cluster
