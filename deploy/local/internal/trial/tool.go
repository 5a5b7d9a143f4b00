package trial

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

// patience is how long a tool that was told to end may take.
const patience = 10 * time.Second

// command is a program that ends with this one, however this one ends: nobody would wait for it.
func command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = patience
	return cmd
}

// run runs a tool in the checkout, with what it says in a log and its last line in the step.
func (c Checkout) run(ctx context.Context, step *progress.Step, name string, argv ...string) error {
	step.Log(c.log(name))
	log, err := os.OpenFile(c.log(name), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o644)
	if err != nil {
		return fmt.Errorf("create the log of %s: %w", argv[0], err)
	}
	defer log.Close()
	last := &lastLine{say: func(line string) { step.Detail("%s", line) }}
	cmd := command(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Stdout = c.Root, io.MultiWriter(log, last)
	cmd.Stderr = cmd.Stdout
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(argv, " "), err, last.line)
	}
	return nil
}

// do is a step of one tool.
func (c Checkout) do(ctx context.Context, title, name string, argv ...string) error {
	return c.Report.Do(ctx, title, func(ctx context.Context, step *progress.Step) error {
		return c.run(ctx, step, name, argv...)
	})
}

// lastLine keeps the last line that was written in full and is not empty.
type lastLine struct {
	say  func(string)
	rest []byte
	line string
}

func (l *lastLine) Write(data []byte) (int, error) {
	l.rest = append(l.rest, data...)
	for {
		line, rest, ok := bytes.Cut(l.rest, []byte("\n"))
		if !ok {
			return len(data), nil
		}
		l.rest = rest
		if text := strings.TrimSpace(string(line)); text != "" {
			l.line = text
			l.say(text)
		}
	}
}
