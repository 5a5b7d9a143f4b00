package boot

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// enter builds the node's filesystem in the current mount namespace and makes it
// the root. The machine's mounts are not in it afterwards: nothing that somebody
// else mounted is pinned by a node.
func enter(s Spec) error {
	// Not shared with the machine from here on, whatever it does (systemd shares /).
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make the mounts private: %w", err)
	}
	if err := os.MkdirAll(s.Root, 0o755); err != nil {
		return err
	}
	// The new root must be a mount point: pivot_root(2).
	if err := unix.Mount(s.Root, s.Root, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount the node's root: %w", err)
	}
	if err := makeOverlayDirs(s); err != nil {
		return err
	}
	for _, st := range plan(s, lookAtMachine()) {
		if err := apply(s.Root, st); err != nil {
			return err
		}
	}
	if err := pivot(s.Root); err != nil {
		return fmt.Errorf("enter the node's filesystem: %w", err)
	}
	// Last, so that mounts made in pods (CSI) reach the node and other pods.
	return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, "")
}

func makeOverlayDirs(s Spec) error {
	for _, d := range append(slices.Clone(sharedDirs), systemDirs...) {
		for _, part := range []string{"upper", "work"} {
			if err := os.MkdirAll(filepath.Join(s.Overlay, d, part), 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func lookAtMachine() machineDirs {
	found := machineDirs{}
	for _, d := range systemDirs {
		info, err := os.Lstat("/" + d)
		if err != nil {
			continue
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			found[d] = ""
			continue
		}
		if to, err := os.Readlink("/" + d); err == nil {
			found[d] = to
		}
	}
	return found
}

// pivot makes root the root and drops the old one with all that is mounted in
// it. Both are the same directory for a moment, so that none has to be made for
// the old one: pivot_root(2), "pivot_root(., .)".
func pivot(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return err
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return err
	}
	return unix.Chdir("/")
}

func apply(root string, st step) error {
	target := filepath.Join(root, st.Target)
	if st.Optional {
		if _, err := os.Lstat(target); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
	}
	err := actions[st.Do](target, st)
	if err != nil {
		return fmt.Errorf("%s /%s: %w", st.Do, st.Target, err)
	}
	return nil
}

var actions = map[action]func(string, step) error{
	makeDir: func(target string, st step) error {
		if err := os.MkdirAll(target, 0o755); err != nil {
			return err
		}
		return os.Chmod(target, st.Mode)
	},
	makeLink: func(target string, st step) error {
		if err := os.Symlink(st.Source, target); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
		return nil
	},
	makeFile: func(target string, st step) error {
		// Never through a link: the machine's /etc/resolv.conf may be one.
		if err := os.Remove(target); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		if err := os.WriteFile(target, []byte(st.Content), st.Mode); err != nil {
			return err
		}
		return os.Chmod(target, st.Mode)
	},
	makeDevice: makeDeviceFile,
	mountFS: func(target string, st step) error {
		return unix.Mount(st.Source, target, st.Type, st.Flags, st.Options)
	},
	setSysctl: func(target string, st step) error {
		return os.WriteFile(target, []byte(st.Content), 0)
	},
}

func makeDeviceFile(target string, st step) error {
	kind := uint32(unix.S_IFCHR)
	if st.Device.Block {
		kind = unix.S_IFBLK
	}
	number := unix.Mkdev(st.Device.Major, st.Device.Minor)
	if err := unix.Mknod(target, kind|uint32(st.Device.Mode.Perm()), int(number)); err != nil {
		return err
	}
	return os.Chmod(target, st.Device.Mode) // whatever the umask
}
