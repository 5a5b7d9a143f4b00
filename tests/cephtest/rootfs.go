//go:build linux

package cephtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// release is an installed Ceph: the host's, or one in a directory.
type release struct {
	root  string // empty: the host's
	major int
}

// enterRootfs mounts what a daemon needs into the directory and goes there. It
// runs in a mount namespace of its own, so that nothing stays mounted, and it
// writes nothing into the directory: the cluster's lies on a tmpfs.
const enterRootfs = `set -e
root=$1 dir=$2; shift 2
mount -t tmpfs -o mode=755 tmpfs "$root/mnt"
mkdir "$root/mnt/cluster"
mount --bind "$dir" "$root/mnt/cluster"
for fs in dev proc sys; do mount --rbind "/$fs" "$root/$fs"; done
exec chroot "$root" "$@"`

const insideRootfs = "/mnt/cluster"

// command makes a command of the release that sees the cluster's directory at inside(dir).
func (r release) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	if r.root == "" {
		return exec.CommandContext(ctx, name, args...)
	}
	args = append([]string{"-c", enterRootfs, "sh", r.root, dir, name}, args...)
	cmd := exec.CommandContext(ctx, "/bin/sh", args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	return cmd
}

// inside tells where the release's programs see the cluster's directory.
func (r release) inside(dir string) string {
	if r.root == "" {
		return dir
	}
	return insideRootfs
}

// path tells where a file of the release lies for this process.
func (r release) path(file string) string { return filepath.Join("/", r.root, file) }

// packages names what to install when a program is missing.
var packages = map[string]string{
	"ceph":       "ceph-common",
	"ceph-mon":   "ceph-mon",
	"monmaptool": "ceph-base",
	"ceph-mgr":   "ceph-mgr",
	"ceph-osd":   "ceph-osd",
	"ceph-mds":   "ceph-mds",
}

func programs(o Options) []string {
	need := []string{"ceph", "ceph-mon", "monmaptool", "ceph-mgr"}
	if o.OSDs > 0 {
		need = append(need, "ceph-osd")
	}
	if o.MDS > 0 {
		need = append(need, "ceph-mds")
	}
	return need
}

// findRelease checks that the programs are there and asks the mon for its version.
func findRelease(ctx context.Context, o Options) (release, error) {
	r := release{root: o.Rootfs}
	var missing []string
	for _, p := range programs(o) {
		if !r.has(p) {
			missing = append(missing, packages[p])
		}
	}
	if len(missing) > 0 {
		return release{}, r.missing(missing)
	}
	out, err := r.version(ctx)
	if err != nil {
		return release{}, err
	}
	r.major, err = parseMajor(out)
	return r, err
}

func (r release) has(program string) bool {
	if r.root == "" {
		_, err := exec.LookPath(program)
		return err == nil
	}
	_, err := os.Stat(r.path("/usr/bin/" + program))
	return err == nil
}

func (r release) missing(pkgs []string) error {
	where := "this machine"
	if r.root != "" {
		where = r.root
	}
	return fmt.Errorf("%s lacks Ceph programs: install %s there (make deps, or apt-get install --no-install-recommends %s)",
		where, strings.Join(pkgs, ", "), strings.Join(pkgs, " "))
}

func (r release) version(ctx context.Context) (string, error) {
	cmd := exec.CommandContext(ctx, "ceph-mon", "--version")
	if r.root != "" {
		cmd = exec.CommandContext(ctx, "chroot", r.root, "ceph-mon", "--version")
	}
	out, err := cmd.Output()
	return string(out), withStderr(err)
}

var versionWords = regexp.MustCompile(`^ceph version (\d+)\.`)

func parseMajor(version string) (int, error) {
	m := versionWords.FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("ceph-mon --version says %q: want \"ceph version N.\"", version)
	}
	return strconv.Atoi(m[1])
}

// withStderr adds what a program that failed wrote to stderr.
func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	return err
}
