package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_AARCH64
	x32Bit    = 0 // there is no such ABI
)

// arm64 has only the newer calls.
var (
	legacyOpens   map[uint32]uint32
	alwaysWriting []uint32
)
