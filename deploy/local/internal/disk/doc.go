// Package disk owns the nodes' disks: sparse files in the state directory, each
// behind a loop device that is visible in the /dev of one node only. A disk can
// be added to and pulled from a node that runs, and moved to another one.
//
// Device numbers start at FirstNumber: a node's /dev has every lower number, for
// what its own pods attach. It never touches a loop device that it did not make.
package disk
