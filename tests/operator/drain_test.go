//go:build e2e

package operator

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/rounds"
)

// cordoned cordons a node and lets it serve again: its OSDs alone stay in meanwhile.
func (s *suite) cordoned(t *testing.T) {
	s.uncordonAfter(t, "node2")
	s.Kubectl(t, "cordon", "node2")
	s.awaitNoout(t, `"crush_node_flags":{"node2":["noout"]}`)
	s.awaitCondition(t, v1alpha1.ConditionNodeDrain, "True", v1alpha1.ReasonNooutSet)
	s.Kubectl(t, "uncordon", "node2")
	s.awaitNoout(t, `"crush_node_flags":{}`)
	s.awaitCondition(t, v1alpha1.ConditionNodeDrain, "False", v1alpha1.ReasonNotDraining)
	s.awaitWhole(t)
}

// drained evicts Ceph's pods of a node and lets them come back: Ceph serves from the others, and moves no data.
func (s *suite) drained(t *testing.T) {
	s.uncordonAfter(t, "node2")
	start := time.Now()
	s.Kubectl(t, "drain", "node2", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s",
		"--pod-selector="+v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(s.namespace, s.name))
	s.awaitNoout(t, `"crush_node_flags":{"node2":["noout"]}`)
	s.Kubectl(t, "uncordon", "node2")
	took := s.awaitHealthyAgain(t, start)
	t.Logf("drain to uncordoned and HEALTH_OK: %.1f s", took.Seconds())
	s.awaitNoout(t, `"crush_node_flags":{}`)
	s.watch.answered(t, start)
	for _, x := range s.watch.since(start) {
		if !x.Silent && x.Up < len(s.disks)-s.mostOnOneHost() {
			t.Errorf("more than one node was away: %+v", x)
		}
	}
	s.awaitWhole(t)
}

// drainsWait drains a node: all its OSDs go in one go. Those of another node, which is drained too, and a second mon may not be
// evicted meanwhile, and may be again once all is well.
func (s *suite) drainsWait(t *testing.T) {
	s.awaitEvictable(t, "node2")
	s.uncordonAfter(t, "node2")
	s.uncordonAfter(t, "node1")
	s.Kubectl(t, "cordon", "node1")
	s.awaitDrainSays(t, "the OSDs of host node1 may be evicted")
	s.Kubectl(t, "cordon", "node2")
	s.awaitDrainSays(t, "the OSDs of host node1 may be evicted; those of host node2 and all other failure domains wait")
	s.held(t, manifest.ComponentOSD, "node2")
	s.evict(t, s.podsOn(t, manifest.ComponentOSD, "node1"))
	s.evict(t, s.podsOn(t, manifest.ComponentMon, "node1"))
	s.held(t, manifest.ComponentMon, "node2")
	s.held(t, manifest.ComponentOSD, "node2")
	s.awaitDrainSays(t, "no mon may be evicted: ")
	s.Kubectl(t, "uncordon", "node1")
	s.awaitDrainSays(t, "the OSDs of host node2 may be evicted")
	s.Kubectl(t, "uncordon", "node2")
	s.awaitCondition(t, v1alpha1.ConditionNodeDrain, "False", v1alpha1.ReasonNotDraining)
	s.awaitEvictable(t, "node3")
	s.awaitWhole(t)
}

// awaitDrainSays waits for words in the condition NodeDrain: the status is written after the budgets that it tells about.
func (s *suite) awaitDrainSays(t *testing.T, want string) {
	t.Helper()
	s.Eventually(t, "NodeDrain says: "+want, func() error {
		if got := s.condition(t, v1alpha1.ConditionNodeDrain).Message; !strings.Contains(got, want) {
			return errors.New(got)
		}
		return nil
	})
}

// held holds that no daemon of a kind on a node may be evicted, and that the refusal names the budget.
func (s *suite) held(t *testing.T, component, node string) {
	t.Helper()
	budget := manifest.BudgetName(s.name, manifest.Budget{Component: component})
	for _, pod := range s.podsOn(t, component, node) {
		err := s.mayEvict(t, pod)
		if text := causes(err); !apierrors.IsTooManyRequests(err) || !strings.Contains(text, "budget "+budget+" ") {
			t.Errorf("pod %s beside a drain: %v (%s), want a refusal that names %s", pod.Name, err, text, budget)
		}
	}
}

