//go:build e2e

package volume

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-logr/logr"
	. "github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/nodekey"
	"github.com/seamount-dev/seamount/agent/serve"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/discover/mountinfo"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/pidspace"
)

// patience is how long something may take on a machine that is busy.
const patience = 2 * time.Minute

// asAgent makes the test binary run an agent.
const asAgent = "SEAMOUNT_VOLUME_AGENT"

// order is what the agent is to be.
type order struct {
	Run, Keep, Block string
	// Kill is the number of the step before which the agent kills itself; 0: never. Steps is where it writes their names.
	Kill int
	// KillStep is the step before which it does.
	KillStep string
	Steps    string
}

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "become" {
		fmt.Fprintln(os.Stderr, launch.Become(os.Args[2], os.Args[3:]))
		os.Exit(1)
	}
	if text := os.Getenv(asAgent); text != "" {
		if err := beAgent(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	if status, outside := pidspace.Enter(); outside {
		os.Exit(status)
	}
	os.Exit(cephtest.Main(m))
}

// beAgent serves until it is told to end, or kills itself.
func beAgent(text string) error {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		return err
	}
	return serve.Run(ctx, serve.Config{
		Name: nodeName, Node: host.First, Run: o.Run, Keep: o.Keep, Programs: machine{o.Block}, Blkid: blkid,
		Become: []string{"/proc/self/exe", "become"}, Version: "test", Log: logr.Discard(), Step: o.step(),
	})
}

// step writes down each step, and ends the process before one of them as nothing else does.
func (o order) step() func(volume, step string) {
	var mu sync.Mutex
	count := 0
	return func(_, step string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(step, "Look: ") {
			return // the monitor's, at a time of its own
		}
		count++
		f, err := os.OpenFile(o.Steps, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			fmt.Fprintln(f, step)
			err = f.Close()
		}
		if err != nil {
			panic(err)
		}
		if count == o.Kill || step == o.KillStep {
			_ = unix.Kill(os.Getpid(), unix.SIGKILL) // and does not come back
			select {}
		}
	}
}

// machine has the programs of this machine in the place of a bundle.
type machine struct{ block string }

// Command finds a program on the machine.
func (m machine) Command(program string, args ...string) ([]string, error) {
	if program == "seamount-block" {
		return append([]string{m.block}, args...), nil
	}
	path, err := exec.LookPath(program)
	return append([]string{path}, args...), err
}

// File has none.
func (machine) File(string) string { return "" }

// nodeName is the agent's node. Its user of Ceph is of that name, and one for all tests.
const nodeName = "n1"

// node is a node with an agent that can be killed.
type node struct {
	t       testing.TB
	cluster *cephtest.Cluster
	order   order
	agent   *exec.Cmd
	log     *bytes.Buffer
	// Volumes is a client of the agent.
	agentv1.VolumesClient
	attached *agentv1.Connection
}

// newNode starts an agent on a node that never had one.
func newNode(t testing.TB, cluster *cephtest.Cluster) *node {
	t.Helper()
	block, err := cephtest.Program("seamount-block")
	do(t, err)
	dir, err := os.MkdirTemp("/run", "sv-") //nolint:usetesting // the path of a socket is short
	do(t, err)
	n := &node{t: t, cluster: cluster, order: order{
		Run: filepath.Join(dir, "r"), Keep: filepath.Join(dir, "keep"), Block: block, Steps: filepath.Join(dir, "steps"),
	}}
	t.Cleanup(func() { n.end(dir) })
	n.start(0)
	n.attach()
	return n
}

// asPod takes away what a pod's mount namespace would not have, and becomes the agent.
const asPod = `awk -v dir="$1/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -r -n 1 umount --lazy; exec "$0"`

