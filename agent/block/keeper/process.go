package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block/wire"
	"github.com/seamount-dev/seamount/agent/block/worker"
	"github.com/seamount-dev/seamount/agent/host"
)

// helper is a worker that lives, or did.
type helper struct {
	process
	// pidfd is the process itself, whatever becomes of its number.
	pidfd int
	// dead is closed when it has ended.
	dead chan struct{}
	// retired: it was told to end, with nothing in flight. It changes under the keeper's mu.
	retired bool
}

func (h *helper) ended() bool {
	select {
	case <-h.dead:
		return true
	default:
		return false
	}
}

func (h *helper) call(ctx context.Context, op string, request, response any) error {
	return wire.Call(ctx, h.Socket, op, -1, request, response)
}

func (h *helper) kill() { _ = unix.PidfdSendSignal(h.pidfd, unix.SIGKILL, nil, 0) } // fails only when it has ended

// watch waits for its end, whoever's child it is.
func (h *helper) watch() {
	poll := []unix.PollFd{{Fd: int32(h.pidfd), Events: unix.POLLIN}}
	for {
		if n, err := unix.Poll(poll, -1); n > 0 || err != nil && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	close(h.dead)
}

// find opens a process that an earlier keeper recorded. nil: it has ended.
func find(p process) *helper {
	pidfd, lives := host.Process{PID: p.PID, Start: p.Start}.Open()
	if !lives {
		return nil
	}
	h := &helper{process: p, pidfd: pidfd, dead: make(chan struct{})}
	go h.watch()
	return h
}

// helloLimit is how long a new worker may take until it has reached Ceph, before another is tried.
const helloLimit = 20 * time.Second

// start starts a worker and waits until it has reached Ceph.
func (k *Keeper) start(ctx context.Context) (*helper, error) {
	h, err := k.spawn()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, h.kill)
	var hello worker.Hello
	err = h.call(ctx, worker.OpHello, nil, &hello)
	if !stop() || err != nil {
		h.kill()
		return nil, fmt.Errorf("a new worker does not get ready: %w", errors.Join(err, ctx.Err()))
	}
	h.Address, h.Version = hello.Address, hello.Version
	return h, nil
}

// spawn starts the process. It gets its socket as descriptor 3, so that it can be called at once.
func (k *Keeper) spawn() (*helper, error) {
	socket := k.control(fmt.Sprintf("worker-%d.sock", time.Now().UnixNano()))
	listener, err := listen(socket)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	cmd := exec.Command(k.Command[0], k.Command[1:]...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.Env = workerEnvironment
	cmd.ExtraFiles = []*os.File{listener}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := startAsFlusher(cmd); err != nil {
		return nil, errors.Join(err, os.Remove(socket))
	}
	h, err := opened(cmd.Process.Pid, socket)
	go cmd.Wait() //nolint:errcheck // how it ended does not matter: another is started
	return h, err
}

// opened makes a helper of a child that nobody has waited for yet, so that its number is its own.
func opened(pid int, socket string) (*helper, error) {
	start, err := host.StartOf(pid)
	if err != nil {
		return nil, err
	}
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return nil, err
	}
	h := &helper{process: process{PID: pid, Start: start, Socket: socket}, pidfd: pidfd, dead: make(chan struct{})}
	spare(pid)
	go h.watch()
	return h, nil
}

// workerEnvironment keeps the C library from holding on to memory: librbd has many threads, and each would get an arena.
var workerEnvironment = []string{"MALLOC_ARENA_MAX=1", "MALLOC_TRIM_THRESHOLD_=65536"}

// startAsFlusher starts a process whose memory is never reclaimed by way of the file systems that it serves. The mark is
// of a thread, and a child inherits it. Without CAP_SYS_RESOURCE there is none.
func startAsFlusher(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if unix.Prctl(unix.PR_SET_IO_FLUSHER, 1, 0, 0, 0) == nil {
		defer unix.Prctl(unix.PR_SET_IO_FLUSHER, 0, 0, 0, 0) //nolint:errcheck // it was allowed a moment ago
	}
	return cmd.Start()
}

// spare asks the kernel to kill others first when memory runs out. Not everybody may ask for that.
func spare(pid int) {
	for _, score := range []string{"-1000", "-998", "0"} {
		if os.WriteFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid), []byte(score), 0) == nil {
			return
		}
	}
}

// listen makes a worker's socket as a file that a child can inherit.
func listen(path string) (*os.File, error) {
	l, err := wire.Listen(path)
	if err != nil {
		return nil, err
	}
	file, err := l.File()
	return file, errors.Join(err, l.Close())
}

// ListenerDescriptor is the number of a worker's socket.
const ListenerDescriptor = 3

// Inherit returns the socket that this process was started with.
func Inherit() (*net.UnixListener, error) {
	file := os.NewFile(ListenerDescriptor, "socket")
	l, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no socket: a worker is started by its keeper alone: %w", ListenerDescriptor, err)
	}
	return l.(*net.UnixListener), file.Close()
}

// removeSockets removes those of workers that are gone.
func (k *Keeper) removeSockets(keep map[string]bool) {
	sockets, _ := filepath.Glob(k.control("worker-*.sock")) // the pattern is a constant
	for _, s := range sockets {
		if !keep[s] {
			_ = os.Remove(s) // it only takes space
		}
	}
}
