//go:build e2e

package operator

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// suite is a cluster that the parts of a test share, one after the other: each leaves it healthy.
type suite struct {
	*ceph
	whole testing.TB // the test that all parts belong to
	watch *watch
	disks []cluster.Disk // that hold OSDs
}

func (s *suite) healthy() error {
	last, err := s.watch.last()
	switch {
	case last.healthy(3, 2, len(s.disks)):
		return nil
	case err != nil:
		return fmt.Errorf("it is %+v: %w", last, err)
	}
	return fmt.Errorf("it is %+v", last)
}

// awaitWhole waits until all pods run and Ceph is healthy.
func (s *suite) awaitWhole(t *testing.T) {
	t.Helper()
	s.Eventually(t, "all pods run and Ceph is healthy", func() error {
		running := 0
		for _, pod := range s.pods(t, "") {
			if len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].State.Running != nil {
				running++
			}
		}
		if want := 3 + 2 + len(s.disks); running != want {
			return fmt.Errorf("%d of %d pods run", running, want)
		}
		return s.healthy()
	})
}

// awaitHealthyAgain waits until trouble that began at start was seen, and then until it is over. It returns how long
// that took in all.
func (s *suite) awaitHealthyAgain(t *testing.T, start time.Time) time.Duration {
	t.Helper()
	trouble := s.watch.await(t, s.ceph, start, "the trouble is seen", func(x state) bool { return !x.healthy(3, 2, len(s.disks)) })
	after := start.Add(trouble)
	return trouble + s.watch.awaitHealthy(t, s.ceph, after, 3, 2, len(s.disks))
}

// newSuite brings up a cluster with so many new disks in each node, which goes with the test. More lines of spec can
// follow.
func newSuite(t *testing.T, name string, disksEach int, lines ...string) *suite {
	t.Helper()
	return newSuiteOn(t, installAll(t), name, disksEach, lines...)
}

// newSuiteOn is newSuite where Seamount is installed already.
func newSuiteOn(t *testing.T, p *product.Product, name string, disksEach int, lines ...string) *suite {
	t.Helper()
	disks := addDisks(t, p, disksEach)
	for _, d := range disks {
		p.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
	}
	start := time.Now()
	c := apply(t, p, name, lines...)
	c.removeAfter(t)
	s := &suite{ceph: c, whole: t, watch: c.watch(t), disks: disks}
	took := s.watch.awaitHealthy(t, c, start, 3, 2, len(disks))
	t.Logf("apply to HEALTH_OK: %.1f s (%s)", took.Seconds(), s.watch.phases(start, len(disks)))
	return s
}

// TestStorageCluster brings up one cluster of six disks, and does to it all that happens in a cluster's life.
func TestStorageCluster(t *testing.T) {
	s := newSuite(t, "main", 2)
	for _, part := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"AskedItself", (*suite).askedItself},
		{"DisksInService", (*suite).disksInService},
		{"Pools", (*suite).pools},
		{"Filesystem", (*suite).filesystem},
		{"HotPlug", (*suite).hotPlug},
		{"Deleted", (*suite).deleted},
		{"AllPodsDeleted", (*suite).allPodsDeleted},
		{"AtRest", (*suite).atRest},
		{"Pulled", (*suite).pulled},
		{"Cordoned", (*suite).cordoned},
		{"Drained", (*suite).drained},
		{"DrainsWait", (*suite).drainsWait},
		{"EachDrained", (*suite).eachDrained},
		{"DrainCancelled", (*suite).drainCancelled},
		{"Removed", (*suite).removed},
		{"RemovalRefused", (*suite).removalRefused},
		{"Forecast", (*suite).forecast},
		{"RemovedUnderKills", (*suite).removedUnderKills},
		{"EveryDiskRemoved", (*suite).everyDiskRemoved},
		{"RemovedWithoutDiscard", (*suite).removedWithoutDiscard},
		{"Replaced", (*suite).replaced},
		{"DiskFails", (*suite).diskFails},
		{"Wiped", (*suite).wiped},
		{"NodeStopped", (*suite).nodeStopped},
		{"PowerCut", (*suite).powerCut},
		{"Rollout", (*suite).rollout},
		{"Retained", (*suite).retained},
		{"StoresLost", (*suite).storesLost},
		{"DiskChanged", (*suite).diskChanged}, // last: the changed disk stays refused
	} {
		if !t.Run(part.name, func(t *testing.T) { part.run(s, t) }) {
			s.awaitWhole(t) // else the next part would only say that it is sick
		}
	}
}

