package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
)

// ID is a process for as long as the machine runs: a process id alone is given
// to another process sooner or later.
type ID struct {
	PID int
	// Start is when the process started, in clock ticks since the boot: field
	// 22 of /proc/PID/stat, see proc_pid_stat(5).
	Start uint64
}

// Identify is the identity of the process that has the given process id now.
func Identify(pid int) (ID, error) {
	s, err := readStat(pid)
	if err != nil {
		return ID{}, err
	}
	return ID{PID: pid, Start: s.start}, nil
}

// Alive reports whether the process still runs. A zombie does not: it only waits
// for its parent, and the parent of a daemon is the machine's init.
func (id ID) Alive() bool {
	s, err := readStat(id.PID)
	return err == nil && s.start == id.Start && s.state != 'Z' && s.state != 'X'
}

func (id ID) String() string { return fmt.Sprintf("pid %d", id.PID) }

type stat struct {
	state byte
	start uint64
}

func readStat(pid int) (stat, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) {
		return stat{}, fmt.Errorf("pid %d: %w", pid, os.ErrProcessDone)
	}
	if err != nil {
		// A process that ends between open and read answers ESRCH.
		return stat{}, fmt.Errorf("read the state of pid %d: %w", pid, err)
	}
	return parseStat(data)
}

// parseStat reads state and start time. The second field, the program's name in
// brackets, may hold blanks and brackets itself.
func parseStat(data []byte) (stat, error) {
	const startField = 22 - 3 // counted from the state, which is field 3
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return stat{}, fmt.Errorf("unexpected /proc/PID/stat: %q", data)
	}
	fields := bytes.Fields(data[end+1:])
	if len(fields) <= startField || len(fields[0]) != 1 {
		return stat{}, fmt.Errorf("unexpected /proc/PID/stat: %q", data)
	}
	start, err := strconv.ParseUint(string(fields[startField]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("unexpected start time in /proc/PID/stat: %w", err)
	}
	return stat{state: fields[0][0], start: start}, nil
}
