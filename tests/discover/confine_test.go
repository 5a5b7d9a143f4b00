//go:build e2e

package discover

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// confinedDevice names the device that this binary, started again, tries to write.
const confinedDevice = "SEAMOUNT_TEST_CONFINED_DEVICE"

// TestCannotWrite (D7): a process that has confined itself, started as root on a real device, can read it and finds no
// way to write it.
func TestCannotWrite(t *testing.T) {
	d := loopdev.New(t, diskSize)
	for _, kind := range []string{"inventory", "devices"} {
		t.Run(kind, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), confinedDevice+"="+kind+":"+d.Path)
			out, err := cmd.CombinedOutput()
			t.Logf("%s", out)
			if err != nil {
				t.Errorf("the confined process: %v", err)
			}
		})
	}
	if got := d.Digest(t); got != loopdev.New(t, diskSize).Digest(t) {
		t.Error("the disk was written")
	}
}

// confined is the confined process. It exits with an error if anything that writes succeeds.
func confined(task string) error {
	kind, path, _ := strings.Cut(task, ":")
	means := confine.ReadOnly
	if kind == "devices" {
		means = confine.ReadOnlyDevices
	}
	m := means()
	fmt.Printf("%+v\n", m)
	if !m.Held() {
		return errors.New("nothing holds it")
	}
	fd, err := unix.Open(path, unix.O_RDONLY, 0)
	if err != nil {
		return fmt.Errorf("cannot read: %w", err)
	}
	if _, err := unix.Pread(fd, make([]byte, 4096), 0); err != nil {
		return fmt.Errorf("cannot read: %w", err)
	}
	var problems []error
	for way, try := range waysToWrite(path, fd) {
		if err := try(); err == nil {
			problems = append(problems, fmt.Errorf("%s succeeded", way))
		} else {
			fmt.Printf("%s: %v\n", way, err)
		}
	}
	return errors.Join(problems...)
}

// failure is nil for a system call that succeeded.
func failure(_, _ uintptr, number unix.Errno) error {
	if number == 0 {
		return nil
	}
	return number
}

func waysToWrite(path string, fd int) map[string]func() error {
	openWith := func(path string, flags int) func() error {
		return func() error {
			got, err := unix.Open(path, flags, 0)
			if err == nil {
				_, err = unix.Pwrite(got, []byte("written"), 0)
			}
			return err
		}
	}
	return map[string]func() error{
		"open for reading and writing": openWith(path, unix.O_RDWR),
		"open for writing":             openWith(path, unix.O_WRONLY|unix.O_EXCL),
		"open as openat2": func() error {
			_, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_RDWR})
			return err
		},
		"open the descriptor again": openWith(fmt.Sprintf("/proc/self/fd/%d", fd), unix.O_RDWR),
		"write through the reader's descriptor": func() error {
			_, err := unix.Pwrite(fd, []byte("written"), 0)
			return err
		},
		"a device file of its own": func() error {
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil {
				return err
			}
			file := os.TempDir() + "/seamount-confined-node"
			defer os.Remove(file) //nolint:errcheck // it may not have been made
			if err := unix.Mknod(file, unix.S_IFBLK|0o600, int(st.Rdev)); err != nil {
				return err
			}
			return openWith(file, unix.O_RDWR)()
		},
		"discard": func() error {
			part := [2]uint64{0, 1 << 20}
			return failure(unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.BLKDISCARD, uintptr(unsafe.Pointer(&part))))
		},
		"in a child": func() error {
			dd := exec.Command("dd", "if=/dev/zero", "of="+path, "count=1", "conv=notrunc")
			dd.Stdin, dd.Stdout, dd.Stderr = os.Stdin, os.Stdout, os.Stderr // else they are opened here
			return dd.Run()
		},
		"io_uring": func() error {
			var parameters [120]byte
			return failure(unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&parameters)), 0))
		},
		"a handle": func() error {
			handle, mount, err := unix.NameToHandleAt(unix.AT_FDCWD, path, 0)
			if err != nil {
				return err
			}
			fmt.Println("a handle on mount", mount)
			root, err := unix.Open("/dev", unix.O_RDONLY, 0)
			if err == nil {
				_, err = unix.OpenByHandleAt(root, handle, unix.O_RDWR)
			}
			return err
		},
	}
}
