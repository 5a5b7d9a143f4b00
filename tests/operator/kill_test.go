//go:build e2e

package operator

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// longestBringUp bounds the random moments: later there is nothing left to interrupt.
const longestBringUp = 12 * time.Second

// TestOperatorKilled kills the operator, all replicas of it, at a random moment of a bring-up. Each time the cluster
// ends in the same state. It is a long test: it runs when the environment says how often.
func TestOperatorKilled(t *testing.T) {
	skipUnlessLong(t)
	p := installAll(t)
	random := seeded(t)
	for i := range rounds.Of(t, rounds.Kills, 3) {
		after := time.Duration(random.Int64N(int64(longestBringUp)))
		t.Run(fmt.Sprintf("%d after %v", i, after.Round(time.Millisecond)), func(t *testing.T) {
			killed(t, p, fmt.Sprintf("killed%d", i), after)
		})
	}
}

// skipUnlessLong skips a test that takes longer than the tests of every day may.
func skipUnlessLong(t *testing.T) {
	t.Helper()
	if os.Getenv(rounds.Kills) == "" {
		t.Skip("a long test: it runs when " + rounds.Kills + " is set")
	}
}

// seeded are random numbers, of which the log has the seed.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // moments, not keys
}

func killed(t *testing.T, p *product.Product, name string, after time.Duration) {
	disks := addDisks(t, p, 1)
	for _, d := range disks {
		p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	}
	start := time.Now()
	c := apply(t, p, name)
	c.removeAfter(t)
	w := c.watch(t)
	moment := time.NewTimer(after)
	defer moment.Stop()
	<-moment.C
	killPart(t, p, v1alpha1.ComponentOperator, "")
	s := &suite{ceph: c, whole: t, watch: w, disks: disks}
	took := w.awaitHealthy(t, c, start, 3, 2, len(disks))
	t.Logf("apply to HEALTH_OK, killed after %.1f s: %.1f s", after.Seconds(), took.Seconds())
	s.awaitWhole(t)
	s.askedItself(t)
	s.disksInService(t)
	if r := s.reservations(t); len(r) != len(disks) {
		t.Errorf("%d OSDs are reserved for %d disks", len(r), len(disks))
	}
}

// killPart kills the process in every container of a part of Seamount, on one node or on all, and then removes the pods, for
// Kubernetes would wait longer and longer with starting the containers again.
func killPart(t testing.TB, p *product.Product, component, node string) {
	t.Helper()
	var pods corev1.PodList
	labels := client.MatchingLabels{"app.kubernetes.io/component": component}
	if err := p.Client.List(t.Context(), &pods, client.InNamespace(product.Namespace), labels); err != nil {
		t.Fatal(err)
	}
	killed := 0
	for _, pod := range pods.Items {
		if node != "" && pod.Spec.NodeName != node {
			continue
		}
		for _, status := range pod.Status.ContainerStatuses {
			if status.State.Running != nil {
				killed += killContainer(t, p.Cluster, pod.Spec.NodeName, status.ContainerID)
			}
		}
		p.Kubectl(t, "-n", product.Namespace, "delete", "pod", pod.Name, "--force", "--grace-period=0", "--ignore-not-found")
	}
	if killed == 0 {
		t.Fatalf("none of %d pods of the %s runs", len(pods.Items), component)
	}
}

// killContainer sends SIGKILL to all processes of a container, those whose cgroup is named for it, and says how many that were: none
// when it has ended by itself.
func killContainer(t testing.TB, c *cluster.Cluster, node, id string) int {
	t.Helper()
	id = strings.TrimPrefix(id, "containerd://")
	killed := c.Exec(t, node, "sh", "-ec", `n=0
for p in /proc/[0-9]*; do
  if grep -qs "$0" "$p/cgroup" && kill -9 "${p#/proc/}"; then n=$((n+1)); fi
done
echo $n`, id)
	n, err := strconv.Atoi(strings.TrimSpace(killed))
	if err != nil {
		t.Fatal(err)
	}
	return n
}
