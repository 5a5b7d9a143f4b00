package host

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"
)

// Process is a process of this boot, whatever becomes of its number.
type Process struct {
	PID int `json:"pid"`
	// Start is when it began, in the kernel's ticks.
	Start uint64 `json:"start"`
}

// Open opens the process. It is false if it has ended, also when nobody has asked yet how.
func (p Process) Open() (pidfd int, lives bool) {
	pidfd, err := unix.PidfdOpen(p.PID, 0)
	if err != nil {
		return -1, false
	}
	start, err := StartOf(p.PID) // asked after the open: it cannot change any more
	if err != nil || start != p.Start || ended(pidfd) {
		unix.Close(pidfd) //nolint:errcheck // a reference, nothing was written
		return -1, false
	}
	return pidfd, true
}

func ended(pidfd int) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}, 0)
		if !errors.Is(err, unix.EINTR) {
			return n > 0
		}
	}
}

func (p Process) lives() bool {
	pidfd, lives := p.Open()
	if lives {
		unix.Close(pidfd) //nolint:errcheck // a reference, nothing was written
	}
	return lives
}

func (p Process) signal(signal unix.Signal) error {
	pidfd, lives := p.Open()
	if !lives {
		return nil
	}
	defer unix.Close(pidfd) //nolint:errcheck // a reference, nothing was written
	if err := unix.PidfdSendSignal(pidfd, signal, nil, 0); !errors.Is(err, unix.ESRCH) && err != nil {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

// Lives says whether a process has not ended.
func (Node) Lives(p Process) bool { return p.lives() }

// Signal sends a signal to a process. One that has ended is no error.
func (Node) Signal(p Process, signal unix.Signal) error { return p.signal(signal) }

// Find finds a process that was started on the node with an argument that no other has. What runs in a mount namespace of its
// own, as what is in pods does, is none of the node's, whatever its arguments are.
func (n Node) Find(argument string) (Process, bool, error) {
	space, err := os.Readlink(n.proc("ns/mnt"))
	if err != nil {
		return Process{}, false, err
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return Process{}, false, fmt.Errorf("list processes: %w", err)
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || !started(pid, argument) {
			continue
		}
		start, startErr := StartOf(pid)
		own, err := os.Readlink(filepath.Join("/proc", entry.Name(), "ns/mnt"))
		p := Process{PID: pid, Start: start}
		if startErr == nil && err == nil && own == space && p.lives() {
			return p, true, nil
		}
	}
	return Process{}, false, nil
}

func started(pid int, argument string) bool {
	text, err := os.ReadFile(Node{pid}.proc("cmdline"))
	return err == nil && slices.ContainsFunc(bytes.Split(text, []byte{0}), func(a []byte) bool { return string(a) == argument })
}
