package bundle

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Pruned says what Prune did: names of directories below the one it was given.
type Pruned struct {
	Removed []string `json:"removed"`
	InUse   []string `json:"inUse"`
}

// Prune removes every bundle below dir but those to keep and those that a
// process of the host runs from, and the remains of interrupted copies. proc is
// the host's /proc: from within a container without the host's PID namespace
// nothing could be known. If it cannot be read whole, nothing is removed.
func Prune(dir, proc string, keep []string) (Pruned, error) {
	var pruned Pruned
	for _, k := range keep {
		if !digestPattern.MatchString(k) {
			return pruned, fmt.Errorf("keep %q: not the digest of a bundle, which has 64 hexadecimal digits", k)
		}
	}
	unlock, err := lock(dir)
	if err != nil {
		return pruned, err
	}
	defer unlock()
	names, err := bundles(dir)
	if err != nil {
		return pruned, err
	}
	names = slices.DeleteFunc(names, func(n string) bool { return slices.Contains(keep, n) })
	used, err := inUse(proc, names)
	if err != nil {
		return pruned, fmt.Errorf("find out which bundles are in use: %w", err)
	}
	for _, name := range names {
		if used[name] {
			pruned.InUse = append(pruned.InUse, name)
			continue
		}
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return pruned, err
		}
		pruned.Removed = append(pruned.Removed, name)
	}
	return pruned, nil
}

// bundles lists the directories that Lay made, complete or not.
func bundles(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && digestPattern.MatchString(strings.TrimPrefix(e.Name(), partialPrefix)) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// inUse finds the bundles that a process has mapped a file of. It goes by the
// digest in the path, not by the whole path: mount namespaces show the same
// file under different paths.
func inUse(proc string, names []string) (map[string]bool, error) {
	processes, err := os.ReadDir(proc)
	if err != nil {
		return nil, err
	}
	used := map[string]bool{}
	for _, p := range processes {
		if strings.Trim(p.Name(), "0123456789") != "" {
			continue
		}
		err := mapped(filepath.Join(proc, p.Name(), "maps"), names, used)
		if err != nil && !gone(err) {
			return nil, err
		}
	}
	return used, nil
}

// gone says whether an error about a file in /proc means that the process has ended.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)
}

func mapped(maps string, names []string, used map[string]bool) error {
	f, err := os.Open(maps)
	if err != nil {
		return err
	}
	defer f.Close() // read only: a failed close loses nothing
	scanner := bufio.NewScanner(f)
	for scanner.Scan() {
		for _, name := range names {
			if strings.Contains(scanner.Text(), "/"+name+"/") {
				used[name] = true
			}
		}
	}
	return scanner.Err()
}
