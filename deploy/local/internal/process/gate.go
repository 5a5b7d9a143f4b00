package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// gateArg is the first argument of a process that waits at the gate, followed by
// the program's path and its arguments from the 0th on.
const gateArg = "seamount-local-gate"

// gateFD is where the waiting process reads: the first of ExtraFiles.
const gateFD = 3

// PassGate must be the first call of main (and of TestMain in tests that start
// daemons). In a process that Start has made it does not return: it waits until
// Start has written the process into the journal, and then becomes the program.
// If the starting command dies before that, the process ends without having been
// anything, so that no daemon ever runs which the journal does not know.
func PassGate() {
	if len(os.Args) < 4 || os.Args[0] != gateArg {
		return
	}
	err := passGate(os.NewFile(gateFD, "gate"), os.Args[1], os.Args[2:])
	fmt.Fprintln(os.Stderr, err)
	os.Exit(126) //nolint:revive // PassGate never returns in a process that waits
}

func passGate(gate *os.File, path string, argv []string) error {
	open := make([]byte, 1)
	if _, err := io.ReadFull(gate, open); err != nil {
		return errors.New("not started: the command that wanted this process ended before it was recorded")
	}
	if err := gate.Close(); err != nil {
		return fmt.Errorf("start %s: %w", path, err)
	}
	return fmt.Errorf("start %s: %w", path, syscall.Exec(path, argv, os.Environ()))
}
