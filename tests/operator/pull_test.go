//go:build e2e

package operator

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// pulled pulls the disk of an OSD while somebody writes, and puts it back; then it is put into another node, and back
// again. It is the same OSD each time.
func (s *suite) pulled(t *testing.T) {
	l := s.startLoad(t, "pulled")
	before := s.awaitInService(t, s.disks[2])
	home := s.disks[2].Node
	start := time.Now()
	s.PullDisk(t, s.disks[2])
	s.toldMissing(t, before, start)
	s.putBack(t, home, before)
	s.PullDisk(t, s.disks[2])
	s.awaitDiskState(t, before.Name, v1alpha1.DiskMissing)
	s.inAnotherNode(t, "node1", before)
	s.putBack(t, home, before)
	l.end(t)
}

// toldMissing prints how long it takes until the condition of a pulled disk and its event say so, and holds that the cluster
// says it too.
func (s *suite) toldMissing(t *testing.T, disk *v1alpha1.StorageDisk, start time.Time) {
	t.Helper()
	s.awaitDiskState(t, disk.Name, v1alpha1.DiskMissing)
	condition := time.Since(start)
	s.awaitEvent(t, v1alpha1.KindStorageDisk, disk.Name, v1alpha1.ReasonMissing)
	t.Logf("disk pulled to its condition: %.1f s; to its event: %.1f s; the bar is 10 s", condition.Seconds(), time.Since(start).Seconds())
	said := s.awaitCondition(t, "DisksSettled", "False", v1alpha1.ReasonDiskMissing)
	if want := fmt.Sprintf("%s on node %s: node %[2]s does not see this disk, which osd.%d needs", disk.Name, disk.Status.Node, disk.Status.OSDs[0].ID); !strings.Contains(said.Message, want) {
		t.Errorf("DisksSettled says %q, and lacks %q", said.Message, want)
	}
}

// putBack puts the disk back into its node, and holds that the same OSD comes up of it.
func (s *suite) putBack(t *testing.T, node string, before *v1alpha1.StorageDisk) {
	t.Helper()
	start := time.Now()
	s.disks[2] = s.InsertDisk(t, node, s.disks[2])
	s.awaitWhole(t)
	after := s.awaitInService(t, s.disks[2])
	t.Logf("disk put back to HEALTH_OK: %.1f s", time.Since(start).Seconds())
	was, is := before.Status.OSDs[0], after.Status.OSDs[0]
	if after.Name != before.Name || after.UID != before.UID || is.ID != was.ID || is.UUID != was.UUID {
		t.Errorf("it is %s with %+v, and was %s with %+v", after.Name, is, before.Name, was)
	}
	if known := s.uuidOf(t, was.ID); known != was.UUID {
		t.Errorf("Ceph's osd.%d has the uuid %s, want %s", was.ID, known, was.UUID)
	}
	s.awaitCondition(t, "DisksSettled", "True", "")
}

// inAnotherNode puts the disk into another node. A loop device is known by its node: there it is another object, which says
// whose OSD it holds; it is not given away, and its OSD, which belongs to the node that it was in, does not run.
func (s *suite) inAnotherNode(t *testing.T, node string, before *v1alpha1.StorageDisk) {
	t.Helper()
	s.disks[2] = s.InsertDisk(t, node, s.disks[2])
	there := s.AwaitVerdict(t, s.disks[2], v1alpha1.VerdictInUse, v1alpha1.ReasonInUse)
	s.awaitDiskState(t, there.Name, v1alpha1.DiskDown)
	osd := before.Status.OSDs[0]
	if said, want := there.Status.Verdict.Reasons[0].Message, fmt.Sprintf("holds osd.%d of cluster %s/%s", osd.ID, s.namespace, s.name); said != want {
		t.Errorf("its verdict says %q, want %q", said, want)
	}
	s.awaitCondition(t, "DisksSettled", "False", v1alpha1.ReasonDiskMissing)
	s.Eventually(t, "one OSD is down", func() error {
		last, err := s.watch.last()
		if err == nil && (last.Up != len(s.disks)-1 || last.OSDs != len(s.disks)) {
			err = fmt.Errorf("of %d: %+v", len(s.disks), last)
		}
		return err
	})
	s.PullDisk(t, s.disks[2])
	s.awaitDiskState(t, there.Name, v1alpha1.DiskMissing)
}

// awaitDiskState waits until a disk, which need not be in its node, is in a state, and its condition InService with it.
func (s *suite) awaitDiskState(t *testing.T, name string, want v1alpha1.DiskState) {
	t.Helper()
	var disk v1alpha1.StorageDisk
	s.Eventually(t, name+" is "+string(want), func() error {
		if err := s.Client.Get(t.Context(), client.ObjectKey{Name: name}, &disk); err != nil {
			return err
		}
		if disk.Status.State != want || !meta.IsStatusConditionFalse(disk.Status.Conditions, v1alpha1.ConditionInService) {
			return fmt.Errorf("it is %s: %+v", disk.Status.State, disk.Status.Conditions)
		}
		return nil
	})
}

// awaitEvent waits for an event of an object.
func (c *ceph) awaitEvent(t *testing.T, kind, name, reason string) {
	t.Helper()
	c.Eventually(t, "an event "+reason+" of "+name, func() error {
		out, err := c.TryKubectl("", "get", "events", "-A", "-o", "jsonpath={.items[*].message}",
			"--field-selector=involvedObject.kind="+kind+",involvedObject.name="+name+",reason="+reason)
		if err == nil && out == "" {
			err = fmt.Errorf("there is none")
		}
		return err
	})
}

// uuidOf is the uuid that Ceph knows an OSD by.
func (s *suite) uuidOf(t *testing.T, id int32) string {
	t.Helper()
	var dump struct {
		OSDs []struct {
			OSD  int32
			UUID string
		}
	}
	s.askJSON(t, "ceph osd dump", &dump)
	for _, osd := range dump.OSDs {
		if osd.OSD == id {
			return osd.UUID
		}
	}
	return ""
}
