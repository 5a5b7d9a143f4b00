package boot

import (
	"bufio"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
)

// Verb is the first argument of a process that is to become a node's PID 1.
const Verb = "init-node"

// Lines of the conversation between the starting command and PID 1.
const (
	Go    = "go\n"
	Ready = "ready\n"
)

// Main is the whole life of a node's PID 1 and returns its exit status. args are
// those after Verb: the file of the Spec and, in the second stage, the descriptor
// of the connection to the starting command.
//
// The first stage waits until the command has put it into its control groups and
// connected its network, and ends if that command dies before. Then it makes a
// control group namespace, whose root is the group that the process is in at that
// time, and executes itself: only so do all threads come into the namespace.
func Main(args []string) int {
	logger := log.New(os.Stderr, "", log.LstdFlags|log.Lmicroseconds)
	if len(args) == 0 || len(args) > 2 || os.Getpid() != 1 {
		logger.Printf("%s is used by seamount-local itself: `seamount-local node start` starts a node", Verb)
		return 2
	}
	err := run(args, logger)
	if err != nil {
		logger.Print(err)
		return 1
	}
	return 0
}

func run(args []string, logger *log.Logger) error {
	spec, err := ReadSpec(args[0])
	if err != nil {
		return err
	}
	if len(args) == 1 {
		return firstStage(spec, args[0])
	}
	fd, err := strconv.Atoi(args[1])
	if err != nil {
		return fmt.Errorf("unexpected argument %q", args[1])
	}
	unix.CloseOnExec(fd)
	return secondStage(spec, os.NewFile(uintptr(fd), "report"), logger)
}

func firstStage(spec Spec, file string) error {
	conn, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: spec.Report})
	if err != nil {
		return fmt.Errorf("the command that started this node has ended: %w", err)
	}
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || line != Go {
		return fmt.Errorf("the command that started this node ended before the node was connected: %w", err)
	}
	report, err := conn.File()
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("make a control group namespace: %w", err)
	}
	fd := int(report.Fd())
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{os.Args[0], Verb, file, strconv.Itoa(fd)}, os.Environ())
}

func secondStage(spec Spec, report *os.File, logger *log.Logger) error {
	logger.Printf("%s starts", spec.Name)
	s, err := setUp(spec, report, logger)
	if err != nil {
		return errors.Join(err, tell(report, err.Error()))
	}
	s.run()
	s.shutdown()
	return nil
}

// setUp is everything up to the first service.
func setUp(spec Spec, report *os.File, logger *log.Logger) (*supervisor, error) {
	loops, err := openLoopLog(spec.LoopLog) // a path on the machine: before it is left
	if err != nil {
		return nil, err
	}
	unix.Umask(0o022)
	if err := enter(spec); err != nil {
		return nil, err
	}
	if err := unix.Sethostname([]byte(spec.Name)); err != nil {
		return nil, fmt.Errorf("set the host name: %w", err)
	}
	if len(spec.Hierarchies) == 1 && spec.Hierarchies[0].Unified {
		if err := cgroup.Delegate("/sys/fs/cgroup"); err != nil {
			return nil, err
		}
	}
	s := newSupervisor(spec.Services, logger, func(problem string) {
		tell(report, problem) //nolint:errcheck // the command has gone; the node runs
	})
	if err := listen(s.calls); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", ControlSocket, err)
	}
	return s, loops.watch(logger)
}

// tell ends the conversation: with Ready, or with what went wrong.
func tell(report *os.File, problem string) error {
	line := Ready
	if problem != "" {
		line = strconv.Quote(problem) + "\n"
	}
	_, err := report.WriteString(line)
	return errors.Join(err, report.Close())
}
