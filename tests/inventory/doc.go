// Package inventory holds discover's reading of a node's disks against real devices: what holds a disk, and how soon a
// change is told. Its tests need root.
package inventory
