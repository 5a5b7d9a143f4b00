package boot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// unit is a service with what is known of its process. The supervisor's loop
// alone touches it.
type unit struct {
	Service
	pid      int
	started  time.Time
	restarts int
	quick    int       // how many times in a row it ended soon after its start
	startAt  time.Time // when to start it, if it does not run
	killAt   time.Time // when to kill it, if it was asked to end; zero if it was not
	waiting  []chan<- Reply
}

const (
	restartGrace = 10 * time.Second // from SIGTERM to SIGKILL on a restart
	quickEnd     = 10 * time.Second // ending sooner after the start counts as a failure
	firstDelay   = 100 * time.Millisecond
	maxDelay     = 5 * time.Second
	maxLog       = 64 << 20 // bytes of a log before it is set aside at a start
)

// delay is how long to wait before the next start after quick failures in a row.
func delay(quick int) time.Duration {
	return min(firstDelay<<min(quick, 10), maxDelay)
}

func (u *unit) running() bool { return u.pid != 0 }

// start forks the service. The supervisor's loop both starts and reaps, so that
// a process cannot be reaped before its number is noted.
func (u *unit) start(now time.Time) error {
	out, err := openServiceLog(u.Name)
	if err != nil {
		return err
	}
	defer out.Close() // the service has its own descriptor
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	defer null.Close() // read-only
	u.started = now
	u.pid, err = syscall.ForkExec(u.Argv[0], u.Argv, &syscall.ProcAttr{
		Dir:   "/",
		Env:   Environment(),
		Files: []uintptr{null.Fd(), out.Fd(), out.Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	if err != nil {
		u.pid = 0
	}
	return err
}

// ended notes the end of the process and when the next one starts.
func (u *unit) ended(now time.Time) {
	asked := !u.killAt.IsZero()
	if asked || now.Sub(u.started) >= quickEnd {
		u.quick = 0
	} else {
		u.quick++
	}
	u.startAt = now
	if !asked {
		u.startAt = now.Add(delay(u.quick))
	}
	u.pid, u.killAt = 0, time.Time{}
	u.restarts++
}

func openServiceLog(name string) (*os.File, error) {
	path := filepath.Join(LogDir, name+".log")
	if info, err := os.Stat(path); err == nil && info.Size() > maxLog {
		if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
}
