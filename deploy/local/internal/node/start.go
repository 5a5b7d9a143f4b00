package node

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// bootLimit is how long a node may take from its first process to the last of
// its services. It takes a second on a quiet machine.
const bootLimit = 90 * time.Second

// Files in the directory of a node, on the machine.
func (m *Manager) rootDir(n int) string    { return filepath.Join(m.dir.Node(n), "root") }
func (m *Manager) overlayDir(n int) string { return filepath.Join(m.dir.Node(n), "overlay") }
func (m *Manager) specFile(n int) string   { return filepath.Join(m.dir.Node(n), "spec.json") }
func (m *Manager) loopLog(n int) string    { return filepath.Join(m.dir.Node(n), "loops") }
func (m *Manager) reportFile(n int) string { return filepath.Join(m.dir.Node(n), "report.sock") }

// Start starts node n as a machine is turned on, with what is on its disk, and
// returns when its services run. It is idempotent. After an error the node does
// not run.
func (m *Manager) Start(ctx context.Context, n int) error {
	name := state.NodeName(n)
	return m.log.Do(ctx, "start "+name, func(ctx context.Context, step *progress.Step) error {
		step.Log(m.dir.NodeLog(n, "init"))
		if up, err := m.isUp(ctx, n); up || err != nil {
			return err
		}
		if err := m.clean(ctx, n); err != nil {
			return err
		}
		step.Detail("preparing its disk")
		if err := m.prepare(ctx, n); err != nil {
			return err
		}
		step.Detail("booting")
		ctx, cancel := context.WithTimeout(ctx, bootLimit)
		defer cancel()
		if err := m.boot(ctx, n); err != nil {
			return errors.Join(err, m.clean(context.WithoutCancel(ctx), n))
		}
		step.Detail("loading images")
		return m.loadMissing(ctx, n)
	})
}

// isUp reports whether the node runs already. One whose boot an earlier command
// began is waited for; one that was never connected is not up.
func (m *Manager) isUp(ctx context.Context, n int) (bool, error) {
	id, running := m.find(n)
	if !running {
		return false, nil
	}
	if frozen, err := m.frozen(n); frozen || err != nil {
		return frozen, err
	}
	ctx, cancel := context.WithTimeout(ctx, bootLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for id.Alive() {
		if reply, err := boot.Ask(ctx, inside(id, boot.ControlSocket), boot.Request{}); err == nil && reply.Ready {
			return true, nil
		}
		select {
		case <-ctx.Done():
			return false, nil // it hangs: Start begins anew
		case <-tick.C:
		}
	}
	return false, nil
}

// prepare writes all that PID 1 needs, and makes the control groups.
func (m *Manager) prepare(ctx context.Context, n int) error {
	if err := os.MkdirAll(m.dir.NodeLogs(n), 0o700); err != nil {
		return fmt.Errorf("make the node's directory: %w", err)
	}
	if err := errors.Join(m.linkLogs(n), m.startLoopLog(n)); err != nil {
		return err
	}
	if err := m.images.Clone(ctx, filepath.Join(m.rootDir(n), "var/lib/containerd"), m.imageList(n)); err != nil {
		return err
	}
	disks, err := m.disks.Reattach(ctx, n)
	if err != nil {
		return err
	}
	groups, err := m.groups()
	if err != nil {
		return err
	}
	if err := groups.Make(n); err != nil {
		return err
	}
	spec, err := m.spec(n, groups.Hierarchies(), disks)
	if err != nil {
		return err
	}
	return state.WriteJSON(m.specFile(n), spec)
}

// linkLogs makes the logs of the node's services, which lie on its disk, appear
// in the directory where the machine looks for them.
func (m *Manager) linkLogs(n int) error {
	for _, service := range serviceNames {
		target, err := filepath.Rel(m.dir.NodeLogs(n), filepath.Join(m.rootDir(n), boot.LogDir, service+".log"))
		if err != nil {
			return err
		}
		if err := os.Symlink(target, m.dir.NodeLog(n, service)); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("link the node's logs: %w", err)
		}
	}
	return nil
}

// boot starts PID 1, connects it and waits for its word. PID 1 ends by itself if
// this command dies before it is connected.
func (m *Manager) boot(ctx context.Context, n int) error {
	listener, err := m.listen(n)
	if err != nil {
		return err
	}
	defer listener.Close() // its file is in our own directory
	id, err := m.launch(n)
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { listener.Close() }) //nolint:errcheck // wakes Accept
	defer stop()
	groups, err := m.groups()
	if err != nil {
		return err
	}
	if err := errors.Join(groups.Enter(n, id.PID), m.network.Attach(n, id.PID)); err != nil {
		return err
	}
	return converse(ctx, listener, id)
}

func (m *Manager) listen(n int) (*net.UnixListener, error) {
	if err := os.Remove(m.reportFile(n)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: m.reportFile(n)})
	if err != nil {
		return nil, fmt.Errorf("listen for the node: %w", err)
	}
	return l, nil
}

func (m *Manager) launch(n int) (process.ID, error) {
	self, err := os.Executable()
	if err != nil {
		return process.ID{}, fmt.Errorf("find our own program: %w", err)
	}
	return m.launcher.Start(process.Spec{
		Name: state.NodeName(n),
		Path: self,
		Args: []string{boot.Verb, m.specFile(n)},
		Env:  boot.Environment(),
		Log:  m.dir.NodeLog(n, "init"),
		Attr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		},
	})
}

// converse lets PID 1 go on and waits until it is ready.
func converse(ctx context.Context, listener *net.UnixListener, id process.ID) error {
	ended, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		// Its end must wake whoever waits for it.
		if process.Wait(ended, id) == nil {
			listener.SetDeadline(time.Now()) //nolint:errcheck // nobody waits
		}
	}()
	conn, err := listener.AcceptUnix()
	if err != nil {
		return fmt.Errorf("the node's init did not come up: %w", errors.Join(ctx.Err(), err))
	}
	defer conn.Close()                                                      // the answer is read to its end
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) }) //nolint:errcheck // a unix socket has deadlines
	defer stop()
	if _, err := conn.Write([]byte(boot.Go)); err != nil {
		return fmt.Errorf("start the node's init: %w", err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return fmt.Errorf("the node did not come up: %w", errors.Join(ctx.Err(), err))
	}
	if line == boot.Ready {
		return nil
	}
	problem, err := strconv.Unquote(strings.TrimSpace(line))
	if err != nil {
		problem = line
	}
	return fmt.Errorf("the node did not come up: %s", problem)
}
