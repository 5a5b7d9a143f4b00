package block

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Capability is what a node can do.
type Capability struct {
	// Offered: images can be mapped.
	Offered bool
	// Takeover: a worker that died is replaced without an error.
	Takeover bool
	// Reason says why something is missing, and what to do.
	Reason string
}

// Support looks at this node's kernel.
func Support() Capability {
	if _, err := os.Stat("/dev/fuse"); errors.Is(err, os.ErrNotExist) {
		return Capability{Reason: "the node has no /dev/fuse: load the kernel module fuse"}
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return Capability{Offered: true, Reason: "the kernel's release cannot be read: " + err.Error()}
	}
	return capabilityOf(unix.ByteSliceToString(name.Release[:]))
}

// resendSince is the first kernel that sends requests again whose server died.
var resendSince = [2]int{6, 9}

func capabilityOf(release string) Capability {
	var major, minor int
	if _, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil {
		return Capability{Offered: true, Reason: fmt.Sprintf("the kernel's release %q cannot be read: a worker that dies may end its mappings", release)}
	}
	if major < resendSince[0] || major == resendSince[0] && minor < resendSince[1] {
		return Capability{Offered: true, Reason: fmt.Sprintf(
			"kernel %s does not send requests again whose server died, as kernels from %d.%d on do: a worker that dies ends its mappings",
			release, resendSince[0], resendSince[1])}
	}
	return Capability{Offered: true, Takeover: true}
}
