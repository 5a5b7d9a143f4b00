//go:build e2e

package block

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/fuse"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

func TestMain(m *testing.M) { os.Exit(cephtest.Main(m)) }

// patience is how long something may take on a machine that is busy.
const patience = 4 * time.Minute

// node is a machine with a keeper, as far as Ceph can tell.
type node struct {
	t       testing.TB
	cluster *cephtest.Cluster
	name    string
	dir     string
	client  *client.Client
	entity  string
	key     ceph.Secret

	// command starts the program.
	command []string
	keeper  *exec.Cmd
	log     *lockedBuffer
}

// lockedBuffer is what keeper and workers log.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newNode starts a keeper with a user of its own, and connects it. command is another way to start the program.
func newNode(t testing.TB, cluster *cephtest.Cluster, name string, command ...string) *node {
	t.Helper()
	// Below /run, since the path of a socket is short.
	dir, err := os.MkdirTemp("/run", "seamount-block-") //nolint:usetesting // the test's own is too long
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, cluster: cluster, name: name, dir: dir, client: client.New(dir), entity: "client.seamount-node-" + name, log: &lockedBuffer{}, command: command}
	n.key = newUser(t, cluster, n.entity)
	t.Cleanup(n.end)
	n.start()
	n.connect()
	return n
}

func newUser(t testing.TB, c *cephtest.Cluster, name string) ceph.Secret {
	t.Helper()
	key, err := c.NewUser(within(t, patience), name, "mon", "profile rbd", "osd", "profile rbd")
	do(t, err)
	return key
}

func within(t testing.TB, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// start starts the keeper and waits until it answers.
func (n *node) start() {
	n.t.Helper()
	if n.command == nil {
		path, err := cephtest.Program("seamount-block")
		do(n.t, err)
		n.command = []string{path}
	}
	arguments := append(n.command[1:len(n.command):len(n.command)], "keeper", "--dir", n.dir, "--node", n.name, "--wait", "10s")
	n.keeper = exec.Command(n.command[0], arguments...)
	n.keeper.Env = append(os.Environ(), "MALLOC_ARENA_MAX=1")
	n.keeper.Stderr = n.log
	n.keeper.WaitDelay = time.Millisecond // the worker has the same stderr, and lives on
	if err := n.keeper.Start(); err != nil {
		n.t.Fatal(err)
	}
	NewWithT(n.t).Eventually(func() error { _, err := n.client.Hello(n.t.Context()); return err }, patience, "5ms").Should(Succeed())
}

func (n *node) connect() {
	n.t.Helper()
	do(n.t, n.client.Connect(within(n.t, patience), n.connection()))
}

func (n *node) connection() block.Connection {
	return block.Connection{FSID: n.cluster.FSID(), Mons: n.cluster.MonHosts(), Entity: n.entity, Key: n.key.Reveal()}
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (n *node) status() block.Status {
	n.t.Helper()
	s, err := n.client.Status(within(n.t, patience))
	do(n.t, err)
	return s
}

// mapped is how an image is now.
func (n *node) mapped(i block.Image) block.Mapped {
	n.t.Helper()
	for _, m := range n.status().Images {
		if m.Image == i {
			return m
		}
	}
	return block.Mapped{Image: i}
}

// workers are the processes that the record names.
func (n *node) workers() []int {
	content, err := os.ReadFile(filepath.Join(n.dir, block.ControlDir, "record.json"))
	if err != nil {
		return nil
	}
	var record struct {
		Workers map[int]struct{} `json:"workers"`
	}
	do(n.t, json.Unmarshal(content, &record))
	var pids []int
	for pid := range record.Workers {
		pids = append(pids, pid)
	}
	return pids
}

// killKeeper kills it, if it was started, and waits for its end.
func (n *node) killKeeper() {
	if n.keeper == nil || n.keeper.Process == nil {
		return
	}
	_ = n.keeper.Process.Kill() // it may have ended
	_ = n.keeper.Wait()         // it was killed
}

// killWorker kills the worker and waits until another has taken all over.
func (n *node) killWorker() (stall time.Duration) {
	n.t.Helper()
	before := n.status()
	if before.Worker == nil {
		n.t.Fatalf("no worker serves: %s", before.Trouble)
	}
	do(n.t, unix.Kill(before.Worker.PID, unix.SIGKILL))
	var after block.Status
	NewWithT(n.t).Eventually(func() int { after = n.status(); return after.Takeovers }, patience, "5ms").
		Should(BeNumerically(">", before.Takeovers), "log:\n%s", n.log)
	return after.LastTakeover
}

// end kills all and removes what is left.
func (n *node) end() {
	if n.t.Failed() {
		n.t.Logf("log of node %s:\n%s", n.name, n.log)
	}
	pids := n.workers()
	n.killKeeper()
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
		NewWithT(n.t).Eventually(func() bool { _, err := os.Stat(fmt.Sprintf("/proc/%d", pid)); return err != nil }, patience).Should(BeTrue())
	}
	files, _ := filepath.Glob(filepath.Join(n.dir, "*", "*")) // the pattern is a constant
	for _, f := range files {
		if err := fuse.Unmount(f); err != nil {
			n.t.Errorf("%s is left: %v", f, err)
		}
	}
	if err := os.RemoveAll(n.dir); err != nil {
		n.t.Error(err)
	}
}

// mapImage maps an image.
func (n *node) mapImage(i block.Image, access block.Access) block.Mapped {
	n.t.Helper()
	m, err := n.client.Map(within(n.t, patience), i, access)
	if err != nil {
		n.t.Fatalf("map %s: %v\nlog:\n%s", i, err, n.log)
	}
	return m
}

func (n *node) unmap(i block.Image) {
	n.t.Helper()
	if err := n.client.Unmap(within(n.t, patience), i); err != nil {
		n.t.Fatalf("unmap %s: %v\nlog:\n%s", i, err, n.log)
	}
}

// admin is a client that may do everything.
func admin(t testing.TB, cluster *cephtest.Cluster) *rados.Client {
	t.Helper()
	c, err := rados.Connect(within(t, patience), rados.Config{
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

// pool makes a pool for the images of a test.
func pool(t testing.TB, cluster *cephtest.Cluster, c *rados.Client) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "#", "-").Replace(t.Name()))
	_, err := cluster.Ceph(within(t, patience), "osd", "pool", "create", name, "8")
	do(t, err)
	do(t, c.InitImagePool(within(t, patience), name))
	return name
}

// newImage makes an image.
func newImage(t testing.TB, c *rados.Client, pool, name string, size int64) block.Image {
	t.Helper()
	do(t, c.CreateImage(within(t, patience), ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: pool, Name: name}, Size: size}))
	return block.Image{Pool: pool, Name: name}
}

// device makes a block device of a mapped file.
func device(t testing.TB, m block.Mapped) *loopdev.Disk {
	t.Helper()
	return loopdev.Attach(t, m.Path, loopdev.Options{Direct: true, ReadOnly: m.Access == block.MultiNodeReadOnly})
}

// run runs a program to its end.
func run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(within(t, 5*time.Minute), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// mount formats a device and mounts it until the test ends, or the returned function is called.
func mount(t testing.TB, disk *loopdev.Disk) (dir string, unmount func()) {
	t.Helper()
	run(t, "mkfs.xfs", "-q", "-f", disk.Path)
	dir = t.TempDir()
	do(t, unix.Mount(disk.Path, dir, "xfs", 0, ""))
	unmount = sync.OnceFunc(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	t.Cleanup(unmount)
	return dir, unmount
}
