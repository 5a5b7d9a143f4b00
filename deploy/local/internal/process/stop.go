package process

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// killGrace is how long a process may take to end after SIGKILL: one that is in
// uninterruptible sleep, on a hung disk, takes as long as the disk.
const killGrace = 10 * time.Second

// Stop ends the daemon of that name: with SIGTERM, and after grace with SIGKILL.
// A grace of zero kills at once. It is idempotent, returns once the process has
// ended, and takes it out of the journal.
func (l Launcher) Stop(ctx context.Context, name string, grace time.Duration) error {
	e, ok := l.Journal.Get(state.KindProcess, name)
	if !ok {
		return nil
	}
	if id, ok := FromEntry(e); ok {
		if err := Stop(ctx, id, grace); err != nil {
			return fmt.Errorf("stop %s: %w", name, err)
		}
	}
	return l.Journal.Gone(state.KindProcess, name)
}

// Stop ends a process as Launcher.Stop does, without a journal.
func Stop(ctx context.Context, id ID, grace time.Duration) error {
	fd, err := open(id)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // a pidfd has nothing to flush
	if grace > 0 {
		if ended, err := signalAndWait(ctx, fd, unix.SIGTERM, grace); ended || err != nil {
			return err
		}
	}
	ended, err := signalAndWait(ctx, fd, unix.SIGKILL, killGrace)
	if err == nil && !ended {
		err = fmt.Errorf("%s did not end within %v of SIGKILL: it waits for I/O that does not return", id, killGrace)
	}
	return err
}

// Signal sends sig to the process if it still runs.
func Signal(id ID, sig unix.Signal) error {
	fd, err := open(id)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // a pidfd has nothing to flush
	return send(fd, sig)
}

// Wait blocks until the process has ended or ctx does.
func Wait(ctx context.Context, id ID) error {
	fd, err := open(id)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd) //nolint:errcheck // a pidfd has nothing to flush
	for {
		if ended, err := poll(ctx, fd, time.Minute); ended || err != nil {
			return err
		}
	}
}

// open returns a pidfd of exactly this process, or ESRCH. Its identity is
// checked after opening: from then on the descriptor cannot mean another one.
func open(id ID) (int, error) {
	fd, err := unix.PidfdOpen(id.PID, 0)
	if errors.Is(err, unix.EINVAL) {
		// Not the leader of a thread group: the number was given to a thread.
		return -1, unix.ESRCH
	}
	if err != nil {
		return -1, fmt.Errorf("open %s: %w", id, err)
	}
	if !id.Alive() {
		unix.Close(fd) //nolint:errcheck // a pidfd has nothing to flush
		return -1, unix.ESRCH
	}
	return fd, nil
}

func signalAndWait(ctx context.Context, fd int, sig unix.Signal, limit time.Duration) (bool, error) {
	if err := send(fd, sig); err != nil {
		return false, err
	}
	return poll(ctx, fd, limit)
}

func send(fd int, sig unix.Signal) error {
	if err := unix.PidfdSendSignal(fd, sig, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("send %v: %w", sig, err)
	}
	return nil
}

// poll reports whether the process ended within limit.
func poll(ctx context.Context, fd int, limit time.Duration) (bool, error) {
	const slice = 100 * time.Millisecond // how late the end of ctx may be noticed
	for deadline := time.Now().Add(limit); ; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		left := min(time.Until(deadline), slice)
		if left <= 0 {
			return false, nil
		}
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, int(left.Milliseconds())+1)
		if n > 0 {
			return true, nil
		}
		if err != nil && !errors.Is(err, unix.EINTR) {
			return false, fmt.Errorf("wait for a process: %w", err)
		}
	}
}
