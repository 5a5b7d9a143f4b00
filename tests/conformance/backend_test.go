//go:build e2e && linux && cgo

package conformance

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// backend lets the suite drive real daemons.
type backend struct {
	cluster *cephtest.Cluster
	admin   *rados.Client
	keyfile string // for the rbd program, whatever the cluster's own files say
}

func newBackend(ctx context.Context, c *cephtest.Cluster, dir string) (*backend, error) {
	b := &backend{cluster: c, keyfile: filepath.Join(dir, "admin.key")}
	admin := c.Admin()
	if err := os.WriteFile(b.keyfile, []byte(admin.Key.Reveal()), 0o600); err != nil {
		return nil, err
	}
	client, err := b.connect(ctx, admin.Name, admin.Key)
	b.admin = client
	return b, err
}

func (b *backend) connect(ctx context.Context, entity string, key ceph.Secret) (*rados.Client, error) {
	return rados.Connect(ctx, rados.Config{MonHosts: b.cluster.MonHosts(), FSID: b.cluster.FSID(), Entity: entity, Key: key})
}

func (b *backend) Admin() ceph.Client { return b.admin }
func (b *backend) Release() int       { return b.cluster.Release() }

func (b *backend) Connect(ctx context.Context, entity string, key ceph.Secret) (ceph.Client, error) {
	c, err := b.connect(ctx, entity, key)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (b *backend) StopOSD(_ context.Context, id int) error {
	return b.cluster.Terminate("osd." + strconv.Itoa(id))
}

func (b *backend) StartOSD(_ context.Context, id int) error {
	return b.cluster.Start("osd." + strconv.Itoa(id))
}

// FreezeMons stops the mons' processes where they stand.
func (b *backend) FreezeMons(context.Context) (func() error, error) {
	var thaw []func() error
	for _, name := range b.cluster.Daemons() {
		if strings.HasPrefix(name, "mon.") {
			thaw = append(thaw, func() error { return b.cluster.Resume(name) })
			if err := b.cluster.Pause(name); err != nil {
				return nil, errors.Join(err, all(thaw))
			}
		}
	}
	return func() error { return all(thaw) }, nil
}

func all(steps []func() error) error {
	var errs []error
	for _, step := range steps {
		errs = append(errs, step())
	}
	return errors.Join(errs...)
}

// Pass waits a moment.
func (b *backend) Pass(ctx context.Context) error {
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Explain asks for the health and, of each OSD, for the requests that it has not answered.
func (b *backend) Explain(ctx context.Context) string {
	asked := [][]string{{"health", "detail"}}
	for _, name := range b.cluster.Daemons() {
		if strings.HasPrefix(name, "osd.") {
			asked = append(asked, []string{"tell", name, "dump_ops_in_flight"})
		}
	}
	var said strings.Builder
	for _, args := range asked {
		out, err := b.cluster.Ceph(ctx, args...)
		fmt.Fprintf(&said, "ceph %s (%v):\n%s\n", strings.Join(args, " "), err, out)
	}
	return said.String()
}

// rbd makes a command of the rbd program: a client that is not ours.
func (b *backend) rbd(ctx context.Context, args ...string) *exec.Cmd {
	args = append([]string{"--conf", filepath.Join(b.cluster.Dir(), "client.conf"), "--name", b.cluster.Admin().Name, "--keyfile", b.keyfile}, args...)
	return exec.CommandContext(ctx, "rbd", args...)
}

func (b *backend) runRBD(ctx context.Context, args ...string) error {
	out, err := b.rbd(ctx, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("rbd %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// WriteImage writes through "rbd bench".
func (b *backend) WriteImage(ctx context.Context, ref ceph.ImageRef, size int64) error {
	return b.runRBD(ctx, "bench", "--io-type", "write", "--io-size", "1M", "--io-threads", "4", "--io-total", strconv.FormatInt(size, 10), ref.String())
}

// HoldImage opens the image in a process of librbd's: "rbd import-diff" that
// wrote one block, which takes the lock, and waits for more on its input.
func (b *backend) HoldImage(ctx context.Context, ref ceph.ImageRef) (func() error, error) {
	img, err := b.admin.Image(ctx, ref)
	if err != nil {
		return nil, err
	}
	holder := b.rbd(context.WithoutCancel(ctx), "import-diff", "--no-progress", "-", ref.String())
	stdin, err := holder.StdinPipe()
	if err != nil {
		return nil, err
	}
	holder.Stderr = os.Stderr
	if err := holder.Start(); err != nil {
		return nil, err
	}
	release := func() error { return endDiff(stdin, holder) }
	if _, err := stdin.Write(beginDiff(img.Size)); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, b.held(ctx, ref)
}

// MountFiles mounts a filesystem as a user.
func (b *backend) MountFiles(ctx context.Context, filesystem, entity string, key ceph.Secret) (func() error, error) {
	mounted, err := b.cluster.MountFiles(ctx, ceph.Entity{Name: entity, Key: key}, filesystem, "/")
	if err != nil {
		return nil, err
	}
	return func() error { mounted.End(); return nil }, nil
}

// beginDiff is the start of a diff (Ceph's doc/dev/rbd-diff): the image's size, one block of zeroes.
func beginDiff(size int64) []byte {
	const block = 4096
	d := append([]byte("rbd diff v1\n"), 's')
	d = binary.LittleEndian.AppendUint64(d, uint64(size))
	d = append(d, 'w')
	d = binary.LittleEndian.AppendUint64(d, 0)
	d = binary.LittleEndian.AppendUint64(d, block)
	return append(d, make([]byte, block)...)
}

// endDiff lets the process finish, which closes the image.
func endDiff(stdin io.WriteCloser, holder *exec.Cmd) error {
	_, err := stdin.Write([]byte{'e'})
	return errors.Join(err, stdin.Close(), holder.Wait())
}

// held waits until watch and lock are seen.
func (b *backend) held(ctx context.Context, ref ceph.ImageRef) error {
	for {
		watchers, err := b.admin.ImageWatchers(ctx, ref)
		if err != nil {
			return err
		}
		lockers, err := b.admin.ImageLockers(ctx, ref)
		if err != nil || len(watchers) > 0 && len(lockers) > 0 {
			return err
		}
		if err := b.Pass(ctx); err != nil {
			return err
		}
	}
}
