//go:build e2e

// Package agentnode starts an agent on this machine, in a process of its own with a mount namespace of its own, as a pod has,
// for tests against real Ceph. The agent's process is the test binary again; it can be killed before any step.
package agentnode

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
	"github.com/onsi/gomega"
	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	agentv1 "github.com/seamount-dev/seamount/agent/api/v1"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/serve"
	"github.com/seamount-dev/seamount/discover/mountinfo"
	"github.com/seamount-dev/seamount/tests/cephtest"
	"github.com/seamount-dev/seamount/tests/pidspace"
)

// patience is how long something may take on a machine that is busy.
const patience = 2 * time.Minute

// asAgent makes the test binary run an agent.
const asAgent = "SEAMOUNT_TEST_AGENT"

// Order is what the agent is to be.
type Order struct {
	// Run and Keep are its directories, Block is the program seamount-block.
	Run, Keep, Block string
	// Kill is the number of the step before which the agent kills itself; 0: never. Steps is where it writes their names.
	Kill int
	// KillStep is the step before which it does.
	KillStep string
	Steps    string
}

// Enter is for the beginning of TestMain. It runs the test binary again in a process namespace of its own, or becomes the
// agent or what the agent launches, and says then with which status to exit.
func Enter() (status int, ended bool) {
	if status, ended := Become(); ended {
		return status, true
	}
	return pidspace.Enter()
}

// Become does the second alone.
func Become() (status int, ended bool) {
	var err error
	switch text := os.Getenv(asAgent); {
	case len(os.Args) > 1 && os.Args[1] == "become":
		err = launch.Become(os.Args[2], os.Args[3:])
	case text != "":
		err = beAgent(text)
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// beAgent serves until it is told to end, or kills itself.
func beAgent(text string) error {
	var o Order
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
		Name: Name, Node: host.First, Run: o.Run, Keep: o.Keep, Programs: machine{o.Block}, Blkid: blkid,
		Become: []string{"/proc/self/exe", "become"}, Version: "test", Log: logr.Discard(), Step: o.step(),
	})
}

// step writes down each step, and ends the process before one of them as nothing else does.
func (o Order) step() func(volume, step string) {
	var mu sync.Mutex
	count := 0
	return func(_, step string) {
		mu.Lock()
		defer mu.Unlock()
		if strings.HasPrefix(step, "Look: ") || strings.HasPrefix(step, "Mend: ") {
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

// Name is the agent's node. Its user of Ceph is of that name.
const Name = "n1"

// Node is a node with an agent that can be killed.
type Node struct {
	t     testing.TB
	agent *exec.Cmd
	log   *bytes.Buffer
	// VolumesClient is a client of the agent.
	agentv1.VolumesClient
	// Order is what the agent will be when it is started again.
	Order Order
}

// New starts an agent on a node that never had one. At the end of the test it is killed, and the test fails when something
// is mounted still.
func New(t testing.TB) *Node {
	t.Helper()
	block, err := cephtest.Program("seamount-block")
	do(t, err)
	dir, err := os.MkdirTemp(above, prefix) //nolint:usetesting // the path of a socket is short
	do(t, err)
	n := &Node{t: t, Order: Order{
		Run: filepath.Join(dir, "r"), Keep: filepath.Join(dir, "keep"), Block: block, Steps: filepath.Join(dir, "steps"),
	}}
	t.Cleanup(func() { n.end(dir) })
	n.Start(0)
	return n
}

// Dir is a directory of the node's own.
func (n *Node) Dir() string { return filepath.Dir(n.Order.Run) }

// Socket is the agent's.
func (n *Node) Socket() string { return serve.SocketOf(n.Order.Run) }

// The directories of all nodes are made there, with names that begin so.
const above, prefix = "/run", "sv-"

// asPod takes away what a pod's mount namespace would not have, and becomes the agent. That are also the volumes of nodes
// beside this one: a copy of their mounts would keep their devices in use.
const asPod = `awk -v nodes="$1" 'index($5, nodes) == 1 { print $5 }' /proc/self/mountinfo | tac | xargs -r -n 1 umount --lazy; exec "$0"`

// Start starts the agent, in a mount namespace that shows nothing that is mounted later.
func (n *Node) Start(kill int) {
	n.t.Helper()
	n.Order.Kill = kill
	_ = os.Remove(n.Order.Steps) // there is none the first time
	text, err := json.Marshal(n.Order)
	do(n.t, err)
	self, err := os.Executable()
	do(n.t, err)
	n.log = &bytes.Buffer{}
	n.agent = exec.Command("unshare", "--mount", "--propagation", "private", "sh", "-c", asPod, self, filepath.Join(above, prefix))
	n.agent.Env = append(os.Environ(), asAgent+"="+string(text))
	n.agent.Stderr = n.log
	n.agent.WaitDelay = time.Second
	do(n.t, n.agent.Start())
	conn, err := grpc.NewClient("unix://"+n.Socket(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	do(n.t, err)
	n.t.Cleanup(func() { do(n.t, conn.Close()) })
	n.VolumesClient = agentv1.NewVolumesClient(conn)
	gomega.NewWithT(n.t).Eventually(func() error {
		_, err := n.Describe(within(n.t), &agentv1.DescribeRequest{})
		return err
	}, patience, "20ms").Should(gomega.Succeed(), "%s", n.log)
}

// Kill ends the agent as nothing else does, and waits for its end.
func (n *Node) Kill() {
	_ = n.agent.Process.Kill() // it may have ended
	_ = n.agent.Wait()         // it was killed
}

// Restart starts the agent again after it was killed.
func (n *Node) Restart() {
	n.t.Helper()
	n.Kill()
	n.Start(0)
}

// Steps are those that the agent began since it was started.
func (n *Node) Steps() []string {
	n.t.Helper()
	text, err := os.ReadFile(n.Order.Steps)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	do(n.t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// end ends all that is left, and fails if something is mounted still.
func (n *Node) end(dir string) {
	if n.t.Failed() {
		n.t.Logf("log of the agent:\n%s", n.log)
		logs, _ := filepath.Glob(filepath.Join(n.Order.Run, "log", "*")) // the pattern is a constant
		for _, file := range logs {
			text, _ := os.ReadFile(file) // for whoever reads the failure
			n.t.Logf("%s:\n%s", file, text)
		}
	}
	n.Kill()
	pids := descendants(dir)
	for _, pid := range pids {
		_ = unix.Kill(pid, unix.SIGKILL) // it may have ended
	}
	for _, m := range slices.Backward(MountsBelow(n.t, dir)) {
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

// MountsBelow are the mounts below a directory, as the node sees them.
func MountsBelow(t testing.TB, dir string) []mountinfo.Mount {
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
