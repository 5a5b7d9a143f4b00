package daemon

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Machine runs the programs of the image.
type Machine interface {
	// Run runs a program to its end. What it prints goes to the container's log.
	Run(ctx context.Context, stdin []byte, argv ...string) error
	// Become replaces this process by a program. It returns only when that fails.
	Become(argv ...string) error
}

// Container is the Machine of a container.
type Container struct {
	// Log takes what programs print.
	Log io.Writer
}

// stopGrace is how long a program has to end after SIGTERM.
const stopGrace = 10 * time.Second

// Run runs a program to its end.
func (c Container) Run(ctx context.Context, stdin []byte, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), c.Log, c.Log
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s: %w", argv[0], err)
	}
	return nil
}

// Become replaces this process by a program. Descriptors that are not closed on exec stay with it.
func (Container) Become(argv ...string) error {
	program, err := exec.LookPath(argv[0])
	if err == nil {
		err = syscall.Exec(program, argv, os.Environ())
	}
	return fmt.Errorf("become %s: %w", argv[0], err)
}
