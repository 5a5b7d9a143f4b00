package boot

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// How long a stopping node waits: first for the kubelet, so that it does not
// restart what ends, then for everything else.
const (
	kubeletGrace = 5 * time.Second
	allGrace     = 10 * time.Second
)

// shutdown ends every process of the node, as the init of a machine does: those
// that restart others first, then all with SIGTERM, then with SIGKILL.
func (s *supervisor) shutdown() {
	s.log.Print("stopping")
	for _, u := range s.units {
		if u.After != "" && u.running() {
			unix.Kill(u.pid, unix.SIGTERM) //nolint:errcheck // it ended meanwhile
		}
	}
	s.reapUntil(kubeletGrace, func() bool {
		for _, u := range s.units {
			if u.After != "" && u.running() {
				return false
			}
		}
		return true
	})
	unix.Kill(-1, unix.SIGTERM) //nolint:errcheck // nothing runs any more
	s.reapUntil(allGrace, alone)
	unix.Kill(-1, unix.SIGKILL) //nolint:errcheck // nothing runs any more
	s.reapUntil(allGrace, alone)
	unix.Sync()
	s.log.Print("stopped")
}

// alone reports whether PID 1 is the only process of its namespace.
func alone() bool { return errors.Is(unix.Kill(-1, 0), unix.ESRCH) }

func (s *supervisor) reapUntil(limit time.Duration, done func() bool) {
	deadline := time.After(limit)
	tick := time.NewTicker(socketPoll)
	defer tick.Stop()
	for {
		s.reap()
		if done() {
			return
		}
		select {
		case <-deadline:
			return
		case <-s.signals:
		case <-tick.C:
		}
	}
}
