package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// needed are the v2 controllers that the kubelet does not start without.
var needed = []string{"cpu", "cpuset", "memory", "pids"}

const subtreeControl = "cgroup.subtree_control"

// enable turns on at the root of a v2 hierarchy what the kubelet needs and the
// machine has not turned on, and records it.
func (g *Groups) enable(h Hierarchy) error {
	on, err := readWords(filepath.Join(h.Mount, subtreeControl))
	if err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(needed), func(c string) bool { return slices.Contains(on, c) })
	if len(missing) == 0 {
		return nil
	}
	entry := g.enabledEntry(h)
	if before, ok := g.journal.Get(entry.Kind, entry.Name); ok {
		missing = append(strings.Fields(before.Facts["enabled"]), missing...)
	}
	entry.Facts = map[string]string{"enabled": strings.Join(missing, " ")}
	if err := g.journal.Plan(entry); err != nil {
		return err
	}
	if err := enableControllers(h.Mount, missing); err != nil {
		return err
	}
	return g.journal.Made(entry)
}

// disable undoes enable. A controller that somebody else came to depend on
// meanwhile cannot be turned off and stays.
func (g *Groups) disable(h Hierarchy) error {
	entry, ok := g.journal.Get(state.KindCgroup, g.enabledEntry(h).Name)
	if !ok {
		return nil
	}
	for c := range strings.FieldsSeq(entry.Facts["enabled"]) {
		write(filepath.Join(h.Mount, subtreeControl), "-"+c) //nolint:errcheck // in use by somebody else now
	}
	return g.journal.Gone(entry.Kind, entry.Name)
}

func (g *Groups) enabledEntry(h Hierarchy) state.Entry {
	return state.Entry{Kind: state.KindCgroup, Name: filepath.Join(h.Mount, subtreeControl)}
}

func enableControllers(dir string, controllers []string) error {
	for _, c := range controllers {
		if err := write(filepath.Join(dir, subtreeControl), "+"+c); err != nil {
			return fmt.Errorf("turn on the cgroup controller %s in %s: %w", c, dir, err)
		}
	}
	return nil
}

// Delegate readies the root of a node's own v2 hierarchy, mounted at mount: a
// group with controllers turned on for its children must hold no process itself,
// so the caller moves into a leaf. It is for the node's PID 1.
func Delegate(mount string) error {
	leaf := filepath.Join(mount, "init")
	if err := os.Mkdir(leaf, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make control group: %w", err)
	}
	if err := write(filepath.Join(leaf, "cgroup.procs"), "0"); err != nil {
		return fmt.Errorf("enter control group: %w", err)
	}
	available, err := readWords(filepath.Join(mount, "cgroup.controllers"))
	if err != nil {
		return err
	}
	return enableControllers(mount, available)
}

func readWords(file string) ([]string, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the cgroup controllers: %w", err)
	}
	return strings.Fields(string(data)), nil
}
