//go:build e2e

package operator

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// replaced makes an OSD anew on its own disk, and puts a new disk in the place of a dead one, while somebody writes. The OSDs
// keep their ids.
func (s *suite) replaced(t *testing.T) {
	start := time.Now()
	l := s.startLoad(t, "replaced")
	s.replacedByItself(t, s.disks[3])
	s.keptRedundancy(t, start)
	s.deadReplaced(t, &s.disks[4]) // with a disk that is pulled PGs are stale for a moment: the writer tells whether it waited
	l.end(t)
}

func (s *suite) replacedByItself(t *testing.T, d cluster.Disk) {
	t.Helper()
	before := s.awaitInService(t, d)
	start := time.Now()
	s.Apply(t, s.namespace, fmt.Sprintf(operationManifest, "replace-same", s.name, v1alpha1.OperationReplace,
		fmt.Sprintf("disks: [%s], replacement: %[1]s", before.Name)))
	s.approve(t, "replace-same")
	done := s.awaitOperation(t, "replace-same", v1alpha1.OperationSucceeded)
	s.verified(t, done)
	s.awaitWhole(t)
	t.Logf("an OSD was made anew on its own disk after %.1f s", time.Since(start).Seconds())
	s.keptID(t, before, d)
}

// deadReplaced pulls a disk for good, and puts in another after the operation asked for it.
func (s *suite) deadReplaced(t *testing.T, d *cluster.Disk) {
	t.Helper()
	before := s.awaitInService(t, *d)
	s.PullDisk(t, *d)
	s.awaitDiskState(t, before.Name, v1alpha1.DiskMissing)
	start := time.Now()
	s.plan(t, "replace-dead", v1alpha1.OperationReplace, before.Name)
	s.awaitRisk(t, "replace-dead", v1alpha1.RiskRedundancyLoss) // else it is another plan once Ceph knows of the disk
	s.approve(t, "replace-dead")
	s.awaitWaitingForDisk(t, "replace-dead")
	if known := s.uuidOf(t, before.Status.OSDs[0].ID); known == before.Status.OSDs[0].UUID {
		t.Errorf("osd.%d was not destroyed", before.Status.OSDs[0].ID)
	}
	*d = s.AddDisk(s.whole, d.Node, diskSize)
	done := s.awaitOperation(t, "replace-dead", v1alpha1.OperationSucceeded)
	if report := done.Targets[0].Report; report == nil || report.Result == v1alpha1.ReportVerified || !strings.Contains(report.Message, "not erased") {
		t.Errorf("a disk that is away is reported as %s", asJSON(t, report))
	}
	s.awaitWhole(t)
	t.Logf("a dead disk was replaced after %.1f s", time.Since(start).Seconds())
	s.keptID(t, before, *d)
}

// awaitRisk waits until the plan of an operation has a risk.
func (s *suite) awaitRisk(t *testing.T, name string, risk v1alpha1.Risk) {
	t.Helper()
	s.Eventually(t, name+" has the risk "+string(risk), func() error {
		if plan := s.awaitPlan(t, name); !slices.Contains(plan.Risks, risk) {
			return fmt.Errorf("its plan is %s", asJSON(t, plan))
		}
		return nil
	})
}

func (s *suite) awaitWaitingForDisk(t *testing.T, name string) {
	t.Helper()
	s.Eventually(t, name+" waits for a disk", func() error {
		var operation v1alpha1.StorageOperation
		if err := s.Client.Get(t.Context(), s.key(name), &operation); err != nil {
			return err
		}
		said := meta.FindStatusCondition(operation.Status.Conditions, v1alpha1.ConditionComplete)
		if said == nil || said.Reason != v1alpha1.ReasonWaitingForDisk {
			return fmt.Errorf("it is %s", asJSON(t, operation.Status))
		}
		return nil
	})
}

// keptID holds that a disk has the OSD of the id that was on another, or on it before, and that it is another OSD.
func (s *suite) keptID(t *testing.T, before *v1alpha1.StorageDisk, d cluster.Disk) {
	t.Helper()
	was, is := before.Status.OSDs[0], s.awaitInService(t, d).Status.OSDs[0]
	if is.ID != was.ID || is.UUID == was.UUID {
		t.Errorf("the OSD is %+v, and was %+v", is, was)
	}
	if known := s.uuidOf(t, is.ID); known != is.UUID {
		t.Errorf("Ceph's osd.%d has the uuid %s, want %s", is.ID, known, is.UUID)
	}
}
