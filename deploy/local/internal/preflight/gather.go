package preflight

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Request says what Gather looks at. The functions belong to the packages that
// know; a nil one is not asked.
type Request struct {
	StateDir, CacheDir string
	Cgroups            func() error
	Network            func(context.Context) error
	Go                 func(context.Context) error
	// Interrupted and Running are known from the journal.
	Interrupted string
	Running     bool
}

// Gather looks at the machine. What it cannot find out is an error, not a pass.
func Gather(ctx context.Context, r Request) (Facts, error) {
	f := Facts{
		Running:     r.Running,
		UID:         os.Geteuid(),
		LoopControl: present("/dev/loop-control"),
		FUSE:        present("/dev/fuse"),
		Interrupted: r.Interrupted,
		SeccompA:    staticSeccomp(),
	}
	var errs [6]error
	f.Filesystems, errs[0] = filesystems()
	f.Namespaces, errs[1] = namespaces()
	f.MemAvailable, errs[2] = memAvailable()
	f.StateDir, errs[3] = room(r.StateDir)
	f.CacheDir, errs[4] = room(r.CacheDir)
	if !r.Running {
		f.Listening, errs[5] = listening()
	}
	f.Programs = installed()
	_, err := exec.LookPath("apt-get")
	f.Apt = err == nil
	if r.Cgroups != nil {
		f.Cgroups = r.Cgroups()
	}
	if r.Network != nil {
		f.Network = r.Network(ctx)
	}
	if r.Go != nil {
		f.Go = r.Go(ctx)
	}
	return f, errors.Join(errs[:]...)
}

func present(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func filesystems() ([]string, error) {
	f, err := os.Open("/proc/filesystems")
	if err != nil {
		return nil, fmt.Errorf("find out which filesystems the kernel knows: %w", err)
	}
	defer f.Close()
	return parseFilesystems(f)
}

// parseFilesystems reads /proc/filesystems: "nodev" or nothing, a tab, a name.
func parseFilesystems(in io.Reader) ([]string, error) {
	var all []string
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) > 0 {
			all = append(all, fields[len(fields)-1])
		}
	}
	return all, lines.Err()
}

func namespaces() ([]string, error) {
	entries, err := os.ReadDir("/proc/self/ns")
	if err != nil {
		return nil, fmt.Errorf("find out which namespaces the kernel has: %w", err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all, nil
}

func memAvailable() (uint64, error) {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, fmt.Errorf("find out how much memory is available: %w", err)
	}
	return parseMemAvailable(string(data))
}

func parseMemAvailable(meminfo string) (uint64, error) {
	for line := range strings.Lines(meminfo) {
		if rest, ok := strings.CutPrefix(line, "MemAvailable:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read MemAvailable of /proc/meminfo: %w", err)
			}
			return kib << 10, nil
		}
	}
	return 0, errors.New("/proc/meminfo has no MemAvailable")
}

// room is the space in dir, or in the nearest directory above it that exists.
func room(dir string) (Space, error) {
	at := dir
	for {
		var s unix.Statfs_t
		err := unix.Statfs(at, &s)
		if err == nil {
			return Space{Path: dir, FreeBytes: s.Bavail * uint64(s.Bsize), FreeInodes: s.Ffree}, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || at == "/" {
			return Space{}, fmt.Errorf("find out how much space is free in %s: %w", dir, err)
		}
		at = filepath.Dir(at)
	}
}

func installed() []string {
	var all []string
	for _, t := range Tools {
		if _, err := lookPath(t.Program); err == nil {
			all = append(all, t.Program)
		}
	}
	return all
}

// lookPath also looks into the directories of root's programs, which are not in
// every PATH.
func lookPath(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path, nil
		}
	}
	return "", exec.ErrNotFound
}

func staticSeccomp() bool {
	for _, pattern := range []string{"/usr/lib/*/libseccomp.a", "/usr/lib/libseccomp.a", "/usr/lib64/libseccomp.a"} {
		if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
			return present("/usr/include/seccomp.h")
		}
	}
	return false
}
