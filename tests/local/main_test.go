//go:build e2e

package local

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

func TestMain(m *testing.M) { os.Exit(cluster.Main(m)) }

var loadProbe sync.Once

// up is the shared cluster of three nodes, with the probe's image in each.
func up(t *testing.T) *cluster.Cluster {
	t.Helper()
	c := cluster.Up(t, 3)
	loadProbe.Do(func() { c.LoadProbe(t) })
	return c
}

var nodes = []string{"node1", "node2", "node3"}

// probePod is the manifest of a pod that runs the probe; more is put into its
// spec and container, in YAML's flow style.
func probePod(name, node, spec, container string) string {
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s, labels: {app: %s}}
spec:
  nodeName: %s
  terminationGracePeriodSeconds: 1
  %s
  containers:
  - name: probe
    image: %s
    args: [serve]
    %s
`, name, name, node, spec, cluster.ProbeImage, container)
}

func awaitPods(t *testing.T, c *cluster.Cluster, namespace string, pods ...string) {
	t.Helper()
	args := []string{"-n", namespace, "wait", "--for=condition=Ready", "--timeout=120s"}
	for _, p := range pods {
		args = append(args, "pod/"+p)
	}
	c.Kubectl(t, args...)
}

// inPod runs the probe in a pod.
func inPod(c *cluster.Cluster, namespace, pod string, args ...string) (string, error) {
	return c.TryKubectl("", append([]string{"-n", namespace, "exec", pod, "--", "/probe"}, args...)...)
}

func mustInPod(t *testing.T, c *cluster.Cluster, namespace, pod string, args ...string) string {
	t.Helper()
	out, err := inPod(c, namespace, pod, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func has(list, word string) bool {
	for field := range strings.FieldsSeq(list) {
		if field == word {
			return true
		}
	}
	return false
}
