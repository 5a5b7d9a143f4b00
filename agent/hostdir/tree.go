package hostdir

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// open opens a directory in an open one, and nothing else: no link is followed, and no mount is entered, also none of the same
// filesystem.
func open(parent int, name string) (int, error) {
	return openAs(parent, name, unix.O_RDONLY|unix.O_DIRECTORY)
}

func openAs(parent int, name string, flags uint64) (int, error) {
	for {
		fd, err := unix.Openat2(parent, name, &unix.OpenHow{
			Flags: flags | unix.O_NOFOLLOW | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
		})
		if !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN) {
			return fd, err
		}
	}
}

// list returns the names in an open directory.
func list(dir int) ([]string, error) {
	again, err := open(dir, ".") // with a place of its own in the list
	if err != nil {
		return nil, err
	}
	file := os.NewFile(uintptr(again), "directory")
	defer file.Close()
	return file.Readdirnames(-1)
}

// clear removes all that is in an open directory.
func clear(ctx context.Context, dir int) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := removeIn(ctx, dir, name); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

// removeIn removes a name in an open directory, and all below it. One that is gone is removed.
func removeIn(ctx context.Context, parent int, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	dir, err := open(parent, name)
	how := unix.AT_REMOVEDIR
	switch {
	case errors.Is(err, unix.ENOENT):
		return nil
	case errors.Is(err, unix.ENOTDIR), errors.Is(err, unix.ELOOP):
		how = 0 // a file, or a link, which goes itself
	case err != nil:
		return err
	default:
		defer closing(dir)
		if err := clear(ctx, dir); err != nil {
			return err
		}
	}
	if err := unix.Unlinkat(parent, name, how); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// monPrefix is what the directories of mons begin with (handover.MonHostDir), and lockName the file that a running mon locks.
const (
	monPrefix = "mon-"
	lockName  = "lock"
)

// lockStores takes the locks of all mons, so that none starts meanwhile. It returns the one whose lock is held; empty: none.
func lockStores(dir int) (locks []int, held string, err error) {
	names, err := list(dir)
	if err != nil {
		return nil, "", err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, monPrefix) {
			continue
		}
		lock, err := openAs(dir, name+"/"+lockName, unix.O_RDWR|unix.O_NONBLOCK)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ELOOP) {
			continue // no mon ever started there
		}
		if err != nil {
			return locks, "", err
		}
		locks = append(locks, lock)
		if err := unix.Flock(lock, unix.LOCK_EX|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
			return locks, name, nil
		} else if err != nil {
			return locks, "", err
		}
	}
	return locks, "", nil
}
