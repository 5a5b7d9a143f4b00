package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/disk/loop"
	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

const (
	// stopGrace is longer than PID 1 waits for its processes.
	stopGrace = 40 * time.Second
	// killLimit is how long the kernel may take to end the processes of a node.
	killLimit = 60 * time.Second
)

// Stop shuts node n down as a machine is: its processes may end in order. What
// is on its disk stays. It is idempotent.
func (m *Manager) Stop(ctx context.Context, n int) error {
	return m.log.Do(ctx, "stop "+state.NodeName(n), func(ctx context.Context, step *progress.Step) error {
		step.Log(m.dir.NodeLog(n, "init"))
		if err := m.thaw(n); err != nil {
			return err
		}
		if id, running := m.find(n); running {
			if err := process.Stop(ctx, id, stopGrace); err != nil {
				return fmt.Errorf("stop %s: %w", state.NodeName(n), err)
			}
		}
		return m.clean(ctx, n)
	})
}

// Kill cuts the power of node n: every process ends at once. What is on its disk
// stays. It is idempotent.
func (m *Manager) Kill(ctx context.Context, n int) error {
	return m.log.Do(ctx, "kill "+state.NodeName(n), func(ctx context.Context, _ *progress.Step) error {
		return m.clean(ctx, n)
	})
}

// Remove kills node n and deletes everything that it was, except its disks. It is
// idempotent and works on what an interrupted command left of a node.
func (m *Manager) Remove(ctx context.Context, n int) error {
	return m.log.Do(ctx, "remove "+state.NodeName(n), func(ctx context.Context, _ *progress.Step) error {
		if err := m.clean(ctx, n); err != nil {
			return err
		}
		return removeTree(m.dir.Node(n))
	})
}

// clean ends what runs of node n and removes all that it had outside of its
// directory. It is what has to be done after a kill -9 of anything, too.
func (m *Manager) clean(ctx context.Context, n int) error {
	ctx, cancel := context.WithTimeout(ctx, killLimit)
	defer cancel()
	name := state.NodeName(n)
	if id, running := m.find(n); running {
		// First, so that a frozen node does not run on when it is thawed.
		if err := process.Signal(id, unix.SIGKILL); err != nil {
			return fmt.Errorf("kill %s: %w", name, err)
		}
	}
	groups, err := m.groups()
	if err != nil {
		return err
	}
	if err := groups.Kill(ctx, n); err != nil {
		return err
	}
	if err := m.launcher.Stop(ctx, name, 0); err != nil {
		return err
	}
	return errors.Join(groups.Remove(ctx, n), m.network.Detach(n), m.releaseLoops(n))
}

// releaseLoops detaches the loop devices that were attached in the node and
// removes those that the machine did not have at its start: they would vanish
// with a real machine.
func (m *Manager) releaseLoops(n int) error {
	data, err := os.ReadFile(m.loopLog(n))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the log of loop devices: %w", err)
	}
	bootID, err := state.BootID()
	if err != nil {
		return err
	}
	loops, err := parseLoopLog(string(data), bootID)
	if err != nil {
		return err
	}
	for number, sequence := range loops {
		if err := releaseLoop(number, sequence); err != nil {
			return err
		}
	}
	return os.Remove(m.loopLog(n))
}

// startLoopLog begins a log of this boot of the machine: sequence numbers start
// anew at each.
func (m *Manager) startLoopLog(n int) error {
	id, err := state.BootID()
	if err != nil {
		return err
	}
	return state.WriteFile(m.loopLog(n), []byte(id+"\n"), 0o600)
}

// parseLoopLog is empty for a log of an earlier boot: its devices are gone.
func parseLoopLog(text, bootID string) (map[int]uint64, error) {
	head, rest, _ := strings.Cut(text, "\n")
	if head != bootID {
		return nil, nil
	}
	return boot.ParseLoops(rest)
}

// ownLoops is how many loop devices the kernel makes by itself at its start.
const ownLoops = 8

// releaseLoop detaches the device if it is still the attachment with that
// sequence number, which no other attachment ever gets.
func releaseLoop(number int, sequence uint64) error {
	d, err := loop.Read(os.DirFS("/sys"), number)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if d.Attached() && d.Sequence != sequence {
		return nil
	}
	if d.Attached() {
		if err := loop.Detach(number); err != nil {
			return err
		}
	}
	if number < ownLoops {
		return nil
	}
	if err := loop.Remove(number); err != nil && !errors.Is(err, loop.ErrBusy) {
		return err
	}
	return nil
}

// removeTree deletes a directory unless something is mounted in it.
func removeTree(dir string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("read the machine's mounts: %w", err)
	}
	for line := range strings.Lines(string(mounts)) {
		const mountPoint = 4
		if fields := strings.Fields(line); len(fields) > mountPoint && strings.HasPrefix(fields[mountPoint], dir+"/") {
			return fmt.Errorf("%s is mounted: unmount it first", fields[mountPoint])
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("delete the node's directory: %w", err)
	}
	return nil
}
