package state

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a waiting command looks whether the lock is free. A
// blocking flock could not be given up when the context ends.
const lockPoll = 50 * time.Millisecond

// Lock is an exclusive right that is bound to a file. The kernel frees it when
// the holder ends, however it ends.
type Lock struct{ file *os.File }

// Acquire waits until no other command changes the cluster in d, or ctx ends.
// The first time it has to wait it calls waiting with what holds the lock.
// description is what others are told while this command holds it.
func Acquire(ctx context.Context, d Dir, description string, waiting func(holder string)) (*Lock, error) {
	return AcquireFile(ctx, d.LockFile(), description, waiting)
}

// AcquireFile is Acquire for any file; its directory is made if need be.
func AcquireFile(ctx context.Context, path, description string, waiting func(holder string)) (*Lock, error) {
	tick := time.NewTicker(lockPoll)
	defer tick.Stop()
	for told := false; ; {
		lock, holder, err := tryLock(path)
		if err != nil {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if lock != nil {
			return lock, lock.describe(description)
		}
		if !told && holder != "" && waiting != nil {
			waiting(holder)
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another command (%s) holds %s: wait until it has ended: %w", holder, path, ctx.Err())
		case <-tick.C:
		}
	}
}

// tryLock returns a lock, or who holds it. A lock on a file that `down` has
// deleted meanwhile is worth nothing: another command could lock its successor.
func tryLock(path string) (*Lock, string, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, "", err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil // the directory was deleted in between: try again
	}
	if err != nil {
		return nil, "", err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, "", err
		}
		holder, _ := io.ReadAll(io.LimitReader(f, 256))
		return nil, cmp.Or(strings.TrimSpace(string(holder)), "another command"), nil
	}
	if !sameFile(f, path) {
		return nil, "", f.Close()
	}
	return &Lock{file: f}, "", nil
}

func sameFile(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	current, err := os.Stat(path)
	return err == nil && os.SameFile(mine, current)
}

func (l *Lock) describe(description string) error {
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("describe the lock's holder: %w", err)
	}
	if _, err := fmt.Fprintf(l.file, "%s, pid %d\n", description, os.Getpid()); err != nil {
		return fmt.Errorf("describe the lock's holder: %w", err)
	}
	return nil
}

// Release gives the lock back.
func (l *Lock) Release() error { return l.file.Close() }
