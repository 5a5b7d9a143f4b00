package boot

import (
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"time"

	"golang.org/x/sys/unix"
)

// supervisor runs the services of a node. Everything happens in one goroutine,
// its loop: starting, reaping and answering need no locks.
type supervisor struct {
	units   []*unit
	calls   chan call
	signals chan os.Signal
	log     *log.Logger
	// report tells the starting command once how the boot went; nil afterwards.
	report func(problem string)
	ready  bool
}

// tooQuick is how many times in a row a service may fail before the boot counts
// as failed. containerd answers a moment after its socket exists, which may cost
// the kubelet its first attempts.
const tooQuick = 6

const socketPoll = 50 * time.Millisecond

func newSupervisor(services []Service, logger *log.Logger, report func(string)) *supervisor {
	s := &supervisor{
		calls:   make(chan call),
		signals: make(chan os.Signal, 16),
		log:     logger,
		report:  report,
	}
	for _, service := range services {
		s.units = append(s.units, &unit{Service: service})
	}
	signal.Notify(s.signals, unix.SIGCHLD, unix.SIGTERM, unix.SIGINT)
	return s
}

// run returns when the node has been asked to stop.
func (s *supervisor) run() {
	for {
		next := s.advance(time.Now())
		var due <-chan time.Time
		if next > 0 {
			due = time.After(next)
		}
		select {
		case sig := <-s.signals:
			if sig != unix.SIGCHLD {
				return
			}
			s.reap()
		case c := <-s.calls:
			s.handle(c)
		case <-due:
		}
	}
}

// advance starts and kills what is due, and returns when to look again; 0 is
// when something happens.
func (s *supervisor) advance(now time.Time) time.Duration {
	var next time.Duration
	soonest := func(d time.Duration) {
		if next == 0 || d < next {
			next = max(d, time.Millisecond)
		}
	}
	for _, u := range s.units {
		switch {
		case u.running() && u.killAt.IsZero():
		case u.running() && now.Before(u.killAt):
			soonest(u.killAt.Sub(now))
		case u.running():
			unix.Kill(u.pid, unix.SIGKILL) //nolint:errcheck // it ended meanwhile
			u.killAt = now.Add(restartGrace)
		case now.Before(u.startAt):
			soonest(u.startAt.Sub(now))
		case u.After != "" && !accepts(u.After):
			soonest(socketPoll)
		default:
			s.start(u, now)
			soonest(socketPoll)
		}
	}
	s.judge()
	return next
}

func accepts(socket string) bool {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

func (s *supervisor) start(u *unit, now time.Time) {
	if err := u.start(now); err != nil {
		s.log.Printf("start %s: %v", u.Name, err)
		u.ended(now)
		return
	}
	s.log.Printf("started %s, pid %d", u.Name, u.pid)
	for _, w := range u.waiting {
		w <- s.status()
	}
	u.waiting = nil
}

// judge reports once whether the node has come up.
func (s *supervisor) judge() {
	if s.report == nil {
		return
	}
	up := true
	for _, u := range s.units {
		if u.quick >= tooQuick {
			s.report(fmt.Sprintf("%s failed %d times in a row", u.Name, u.quick))
			s.report = nil
			return
		}
		up = up && u.running()
	}
	if up {
		s.ready = true
		s.report("")
		s.report = nil
	}
}

// reap collects every process that has ended: services, and what their parents
// left behind.
func (s *supervisor) reap() {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
		if err == unix.EINTR {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
		for _, u := range s.units {
			if u.pid == pid {
				s.log.Printf("%s, pid %d, ended: %s", u.Name, pid, describe(status))
				u.ended(time.Now())
			}
		}
	}
}

func describe(status unix.WaitStatus) string {
	if status.Signaled() {
		return "killed by " + unix.SignalName(status.Signal())
	}
	return fmt.Sprintf("exit status %d", status.ExitStatus())
}

func (s *supervisor) handle(c call) {
	if c.Restart == "" {
		c.reply <- s.status()
		return
	}
	for _, u := range s.units {
		if u.Name == c.Restart {
			s.restart(u, c.reply)
			return
		}
	}
	c.reply <- Reply{Error: fmt.Sprintf("the node has no service %q", c.Restart)}
}

// restart ends the service and starts it again at once.
func (s *supervisor) restart(u *unit, reply chan<- Reply) {
	u.waiting = append(u.waiting, reply)
	if !u.running() {
		u.startAt, u.quick = time.Time{}, 0
		return
	}
	if u.killAt.IsZero() {
		u.killAt = time.Now().Add(restartGrace)
		unix.Kill(u.pid, unix.SIGTERM) //nolint:errcheck // it ended meanwhile
	}
}

func (s *supervisor) status() Reply {
	r := Reply{Ready: s.ready}
	for _, u := range s.units {
		r.Services = append(r.Services, ServiceStatus{Name: u.Name, PID: u.pid, Started: u.started, Restarts: u.restarts})
	}
	return r
}
