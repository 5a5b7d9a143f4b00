package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// Program is what Run runs.
type Program struct {
	// Command line. The program's path is as the node sees it.
	Command []string
	// Env is all that it finds in its environment.
	Env []string
	// Input is what it reads.
	Input []byte
	// Answer says that only its first output is returned, which a program reads. Else it is both, for people.
	Answer bool
	// Hold is a file that the program inherits, if any: a lock on it lasts while the program lives, whatever becomes of
	// the agent.
	Hold *os.File
}

// ExitError is a program that ended with another status than 0.
type ExitError struct {
	Program string
	Code    int
	// Output is what it said, on both of its outputs.
	Output string
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with status %d: %s", e.Program, e.Code, e.Output)
}

// killDelay is how long a program that was told to end may take. A process that waits for a disk cannot even be killed:
// it is not waited for.
const killDelay = 5 * time.Second

// Run runs a program of the node to its end, and returns what it said. The program ends with the agent.
func (n Node) Run(ctx context.Context, p Program) (string, error) {
	var out string
	err := n.Do(func() (err error) {
		out, err = run(ctx, p)
		return err
	})
	return out, err
}

// run runs on a thread that waits until the program has ended: the kernel would take the end of that thread for that of
// the program's parent.
func run(ctx context.Context, p Program) (string, error) {
	var answer, all bytes.Buffer
	cmd := exec.CommandContext(ctx, p.Command[0], p.Command[1:]...)
	cmd.Env = append([]string{"LC_ALL=C", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, p.Env...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &all, &all
	if p.Answer {
		cmd.Stdout = &answer
	}
	if p.Input != nil {
		cmd.Stdin = bytes.NewReader(p.Input)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = killDelay
	if p.Hold != nil {
		cmd.ExtraFiles = []*os.File{p.Hold}
	}
	err := cmd.Run()
	text := strings.TrimSpace(all.String())
	if ctx.Err() != nil {
		return text, fmt.Errorf("%s: %w", name(p), ctx.Err())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return text, &ExitError{Program: name(p), Code: exit.ExitCode(), Output: text}
	}
	if p.Answer {
		text = answer.String()
	}
	return text, err
}

// name of a program, for people: one that is run from a bundle stands behind the bundle's linker and its arguments.
func name(p Program) string {
	for i, arg := range p.Command {
		if arg == "--argv0" && i+1 < len(p.Command) {
			return p.Command[i+1]
		}
	}
	return p.Command[0]
}
