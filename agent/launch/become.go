package launch

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/host"
)

// Become turns this process, which is in the node's namespaces already, into a helper. It returns only when it fails.
func Become(name string, command []string) error {
	if name == "" || name != filepath.Base(name) || len(command) == 0 {
		return errors.New("a helper has a name and a command")
	}
	if err := join(name); err != nil {
		return fmt.Errorf("leave the pod's cgroups: %w", err)
	}
	if err := survive(); err != nil {
		return fmt.Errorf("set oom_score_adj: %w", err)
	}
	// Whatever else is open goes with the exec.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return os.NewSyscallError("close_range", err)
	}
	unix.Umask(0o077)
	if err := unix.Chdir("/"); err != nil {
		return os.NewSyscallError("chdir", err)
	}
	return os.NewSyscallError("exec "+command[0], unix.Exec(command[0], command, os.Environ()))
}

// survive takes the pod's own score off the process, at least. Less than 0 takes CAP_SYS_RESOURCE.
func survive() error {
	const file = "/proc/self/oom_score_adj"
	err := os.WriteFile(file, []byte(strconv.Itoa(oomScore)), 0)
	if errors.Is(err, os.ErrPermission) {
		err = os.WriteFile(file, []byte("0"), 0)
	}
	return err
}

// Clean removes the cgroups of a helper that has ended, where it has some that systemd does not remove.
func (l Launcher) Clean(name string) error {
	mounts, err := l.Node.Mounts()
	if err != nil {
		return err
	}
	return l.Node.Do(func() error {
		var problems []error
		for _, m := range mounts {
			if m.Type != "cgroup" && m.Type != "cgroup2" {
				continue
			}
			if err := os.Remove(filepath.Join(m.Point, parent, name)); !errors.Is(err, os.ErrNotExist) {
				problems = append(problems, err)
			}
		}
		return errors.Join(problems...)
	})
}

// parent of all helpers' cgroups.
const parent = "seamount"

// join moves the process into a cgroup of its own, in every hierarchy that the node has.
func join(name string) error {
	mounts, err := host.Node{PID: os.Getpid()}.Mounts()
	if err != nil {
		return err
	}
	joined := 0
	for _, m := range mounts {
		if m.Type != "cgroup" && m.Type != "cgroup2" {
			continue
		}
		cpuset := m.Type == "cgroup" && slices.Contains(m.Super, "cpuset")
		if err := enter(m.Point, []string{parent, name}, cpuset); err != nil {
			return err
		}
		joined++
	}
	if joined == 0 {
		return errors.New("the node has no cgroups mounted")
	}
	return nil
}

// enter makes the cgroup below the root of a hierarchy and moves the process into it.
func enter(root string, path []string, cpuset bool) error {
	dir := root
	for _, part := range path {
		above := dir
		dir = filepath.Join(dir, part)
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
		if cpuset {
			if err := inherit(above, dir); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte("0"), 0)
}

// inherit gives a new cgroup of the hierarchy of cpusets what its parent may use: none takes a process before it has any.
func inherit(parent, dir string) error {
	for _, name := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		if strings.TrimSpace(string(own)) != "" {
			continue
		}
		value, err := os.ReadFile(filepath.Join(parent, name))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), value, 0); err != nil {
			return err
		}
	}
	return nil
}
