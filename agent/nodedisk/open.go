package nodedisk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/refusal"
	"github.com/seamount-dev/seamount/agent/wait"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// NotFound makes a refusal of an error of Find.
func NotFound(name string, err error) error {
	switch {
	case errors.Is(err, ErrMissing):
		return refusal.NewPassing(handover.ReasonDiskMissing, "put the disk back, or replace the OSD", "no device of this node is the disk %s", name)
	case errors.Is(err, ErrAmbiguous):
		return refusal.NewPassing(handover.ReasonDiskAmbiguous, "take the copies of the disk away", "%v: %s", err, name)
	}
	return fmt.Errorf("find the disk %s: %w", name, err)
}

// SealError makes an error, or a refusal where the disk changed, of what a check of its seal returned.
func SealError(device string, err error) error {
	var changed *seal.ChangedError
	switch {
	case errors.As(err, &changed):
		return Changed(device, changed.Error())
	case err != nil:
		return fmt.Errorf("check the seal of %s: %w", device, err)
	}
	return nil
}

// Changed refuses a disk that is not what was judged, before anything is written.
func Changed(device, what string) error {
	return refusal.New(handover.ReasonDiskChanged, "look at what is on it; discover judges it anew, and the plan follows",
		"%s: %s; nothing was written to it", device, what)
}

// A disk is looked at by others now and then: udev when it appears, an OSD that starts.
const (
	busyInterval = 50 * time.Millisecond
	busyLimit    = 5 * time.Second
)

// OpenFree opens the disk of a StorageDisk's name, and takes the lock by which programs that partition keep udev and each
// other away. See https://systemd.io/BLOCK_DEVICE_LOCKING. One that stays held is a refusal.
func OpenFree(ctx context.Context, name string, device disk.Disk, flags int) (*os.File, error) {
	var file *os.File
	err := wait.For(ctx, busyInterval, busyLimit, func() (err error) {
		file, err = openLocked(device, flags)
		if errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EWOULDBLOCK) {
			return wait.ErrAgain
		}
		return err
	})
	if errors.Is(err, wait.ErrAgain) {
		err = refusal.NewPassing(handover.ReasonDiskBusy, "find what holds it (lsblk, fuser) and end that",
			"%s, disk %s, is held by something else", device.Name, name)
	}
	return file, err
}

func openLocked(device disk.Disk, flags int) (*os.File, error) {
	file, err := Open(device, flags)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Open opens the device that was found, and not one that has its name by now.
func Open(device disk.Disk, flags int) (*os.File, error) {
	file, err := os.OpenFile(Path(device.Name), flags, 0)
	if err != nil {
		return nil, err
	}
	if err := Check(file, device.Number); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// Device is an open block device.
type Device struct{ *os.File }

// Forget drops clean pages; what was written and synced is clean.
func (d Device) Forget() {
	_ = unix.Fadvise(int(d.Fd()), 0, 0, unix.FADV_DONTNEED) // advice: a kernel may ignore it
}

// Discard tells the disk that nothing of a part is needed any more. What is read there afterwards is the disk's choice.
func (d Device) Discard(offset, length int64) error {
	part := [2]uint64{uint64(offset), uint64(length)}
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), unix.BLKDISCARD, uintptr(unsafe.Pointer(&part)))
	if errno != 0 {
		return os.NewSyscallError("BLKDISCARD", errno)
	}
	return nil
}
