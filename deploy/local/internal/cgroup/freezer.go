package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// freezer is the hierarchy that can freeze: v1's own controller, or v2.
func (g *Groups) freezer() Hierarchy {
	for _, h := range g.hierarchies {
		if h.Unified || h.has("freezer") {
			return h
		}
	}
	return g.hierarchies[0]
}

// Freeze stops every process of node n from running, as if the machine under it
// hung, and returns once all stand still. It is idempotent.
func (g *Groups) Freeze(ctx context.Context, n int) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		// Asked again each time: a process that forks while it is being frozen
		// leaves a v1 group in the state FREEZING.
		if err := g.setFrozen(n, true); err != nil {
			return err
		}
		frozen, err := g.Frozen(n)
		if frozen || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("freeze %s: %w", state.NodeName(n), ctx.Err())
		case <-tick.C:
		}
	}
}

// Thaw lets the processes of node n run again. It is idempotent.
func (g *Groups) Thaw(n int) error { return g.setFrozen(n, false) }

// Frozen reports whether node n is frozen. One that does not exist is not.
func (g *Groups) Frozen(n int) (bool, error) {
	h := g.freezer()
	file := filepath.Join(g.dir(h, n), "freezer.state")
	if h.Unified {
		file = filepath.Join(g.dir(h, n), "cgroup.events")
	}
	data, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read whether %s is frozen: %w", state.NodeName(n), err)
	}
	return parseFrozen(string(data)), nil
}

// parseFrozen reads v1's freezer.state or v2's cgroup.events.
func parseFrozen(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "FROZEN" || line == "frozen 1" {
			return true
		}
	}
	return false
}

func (g *Groups) setFrozen(n int, frozen bool) error {
	h := g.freezer()
	file, value := "freezer.state", map[bool]string{true: "FROZEN", false: "THAWED"}[frozen]
	if h.Unified {
		file, value = "cgroup.freeze", map[bool]string{true: "1", false: "0"}[frozen]
	}
	err := write(filepath.Join(g.dir(h, n), file), value)
	if errors.Is(err, fs.ErrNotExist) && !frozen {
		return nil
	}
	if err != nil {
		return fmt.Errorf("freeze or thaw %s: %w", state.NodeName(n), err)
	}
	return nil
}
