//go:build e2e

package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/static"
)

// Plan is where a cluster lives.
type Plan struct {
	// Dir is the state directory. It is short: unix sockets lie below it.
	Dir string
	// Flags choose its addresses.
	Flags []string
	// Bridge is the name of its link and of its control groups.
	Bridge string
}

// Shared is the plan of the cluster that the tests of a package share. With BesideVariable set to anything it is another one, so
// that two packages can have a cluster each at the same time.
var Shared = sharedPlan(os.Getenv(BesideVariable) != "")

// BesideVariable names the variable of the environment that chooses between the two plans of Shared.
const BesideVariable = "SEAMOUNT_E2E_BESIDE"

func sharedPlan(beside bool) Plan {
	if beside {
		return Plan{
			Dir:    "/var/lib/seamount-e2e-3",
			Bridge: "sme2e2",
			Flags:  []string{"--bridge=sme2e2", "--network=10.234.0.1/24", "--pod-network=10.235.0.0/16", "--service-network=10.236.0.0/16"},
		}
	}
	return Plan{
		Dir:    "/var/lib/seamount-e2e",
		Bridge: "sme2e0",
		Flags:  []string{"--bridge=sme2e0", "--network=10.242.0.1/24", "--pod-network=10.243.0.0/16", "--service-network=10.244.0.0/16"},
	}
}

// Second is the plan of a cluster beside the shared one, for tests that bring
// clusters up and down themselves.
var Second = Plan{
	Dir:    "/var/lib/seamount-e2e-2",
	Bridge: "sme2e1",
	Flags:  []string{"--bridge=sme2e1", "--network=10.238.0.1/24", "--pod-network=10.239.0.0/16", "--service-network=10.240.0.0/16"},
}

// Cluster is a local cluster, running or not.
type Cluster struct {
	Plan
	// Machine is a process in the namespaces where commands of the cluster run,
	// 0 for those of the test: see Isolate.
	Machine                  int
	program, components, bin string
}

// upLimit is for a warm cache; a cold one compiles Kubernetes first.
const upLimit = 90 * time.Minute

var shared struct {
	sync.Mutex
	cluster *Cluster
	nodes   int
}

// Up is the shared cluster with at least that many nodes, Ready. The first call
// starts it, with nodes that hold the images of archives; it stays up until Down.
func Up(t testing.TB, nodes int, archives ...string) *Cluster {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		shared.cluster = New(t, Shared)
	}
	c := shared.cluster
	if nodes > shared.nodes {
		args := c.UpArgs(nodes)
		for _, archive := range archives {
			args = append(args, "--load="+archive)
		}
		c.Local(t, args...)
		shared.nodes = nodes
	}
	return c
}

// Down removes the shared cluster, if any test brought it up.
func Down() error {
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster == nil {
		return nil
	}
	out, err := shared.cluster.Try("down")
	if err != nil {
		err = fmt.Errorf("down: %w\n%s", err, out)
	}
	return err
}

// Main runs the tests of a package, brings the cluster down and cleans up.
func Main(m *testing.M) int {
	status := m.Run()
	if err := errors.Join(Down(), removeBuilt()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(status, 1)
	}
	return status
}

var locked sync.Once

// lock waits until no other test binary uses the plan of Shared, and with it
// Second. The kernel gives the lock back when this binary ends.
func lock(t testing.TB) {
	t.Helper()
	locked.Do(func() {
		// A bare descriptor: an os.File would be closed when it is collected.
		fd, err := syscall.Open("/run/lock/"+filepath.Base(Shared.Dir), syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
		if err == nil {
			err = syscall.Flock(fd, syscall.LOCK_EX)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
}

// New builds the program for a cluster with the given plan. It starts nothing.
// Whatever an earlier, killed test run left there is removed first.
func New(t testing.TB, plan Plan) *Cluster {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("a local cluster needs root")
	}
	lock(t)
	c := newCluster(t, plan)
	if out, err := c.Try("down"); err != nil {
		t.Fatalf("remove an earlier cluster: %v\n%s", err, out)
	}
	c.bin = strings.TrimSpace(c.stdout(t, "build"))
	return c
}

func newCluster(t testing.TB, plan Plan) *Cluster {
	t.Helper()
	module := filepath.Join(repository(t), "deploy", "local")
	return &Cluster{Plan: plan, components: filepath.Join(module, "components"), program: buildIn(t, module, "./cmd/seamount-local")}
}

// Build compiles what a cluster consists of, where that is not done yet, and returns the directory of its programs, for
// tests that want some of them without a cluster. It starts nothing, and waits for no other test.
func Build(t testing.TB) string {
	t.Helper()
	return strings.TrimSpace(newCluster(t, Shared).stdout(t, "build"))
}

// repository is the root of the checkout: the directory above with the main module.
func repository(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// built are the programs that were compiled, by package, until Main removes them.
var built struct {
	sync.Mutex
	paths map[string]string
}

// buildIn compiles a program, static, once for all tests.
func buildIn(t testing.TB, dir, pkg string) string {
	t.Helper()
	built.Lock()
	defer built.Unlock()
	if path, ok := built.paths[pkg]; ok {
		return path
	}
	out, err := os.CreateTemp("", "seamount-e2e-*") //nolint:usetesting // it outlives the test that builds it
	if err == nil {
		err = out.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := static.Build(out.Name(), pkg)
	cmd.Dir = dir
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	if built.paths == nil {
		built.paths = map[string]string{}
	}
	built.paths[pkg] = out.Name()
	return out.Name()
}

func removeBuilt() error {
	built.Lock()
	defer built.Unlock()
	var problems []error
	for _, path := range built.paths {
		problems = append(problems, os.Remove(path))
	}
	return errors.Join(problems...)
}

// UpArgs are the arguments of `up` for this plan.
func (c *Cluster) UpArgs(nodes int) []string {
	return append([]string{"up", fmt.Sprintf("--nodes=%d", nodes)}, c.Flags...)
}

// Command is seamount-local with the given arguments, not yet started.
func (c *Cluster) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, c.program, args...)
	if c.Machine != 0 {
		cmd = exec.CommandContext(ctx, "nsenter", append(c.enter(), append([]string{c.program}, args...)...)...)
	}
	cmd.Env = append(os.Environ(), "SEAMOUNT_LOCAL_DIR="+c.Dir, "SEAMOUNT_LOCAL_COMPONENTS="+c.components)
	return cmd
}

// Try runs seamount-local and returns all that it printed.
func (c *Cluster) Try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), upLimit)
	defer cancel()
	out, err := c.Command(ctx, args...).CombinedOutput()
	return string(out), err
}

// Local runs seamount-local, which must succeed.
func (c *Cluster) Local(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.Try(args...)
	if err != nil {
		t.Fatalf("seamount-local %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (c *Cluster) stdout(t testing.TB, args ...string) string {
	t.Helper()
	cmd := c.Command(t.Context(), args...)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("seamount-local %s: %v\n%s", strings.Join(args, " "), err, problems.Bytes())
	}
	return string(out)
}

// Exec runs a command in a node, which must succeed, and returns its output.
func (c *Cluster) Exec(t testing.TB, node string, argv ...string) string {
	t.Helper()
	return strings.TrimSpace(c.stdout(t, append([]string{"exec", node, "--"}, argv...)...))
}

// Kubeconfig is the administrator's.
func (c *Cluster) Kubeconfig() string { return filepath.Join(c.Dir, "pki", "admin.kubeconfig") }

// Programs is the directory of kubectl and the other programs.
func (c *Cluster) Programs() string { return c.bin }
