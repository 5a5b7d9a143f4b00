//go:build e2e

package volume

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/agentnode"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// admin is a client that may do everything.
func admin(t testing.TB, cluster *cephtest.Cluster) *rados.Client {
	t.Helper()
	c, err := rados.Connect(within(t), rados.Config{
		MonHosts: cluster.MonHosts(), FSID: cluster.FSID(), Entity: cluster.Admin().Name, Key: cluster.Admin().Key,
	})
	do(t, err)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// pool is the one that all tests have their images in.
const pool = "volumes"

// makePool makes the pool unless it is there.
func makePool(t testing.TB, cluster *cephtest.Cluster, c *rados.Client) {
	t.Helper()
	if _, err := cluster.Ceph(within(t), "osd", "pool", "create", pool, "8"); err != nil {
		t.Fatal(err)
	}
	do(t, c.InitImagePool(within(t), pool))
}

// volume is an image, and where it is to be seen.
type volume struct {
	*node
	admin  *rados.Client
	image  string
	access agentv1.Access
	mapper agentv1.Mapper
	// filesystem is empty for a raw block device.
	filesystem string
	flags      []string
	dir        string
}

const mib = 1 << 20

// size of an image: mkfs.xfs takes none below 300 MiB.
const size = 320 * mib

func newVolume(t testing.TB, n *node, c *rados.Client, filesystem string) *volume {
	t.Helper()
	makePool(t, n.cluster, c)
	v := &volume{node: n, admin: c, image: fmt.Sprintf("image-%d", os.Getpid()), access: agentv1.Access_ACCESS_SINGLE_NODE, filesystem: filesystem}
	dir, err := os.MkdirTemp(n.Dir(), "volume-") //nolint:usetesting // below the node's own
	do(t, err)
	v.dir = dir
	v.image = filepath.Base(dir)
	do(t, c.CreateImage(within(t), ceph.ImageSpec{ImageRef: v.ref(), Size: size}))
	return v
}

// newPublished is a volume with xfs that the pod writer of a new node has.
func newPublished(t testing.TB) *volume {
	t.Helper()
	cluster := cephtest.Shared(t)
	v := newVolume(t, newNode(t, cluster), admin(t, cluster), "xfs")
	v.stage()
	do(t, v.tryPublish(within(t), "writer", false))
	return v
}

func (v *volume) ref() ceph.ImageRef { return ceph.ImageRef{Pool: pool, Name: v.image} }

func (v *volume) id() string { return "ns/main/" + pool + "/" + v.image }

func (v *volume) staging() string { return filepath.Join(v.dir, "plugins", "globalmount") }

func (v *volume) target(pod string) string { return filepath.Join(v.dir, "pods", pod, "mount") }

func (v *volume) fs() *agentv1.Filesystem {
	if v.filesystem == "" {
		return nil
	}
	return &agentv1.Filesystem{Type: v.filesystem, MountFlags: v.flags}
}

func (v *volume) tryStage(ctx context.Context) (staged *agentv1.StageResponse, err error) {
	err = insist(ctx, func() error {
		staged, err = v.Stage(ctx, &agentv1.StageRequest{
			VolumeId: v.id(), Connection: v.attached, Image: &agentv1.Image{Pool: pool, Name: v.image},
			Mapper: v.mapper, Access: v.access, Filesystem: v.fs(), StagingPath: v.staging(),
		})
		return err
	})
	return staged, err
}

func (v *volume) stage() *agentv1.StageResponse {
	v.t.Helper()
	r, err := v.tryStage(within(v.t))
	do(v.t, err)
	return r
}

func (v *volume) tryUnstage(ctx context.Context) error {
	return insist(ctx, func() error {
		_, err := v.Unstage(ctx, &agentv1.UnstageRequest{VolumeId: v.id(), StagingPath: v.staging()})
		return err
	})
}

func (v *volume) tryPublish(ctx context.Context, pod string, readOnly bool) error {
	_, err := v.Publish(ctx, &agentv1.PublishRequest{
		VolumeId: v.id(), StagingPath: v.staging(), TargetPath: v.target(pod), ReadOnly: readOnly, Filesystem: v.fs(),
		Pod: &agentv1.Pod{Namespace: "default", Name: pod, Uid: pod + "-uid"},
	})
	return err
}

func (v *volume) tryUnpublish(ctx context.Context, pod string) error {
	_, err := v.Unpublish(ctx, &agentv1.UnpublishRequest{VolumeId: v.id(), TargetPath: v.target(pod)})
	return err
}

// wantGone fails unless nothing is left of the volume on the node: no mount, no loop device, no mapping, no lock, no record.
func (v *volume) wantGone() {
	v.t.Helper()
	for _, m := range agentnode.MountsBelow(v.t, v.dir) {
		v.t.Errorf("still mounted: %s", m.Point)
	}
	if devices := v.devices(); len(devices) > 0 {
		v.t.Errorf("still attached: %s", devices)
	}
	state, err := v.keeper().Status(within(v.t))
	do(v.t, err)
	for _, m := range state.Images {
		if m.Image.Name == v.image {
			v.t.Errorf("still mapped: %+v", m)
		}
	}
	lockers, err := v.admin.ImageLockers(within(v.t), v.ref())
	do(v.t, err)
	if len(lockers) > 0 {
		v.t.Errorf("still locked: %+v", lockers)
	}
	records, err := filepath.Glob(filepath.Join(v.Order.Run, "agent", "volumes", "*"+v.image+"*"))
	do(v.t, err)
	if len(records) > 0 {
		v.t.Errorf("still recorded: %s", records)
	}
}

// devices are the loop devices on the image's file.
func (v *volume) devices() []string {
	v.t.Helper()
	files, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	do(v.t, err)
	var found []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(string(text), filepath.Join(v.blockDir(), pool, v.image)) {
			found = append(found, file)
		}
	}
	return found
}

// refused fails unless an error has the code and says all of that.
func refused(t testing.TB, err error, code codes.Code, says ...string) {
	t.Helper()
	s := status.Convert(err)
	if err == nil || s.Code() != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for _, part := range says {
		if !strings.Contains(s.Message(), part) {
			t.Errorf("it says %q, and not %q", s.Message(), part)
		}
	}
	t.Logf("%s: %s", s.Code(), s.Message())
}

func write(t testing.TB, path string, content []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	do(t, err)
	_, err = f.WriteAt(content, 0)
	do(t, err)
	do(t, f.Sync())
	do(t, f.Close())
}

func wantContent(t testing.TB, path string, want []byte) {
	t.Helper()
	f, err := os.Open(path)
	do(t, err)
	defer f.Close()
	got := make([]byte, len(want))
	_, err = f.ReadAt(got, 0)
	do(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s holds something else", path)
	}
}

// file is where a test writes: in the filesystem, or the device itself.
func (v *volume) file(pod string) string {
	if v.filesystem == "" {
		return v.target(pod)
	}
	return filepath.Join(v.target(pod), "file")
}
