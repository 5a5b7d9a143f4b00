package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/cgroup"
	"github.com/seamount-dev/seamount/deploy/local/internal/disk"
	"github.com/seamount-dev/seamount/deploy/local/internal/network"
	"github.com/seamount-dev/seamount/deploy/local/internal/node/boot"
	"github.com/seamount-dev/seamount/deploy/local/internal/process"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
	"github.com/seamount-dev/seamount/deploy/local/internal/store"
)

// Manager works on the nodes of one cluster. Its methods may run at the same
// time for different nodes. Those that change a node need the cluster's lock.
type Manager struct {
	cfg      state.Config
	dir      state.Dir
	bin      build.Artifacts
	journal  *state.Journal
	log      *progress.Reporter
	launcher process.Launcher
	network  *network.Manager
	disks    *disk.Manager
	images   *store.Golden
	groups   func() (*cgroup.Groups, error)
}

// New makes a Manager. It does nothing yet.
func New(cfg state.Config, dir state.Dir, bin build.Artifacts, journal *state.Journal, log *progress.Reporter) *Manager {
	m := &Manager{
		cfg: cfg, dir: dir, bin: bin, journal: journal, log: log,
		launcher: process.Launcher{Journal: journal},
		network:  network.New(cfg, dir, journal, log),
		images:   store.New(dir, bin, journal, log),
	}
	m.disks = disk.New(dir, journal, log, m)
	m.groups = sync.OnceValues(func() (*cgroup.Groups, error) { return cgroup.New(cfg.Network.Bridge, journal) })
	return m
}

// ErrNotRunning is returned for what needs a node that runs.
var ErrNotRunning = errors.New("the node does not run: `seamount-local node start` starts it")

// find is the node's PID 1; false if the node does not run.
func (m *Manager) find(n int) (process.ID, bool) { return m.launcher.Find(state.NodeName(n)) }

// running is find for what cannot be done without.
func (m *Manager) running(n int) (process.ID, error) {
	id, ok := m.find(n)
	if !ok {
		return id, fmt.Errorf("%s: %w", state.NodeName(n), ErrNotRunning)
	}
	return id, nil
}

// inside is a path of a running node as a path on the machine.
func inside(id process.ID, path string) string {
	return filepath.Join("/proc", strconv.Itoa(id.PID), "root", path)
}

// DevDir is the /dev of node n as a path on the machine; false if the node does
// not run. It makes a Manager a disk.Host.
func (m *Manager) DevDir(n int) (string, bool) {
	id, ok := m.find(n)
	if !ok {
		return "", false
	}
	// Before a node has its own root, its /dev is the machine's.
	if _, err := os.Stat(inside(id, boot.ControlSocket)); err != nil {
		return "", false
	}
	return inside(id, "/dev"), true
}

// watches is what a cluster adds to a limit that all nodes of all clusters share:
// the kernel's default of 128 is used up by one node and its pods.
const (
	watchesKey = "fs.inotify.max_user_instances"
	watches    = 8192
)

// Prepare raises the one limit of the machine that nodes need. It is idempotent.
func (m *Manager) Prepare(context.Context) error {
	now, err := readSysctl(watchesKey)
	if err != nil {
		return err
	}
	entry, planned := m.journal.Get(state.KindSysctl, watchesKey)
	if entry.Made {
		return nil
	}
	if !planned {
		entry = state.Entry{Kind: state.KindSysctl, Name: watchesKey, Facts: map[string]string{
			"before": strconv.Itoa(now), "set": strconv.Itoa(now + watches),
		}}
		if err := m.journal.Plan(entry); err != nil {
			return err
		}
	}
	if strconv.Itoa(now) != entry.Facts["set"] {
		if err := writeSysctl(watchesKey, now+watches); err != nil {
			return err
		}
	}
	return m.journal.Made(entry)
}

// Release undoes Prepare and removes the cluster's control groups. All nodes must
// have been removed. What another cluster added to the limit meanwhile stays.
func (m *Manager) Release(ctx context.Context) error {
	if err := m.lowerLimit(); err != nil {
		return err
	}
	groups, err := m.groups()
	if err != nil {
		return err
	}
	return groups.Release(ctx)
}

func (m *Manager) lowerLimit() error {
	entry, planned := m.journal.Get(state.KindSysctl, watchesKey)
	if !planned {
		return nil
	}
	now, err := readSysctl(watchesKey)
	if err != nil {
		return err
	}
	// Planned only: a crash came before it was set, or just after. And nothing is
	// taken away from somebody who has set a lower limit since.
	raised := entry.Made || strconv.Itoa(now) == entry.Facts["set"]
	if raised && now > watches {
		if err := writeSysctl(watchesKey, now-watches); err != nil {
			return err
		}
	}
	return m.journal.Gone(entry.Kind, entry.Name)
}

func sysctlFile(key string) string {
	return filepath.Join("/proc/sys", strings.ReplaceAll(key, ".", "/"))
}

func readSysctl(key string) (int, error) {
	data, err := os.ReadFile(sysctlFile(key))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", key, err)
	}
	value, err := strconv.Atoi(strings.TrimSpace(string(data)))
	if err != nil {
		return 0, fmt.Errorf("read %s: %w", key, err)
	}
	return value, nil
}

func writeSysctl(key string, value int) error {
	if err := os.WriteFile(sysctlFile(key), []byte(strconv.Itoa(value)), 0); err != nil {
		return fmt.Errorf("set %s: %w", key, err)
	}
	return nil
}
