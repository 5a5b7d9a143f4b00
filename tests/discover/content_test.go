//go:build e2e

package discover

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/loopdev"
)

// run runs a tool, which must succeed, and returns what it prints.
func run(t *testing.T, stdin, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v (make deps installs what is missing)\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}

// tool makes the content of a disk by a program. The device stands for DEVICE, or at the end.
func tool(name string, args ...string) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		argv := slices.Clone(args)
		if at := slices.Index(argv, "DEVICE"); at >= 0 {
			argv[at] = d.Path
		} else {
			argv = append(argv, d.Path)
		}
		run(t, "", name, argv...)
	}
}

// then does several things with a disk.
func then(steps ...func(*testing.T, *loopdev.Disk)) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		for _, step := range steps {
			step(t, d)
		}
	}
}

// zero writes zeros over a part of a disk.
func zero(offset, length int64) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		write(t, d, offset, make([]byte, length))
	}
}

// luks makes an encrypted disk with the least work for the key that cryptsetup allows.
func luks(version string) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		run(t, "secret", "cryptsetup", "luksFormat", "-q", "--type", version, "--pbkdf", "pbkdf2",
			"--pbkdf-force-iterations", "1000", d.Path, "-")
	}
}

// lvm makes a physical volume, and lets LVM look at no other device.
func lvm(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	run(t, "", "pvcreate", "-qq", "-ff", "-y", "--nolocking", "--config",
		`devices{use_devicesfile=0 filter=["a|^`+d.Path+`$|","r|.*|"]}`, d.Path)
}

// on makes the content of the disk's first partition.
func on(partition func(*testing.T, *loopdev.Disk)) func(*testing.T, *loopdev.Disk) {
	return func(t *testing.T, d *loopdev.Disk) {
		t.Helper()
		run(t, "", "partx", "-u", d.Path)
		partition(t, &loopdev.Disk{Name: d.Name + "p1", Path: d.Path + "p1"})
	}
}

// mountPoint is where mounted mounts a device.
func mountPoint(d *loopdev.Disk) string {
	return filepath.Join(os.TempDir(), "seamount-mount-"+d.Name)
}

// mounted mounts a device for as long as the test runs.
func mounted(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	dir := mountPoint(d)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	run(t, "", "mount", d.Path, dir)
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v\n%s", err, out)
		}
		os.Remove(dir) //nolint:errcheck // an empty directory
	})
}

// swapping swaps to a device for as long as the test runs.
func swapping(t *testing.T, d *loopdev.Disk) {
	t.Helper()
	run(t, "", "swapon", d.Path)
	t.Cleanup(func() {
		if out, err := exec.Command("swapoff", d.Path).CombinedOutput(); err != nil {
			t.Errorf("swapoff: %v\n%s", err, out)
		}
	})
}
