//go:build e2e

package local

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// healAfter makes the cluster whole again after a test that hurt it, whatever happened.
func healAfter(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	t.Cleanup(func() {
		if out, err := c.Try(c.UpArgs(3)...); err != nil {
			t.Errorf("up: %v\n%s", err, out)
		}
	})
}

func bootID(t *testing.T, c *cluster.Cluster, node string) string {
	t.Helper()
	return c.Kubectl(t, "get", "node", node, "-o", "jsonpath={.status.nodeInfo.bootID}")
}

func TestStopAndKill(t *testing.T) {
	c := up(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, probePod("survivor", "node3", "", ""))
	awaitPods(t, c, ns, "survivor")
	for _, verb := range []string{"stop", "kill"} {
		t.Run(verb, func(t *testing.T) {
			healAfter(t, c)
			before := bootID(t, c, "node3")
			c.Exec(t, "node3", "touch", "/var/lib/on-disk", "/run/in-memory")
			c.Local(t, "node", verb, "node3")
			if out := c.Local(t, "node", verb, "node3"); strings.Contains(out, "failed") {
				t.Errorf("a second %s: %s", verb, out)
			}
			c.AwaitNode(t, "node3", false)
			if out, err := c.Try("exec", "node3", "--", "true"); err == nil || !strings.Contains(out, "does not run") {
				t.Errorf("exec in a node that does not run: %v, %s", err, out)
			}
			c.Local(t, "node", "start", "node3")
			c.AwaitNode(t, "node3", true)
			c.Exec(t, "node3", "sh", "-c", "test -e /var/lib/on-disk && test ! -e /run/in-memory")
			c.Eventually(t, "a new boot id", func() error {
				if bootID(t, c, "node3") == before {
					return fmt.Errorf("it is still %s", before)
				}
				return nil
			})
			c.Eventually(t, "the pod runs again", func() error {
				_, err := inPod(c, ns, "survivor", "get", "http://127.0.0.1:8080")
				return err
			})
		})
	}
}

// staysBound keeps a pod from eviction: a node that is reached again may take most of a minute to be Ready, since what it had sent
// lies in connections whose next retransmission comes after as long again as the last, and Kubernetes pings them no sooner.
const staysBound = "tolerations: [{operator: Exists}]"

func TestPartition(t *testing.T) {
	c := up(t)
	healAfter(t, c)
	ns := c.Namespace(t)
	c.Apply(t, ns, probePod("inside", "node2", staysBound, ""))
	c.Apply(t, ns, probePod("outside", "node1", "", ""))
	awaitPods(t, c, ns, "inside", "outside")
	url := "http://" + c.Kubectl(t, "-n", ns, "get", "pod", "inside", "-o", "jsonpath={.status.podIP}") + ":8080"
	eventuallyInPod(t, c, ns, "outside", "get", url)
	c.Local(t, "node", "partition", "node2")
	if out, err := inPod(c, ns, "outside", "get", url); err == nil {
		t.Errorf("a pod behind the partition answers %q", out)
	}
	if got := c.Exec(t, "node2", "hostname"); got != "node2" {
		t.Errorf("inside, the node does not run on: %q", got)
	}
	c.AwaitNode(t, "node2", false)
	if out, _ := c.Try("status"); !strings.Contains(out, "Partitioned") {
		t.Errorf("status does not tell of the partition:\n%s", out)
	}
	c.Local(t, "node", "heal", "node2")
	c.AwaitNode(t, "node2", true)
	c.Eventually(t, "the pod behind the healed partition answers", func() error {
		_, err := inPod(c, ns, "outside", "get", url)
		return err
	})
}

func TestFreeze(t *testing.T) {
	c := up(t)
	healAfter(t, c)
	ns := c.Namespace(t)
	c.Apply(t, ns, probePod("stuck", "node2", staysBound, ""))
	awaitPods(t, c, ns, "stuck")
	before := bootID(t, c, "node2")
	url := "http://" + c.Kubectl(t, "-n", ns, "get", "pod", "stuck", "-o", "jsonpath={.status.podIP}") + ":8080"
	c.Apply(t, ns, probePod("outside", "node1", "", ""))
	awaitPods(t, c, ns, "outside")
	c.Local(t, "node", "freeze", "node2")
	if out, err := inPod(c, ns, "outside", "get", url); err == nil {
		t.Errorf("a pod of the frozen node answers %q", out)
	}
	for _, args := range [][]string{{"exec", "node2", "--", "true"}, {"node", "restart-kubelet", "node2"}} {
		if out, err := c.Try(args...); err == nil || !strings.Contains(out, "is frozen") {
			t.Errorf("%v with a frozen node: %v, %s", args, err, out)
		}
	}
	c.AwaitNode(t, "node2", false)
	c.Local(t, "node", "thaw", "node2")
	c.AwaitNode(t, "node2", true)
	c.Eventually(t, "the pod answers after the thaw", func() error {
		_, err := inPod(c, ns, "outside", "get", url)
		return err
	})
	if got := bootID(t, c, "node2"); got != before {
		t.Errorf("the node was restarted: boot id %s, before %s", got, before)
	}
}

