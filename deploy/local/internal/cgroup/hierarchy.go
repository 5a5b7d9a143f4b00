package cgroup

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Hierarchy is one hierarchy of control groups as the machine has it mounted.
type Hierarchy struct {
	// Mount is where the machine has it.
	Mount string `json:"mount"`
	// Unified tells cgroup v2 from v1.
	Unified bool `json:"unified,omitempty"`
	// Controllers of a v1 hierarchy, in the kernel's order; a named hierarchy
	// has the single entry "name=...".
	Controllers []string `json:"controllers,omitempty"`
}

// MountType is the filesystem type to mount the hierarchy with.
func (h Hierarchy) MountType() string {
	if h.Unified {
		return "cgroup2"
	}
	return "cgroup"
}

// MountOptions is the option string to mount the same hierarchy somewhere else.
func (h Hierarchy) MountOptions() string {
	if h.Unified {
		return ""
	}
	if h.Named() {
		return "none," + h.Controllers[0]
	}
	return strings.Join(h.Controllers, ",")
}

// Named reports whether it has a name instead of controllers, as systemd's has.
func (h Hierarchy) Named() bool {
	return len(h.Controllers) == 1 && strings.HasPrefix(h.Controllers[0], "name=")
}

func (h Hierarchy) has(controller string) bool { return slices.Contains(h.Controllers, controller) }

// Hierarchies reads the hierarchies that the machine uses from the text of
// /proc/self/mountinfo: all v1 hierarchies, or the v2 one if no v1 hierarchy has
// controllers. In the hybrid layout the v2 hierarchy controls nothing and is left
// out: container runtimes ignore it as well.
func Hierarchies(mountinfo io.Reader) ([]Hierarchy, error) {
	var v1, v2 []Hierarchy
	lines := bufio.NewScanner(mountinfo)
	for lines.Scan() {
		h, ok, err := parseMount(lines.Text())
		switch {
		case err != nil:
			return nil, err
		case ok && h.Unified:
			v2 = append(v2, h)
		case ok && !known(v1, h):
			v1 = append(v1, h)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	return choose(v1, v2)
}

func choose(v1, v2 []Hierarchy) ([]Hierarchy, error) {
	if slices.ContainsFunc(v1, func(h Hierarchy) bool { return !h.Named() }) {
		return v1, nil
	}
	if len(v2) > 0 {
		return v2[:1], nil
	}
	return nil, fmt.Errorf("no control groups are mounted on this machine: mount cgroup2 on /sys/fs/cgroup")
}

// known: the same v1 hierarchy may be mounted at several places.
func known(all []Hierarchy, h Hierarchy) bool {
	return slices.ContainsFunc(all, func(o Hierarchy) bool { return slices.Equal(o.Controllers, h.Controllers) })
}

// parseMount reads a line of mountinfo, see proc_pid_mountinfo(5). A mount that
// shows only a part of a hierarchy (its root is not "/") does not count.
func parseMount(line string) (Hierarchy, bool, error) {
	before, after, ok := strings.Cut(line, " - ")
	fields, rest := strings.Fields(before), strings.Fields(after)
	if !ok || len(fields) < 6 || len(rest) < 3 {
		return Hierarchy{}, false, fmt.Errorf("unexpected line in mountinfo: %q", line)
	}
	root, mount := fields[3], path.Clean(fields[4])
	switch {
	case root != "/":
		return Hierarchy{}, false, nil
	case rest[0] == "cgroup2":
		return Hierarchy{Mount: mount, Unified: true}, true, nil
	case rest[0] == "cgroup":
		return Hierarchy{Mount: mount, Controllers: controllers(rest[2])}, true, nil
	}
	return Hierarchy{}, false, nil
}

// controllers are the super options that name a controller or the hierarchy.
func controllers(options string) []string {
	notControllers := []string{"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods", "none"}
	var found []string
	for o := range strings.SplitSeq(options, ",") {
		if !slices.Contains(notControllers, o) && !strings.HasPrefix(o, "release_agent=") {
			found = append(found, o)
		}
	}
	return found
}
