package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// poll is how often a change that the kernel makes on its own is looked for.
const poll = 20 * time.Millisecond

// Groups are the control groups of one cluster.
type Groups struct {
	base        string
	hierarchies []Hierarchy
	journal     *state.Journal
}

// New reads the machine's hierarchies. base is the name of the cluster's group,
// the parent of the nodes' groups.
func New(base string, journal *state.Journal) (*Groups, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("read the machine's mounts: %w", err)
	}
	defer f.Close() // read-only
	hierarchies, err := Hierarchies(f)
	if err != nil {
		return nil, err
	}
	return &Groups{base: base, hierarchies: hierarchies, journal: journal}, nil
}

// Hierarchies are the hierarchies that a node has to mount.
func (g *Groups) Hierarchies() []Hierarchy { return g.hierarchies }

func (g *Groups) parent(h Hierarchy) string { return filepath.Join(h.Mount, g.base) }

func (g *Groups) dir(h Hierarchy, n int) string {
	return filepath.Join(h.Mount, g.base, state.NodeName(n))
}

// Make makes the groups of node n. It is idempotent.
func (g *Groups) Make(n int) error {
	for _, h := range g.hierarchies {
		if h.Unified {
			if err := g.enable(h); err != nil {
				return err
			}
		}
		for _, dir := range []string{g.parent(h), g.dir(h, n)} {
			if err := g.makeDir(h, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *Groups) makeDir(h Hierarchy, dir string) error {
	if err := g.claim(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make control group: %w", err)
	}
	if h.has("cpuset") {
		if err := inheritCPUSet(dir); err != nil {
			return err
		}
	}
	if h.Unified && dir == g.parent(h) {
		if err := enableControllers(dir, needed); err != nil {
			return err
		}
	}
	return g.journal.Made(state.Entry{Kind: state.KindCgroup, Name: dir})
}

// claim records the group before it is made. A group that is there already
// without being recorded is adopted only if nothing runs in it.
func (g *Groups) claim(dir string) error {
	if _, ours := g.journal.Get(state.KindCgroup, dir); ours {
		return nil
	}
	pids, err := processes(dir)
	if err != nil {
		return err
	}
	if len(pids) > 0 {
		return fmt.Errorf("the control group %s exists and runs processes (pid %d and others) that are not recorded in this state directory: end them first", dir, pids[0])
	}
	return g.journal.Plan(state.Entry{Kind: state.KindCgroup, Name: dir})
}

// inheritCPUSet copies what a new v1 cpuset lacks from its parent: a process
// cannot enter one without CPUs and memory nodes (cpuset(7)).
func inheritCPUSet(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		own, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return fmt.Errorf("read the cpuset: %w", err)
		}
		if strings.TrimSpace(string(own)) != "" {
			continue
		}
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if err == nil {
			err = write(filepath.Join(dir, file), strings.TrimSpace(string(value)))
		}
		if err != nil {
			return fmt.Errorf("copy the cpuset of the machine: %w", err)
		}
	}
	return nil
}

// Enter moves a process into the groups of node n.
func (g *Groups) Enter(n, pid int) error {
	for _, h := range g.hierarchies {
		if err := write(filepath.Join(g.dir(h, n), "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("move pid %d into the control group of %s: %w", pid, state.NodeName(n), err)
		}
	}
	return nil
}

// Processes are the processes in the groups of node n.
func (g *Groups) Processes(n int) ([]int, error) {
	return processes(g.dir(g.freezer(), n))
}

// Kill ends every process in the groups of node n with SIGKILL and returns when
// none is left. A frozen node is thawed once every process has its signal, so
// that none runs on.
func (g *Groups) Kill(ctx context.Context, n int) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		pids, err := g.Processes(n)
		if err != nil || len(pids) == 0 {
			return err
		}
		for _, pid := range pids {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return fmt.Errorf("kill pid %d of %s: %w", pid, state.NodeName(n), err)
			}
		}
		if err := g.setFrozen(n, false); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d processes of %s did not end: %w", len(pids), state.NodeName(n), ctx.Err())
		case <-tick.C:
		}
	}
}

// Remove removes the groups of node n with all groups below. The node must have
// been killed. It is idempotent.
func (g *Groups) Remove(ctx context.Context, n int) error {
	for _, h := range g.hierarchies {
		if err := g.removeTree(ctx, g.dir(h, n)); err != nil {
			return err
		}
	}
	return nil
}

// Release removes the cluster's own groups once no node has any, and turns off
// the controllers that were turned on for it.
func (g *Groups) Release(ctx context.Context) error {
	for _, h := range g.hierarchies {
		if err := g.removeTree(ctx, g.parent(h)); err != nil {
			return err
		}
		if err := g.disable(h); err != nil {
			return err
		}
	}
	return nil
}

// removeTree waits for a busy group: a process leaves its groups a moment after
// it was reaped.
func (g *Groups) removeTree(ctx context.Context, dir string) error {
	if _, ours := g.journal.Get(state.KindCgroup, dir); !ours {
		return nil
	}
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		err := removeDirs(dir)
		if err == nil {
			return g.journal.Gone(state.KindCgroup, dir)
		}
		if !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("remove control group: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("remove control group: %w", err)
		case <-tick.C:
		}
	}
}

// removeDirs removes dir and the groups below it: a group's files cannot be
// removed and go with it.
func removeDirs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeDirs(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && !errors.Is(err, unix.ENOENT) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// processes lists the processes of a group and of all groups below it. A group
// that does not exist has none.
func processes(dir string) ([]int, error) {
	var pids []int
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			return nil // removed meanwhile
		}
		if err != nil || !d.IsDir() {
			return err
		}
		own, err := readPIDs(filepath.Join(path, "cgroup.procs"))
		pids = append(pids, own...)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the processes of a control group: %w", err)
	}
	return pids, nil
}

func readPIDs(file string) ([]int, error) {
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parsePIDs(string(data))
}

// parsePIDs reads cgroup.procs. A process that this process' pid namespace does
// not contain is shown as 0 and left out: no signal can reach it.
func parsePIDs(text string) ([]int, error) {
	var pids []int
	for field := range strings.FieldsSeq(text) {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return nil, fmt.Errorf("unexpected line %q in cgroup.procs", field)
		}
		if pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// write writes to a control file, which must exist already.
func write(file, value string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
