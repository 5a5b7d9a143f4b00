package hostdir

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/mountinfo"
)

// mounted says who has a part of the directory of a cluster mounted, or something in it; empty: nobody. A pod that uses it has it
// as a mount in a namespace of its own, which shows where in its filesystem it comes from. No two clusters have the same fsid, so
// that a path with it is the cluster's wherever it begins.
func (n Node) mounted(fsid string) (string, error) {
	entries, err := os.ReadDir(n.Proc)
	if err != nil {
		return "", fmt.Errorf("list processes: %w", err)
	}
	seen := map[string]bool{}
	for _, entry := range entries {
		if _, err := strconv.Atoi(entry.Name()); err != nil {
			continue
		}
		dir := filepath.Join(n.Proc, entry.Name())
		space, err := os.Readlink(filepath.Join(dir, "ns/mnt"))
		if ended(err) || seen[space] {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("look at process %s: %w", entry.Name(), err)
		}
		point, err := mountOf(filepath.Join(dir, "mountinfo"), fsid)
		switch {
		case ended(err):
			continue // another process of the namespace may live
		case err != nil:
			return "", fmt.Errorf("look at the mounts of process %s: %w", entry.Name(), err)
		case point != "":
			return fmt.Sprintf("process %s has it, or something in it, mounted at %s", entry.Name(), point), nil
		}
		seen[space] = true
	}
	if len(seen) == 0 {
		return "", errors.New("no process of the node is seen")
	}
	return "", nil
}

// ended says that a process went while it was looked at.
func ended(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) || errors.Is(err, unix.EINVAL)
}

// mountOf returns where something of the cluster is mounted; empty: nothing is.
func mountOf(path, fsid string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	mounts, err := mountinfo.Parse(string(text))
	if err != nil {
		return "", err
	}
	names := func(path string) bool { return slices.Contains(strings.Split(path, "/"), fsid) }
	for _, m := range mounts {
		if names(m.Root) || names(m.Point) {
			return m.Point, nil
		}
	}
	return "", nil
}
