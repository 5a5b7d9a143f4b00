package confine

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Offsets in struct seccomp_data. Of the 64 bits of an argument the lower half lies first: both architectures are
// little-endian.
const (
	offsetNumber    = 0
	offsetArch      = 4
	offsetArguments = 16
)

const (
	returnAllow = 0x7fff0000
	returnError = 0x00050000
)

// refused are system calls that would get around a look at the flags of the others: the flags lie in memory, or a
// ready descriptor comes from elsewhere. Programs take ENOSYS for an older kernel and do without them.
var refused = []uint32{unix.SYS_OPENAT2, unix.SYS_IO_URING_SETUP, unix.SYS_PIDFD_GETFD, unix.SYS_PTRACE}

// opens are the system calls that open, with the number of the argument that holds the flags.
func opens() map[uint32]uint32 {
	calls := map[uint32]uint32{unix.SYS_OPENAT: 2, unix.SYS_OPEN_BY_HANDLE_AT: 2}
	for call, argument := range legacyOpens {
		calls[call] = argument
	}
	return calls
}

// filter installs the seccomp filter on all threads.
func filter() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// Without it only a process with CAP_SYS_ADMIN may filter itself. The synchronisation below takes it to all threads.
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	code := program()
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	thread, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return fmt.Errorf("install the filter: %w", errno)
	}
	if thread != 0 {
		return fmt.Errorf("install the filter: thread %d has another one", thread)
	}
	return nil
}

// program is the filter: calls of another architecture (32 bits) fail, then each call that opens has its flags looked at.
func program() []unix.SockFilter {
	code := []unix.SockFilter{
		load(offsetArch), equal(auditArch, 1, 0), fail(unix.ENOSYS),
		load(offsetNumber),
	}
	if x32Bit != 0 {
		code = append(code, jump(unix.BPF_JGE, x32Bit, 0, 1), fail(unix.ENOSYS))
	}
	for _, call := range refused {
		code = append(code, equal(call, 0, 1), fail(unix.ENOSYS))
	}
	for _, call := range alwaysWriting {
		code = append(code, equal(call, 0, 1), fail(unix.EROFS))
	}
	for call, argument := range opens() {
		code = append(code, equal(call, 0, 4),
			load(offsetArguments+8*argument), jump(unix.BPF_JSET, unix.O_ACCMODE, 0, 1), fail(unix.EROFS), allow())
	}
	return append(code, allow())
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

// equal skips so many instructions when the loaded value is, and when it is not, the one given.
func equal(value uint32, yes, no uint8) unix.SockFilter { return jump(unix.BPF_JEQ, value, yes, no) }

func jump(test uint16, value uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | test | unix.BPF_K, Jt: yes, Jf: no, K: value}
}

func fail(errno unix.Errno) unix.SockFilter { return ret(returnError | uint32(errno)) }

func allow() unix.SockFilter { return ret(returnAllow) }

func ret(value uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: value}
}