// askedItself asks Ceph with its own program, in the pod of a mon.
func (s *suite) askedItself(t *testing.T) {
	// Ceph may place the PG of a pool that it just made once more as OSDs join, for a second or two.
	s.Eventually(t, "ceph health detail says HEALTH_OK", func() error {
		if got := s.ask(t, "ceph health detail"); got != "HEALTH_OK" {
			return errors.New(got)
		}
		return nil
	})
	if got := s.ask(t, "ceph health detail --format json"); !strings.Contains(got, `"mutes":[]`) {
		t.Errorf("mutes: %s", got)
	}
	tree := s.ask(t, "ceph osd tree")
	t.Logf("ceph osd tree\n%s", tree)
	for _, node := range nodes {
		if !strings.Contains(tree, "host "+node+" ") {
			t.Errorf("no host %s in CRUSH", node)
		}
	}
	if got, want := strings.Count(tree, " up "), len(s.disks); got != want {
		t.Errorf("%d OSDs are up, want %d", got, want)
	}
	if got, want := s.ask(t, "ceph fsid"), s.mustIdentity(t).FSID; got != want {
		t.Errorf("fsid %s, stored %s", got, want)
	}
	// A fresh cluster of release 20 takes no weak keys: none are left to mute warnings about.
	if got := s.ask(t, "ceph mon dump"); !strings.Contains(got, "min_mon_release 20") {
		t.Errorf("ceph mon dump:\n%s", got)
	}
	if found := s.restarts(t); len(found) > 0 {
		t.Errorf("containers were started again: %v", found)
	}
}

// disksInService holds what kubectl shows to what Ceph has.
func (s *suite) disksInService(t *testing.T) {
	reserved := s.reservations(t)
	seen := map[int32]bool{}
	for _, d := range s.disks {
		disk := s.awaitInService(t, d)
		if len(disk.Status.OSDs) != 1 {
			t.Fatalf("%s: OSDs %+v", disk.Name, disk.Status.OSDs)
		}
		osd := disk.Status.OSDs[0]
		if r := reserved[osd.ID]; r.UUID != osd.UUID || r.Data.Disk != disk.Name || seen[osd.ID] {
			t.Errorf("%s shows %+v, reserved is %+v", disk.Name, osd, r.Data)
		}
		seen[osd.ID] = true
		if disk.Status.Claim == nil || disk.Status.Claim.Name != s.name {
			t.Errorf("%s: claim %+v", disk.Name, disk.Status.Claim)
		}
	}
	t.Logf("kubectl get storagedisks -o wide\n%s", s.Kubectl(t, "get", "storagedisks", "-o", "wide"))
	for _, kind := range []string{"Ready", "Reachable", "MonQuorum", "DataHealthy", "DisksSettled", "UpToDate"} {
		s.awaitCondition(t, kind, metav1.ConditionTrue, "")
	}
	t.Logf("kubectl get storageclusters -o wide\n%s", s.Kubectl(t, "-n", s.namespace, "get", "storageclusters", "-o", "wide"))
}

// awaitInService waits until a disk is InService, and returns it.
func (s *suite) awaitInService(t *testing.T, d cluster.Disk) *v1alpha1.StorageDisk {
	t.Helper()
	var disk *v1alpha1.StorageDisk
	s.Eventually(t, d.Device+" of "+d.Node+" is in service", func() error {
		disk = s.StorageDisk(t, d)
		if disk == nil {
			return fmt.Errorf("it is not reported")
		}
		if disk.Status.State != v1alpha1.DiskInService || disk.Status.Verdict == nil || disk.Status.Verdict.Result != v1alpha1.VerdictInUse {
			return fmt.Errorf("state %s, verdict %+v, plan %+v", disk.Status.State, disk.Status.Verdict, disk.Status.Plan)
		}
		return nil
	})
	return disk
}

// awaitCondition waits for a condition of the StorageCluster; an empty reason is any.
func (c *ceph) awaitCondition(t testing.TB, kind string, status metav1.ConditionStatus, reason string) metav1.Condition {
	t.Helper()
	var found metav1.Condition
	c.Eventually(t, fmt.Sprintf("%s is %s %s", kind, status, reason), func() error {
		found = c.condition(t, kind)
		if found.Status != status || reason != "" && found.Reason != reason {
			return fmt.Errorf("it is %s %s: %s", found.Status, found.Reason, found.Message)
		}
		return nil
	})
	return found
}

// hotPlug measures how long a new disk takes to become an OSD.
func (s *suite) hotPlug(t *testing.T) {
	start := time.Now()
	d := s.addDisk("node1")
	up := s.watch.await(t, s.ceph, start, "one more OSD is up", func(x state) bool { return x.Up == len(s.disks) })
	t.Logf("disk plugged in to OSD up: %.1f s", up.Seconds())
	s.awaitInService(t, d)
	s.awaitWhole(t)
}

// addDisk plugs in a disk that stays until the whole test ends.
func (s *suite) addDisk(node string) cluster.Disk {
	d := s.AddDisk(s.whole, node, diskSize)
	s.disks = append(s.disks, d)
	return d
}
