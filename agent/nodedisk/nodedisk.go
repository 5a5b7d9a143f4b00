// Package nodedisk finds the disks of the node that a program runs on by what discover knows them by: a kernel name is
// another disk's after the next start.
package nodedisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
)

// Errors of Find.
var (
	ErrMissing   = errors.New("no such disk in this node")
	ErrAmbiguous = errors.New("several disks of this node are known by one identity")
)

// Disks are those of this node.
type Disks struct {
	Inventory inventory.Reader
	// Node is the name of the node, which is part of the identity of disks that have none of their own.
	Node string
}

// Find finds the disk of a StorageDisk's name, and says what it is known by.
func (d Disks) Find(ctx context.Context, name string) (disk.Disk, v1alpha1.DiskIdentity, error) {
	disks, err := d.Inventory.Read(ctx)
	if err != nil {
		return disk.Disk{}, v1alpha1.DiskIdentity{}, err
	}
	return pick(disks, d.Node, name)
}

func pick(disks []disk.Disk, node, name string) (disk.Disk, v1alpha1.DiskIdentity, error) {
	var found []disk.Disk
	var known v1alpha1.DiskIdentity
	for _, d := range disks {
		if its, id := identity.Of(d, node); its == name {
			found, known = append(found, d), id
		}
	}
	switch {
	case name == "" || len(found) == 0:
		return disk.Disk{}, v1alpha1.DiskIdentity{}, ErrMissing
	case len(found) > 1 || len(found[0].Twins) > 0:
		return disk.Disk{}, v1alpha1.DiskIdentity{}, ErrAmbiguous
	}
	return found[0], known, nil
}

// Path is the device node of a kernel name, in which "!" stands for a slash.
func Path(name string) string { return "/dev/" + strings.ReplaceAll(name, "!", "/") }

// Check fails when an open device node is not the device of the number: its name is another device's by now.
func Check(file *os.File, number disk.Number) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
		return fmt.Errorf("look at %s: %w", file.Name(), err)
	}
	if is := (disk.Number{Major: unix.Major(stat.Rdev), Minor: unix.Minor(stat.Rdev)}); is != number {
		return fmt.Errorf("%s is device %d:%d by now, and was %d:%d", file.Name(), is.Major, is.Minor, number.Major, number.Minor)
	}
	return nil
}
