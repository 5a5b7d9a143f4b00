//go:build e2e

package local

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

func TestNodes(t *testing.T) {
	c := up(t)
	seen := map[string]string{}
	for i, node := range nodes {
		c.AwaitNode(t, node, true)
		labels := c.Kubectl(t, "get", "node", node, "-o", `jsonpath={.metadata.labels.topology\.kubernetes\.io/zone} {.metadata.labels.topology\.seamount\.dev/rack} {.metadata.labels.kubernetes\.io/hostname}`)
		letter := string(rune('a' + i))
		if want := fmt.Sprintf("zone-%s rack-%s1 %s", letter, letter, node); labels != want {
			t.Errorf("%s is labelled %q, want %q", node, labels, want)
		}
		for what, path := range map[string]string{"machine id": "machineID", "boot id": "bootID"} {
			id := c.Kubectl(t, "get", "node", node, "-o", "jsonpath={.status.nodeInfo."+path+"}")
			if other, taken := seen[what+id]; taken || id == "" {
				t.Errorf("%s and %s share the %s %q", node, other, what, id)
			}
			seen[what+id] = node
		}
		if got := c.Exec(t, node, "hostname"); got != node {
			t.Errorf("the host name of %s is %q", node, got)
		}
	}
	awaitRunning(t, c, 7) // 4 daemons and 3 nodes
}

// awaitRunning waits until status shows so many daemons and nodes Running, or more. It gives what it asks a moment to answer, which
// may be too little now and then.
func awaitRunning(t *testing.T, c *cluster.Cluster, count int) {
	t.Helper()
	c.Eventually(t, fmt.Sprintf("status shows %d Running", count), func() error {
		out, err := c.Try("status")
		if running := strings.Count(out, "Running"); err == nil && running < count {
			err = fmt.Errorf("they are %d", running)
		}
		if err != nil {
			return fmt.Errorf("%w:\n%s", err, out)
		}
		return nil
	})
}

const webManifest = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: probe, image: %s, args: [serve], readinessProbe: {httpGet: {path: /, port: 8080}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

func TestPodsAndServicesAcrossNodes(t *testing.T) {
	c := up(t)
	ns := c.Namespace(t)
	c.Apply(t, ns, fmt.Sprintf(webManifest, cluster.ProbeImage))
	c.Kubectl(t, "-n", ns, "rollout", "status", "daemonset/web", "--timeout=300s")
	pods := webPods(t, c, ns)
	if len(pods) != 3 {
		t.Fatalf("the DaemonSet has pods on %d nodes, want 3: %v", len(pods), pods)
	}
	t.Run("pod to pod", func(t *testing.T) { podToPod(t, c, ns, pods) })
	t.Run("service", func(t *testing.T) { serviceFromPods(t, c, ns, pods) })
	t.Run("dns", func(t *testing.T) { names(t, c, ns, pods) })
	t.Run("logs", func(t *testing.T) {
		for _, p := range pods {
			if got, want := c.Kubectl(t, "-n", ns, "logs", p.name), "serving as "+p.name; got != want {
				t.Errorf("the log of %s is %q, want %q", p.name, got, want)
			}
		}
	})
	t.Run("from the machine", func(t *testing.T) {
		// As the apiserver calls webhooks: the machine reaches pods directly.
		path := "/api/v1/namespaces/" + ns + "/services/web:80/proxy/"
		c.Eventually(t, "the Service answers through the apiserver", func() error {
			got, err := c.TryKubectl("", "get", "--raw", path)
			if err == nil && !isPod(pods, got) {
				err = fmt.Errorf("it answers %q", got)
			}
			return err
		})
	})
}

// eventuallyInPod runs the probe in a pod until it succeeds, and returns what it printed then: what a node knows of Services and
// names follows what runs, and a request may run out of its time.
func eventuallyInPod(t *testing.T, c *cluster.Cluster, ns, pod string, args ...string) string {
	t.Helper()
	var out string
	c.Eventually(t, fmt.Sprintf("%s in %s", args, pod), func() (err error) {
		out, err = inPod(c, ns, pod, args...)
		return err
	})
	return out
}

type webPod struct{ name, ip string }

func isPod(pods map[string]webPod, name string) bool {
	for _, p := range pods {
		if p.name == name {
			return true
		}
	}
	return false
}

// webPods are the pods of the DaemonSet by node.
func webPods(t *testing.T, c *cluster.Cluster, ns string) map[string]webPod {
	t.Helper()
	pods := map[string]webPod{}
	out := c.Kubectl(t, "-n", ns, "get", "pods", "-l", "app=web", "-o", `jsonpath={range .items[*]}{.spec.nodeName} {.metadata.name} {.status.podIP}{"\n"}{end}`)
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) != 3 {
			t.Fatalf("unexpected line %q", line)
		}
		pods[f[0]] = webPod{name: f[1], ip: f[2]}
	}
	return pods
}

func podToPod(t *testing.T, c *cluster.Cluster, ns string, pods map[string]webPod) {
	for from, p := range pods {
		for to, q := range pods {
			if got := eventuallyInPod(t, c, ns, p.name, "get", "http://"+q.ip+":8080"); got != q.name {
				t.Errorf("from %s to %s: %q answers, want %q", from, to, got, q.name)
			}
		}
	}
}

