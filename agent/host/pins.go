package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// Pin is a process that keeps a device or the filesystem on it from going away.
type Pin struct {
	PID  int
	Name string
	// How it holds on, such as "has /data mounted".
	How string
}

func (p Pin) String() string { return fmt.Sprintf("%s (pid %d) %s", p.Name, p.PID, p.How) }

// maxPins is how many are told of: what stands in a message is for people.
const maxPins = 5

// Pins finds the processes that have a device open, or have mounted or opened something of the filesystem on it. It asks
// no filesystem, so that a server that hangs does not keep it waiting. Processes whose files cannot be read are left out.
func Pins(ctx context.Context, number disk.Number) ([]Pin, error) {
	s := pinSearch{number: number, seen: map[string]bool{}, open: true}
	return s.all(ctx)
}

// Copies finds who has a filesystem of a type mounted in other mount namespaces than the node's, one process of each. Nobody
// has if the node itself has one of that number: numbers are given again.
func (n Node) Copies(ctx context.Context, kind string, number disk.Number) ([]Pin, error) {
	mounts, err := n.Mounts()
	if err != nil {
		return nil, err
	}
	s := pinSearch{number: number, kind: kind, seen: map[string]bool{}}
	if s.among(mounts) >= 0 {
		return nil, nil
	}
	return s.all(ctx)
}

type pinSearch struct {
	number disk.Number
	kind   string          // type of the filesystem; empty: any
	open   bool            // look for open files too
	seen   map[string]bool // mount namespaces
	found  []Pin
}

func (s *pinSearch) all(ctx context.Context) ([]Pin, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && len(s.found) < maxPins {
			s.process(pid)
		}
		if ctx.Err() != nil {
			return s.found, ctx.Err()
		}
	}
	return s.found, nil
}

func (s *pinSearch) process(pid int) {
	dir, how := filepath.Join("/proc", strconv.Itoa(pid)), ""
	if s.open {
		how = s.files(dir)
	}
	if space, err := os.Readlink(filepath.Join(dir, "ns/mnt")); how == "" && err == nil && !s.seen[space] {
		s.seen[space] = true
		how = s.mounts(dir)
	}
	if how != "" {
		name, _ := os.ReadFile(filepath.Join(dir, "comm")) // for people; it may have ended
		s.found = append(s.found, Pin{PID: pid, Name: strings.TrimSpace(string(name)), How: how})
	}
}

func (s *pinSearch) mounts(dir string) string {
	text, err := os.ReadFile(filepath.Join(dir, "mountinfo"))
	if err != nil {
		return ""
	}
	mounts, err := mountinfo.Parse(string(text))
	if err != nil {
		return ""
	}
	i := s.among(mounts)
	if i < 0 {
		return ""
	}
	return "has it mounted at " + mounts[i].Point
}

func (s *pinSearch) among(mounts []mountinfo.Mount) int {
	return slices.IndexFunc(mounts, func(m mountinfo.Mount) bool {
		return m.Number == s.number && (s.kind == "" || s.kind == m.Type)
	})
}

// files looks at the open files, the working directory, the root and the program of a process.
func (s *pinSearch) files(dir string) string {
	names := []string{"cwd", "root", "exe"}
	descriptors, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err == nil {
		for _, d := range descriptors {
			names = append(names, filepath.Join("fd", d.Name()))
		}
	}
	for _, name := range names {
		path := filepath.Join(dir, name)
		if s.is(path) {
			target, _ := os.Readlink(path) // for people
			return "has " + target + " open"
		}
	}
	return ""
}

// is says whether a file is the device or lies on it. AT_STATX_DONT_SYNC has the kernel answer of what it knows: a plain
// stat asks the server of a FUSE or network filesystem, and waits for it.
func (s *pinSearch) is(path string) bool {
	var x unix.Statx_t
	if err := unix.Statx(unix.AT_FDCWD, path, unix.AT_STATX_DONT_SYNC, unix.STATX_TYPE, &x); err != nil {
		return false
	}
	device := disk.Number{Major: x.Rdev_major, Minor: x.Rdev_minor}
	on := disk.Number{Major: x.Dev_major, Minor: x.Dev_minor}
	return on == s.number || x.Mode&unix.S_IFMT == unix.S_IFBLK && device == s.number
}