// evict evicts pods, as a drain does: what is refused for now is tried again.
func (s *suite) evict(t *testing.T, pods []corev1.Pod) {
	t.Helper()
	for i := range pods {
		s.Eventually(t, pods[i].Name+" is evicted", func() error {
			err := s.Client.SubResource("eviction").Create(t.Context(), &pods[i], eviction(&pods[i]))
			if err != nil && !apierrors.IsNotFound(err) { // it is not there when the answer of an eviction was lost
				return fmt.Errorf("%w (%s)", err, causes(err))
			}
			return nil
		})
	}
}

// mayEvict asks whether a pod may be evicted, and evicts nothing.
func (s *suite) mayEvict(t *testing.T, pod corev1.Pod) error {
	t.Helper()
	only := eviction(&pod)
	only.DeleteOptions = &metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}
	return s.Client.SubResource("eviction").Create(t.Context(), &pod, only)
}

func eviction(pod *corev1.Pod) *policyv1.Eviction {
	return &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: pod.Namespace, Name: pod.Name}}
}

// causes is what a refusal says beside its message: the name of the budget.
func causes(err error) string {
	var refusal apierrors.APIStatus
	if !errors.As(err, &refusal) || refusal.Status().Details == nil {
		return ""
	}
	return fmt.Sprint(refusal.Status().Details.Causes)
}

// awaitEvictable waits until an OSD of a node may be evicted.
func (s *suite) awaitEvictable(t *testing.T, node string) {
	t.Helper()
	s.Eventually(t, "an OSD of "+node+" may be evicted", func() error {
		return s.mayEvict(t, s.podsOn(t, manifest.ComponentOSD, node)[0])
	})
}

// podsOn are the pods of a node's daemons of a kind.
func (s *suite) podsOn(t *testing.T, component, node string) []corev1.Pod {
	t.Helper()
	pods := slices.DeleteFunc(s.pods(t, component), func(p corev1.Pod) bool { return p.Spec.NodeName != node })
	if len(pods) == 0 {
		t.Fatalf("no %s on %s", component, node)
	}
	return pods
}

// eachDrained evicts Ceph's pods of each node in turn while somebody writes; of one alone, where the tests above drain the others,
// unless the environment says how often things are repeated.
func (s *suite) eachDrained(t *testing.T) {
	start, inTurn := time.Now(), nodes
	if os.Getenv(rounds.Kills) == "" {
		inTurn = nodes[len(nodes)-1:]
	}
	l := s.startLoad(t, "drained")
	for _, node := range inTurn {
		t.Run(node, func(t *testing.T) {
			s.uncordonAfter(t, node)
			s.Kubectl(t, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=150s",
				"--pod-selector="+v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(s.namespace, s.name))
			s.awaitNoout(t, `"crush_node_flags":{"`+node+`":["noout"]}`)
			s.Kubectl(t, "uncordon", node)
			s.awaitWhole(t)
			s.awaitNoout(t, `"crush_node_flags":{}`)
		})
	}
	l.end(t)
	s.watch.answered(t, start) // with the leader's node away the others elect another, and there is no quorum for a moment
	for _, x := range s.watch.since(start) {
		if !x.Silent && (x.Up < len(s.disks)-s.mostOnOneHost() || len(x.Quorum) == 1) {
			t.Errorf("more than one node was away: %+v", x)
		}
	}
}

// uncordonAfter lets a node serve again whatever became of the test.
func (s *suite) uncordonAfter(t *testing.T, node string) {
	t.Helper()
	t.Cleanup(func() { s.Kubectl(t, "uncordon", node) })
}

// awaitNoout waits until the osdmap says this of the flags of hosts.
func (s *suite) awaitNoout(t *testing.T, want string) {
	t.Helper()
	s.Eventually(t, "the osdmap has "+want, func() error {
		got, err := s.run(t.Context(), "ceph osd dump --format json")
		if err == nil && !strings.Contains(got, want) {
			err = fmt.Errorf("the osdmap lacks %s", want)
		}
		return err
	})
}
