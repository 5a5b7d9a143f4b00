//go:build linux

package cephtest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// termGrace is how long a daemon may take to end by itself. A standby MDS of
// Ceph 18 never does once the mons are newer.
const termGrace = 15 * time.Second

// daemon is one Ceph daemon: how to start it, and the process if it runs.
type daemon struct {
	name    string // mon.a, osd.0, ...
	program string
	args    []string

	mu      sync.Mutex
	process *os.Process
	ended   chan struct{} // closed when the process is reaped
}

// Daemons lists all daemons, running or not, by name.
func (c *Cluster) Daemons() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.daemons))
}

// Pid returns the daemon's process, 0 if it does not run.
func (c *Cluster) Pid(name string) int {
	d, err := c.daemon(name)
	if err != nil {
		return 0
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running() {
		return 0
	}
	return d.process.Pid
}

// Kill ends a daemon as a power cut does (SIGKILL) and returns when it is gone.
func (c *Cluster) Kill(name string) error { return c.end(name, syscall.SIGKILL) }

// Terminate ends a daemon in good order (SIGTERM), and by SIGKILL if it does not within 15 seconds.
func (c *Cluster) Terminate(name string) error { return c.end(name, syscall.SIGTERM) }

// Pause makes a daemon hang (SIGSTOP) and returns when all its threads do: its sockets stay open and nobody answers.
func (c *Cluster) Pause(name string) error {
	if err := c.signal(name, syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		err := unix.Waitid(unix.P_PID, c.Pid(name), nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("wait for "+name+" to stop", err)
		}
	}
}

// Resume lets a daemon that hangs go on (SIGCONT).
func (c *Cluster) Resume(name string) error { return c.signal(name, syscall.SIGCONT) }

// Start starts a daemon that was ended. One that runs is an error.
func (c *Cluster) Start(name string) error {
	d, err := c.daemon(name)
	if err != nil {
		return err
	}
	return c.start(d)
}

// Restart ends a daemon in good order and starts it again. It does not wait until it serves.
func (c *Cluster) Restart(name string) error {
	if err := c.Terminate(name); err != nil {
		return err
	}
	return c.Start(name)
}

// Log returns what the daemon wrote so far, in all its lives.
func (c *Cluster) Log(name string) (string, error) {
	b, err := os.ReadFile(c.logFile(name))
	return string(b), err
}

func (c *Cluster) logFile(name string) string { return filepath.Join(c.dir, "log", name) }

func (c *Cluster) daemon(name string) (*daemon, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.daemons[name]
	if !ok {
		return nil, fmt.Errorf("no daemon %q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(c.daemons)), ", "))
	}
	return d, nil
}

// run adds a daemon and starts it.
func (c *Cluster) run(name, program string, args ...string) error {
	d := &daemon{name: name, program: program, args: args}
	c.mu.Lock()
	_, exists := c.daemons[name]
	if !exists {
		c.daemons[name] = d
	}
	c.mu.Unlock()
	if exists {
		return fmt.Errorf("%s exists already", name)
	}
	return c.start(d)
}

// lean keeps glibc's allocator from holding on to memory: an OSD stays at half its size.
var lean = []string{"MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=65536", "MALLOC_MMAP_THRESHOLD_=65536"}

func (c *Cluster) start(d *daemon) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.running() {
		return fmt.Errorf("%s runs already", d.name)
	}
	log, err := os.OpenFile(c.logFile(d.name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	_, id, _ := strings.Cut(d.name, ".")
	args := append([]string{"-f", "-c", c.inside("ceph.conf"), "-i", id}, d.args...)
	cmd := c.release.command(context.Background(), c.dir, d.program, args...)
	cmd.Env = append(os.Environ(), lean...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := spawn(cmd); err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.process, d.ended = cmd.Process, make(chan struct{})
	go reap(cmd, d.ended)
	return nil
}

// reap waits for the process, so that it does not stay as a zombie. How it ended is in its log.
func reap(cmd *exec.Cmd, ended chan<- struct{}) {
	_ = cmd.Wait()
	close(ended)
}

// running is called with mu held.
func (d *daemon) running() bool {
	if d.process == nil {
		return false
	}
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

func (c *Cluster) signal(name string, sig syscall.Signal) error {
	d, err := c.daemon(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running() {
		return fmt.Errorf("%s does not run", name)
	}
	return d.process.Signal(sig)
}

// end sends the signal and waits. A daemon that does not run is no error.
func (c *Cluster) end(name string, sig syscall.Signal) error {
	d, err := c.daemon(name)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.running() {
		return nil
	}
	// A process that is stopped takes no SIGTERM before SIGCONT.
	if err := errors.Join(d.process.Signal(sig), ignoreDone(d.process.Signal(syscall.SIGCONT))); err != nil {
		return ignoreDone(err)
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(termGrace):
	}
	if err := d.process.Kill(); err != nil {
		return ignoreDone(err)
	}
	<-d.ended
	return nil
}

// ignoreDone drops the error of a signal that came after the end.
func ignoreDone(err error) error {
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// killAll ends every daemon at once.
func (c *Cluster) killAll() error {
	var errs []error
	for _, name := range c.Daemons() {
		errs = append(errs, c.Kill(name))
	}
	return errors.Join(errs...)
}
