package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/wait"
)

// A replacement pod starts while the old one still ends, and may have to wait as long as that may take.
const (
	busyInterval = 50 * time.Millisecond
	busyLimit    = 5 * time.Minute
)

// lockStore takes the lock of a directory and leaves it to the program that this process becomes: the kernel lets go of
// it when that ends. So two mons never open one store.
func lockStore(ctx context.Context, path string, limit time.Duration) error {
	// Opened by hand: an os.File would be closed, and the lock given up, when the garbage collector finds it unused.
	fd, err := unix.Open(path, unix.O_RDWR|unix.O_CREAT, 0o600)
	if err != nil {
		return fmt.Errorf("lock %s: %w", path, err)
	}
	err = wait.For(ctx, busyInterval, limit, func() error {
		err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
			return wait.ErrAgain
		}
		return err
	})
	if err != nil {
		unix.Close(fd) //nolint:errcheck // nothing was written
		return fmt.Errorf("lock %s: %w", path, err)
	}
	return nil
}

// openExclusively opens a device that nobody else may have open exclusively: no mount, no other OSD. The caller closes it.
func openExclusively(ctx context.Context, path string, limit time.Duration) (*os.File, error) {
	var file *os.File
	err := wait.For(ctx, busyInterval, limit, func() error {
		var err error
		file, err = os.OpenFile(path, os.O_RDWR|unix.O_EXCL, 0)
		if errors.Is(err, unix.EBUSY) {
			return wait.ErrAgain
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open %s exclusively: %w", path, err)
	}
	return file, nil
}
