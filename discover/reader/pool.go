package reader

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/seamount-dev/seamount/discover/disk"
)

// ErrTimeout says that a device did not answer in time. ErrStuck says that nothing was started, because an earlier
// program on the device, or too many on others, hang.
var (
	ErrTimeout = errors.New("no answer in time")
	ErrStuck   = errors.New("an earlier reader still hangs")
)

// ExitError is a program that ended with another code than 0.
type ExitError struct {
	Code   int
	Stderr string
}

func (e *ExitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("exit code %d", e.Code)
	}
	return fmt.Sprintf("exit code %d: %s", e.Code, e.Stderr)
}

const (
	outputLimit = 4 << 20
	errorLimit  = 4 << 10
	// killGrace is how long a killed program may take to end before it counts as stuck.
	killGrace = time.Second
)

// Pool runs programs on devices: a few at a time, each with a deadline. Nothing but its counters is shared with who
// uses it; it may be used by several goroutines.
type Pool struct {
	slots    chan struct{}
	limit    int
	timeouts atomic.Uint64

	mu    sync.Mutex
	busy  map[disk.Number]bool
	stuck int
}

// NewPool makes a pool that runs so many programs at a time, and that starts none while as many as stuck hang.
func NewPool(parallel, stuck int) *Pool {
	return &Pool{slots: make(chan struct{}, parallel), limit: stuck, busy: map[disk.Number]bool{}}
}

// Stuck is the number of programs that were given up and have not ended.
func (p *Pool) Stuck() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stuck
}

// Timeouts is how often a device did not answer in time.
func (p *Pool) Timeouts() uint64 { return p.timeouts.Load() }

// Run runs a program on a device and returns its standard output, also beside an ExitError.
func (p *Pool) Run(ctx context.Context, device disk.Number, deadline time.Duration, argv ...string) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := p.begin(device); err != nil {
		return nil, err
	}
	c, err := start(argv)
	if err != nil {
		p.end(device)
		return nil, err
	}
	return p.await(ctx, device, deadline, c)
}

// await waits for a program until its deadline, and in vain for one that hangs in the kernel: it leaves that one to a
// goroutine of its own.
func (p *Pool) await(ctx context.Context, device disk.Number, deadline time.Duration, c *child) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, deadline, ErrTimeout)
	defer cancel()
	select {
	case <-c.ended:
		p.end(device)
		return c.result()
	case <-ctx.Done():
	}
	c.kill()
	if errors.Is(context.Cause(ctx), ErrTimeout) {
		p.timeouts.Add(1)
	}
	grace := time.NewTimer(killGrace)
	defer grace.Stop()
	select {
	case <-c.ended:
		p.end(device)
	case <-grace.C:
		p.giveUp(device, c)
	}
	return nil, context.Cause(ctx)
}

func (p *Pool) begin(device disk.Number) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.busy[device] {
		return ErrStuck
	}
	if p.stuck >= p.limit {
		return fmt.Errorf("%w: %d on other devices", ErrStuck, p.stuck)
	}
	p.busy[device] = true
	return nil
}

func (p *Pool) end(device disk.Number) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.busy, device)
}

func (p *Pool) giveUp(device disk.Number, c *child) {
	p.addStuck(1)
	go func() {
		<-c.ended
		p.addStuck(-1)
		p.end(device)
	}()
}

func (p *Pool) addStuck(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stuck += n
}

// child is a running program in a process group of its own.
type child struct {
	cmd            *exec.Cmd
	stdout, stderr limited
	ended          chan struct{}
	err            error // of the program, once it has ended
}

// start runs a program. It has ended only when all that it started has, too: whatever inherits its standard output or
// error keeps it from having ended.
func start(argv []string) (*child, error) {
	c := &child{cmd: exec.Command(argv[0], argv[1:]...), ended: make(chan struct{})}
	c.stdout.limit, c.stderr.limit = outputLimit, errorLimit
	c.cmd.Stdout, c.cmd.Stderr = &c.stdout, &c.stderr
	c.cmd.Env = []string{"LC_ALL=C", "GOMAXPROCS=1"}
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(c.ended)
		c.err = c.cmd.Wait()
	}()
	return c, nil
}

// kill kills the whole group.
func (c *child) kill() {
	_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL) // it may have ended by itself
}

func (c *child) result() ([]byte, error) {
	var exit *exec.ExitError
	if errors.As(c.err, &exit) {
		return c.stdout.kept, &ExitError{exit.ExitCode(), strings.TrimSpace(string(c.stderr.kept))}
	}
	return c.stdout.kept, c.err
}

// limited keeps the beginning of what is written to it, and drops the rest.
type limited struct {
	kept  []byte
	limit int
}

// Write never fails, so that a talkative program runs on to its end.
func (l *limited) Write(p []byte) (int, error) {
	l.kept = append(l.kept, p[:min(len(p), l.limit-len(l.kept))]...)
	return len(p), nil
}
