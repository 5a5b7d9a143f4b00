//go:build e2e

package operator

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// foreign is what makes a disk somebody else's, and the reason for which it is rejected then.
var foreign = []struct{ node, script, reason string }{
	{"node1", "mkfs.ext4 -q DEVICE", v1alpha1.ReasonFilesystem},
	{"node3", "sgdisk -n 1:0:0 DEVICE", v1alpha1.ReasonPartitionTable},
}

// foreignSize is one that no rule selects: what is wiped stays Usable.
const foreignSize = "5G"

// wiped wipes disks of somebody else, in two nodes at once, once a person has accepted that. A disk in service is not wiped.
func (s *suite) wiped(t *testing.T) {
	var disks []cluster.Disk
	var names []string
	for _, f := range foreign {
		d := s.AddDisk(t, f.node, foreignSize)
		s.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
		s.Exec(t, f.node, "sh", "-ec", strings.ReplaceAll(f.script, "DEVICE", d.Path))
		disks = append(disks, d)
		names = append(names, s.awaitJudged(t, d, f.reason).Name)
	}
	start := time.Now()
	s.operate(t, "wipe-foreign", v1alpha1.OperationWipe, names...)
	done := s.awaitOperation(t, "wipe-foreign", v1alpha1.OperationSucceeded)
	t.Logf("wiped after %.1f s: %s", time.Since(start).Seconds(), asJSON(t, done))
	if want := []v1alpha1.Risk{v1alpha1.RiskDataLoss, v1alpha1.RiskForeignData}; !slices.Equal(done.Plan.Risks, want) {
		t.Errorf("the risks were %v, want %v", done.Plan.Risks, want)
	}
	s.verified(t, done)
	for _, d := range disks {
		s.AwaitVerdict(t, d, v1alpha1.VerdictUsable, "")
		if left := s.Exec(t, d.Node, "sh", "-ec", "head -c 1048576 "+d.Path+" | tr -d '\\0' | wc -c"); left != "0" {
			t.Errorf("%s bytes of the first MiB of %s are not zero", left, d.Path)
		}
	}
	s.wipeRefused(t, s.awaitInService(t, s.disks[0]).Name)
}

// awaitJudged waits until a disk is rejected as it is now: discover may judge it while somebody still writes to it, and a plan for
// a disk that was judged halfway is refused by the agent.
func (s *suite) awaitJudged(t *testing.T, d cluster.Disk, reason string) *v1alpha1.StorageDisk {
	t.Helper()
	device, err := os.Open(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer device.Close()
	var found *v1alpha1.StorageDisk
	s.Eventually(t, d.Device+" is judged as it is", func() error {
		found = s.AwaitVerdict(t, d, v1alpha1.VerdictRejected, reason)
		return seal.CheckOccupied(t.Context(), device, *found.Status.Identity, found.Status.Verdict.Seal)
	})
	return found
}

// verified holds that every target was read back.
func (c *ceph) verified(t *testing.T, status v1alpha1.StorageOperationStatus) {
	t.Helper()
	if len(status.Targets) == 0 {
		t.Errorf("no disk is reported: %s", asJSON(t, status))
	}
	for _, target := range status.Targets {
		if target.Report == nil || target.Report.Result != v1alpha1.ReportVerified || target.Report.ErasedBytes == nil {
			t.Errorf("%s was not read back: %s", target.Disk, asJSON(t, target))
		}
	}
}

// wipeRefused asks to wipe a disk in service.
func (s *suite) wipeRefused(t *testing.T, disk string) {
	t.Helper()
	s.plan(t, "wipe-served", v1alpha1.OperationWipe, disk)
	status := s.awaitOperation(t, "wipe-served", v1alpha1.OperationRefused)
	if said := asJSON(t, status.Plan.Blockers); !strings.Contains(said, `"InService"`) {
		t.Errorf("no blocker says that the disk is in service: %s", said)
	}
	s.Kubectl(t, "-n", s.namespace, "delete", "storageoperation", "wipe-served")
}
