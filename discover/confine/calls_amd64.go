package confine

import "golang.org/x/sys/unix"

const (
	auditArch = unix.AUDIT_ARCH_X86_64
	// x32Bit marks calls of the x32 ABI, which have the same architecture.
	x32Bit = 0x40000000
)

var (
	legacyOpens   = map[uint32]uint32{unix.SYS_OPEN: 1}
	alwaysWriting = []uint32{unix.SYS_CREAT}
)
