// Package launch starts helpers, the programs that serve volumes, so that they outlive the agent and its pod: in all
// namespaces of the node's first process, in cgroups of their own without limits, in a session of their own, with no file
// of the agent open. Where systemd runs, it starts them. The package neither watches nor ends them.
package launch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"github.com/seamount-dev/seamount/agent/host"
)

// Helper is what to start.
type Helper struct {
	// Name of the helper: of its cgroup, or of its unit in systemd.
	Name string
	// Command line, with paths as the node sees them.
	Command []string
	// Env is all that it finds in its environment.
	Env []string
	// Log is the node's file that its output is added to.
	Log string
}

// Launcher starts helpers on a node.
type Launcher struct {
	Node host.Node
	// Become is the command line of this program that calls the function Become with the arguments that follow.
	Become []string
}

// oomScore of a helper: among the last to be killed when memory runs out, as every volume of the node depends on it.
const oomScore = -998

// Start starts a helper, and does not wait for what it does.
func (l Launcher) Start(ctx context.Context, h Helper) error {
	systemd, err := l.systemd()
	if err == nil && systemd {
		_, err = l.Node.Run(ctx, host.Program{Command: Unit(h)})
	} else if err == nil {
		err = l.Node.DoInAll(func() error { return l.start(h) })
	}
	if err != nil {
		return fmt.Errorf("start %s on the node: %w", h.Name, err)
	}
	return nil
}

// systemd says whether systemd is the first process. See sd_booted(3).
func (l Launcher) systemd() (bool, error) {
	found := false
	err := l.Node.Do(func() error {
		info, err := os.Lstat("/run/systemd/system")
		if found = err == nil && info.IsDir(); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	})
	return found, err
}

// Unit is the command line that has systemd start a helper as a transient unit. The end of the unit's first process ends
// no other of its processes: a keeper that died is replaced while its worker serves on. At shutdown the unit is among the
// last to go, since filesystems on its volumes are unmounted before.
func Unit(h Helper) []string {
	command := []string{
		"systemd-run", "--quiet", "--collect", "--unit=seamount-" + h.Name, "--slice=seamount.slice",
		"--property=KillMode=process", "--property=DefaultDependencies=no",
		"--property=OOMScoreAdjust=" + strconv.Itoa(oomScore),
		"--property=MemoryMax=infinity", "--property=TasksMax=infinity", "--property=LimitNOFILE=1048576",
		"--property=StandardOutput=append:" + h.Log, "--property=StandardError=append:" + h.Log,
	}
	for _, value := range h.Env {
		command = append(command, "--setenv="+value)
	}
	return slices.Concat(command, []string{"--"}, h.Command)
}

// start starts this program anew on a thread that is in the node's namespaces, for it to become the helper.
func (l Launcher) start(h Helper) error {
	if err := os.MkdirAll(filepath.Dir(h.Log), 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(h.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	args := slices.Concat(l.Become[1:], []string{h.Name}, h.Command)
	cmd := exec.Command(l.Become[0], args...)
	cmd.Env, cmd.Dir = h.Env, "/"
	if cmd.Env == nil {
		cmd.Env = []string{} // nil would be the agent's own
	}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	go cmd.Wait() //nolint:errcheck // so that the kernel forgets it when it ends; whoever talks to it notices that it did
	return nil
}
