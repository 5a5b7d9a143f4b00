//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
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
	s.Kubectl(t, "drain", "node2", "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=40s",
		"--pod-selector="+v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(s.namespace, s.name))
	s.awaitNoout(t, `"crush_node_flags":{"node2":["noout"]}`)
	s.Kubectl(t, "uncordon", "node2")
	took := s.awaitHealthyAgain(t, time.Now())
	t.Logf("uncordoned to HEALTH_OK: %.1f s", took.Seconds())
	s.awaitNoout(t, `"crush_node_flags":{}`)
	for _, x := range s.watch.since(start) {
		if x.Silent || x.Up < len(s.disks)-s.mostOnOneHost() {
			t.Errorf("more than one node was away: %+v", x)
		}
	}
	s.awaitWhole(t)
}

// eachDrained evicts Ceph's pods of each node in turn while somebody writes.
func (s *suite) eachDrained(t *testing.T) {
	start := time.Now()
	l := s.startLoad(t, "drained")
	for _, node := range nodes {
		t.Run(node, func(t *testing.T) {
			s.uncordonAfter(t, node)
			s.Kubectl(t, "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=90s",
				"--pod-selector="+v1alpha1.LabelCluster+"="+v1alpha1.ClusterLabelValue(s.namespace, s.name))
			s.awaitNoout(t, `"crush_node_flags":{"`+node+`":["noout"]}`)
			s.Kubectl(t, "uncordon", node)
			s.awaitWhole(t)
			s.awaitNoout(t, `"crush_node_flags":{}`)
		})
	}
	l.end(t)
	for _, x := range s.watch.since(start) {
		// With the leader's node away the others may take longer to agree than the watcher waits for an answer.
		if !x.Silent && (x.Up < len(s.disks)-s.mostOnOneHost() || len(x.Quorum) < 2) {
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
		if got := s.ask(t, "ceph osd dump --format json"); !strings.Contains(got, want) {
			return fmt.Errorf("the osdmap lacks %s", want)
		}
		return nil
	})
}
