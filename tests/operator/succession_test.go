//go:build e2e

package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// monGrace is how long a mon must be lost in these tests before another takes its place. Kubernetes itself needs most of it
// to see that a node is away.
const monGrace = 20 * time.Second

// TestMonFailover has a node more than mons. With the nodes of two mons off nothing is done, however long that lasts; the
// node of one destroyed, another takes its place.
func TestMonFailover(t *testing.T) {
	install(t)
	p := product.Install(t, len(nodes)+1, product.Discover, product.Operator)
	hasten(t, p)
	s := newSuiteOn(t, p, "voters", 1)
	s.awaitWhole(t)
	t.Run("TwoDown", s.twoMonsDown)
	t.Run("NodeDestroyed", s.monNodeDestroyed)
}

// hasten has the operator wait for a lost mon as long as these tests do, and keeps it off the nodes that they hurt.
func hasten(t *testing.T, p *product.Product) {
	t.Helper()
	p.Kubectl(t, "-n", product.Namespace, "patch", product.Operator.Workload, "--type=json", "-p", fmt.Sprintf(`[
		{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--mon-failover-after=%s"},
		{"op": "add", "path": "/spec/template/spec/nodeSelector", "value": {"kubernetes.io/hostname": "node1"}}]`, monGrace))
	t.Cleanup(func() {
		p.Kubectl(t, "-n", product.Namespace, "rollout", "undo", product.Operator.Workload)
		p.AwaitRollout(t, product.Operator)
	})
	p.AwaitRollout(t, product.Operator)
}

// monmap is what Ceph has of its mons.
type monmap struct {
	Epoch int `json:"epoch"`
	Mons  []struct {
		Name string `json:"name"`
		Addr string `json:"addr"`
	} `json:"mons"`
}

func (s *suite) monmap(t *testing.T) (m monmap) {
	t.Helper()
	s.askJSON(t, "ceph mon dump", &m)
	return m
}

// monsElsewhere are the mons that are not on the node where the operator is.
func (s *suite) monsElsewhere(t *testing.T) []handover.Mon {
	t.Helper()
	mons, err := s.mons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := slices.DeleteFunc(mons.Mons, func(m handover.Mon) bool { return m.Node == "node1" })
	if len(found) != 2 {
		t.Fatalf("the mons are %+v, want one of three on node1", mons.Mons)
	}
	return found
}

// twoMonsDown cuts the power of the nodes of two mons for longer than the grace.
func (s *suite) twoMonsDown(t *testing.T) {
	s.upAfter(t)
	before, lost := s.monmap(t), s.monsElsewhere(t)
	s.Local(t, "node", "kill", lost[0].Node, lost[1].Node)
	s.quorumLost(t, lost)
	beyond := time.NewTimer(monGrace + 10*time.Second)
	defer beyond.Stop()
	<-beyond.C
	s.quorumLost(t, lost)
	back := time.Now()
	s.Local(t, "node", "start", lost[0].Node, lost[1].Node)
	took := s.watch.awaitHealthy(t, s.ceph, back, 3, 2, len(s.disks))
	t.Logf("two of three mons were away; power on to HEALTH_OK: %.1f s", took.Seconds())
	s.awaitWhole(t)
	if diff := cmp.Diff(before, s.monmap(t)); diff != "" {
		t.Errorf("the monmap is another (-before +after):\n%s", diff)
	}
}

// quorumLost waits until the condition says which mons do not answer, and why.
func (s *suite) quorumLost(t *testing.T, lost []handover.Mon) {
	t.Helper()
	s.Eventually(t, "MonQuorum names the mons whose nodes are off", func() error {
		said := s.condition(t, "MonQuorum")
		if said.Status != "False" || said.Reason != "QuorumLost" {
			return fmt.Errorf("it is %s %s: %s", said.Status, said.Reason, said.Message)
		}
		for _, mon := range lost {
			if want := fmt.Sprintf("%s on node %s does not answer: node %[2]s is not ready", manifest.MonDaemon(mon.Name), mon.Node); !strings.Contains(said.Message, want) {
				return fmt.Errorf("it lacks %q: %s", want, said.Message)
			}
		}
		return nil
	})
	t.Logf("MonQuorum: %s", s.condition(t, "MonQuorum").Message)
}

// monNodeDestroyed cuts the power of the node of a mon for good, and takes it out of Kubernetes. What somebody writes is
// served meanwhile. Afterwards the node comes back without a mon.
func (s *suite) monNodeDestroyed(t *testing.T) {
	s.upAfter(t)
	l := s.startLoad(t, "destroyed")
	lost := s.monsElsewhere(t)[1]
	start := time.Now()
	s.Local(t, "node", "kill", lost.Node)
	s.Kubectl(t, "delete", "node", lost.Node)
	out := s.watch.await(t, s.ceph, start, "the mon is out of quorum", func(x state) bool { return len(x.Quorum) == 2 })
	took := s.watch.await(t, s.ceph, start.Add(out), "three mons are in quorum", func(x state) bool {
		return len(x.Quorum) == 3 && !slices.Contains(x.Quorum, lost.Name)
	})
	t.Logf("mon.%s lost with its node to a quorum of three: %.1f s, which is %.1f s after the grace of %s",
		lost.Name, took.Seconds(), (took - monGrace).Seconds(), monGrace)
	if out+took < monGrace {
		t.Errorf("another mon took its place %s after the power was cut, and the grace is %s", out+took, monGrace)
	}
	s.awaitSuccession(t, lost)
	s.awaitEvent(t, v1alpha1.KindStorageCluster, s.name, v1alpha1.ReasonFailingOver)
	s.Local(t, "node", "start", lost.Node)
	s.AwaitNode(t, lost.Node, true)
	s.awaitWhole(t)
	l.end(t)
}

// awaitSuccession waits until the lost mon is out of the monmap and of what is recorded, and all others are in quorum.
func (s *suite) awaitSuccession(t *testing.T, lost handover.Mon) {
	t.Helper()
	s.awaitCondition(t, "MonQuorum", "True", "AllInQuorum")
	s.Eventually(t, "the lost mon is forgotten", func() error {
		mons, err := s.mons(t.Context())
		if err != nil {
			return err
		}
		had := func(m handover.Mon) bool { return m.Name == lost.Name || m.Node == lost.Node }
		if len(mons.Mons) != 3 || slices.ContainsFunc(mons.Mons, had) {
			return fmt.Errorf("recorded are %+v", mons.Mons)
		}
		return nil
	})
	if now := s.monmap(t); len(now.Mons) != 3 {
		t.Errorf("the monmap is %+v", now)
	}
}
