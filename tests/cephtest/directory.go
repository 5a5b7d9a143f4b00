//go:build linux

package cephtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	directoryPrefix = "seamount-cephtest-"
	newPrefix       = "new-" // before the other, until the directory is locked
	lockName        = "lock"
	logTail         = 2 << 10
)

// newDirectory makes a cluster's directory and holds a lock in it as long as
// the process lives. Directories whose process was killed are removed first.
// It gets the name by which it is found when it is locked: else another process
// might take it for one of them.
func newDirectory() (string, *os.File, error) {
	if err := removeLeftovers(); err != nil {
		return "", nil, err
	}
	unlocked, err := os.MkdirTemp("", newPrefix+directoryPrefix)
	if err != nil {
		return "", nil, err
	}
	lock, err := lockDirectory(unlocked)
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(unlocked))
	}
	dir := filepath.Join(filepath.Dir(unlocked), strings.TrimPrefix(filepath.Base(unlocked), newPrefix))
	if err := os.Rename(unlocked, dir); err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(unlocked), lock.Close())
	}
	for _, sub := range []string{"run", "crash", "log", "disks", "modules"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return "", nil, errors.Join(err, os.RemoveAll(dir), lock.Close())
		}
	}
	return dir, lock, nil
}

// lockDirectory takes the directory's lock; an error that nobody else holds it.
// The kernel lets go of it when the process ends.
func lockDirectory(dir string) (*os.File, error) {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return lock, nil
}

// removeLeftovers removes directories that nobody holds. One without a lock
// file is being removed by another.
func removeLeftovers() error {
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), directoryPrefix+"*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range dirs {
		errs = append(errs, removeLeftover(dir))
	}
	return errors.Join(errs...)
}

func removeLeftover(dir string) error {
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer lock.Close()
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	return os.RemoveAll(dir)
}

// logTails returns the last words of each daemon, for a start that failed.
func (c *Cluster) logTails() string {
	var b strings.Builder
	for _, name := range c.Daemons() {
		log, err := c.Log(name)
		if err != nil || log == "" {
			continue
		}
		if len(log) > logTail {
			log = "..." + log[len(log)-logTail:]
		}
		fmt.Fprintf(&b, "\n--- %s (running: %t)\n%s", name, c.Pid(name) != 0, log)
	}
	return b.String()
}
