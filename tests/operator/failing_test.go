//go:build e2e

package operator

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

// diskFails lets the disk of an OSD answer everything with EIO while somebody writes. The OSD dies, and dies again each time it is
// started; the disk says what is wrong with it; and a new disk takes its place under the id of that OSD. Nothing is written to the
// disk that fails.
func (s *suite) diskFails(t *testing.T) {
	file := loopdev.NewFUSEFile(t, 6<<30)
	l := s.startLoad(t, "failing")
	s.disks = append(s.disks, s.AddFile(t, "node2", file.Path))
	d := &s.disks[len(s.disks)-1]
	before := s.awaitInService(t, *d)
	s.awaitWhole(t)

	start := time.Now()
	file.Fail(loopdev.Reads | loopdev.Writes)
	down := s.watch.await(t, s.ceph, start, "its OSD is down", func(x state) bool { return x.Up == len(s.disks)-1 })
	t.Logf("disk fails to OSD down: %.1f s", down.Seconds())
	s.toldFailing(t, before, start)

	start = time.Now()
	s.plan(t, "replace-failing", v1alpha1.OperationReplace, before.Name)
	s.awaitRisk(t, "replace-failing", v1alpha1.RiskRedundancyLoss)
	s.approve(t, "replace-failing")
	s.awaitWaitingForDisk(t, "replace-failing")
	failed := *d
	*d = s.AddDisk(s.whole, d.Node, diskSize)
	done := s.awaitOperation(t, "replace-failing", v1alpha1.OperationSucceeded)
	if report := done.Targets[0].Report; report == nil || report.Result == v1alpha1.ReportVerified || !strings.Contains(report.Message, "not erased") {
		t.Errorf("a disk that fails is reported as %s", asJSON(t, report))
	}
	s.awaitWhole(t)
	t.Logf("a failing disk was replaced after %.1f s", time.Since(start).Seconds())
	s.keptID(t, before, *d)
	l.end(t)
	s.takeOut(t, failed)
}

// takeOut pulls a disk, and waits until nobody on the machine has its file any more.
func (s *suite) takeOut(t *testing.T, d cluster.Disk) {
	t.Helper()
	s.PullDisk(t, d)
	s.Eventually(t, d.Device+" lets go of its file", func() error {
		_, err := os.Stat("/sys/block/" + d.Device + "/loop/backing_file")
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return cmp.Or(err, errors.New("it has it still"))
	})
}

// toldFailing holds that a disk, its event and its cluster name the error, and that nobody takes it for one that can be used.
func (s *suite) toldFailing(t *testing.T, before *v1alpha1.StorageDisk, start time.Time) {
	t.Helper()
	const failure = "input/output error"
	s.awaitDiskState(t, before.Name, v1alpha1.DiskFailed)
	t.Logf("disk fails to its condition: %.1f s", time.Since(start).Seconds())
	s.awaitEvent(t, v1alpha1.KindStorageDisk, before.Name, v1alpha1.ReasonPrepareFailed)
	s.Eventually(t, "DisksSettled names the disk and its error", func() error {
		said := s.condition(t, "DisksSettled")
		if said.Reason != v1alpha1.ReasonPrepareFailed || !strings.Contains(said.Message, before.Name) || !strings.Contains(said.Message, failure) {
			return fmt.Errorf("it is %s %s: %s", said.Status, said.Reason, said.Message)
		}
		return nil
	})
	disk := s.AwaitVerdict(t, s.disks[len(s.disks)-1], v1alpha1.VerdictRejected, v1alpha1.ReasonUnreadableSectors)
	t.Logf("disk fails to its verdict: %.1f s", time.Since(start).Seconds())
	usable := meta.FindStatusCondition(disk.Status.Conditions, v1alpha1.ConditionUsable)
	if usable == nil || !strings.Contains(usable.Message, failure) || disk.Status.Verdict.Seal != "" {
		t.Errorf("the disk says %s", asJSON(t, disk.Status))
	}
	if osds := disk.Status.OSDs; len(osds) != 1 || osds[0].UUID != before.Status.OSDs[0].UUID {
		t.Errorf("the disk had %s, and has %s", asJSON(t, before.Status.OSDs), asJSON(t, osds))
	}
	s.Eventually(t, "its OSD was started again, and ended", func() error {
		return s.endedAgain(t, before.Status.OSDs[0].ID, failure)
	})
}

// endedAgain says what is missing until the pod of an OSD was started more than once and ended, with words in its message.
func (s *suite) endedAgain(t *testing.T, id int32, words string) error {
	t.Helper()
	found := s.restarts(t)
	for _, text := range found {
		if strings.HasPrefix(text, manifest.OSDName(s.name, id)+"-") && strings.Contains(text, words) {
			t.Log(text)
			return nil
		}
	}
	return fmt.Errorf("containers that were started again: %v", found)
}
