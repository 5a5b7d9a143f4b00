package confine

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// landlock enters a domain in which nothing may be opened for writing, nor a device node made. Each thread has its own
// domain, so the call is made on all of them; threads that come later inherit it.
func landlock() error {
	attr := unix.LandlockRulesetAttr{
		Handled_access_fs: unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK,
	}
	// The first version of Landlock knows the first field alone. Newer ones take the rest for not asked for.
	rules, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr.Handled_access_fs), 0)
	if errno != 0 {
		return fmt.Errorf("make a ruleset: %w", errno)
	}
	err := onAllThreads("enter the domain", unix.SYS_LANDLOCK_RESTRICT_SELF, rules, 0, 0)
	return errors.Join(err, unix.Close(int(rules)))
}

// onAllThreads makes a system call on every thread of the process, which Go does not do in a program with cgo.
func onAllThreads(what string, trap, a1, a2, a3 uintptr) error {
	if _, _, errno := syscall.AllThreadsSyscall(trap, a1, a2, a3); errno != 0 {
		return fmt.Errorf("%s: %w", what, errno)
	}
	return nil
}
