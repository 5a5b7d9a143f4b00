package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
)

// Stdio is what a command in a node reads and writes.
type Stdio struct {
	In       io.Reader
	Out, Err io.Writer
}

// Exec runs a command in all namespaces of node n and returns its exit status; 128
// and the signal's number if a signal ended it. The error is that of starting it.
func (m *Manager) Exec(ctx context.Context, n int, argv []string, stdio Stdio) (int, error) {
	id, err := m.running(n)
	if err != nil {
		return 0, err
	}
	if frozen, err := m.frozen(n); frozen || err != nil {
		return 0, errFrozen(n, err)
	}
	nsenter, err := exec.LookPath("nsenter")
	if err != nil {
		return 0, fmt.Errorf("nsenter is missing: install util-linux: %w", err)
	}
	args := append([]string{"-t", strconv.Itoa(id.PID), "-m", "-u", "-i", "-n", "-p", "-C", "--"}, argv...)
	cmd := exec.CommandContext(ctx, nsenter, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	cmd.Env = boot.Environment()
	if term, ok := os.LookupEnv("TERM"); ok {
		cmd.Env = append(cmd.Env, "TERM="+term)
	}
	err = cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return exit.ExitCode(), nil
}
