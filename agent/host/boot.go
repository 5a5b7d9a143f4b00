package host

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Boot tells one life of a node from the next. Nothing that was mounted or mapped in a former one is left.
type Boot struct {
	// ID is the kernel's, new with each start of the machine.
	ID string `json:"id"`
	// Start of the first process, in the kernel's ticks: a node that is itself a container starts anew on one kernel.
	Start uint64 `json:"start"`
}

// Boot reads the life that the node is in.
func (n Node) Boot() (Boot, error) {
	id, err := BootID()
	if err != nil {
		return Boot{}, fmt.Errorf("read the boot id: %w", err)
	}
	start, err := StartOf(n.PID)
	if err != nil {
		return Boot{}, fmt.Errorf("read the state of the first process: %w", err)
	}
	return Boot{ID: id, Start: start}, nil
}

// BootID is the kernel's, new with each start of the machine.
func BootID() (string, error) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(id)), err
}

// StartOf reads when a process began, in the kernel's ticks: with its number that tells it from all others of this boot.
func StartOf(pid int) (uint64, error) {
	stat, err := os.ReadFile(Node{pid}.proc("stat"))
	if err != nil {
		return 0, err
	}
	return parseStart(string(stat))
}

// parseStart reads when a process began out of /proc/N/stat: the 22nd field, where the second one may hold anything in
// brackets. See proc_pid_stat(5).
func parseStart(stat string) (uint64, error) {
	const after = 19 // fields between the closing bracket and it
	end := strings.LastIndex(stat, ")")
	fields := strings.Fields(stat[end+1:])
	if end < 0 || len(fields) <= after {
		return 0, errors.New("unexpected state of a process")
	}
	return strconv.ParseUint(fields[after], 10, 64)
}