// start starts the agent, in a mount namespace that shows nothing that is mounted later.
func (n *node) start(kill int) {
	n.t.Helper()
	n.order.Kill = kill
	_ = os.Remove(n.order.Steps) // there is none the first time
	text, err := json.Marshal(n.order)
	do(n.t, err)
	self, err := os.Executable()
	do(n.t, err)
	n.log = &bytes.Buffer{}
	n.agent = exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", asPod, self, filepath.Dir(n.order.Run))
	n.agent.Env = append(os.Environ(), asAgent+"="+string(text))
	n.agent.Stderr = n.log
	n.agent.WaitDelay = time.Second
	do(n.t, n.agent.Start())
	conn, err := grpc.NewClient("unix://"+serve.SocketOf(n.order.Run), grpc.WithTransportCredentials(insecure.NewCredentials()))
	do(n.t, err)
	n.t.Cleanup(func() { conn.Close() })
	n.VolumesClient = agentv1.NewVolumesClient(conn)
	NewWithT(n.t).Eventually(func() error {
		_, err := n.Describe(within(n.t), &agentv1.DescribeRequest{})
		return err
	}, patience, "20ms").Should(Succeed(), "%s", n.log)
}

// kill ends the agent as nothing else does, and waits for its end.
func (n *node) kill() {
	_ = n.agent.Process.Kill() // it may have ended
	_ = n.agent.Wait()         // it was killed
}

// restart starts the agent again after it was killed.
func (n *node) restart() {
	n.t.Helper()
	n.kill()
	n.start(0)
}

func (n *node) steps() []string {
	n.t.Helper()
	text, err := os.ReadFile(n.order.Steps)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	do(n.t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// attach does what the CSI controller does: it seals the node's key of Ceph to the node.
func (n *node) attach() {
	n.t.Helper()
	described, err := n.Describe(within(n.t), &agentv1.DescribeRequest{})
	do(n.t, err)
	id, err := nodekey.ParseID(described.GetNodeId())
	do(n.t, err)
	entity := "client.seamount-node-" + nodeName
	sealed, err := nodekey.Seal(id, entity, newUser(n.t, n.cluster, entity).Reveal())
	do(n.t, err)
	n.attached = &agentv1.Connection{Fsid: n.cluster.FSID(), Mons: n.cluster.MonHosts(), Entity: entity, SealedKey: sealed}
}

func newUser(t testing.TB, c *cephtest.Cluster, name string) ceph.Secret {
	t.Helper()
	key, err := c.NewUser(within(t), name, "mon", "profile rbd", "osd", "profile rbd")
	do(t, err)
	return key
}

// blockDir is the directory of the keeper.
func (n *node) blockDir() string { return filepath.Join(n.order.Run, "block", n.cluster.FSID()) }

func (n *node) keeper() *client.Client { return client.New(n.blockDir()) }

// helpers are the processes that serve volumes.
func (n *node) helpers() (keeper, worker int) {
	n.t.Helper()
	status, err := n.keeper().Status(within(n.t))
	do(n.t, err)
	if status.Worker == nil {
		n.t.Fatalf("no worker serves: %s", status.Trouble)
	}
	return status.PID, status.Worker.PID
}

// end ends all that is left, and fails if something is mounted still.
func (n *node) end(dir string) {
	if n.t.Failed() {
		n.t.Logf("log of the agent:\n%s", n.log)
		logs, _ := filepath.Glob(filepath.Join(n.order.Run, "log", "*")) // the pattern is a constant
		for _, file := range logs {
			text, _ := os.ReadFile(file) // for whoever reads the failure
			n.t.Logf("%s:\n%s", file, text)
		}
	}
	n.kill()
	pids := descendants(dir)
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	}
	for _, m := range slices.Backward(mountsBelow(n.t, dir)) {
		n.t.Logf("still mounted: %s", m.Point)
		do(n.t, unix.Unmount(m.Point, unix.MNT_DETACH))
	}
	do(n.t, os.RemoveAll(dir))
}

// descendants are the processes whose command line names the directory.
func descendants(dir string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is a constant
	var pids []int
	for _, file := range files {
		text, err := os.ReadFile(file)
		var pid int
		if _, scanErr := fmt.Sscanf(file, "/proc/%d/", &pid); err == nil && scanErr == nil && bytes.Contains(text, []byte(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func mountsBelow(t testing.TB, dir string) []mountinfo.Mount {
	t.Helper()
	mounts, err := host.First.Mounts()
	do(t, err)
	return slices.DeleteFunc(mounts, func(m mountinfo.Mount) bool { return !strings.HasPrefix(m.Point, dir+"/") })
}

func within(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func do(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