// TestKillFrozen: a signal does not end a process in a frozen v1 group by itself.
func TestKillFrozen(t *testing.T) {
	c := up(t)
	healAfter(t, c)
	c.Local(t, "node", "freeze", "node2")
	c.Local(t, "node", "kill", "node2")
	c.AwaitNode(t, "node2", false)
	c.Local(t, "node", "start", "node2")
	c.AwaitNode(t, "node2", true)
}

// TestRestartUnderAPod: a pod outlives the kubelet and containerd.
func TestRestartUnderAPod(t *testing.T) {
	c := up(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, probePod("steady", "node1", "", ""))
	awaitPods(t, c, ns, "steady")
	started := mustInPod(t, c, ns, "steady", "start-of", "1")
	for service, verb := range map[string]string{"kubelet": "restart-kubelet", "containerd": "restart-containerd"} {
		before := c.Exec(t, "node1", "pgrep", "-o", "-x", service)
		c.Local(t, "node", verb, "node1")
		if after := c.Exec(t, "node1", "pgrep", "-o", "-x", service); after == before {
			t.Errorf("%s is still pid %s", service, before)
		}
		c.Eventually(t, "exec after a restart of "+service, func() error {
			got, err := inPod(c, ns, "steady", "start-of", "1")
			if err == nil && got != started {
				t.Fatalf("the pod's process started at %s, before the restart of %s at %s", got, service, started)
			}
			return err
		})
	}
	if got := c.Kubectl(t, "-n", ns, "get", "pod", "steady", "-o", "jsonpath={.status.containerStatuses[0].restartCount}"); got != "0" {
		t.Errorf("the container was restarted %s times", got)
	}
	c.Apply(t, ns, probePod("later", "node1", "", ""))
	awaitPods(t, c, ns, "later")
	c.AwaitNode(t, "node1", true)
}

// TestServiceComesBack: what is killed inside a node is started again.
func TestServiceComesBack(t *testing.T) {
	c := up(t)
	for _, service := range []string{"kube-proxy", "kubelet", "containerd"} {
		before := c.Exec(t, "node1", "pgrep", "-o", "-x", service)
		c.Exec(t, "node1", "kill", "-9", before)
		c.Eventually(t, service+" runs again", func() error {
			out, err := c.Try("exec", "node1", "--", "pgrep", "-o", "-x", service)
			if err == nil && strings.TrimSpace(out) == before {
				err = fmt.Errorf("it is still pid %s", before)
			}
			return err
		})
	}
	c.AwaitNode(t, "node1", true)
}

// TestNoZombies: PID 1 of a node reaps what its parents left.
func TestNoZombies(t *testing.T) {
	c := up(t)
	c.Exec(t, "node1", "sh", "-c", "for i in 1 2 3 4 5; do (sleep 0.1 & exec true); done")
	c.Eventually(t, "all orphans are reaped", func() error {
		// ps itself ends with 1 if there is no such process.
		if out := c.Exec(t, "node1", "sh", "-c", "ps -eo stat,comm | grep ^Z || true"); out != "" {
			return fmt.Errorf("zombies: %s", out)
		}
		return nil
	})
}

// TestUpRepairs: `up` starts what was killed with SIGKILL behind its back.
func TestUpRepairs(t *testing.T) {
	c := up(t)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	pids := pidsOf(t, c)
	for _, name := range []string{"etcd", "kube-apiserver", "node1"} {
		kill(t, pids[name])
	}
	if out, err := c.Command(ctx, c.UpArgs(3)...).CombinedOutput(); err != nil {
		t.Fatalf("up: %v\n%s", err, out)
	}
	after := pidsOf(t, c)
	for name, restarted := range map[string]bool{"etcd": true, "kube-apiserver": true, "node1": true, "node2": false, "node3": false} {
		if got := after[name] != pids[name]; got != restarted {
			t.Errorf("%s: pid %d, before %d; restarted: %v, want %v", name, after[name], pids[name], got, restarted)
		}
	}
	for _, node := range nodes {
		c.AwaitNode(t, node, true)
	}
}