// serviceFromPods: kube-proxy picks a backend at random, so that 40 requests
// reach only one or two of the three about once in ten million times.
func serviceFromPods(t *testing.T, c *cluster.Cluster, ns string, pods map[string]webPod) {
	ip := c.Kubectl(t, "-n", ns, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
	answered := map[string]bool{}
	for range 40 {
		got := eventuallyInPod(t, c, ns, pods["node1"].name, "get", "http://"+ip)
		if !isPod(pods, got) {
			t.Fatalf("the Service answers %q", got)
		}
		if answered[got] = true; len(answered) == len(pods) {
			break
		}
	}
	if len(answered) != len(pods) {
		t.Errorf("only %v answer for the Service, want one on every node", answered)
	}
	for node, p := range pods {
		if got := eventuallyInPod(t, c, ns, p.name, "get", "http://"+ip); !isPod(pods, got) {
			t.Errorf("from %s the Service answers %q", node, got)
		}
	}
}

func names(t *testing.T, c *cluster.Cluster, ns string, pods map[string]webPod) {
	ip := c.Kubectl(t, "-n", ns, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
	for node, p := range pods {
		for _, name := range []string{"web", "web." + ns + ".svc.cluster.local"} {
			if got := eventuallyInPod(t, c, ns, p.name, "lookup", name); got != ip {
				t.Errorf("on %s, %s is %q, want %s", node, name, got, ip)
			}
		}
		if got := eventuallyInPod(t, c, ns, p.name, "get", "http://web."+ns); !isPod(pods, got) {
			t.Errorf("on %s, the Service by name answers %q", node, got)
		}
		if out, err := inPod(c, ns, p.name, "lookup", "nothing."+ns+".svc.cluster.local"); err == nil {
			t.Errorf("on %s, a Service that does not exist is %q", node, out)
		}
	}
}

func TestMountPropagation(t *testing.T) {
	c := up(t)
	ns := c.Namespace(t)
	const shared = "/var/lib/propagation"
	volume := "volumes: [{name: shared, hostPath: {path: " + shared + ", type: DirectoryOrCreate}}]"
	mount := func(propagation string) string {
		return fmt.Sprintf("securityContext: {privileged: true}\n    volumeMounts: [{name: shared, mountPath: /shared, mountPropagation: %s}]", propagation)
	}
	c.Apply(t, ns, probePod("mounter", "node2", volume, mount("Bidirectional")))
	c.Apply(t, ns, probePod("reader", "node2", volume, mount("HostToContainer")))
	awaitPods(t, c, ns, "mounter", "reader")
	c.Exec(t, "node2", "mkdir", "-p", shared+"/m")
	mustInPod(t, c, ns, "mounter", "mount", "/shared/m")
	c.Exec(t, "node2", "touch", shared+"/m/from-node")
	for _, pod := range []string{"mounter", "reader"} {
		if got := mustInPod(t, c, ns, pod, "ls", "/shared/m"); got != "from-node" {
			t.Errorf("the mount in %s holds %q, want what the node put there", pod, got)
		}
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(mounts), "propagation") {
		t.Error("the mount of the pod reached the machine")
	}
	mustInPod(t, c, ns, "mounter", "umount", "/shared/m")
	if got := mustInPod(t, c, ns, "reader", "ls", "/shared/m"); got != "" {
		t.Errorf("after the unmount the reader still sees %q", got)
	}
}

// TestNodeChangesNothingOfTheMachine: a privileged pod may write anywhere in the
// node without the machine noticing.
func TestNodeChangesNothingOfTheMachine(t *testing.T) {
	c := up(t)
	for _, dir := range []string{"/", "/etc", "/usr/local", "/opt", "/var", "/root", "/tmp", "/home"} {
		file := strings.TrimSuffix(dir, "/") + "/seamount-e2e-mark"
		c.Exec(t, "node1", "touch", file)
		if _, err := os.Lstat(file); err == nil {
			t.Errorf("%s of the node is the machine's", dir)
		}
		if out, err := c.Try("exec", "node2", "--", "test", "-e", file); err == nil {
			t.Errorf("%s of node1 is node2's: %s", dir, out)
		}
		c.Exec(t, "node1", "rm", file)
	}
	for key, want := range map[string]string{"vm/overcommit_memory": "1", "kernel/panic": "10"} {
		if got := c.Exec(t, "node1", "cat", "/proc/sys/"+key); got != want {
			t.Errorf("the node sees %s = %s, want the kubelet's %s", key, got, want)
		}
	}
}

func TestExec(t *testing.T) {
	c := up(t)
	for _, tt := range []struct {
		argv []string
		code int
	}{
		{[]string{"true"}, 0}, {[]string{"sh", "-c", "exit 7"}, 7}, {[]string{"sh", "-c", "kill -9 $$"}, 137},
	} {
		cmd := c.Command(t.Context(), append([]string{"exec", "node3", "--"}, tt.argv...)...)
		out, _ := cmd.CombinedOutput()
		if got := cmd.ProcessState.ExitCode(); got != tt.code {
			t.Errorf("%v: exit code %d, want %d: %s", tt.argv, got, tt.code, out)
		}
	}
	cmd := c.Command(t.Context(), "exec", "node3", "--", "cat")
	cmd.Stdin = strings.NewReader("through")
	if out, err := cmd.Output(); err != nil || string(out) != "through" {
		t.Errorf("cat of %q: %q, %v", "through", out, err)
	}
	for _, log := range []string{"node1/kubelet", "node1/containerd", "node1/kube-proxy", "node1", "kube-apiserver", "etcd"} {
		if out := c.Local(t, "logs", log); out == "" {
			t.Errorf("the log of %s is empty", log)
		}
	}
}
