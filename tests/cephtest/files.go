//go:build linux

package cephtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/seamount-dev/seamount/ceph"
)

// FileMount is what ceph-fuse of the release has mounted, in a mount namespace of its own: nothing stays when it ends.
type FileMount struct {
	// Dir is where this process sees it.
	Dir string

	cmd   *exec.Cmd
	said  bytes.Buffer // what it says; to be read when it has ended
	ended chan struct{}
}

// MountFiles mounts a path of a filesystem as a user, which has nothing but its key. When Ceph refuses it, the error is what
// ceph-fuse said.
func (c *Cluster) MountFiles(ctx context.Context, user ceph.Entity, filesystem, path string) (*FileMount, error) {
	dir, err := os.MkdirTemp(c.dir, "files-")
	if err != nil {
		return nil, err
	}
	inside := c.inside(filepath.Base(dir))
	m := &FileMount{ended: make(chan struct{})}
	m.cmd = c.Tool(context.WithoutCancel(ctx), "ceph-fuse", "-f", "--name", user.Name, "--key", user.Key.Reveal(), "--client_fs", filesystem,
		"--client_mountpoint", path, "--client_mount_timeout", "120", "--log_to_stderr", "true", "--admin_socket", "", inside)
	m.cmd.Stdout, m.cmd.Stderr = &m.said, &m.said
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	if err := spawn(m.cmd); err != nil {
		return nil, err
	}
	go reap(m.cmd, m.ended)
	m.Dir = filepath.Join(fmt.Sprintf("/proc/%d/root", m.cmd.Process.Pid), inside)
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { <-m.ended; cancel(errEnded) }()
	if err := poll(waiting, func() error { return m.mounted(inside) }); err != nil {
		m.End()
		return nil, fmt.Errorf("%w: %s", err, bytes.TrimSpace(m.said.Bytes()))
	}
	return m, nil
}

var errEnded = errors.New("ceph-fuse ended")

// mounted fails unless the process has mounted the directory.
func (m *FileMount) mounted(inside string) error {
	mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", m.cmd.Process.Pid))
	if err == nil && !bytes.Contains(mounts, []byte(" "+inside+" ")) {
		err = fmt.Errorf("nothing is mounted on %s", inside)
	}
	return err
}

// End kills ceph-fuse: what waits for it gets an error.
func (m *FileMount) End() {
	_ = m.cmd.Process.Kill() // it may have ended
	<-m.ended
}
