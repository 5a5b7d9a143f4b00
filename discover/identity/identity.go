// Package identity says what a disk is known by: a name that stays when the disk gets another kernel name, moves to
// another slot or node, or is written or wiped by Seamount. It is pure.
package identity

import (
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
)

// Of returns the name of the disk's StorageDisk and the identity that it stands for. Disks that hardware gives no
// identity are known by where they are on node.
func Of(d disk.Disk, node string) (string, v1alpha1.DiskIdentity) {
	return "", v1alpha1.DiskIdentity{}
}
