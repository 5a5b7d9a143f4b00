package host

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
)

// MakeNode makes the node of a block device where neither kernel nor udev does: in a node that is a container. It must be
// called in the node's mount namespace.
func MakeNode(path string, number disk.Number) error {
	rdev := unix.Mkdev(number.Major, number.Minor)
	err := unix.Mknod(path, unix.S_IFBLK|0o660, int(rdev))
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("make %s: %w", path, err)
	}
	var stat unix.Stat_t
	if err := unix.Stat(path, &stat); err != nil {
		return fmt.Errorf("look at %s: %w", path, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFBLK || stat.Rdev != rdev {
		return fmt.Errorf("%s is there and is not the device %d:%d: remove it", path, number.Major, number.Minor)
	}
	return nil
}
