//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// retained deletes the StorageCluster, whose policy is Retain, and applies it again: it is the same cluster, with the
// same data.
func (s *suite) retained(t *testing.T) {
	before := s.mustIdentity(t)
	reserved := s.reservations(t)
	s.ask(t, "ceph osd pool create kept 8 && ceph osd pool application enable kept rados && echo content | rados -p kept put object -")
	s.Kubectl(t, "-n", s.namespace, "delete", "storagecluster", s.name, "--timeout=150s")
	s.Eventually(t, "no daemon runs", func() error {
		if left := s.pods(t, ""); len(left) > 0 {
			return fmt.Errorf("%d pods are left", len(left))
		}
		return nil
	})
	if after := s.mustIdentity(t); after != before {
		t.Error("the identity was not kept")
	}
	start := time.Now()
	apply(t, s.Product, s.name)
	took := s.watch.awaitHealthy(t, s.ceph, start, 3, 2, len(s.disks))
	t.Logf("applied again to HEALTH_OK: %.1f s", took.Seconds())
	s.awaitWhole(t)
	if got := s.ask(t, "ceph fsid"); got != before.FSID {
		t.Errorf("fsid %s, before %s", got, before.FSID)
	}
	if got := s.ask(t, "rados -p kept get object -"); got != "content" {
		t.Errorf("the object holds %q", got)
	}
	for id, r := range s.reservations(t) {
		if reserved[id].UUID != r.UUID {
			t.Errorf("osd.%d is %s, was %s", id, r.UUID, reserved[id].UUID)
		}
	}
}

// storesLost stops one of three mons and empties the stores of the other two: no quorum may form of empty stores, and
// what to do is said. With the stores back all is well.
func (s *suite) storesLost(t *testing.T) {
	s.upAfter(t)
	stopped := s.monOn(t, "node3")
	lost := []handover.Mon{s.monOn(t, "node1"), s.monOn(t, "node2")}
	start := time.Now()
	s.Local(t, "node", "stop", stopped.Node)
	s.watch.await(t, s.ceph, start, "one mon is out", func(x state) bool { return len(x.Quorum) == 2 })
	for _, mon := range lost {
		s.onStore(t, mon, "mv $S $S.kept && mkdir $S && chown --reference=$S.kept $S")
		s.deletePodOf(t, mon)
	}
	for _, mon := range lost {
		s.awaitRefusal(t, mon)
	}
	s.Eventually(t, "it is said that both stores are missing", func() error {
		said := s.condition(t, "MonQuorum")
		if said.Status != "False" || said.Reason != "QuorumLost" {
			return fmt.Errorf("it is %s %s: %s", said.Status, said.Reason, said.Message)
		}
		for _, mon := range lost { // each is told when its pod refuses to start
			if !strings.Contains(said.Message, manifest.MonDaemon(mon.Name)+" on node "+mon.Node+" has lost its store") {
				return fmt.Errorf("of mon.%s it says nothing: %s", mon.Name, said.Message)
			}
		}
		t.Logf("MonQuorum: %s", said.Message)
		return nil
	})
	ended := time.Now()
	s.Local(t, "node", "start", stopped.Node)
	s.awaitRunning(t, stopped)
	s.noQuorum(t, ended)
	back := time.Now()
	for _, mon := range lost {
		s.onStore(t, mon, "rm -rf $S && mv $S.kept $S")
		s.deletePodOf(t, mon)
	}
	s.watch.awaitHealthy(t, s.ceph, back, 3, 2, len(s.disks))
	s.awaitWhole(t)
}

func (s *suite) monOn(t *testing.T, node string) handover.Mon {
	t.Helper()
	mons, err := s.mons(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, mon := range mons.Mons {
		if mon.Node == node {
			return mon
		}
	}
	t.Fatalf("no mon on %s: %+v", node, mons)
	return handover.Mon{}
}

// onStore runs a script on the node of a mon with its store in $S.
func (s *suite) onStore(t *testing.T, mon handover.Mon, script string) {
	t.Helper()
	store := handover.MonHostDir(s.mustIdentity(t).FSID, mon.Name)
	s.Exec(t, mon.Node, "sh", "-ec", "S="+store+"; "+script)
}

func (s *suite) deletePodOf(t *testing.T, mon handover.Mon) {
	t.Helper()
	s.Kubectl(t, "-n", s.namespace, "delete", "pods", "-l", s.selectorOf(mon), "--wait=false")
}

func (s *suite) selectorOf(mon handover.Mon) string {
	return manifest.LabelDaemon + "=" + manifest.MonDaemon(mon.Name)
}

// awaitRefusal waits until a mon's pod refuses to start, because its store is missing.
func (s *suite) awaitRefusal(t *testing.T, mon handover.Mon) {
	t.Helper()
	s.Eventually(t, "mon."+mon.Name+" refuses to start", func() error {
		for _, pod := range s.pods(t, manifest.ComponentMon) {
			for _, status := range pod.Status.ContainerStatuses {
				for _, ended := range []*terminated{status.State.Terminated, status.LastTerminationState.Terminated} {
					if pod.Labels[manifest.LabelDaemon] == manifest.MonDaemon(mon.Name) && ended != nil &&
						ended.ExitCode == handover.ExitRefused && strings.Contains(ended.Message, handover.ReasonStoreMissing) {
						return nil
					}
				}
			}
		}
		return fmt.Errorf("it did not")
	})
}

func (s *suite) awaitRunning(t *testing.T, mon handover.Mon) {
	t.Helper()
	s.Eventually(t, "mon."+mon.Name+" runs", func() error {
		for _, pod := range s.pods(t, manifest.ComponentMon) {
			if pod.Labels[manifest.LabelDaemon] == manifest.MonDaemon(mon.Name) && len(pod.Status.ContainerStatuses) > 0 &&
				pod.Status.ContainerStatuses[0].State.Running != nil {
				return nil
			}
		}
		return fmt.Errorf("it does not")
	})
}

// noQuorum sees for a while that no mons find each other. A mon by itself may answer, and names no quorum.
func (s *suite) noQuorum(t *testing.T, since time.Time) {
	t.Helper()
	while := time.NewTimer(15 * time.Second)
	defer while.Stop()
	<-while.C
	last, err := s.watch.last()
	if err != nil && !last.Silent {
		t.Fatalf("nobody looked: %v", err)
	}
	// The watcher speaks only of changes: what it said before may still hold.
	for _, x := range append(s.watch.since(since), last) {
		if !x.Silent && len(x.Quorum) > 0 {
			t.Fatalf("a quorum formed: %+v", x)
		}
	}
}
