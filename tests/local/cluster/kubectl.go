//go:build e2e

package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// kubectlLimit is how long one call may take, waiting in it included. It is generous, as eventuallyLimit is: nothing is timed
// here, and the tests beside want the same processors and the same disk.
const kubectlLimit = 6 * time.Minute

// eventuallyLimit is how long Eventually repeats a check.
const eventuallyLimit = 5 * time.Minute

// TryKubectl runs kubectl and returns its standard output.
func (c *Cluster) TryKubectl(stdin string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), kubectlLimit)
	defer cancel()
	argv := append([]string{filepath.Join(c.bin, "kubectl"), "--kubeconfig=" + c.Kubeconfig()}, args...)
	if c.Machine != 0 {
		argv = append(append([]string{"nsenter"}, c.enter()...), argv...)
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin = strings.NewReader(stdin)
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(problems.Bytes()))
	}
	return strings.TrimSpace(string(out)), err
}

// Kubectl runs kubectl, which must succeed.
func (c *Cluster) Kubectl(t testing.TB, args ...string) string {
	t.Helper()
	out, err := c.TryKubectl("", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Apply applies manifests in a namespace.
func (c *Cluster) Apply(t testing.TB, namespace, manifests string) {
	t.Helper()
	if _, err := c.TryKubectl(manifests, "-n", namespace, "apply", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

// Namespace makes a namespace that goes with the test.
func (c *Cluster) Namespace(t testing.TB) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	c.Kubectl(t, "create", "namespace", name)
	t.Cleanup(func() {
		if _, err := c.TryKubectl("", "delete", "namespace", name, "--wait=true"); err != nil {
			t.Error(err)
		}
	})
	c.Eventually(t, "the default service account", func() error {
		_, err := c.TryKubectl("", "-n", name, "get", "serviceaccount", "default")
		return err
	})
	return name
}

// NodeReady is the status of a node's Ready condition: True, False or Unknown.
func (c *Cluster) NodeReady(node string) (string, error) {
	return c.TryKubectl("", "get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
}

// AwaitNode waits until a node's Ready condition is true, or is not.
func (c *Cluster) AwaitNode(t testing.TB, node string, ready bool) {
	t.Helper()
	c.Eventually(t, fmt.Sprintf("%s has Ready=%v", node, ready), func() error {
		got, err := c.NodeReady(node)
		if err == nil && (got == "True") != ready {
			err = fmt.Errorf("it is %q", got)
		}
		return err
	})
}

// Eventually repeats check until it succeeds, for at most eventuallyLimit. Between two it waits as long as one takes: most run kubectl and
// what that runs in a pod, and others want the processors too.
func (c *Cluster) Eventually(t testing.TB, what string, check func() error) {
	t.Helper()
	deadline := time.After(eventuallyLimit)
	for {
		began := time.Now()
		err := check()
		if err == nil {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%s: %v", what, err)
		case <-time.After(min(max(time.Since(began), 200*time.Millisecond), time.Second)):
		}
	}
}
