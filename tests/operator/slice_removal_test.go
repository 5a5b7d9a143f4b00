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
	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// awaitWhole waits until all is there and nothing is wrong.
func (s *slicedSuite) awaitWhole(t *testing.T) {
	t.Helper()
	s.Eventually(t, "Ceph is healthy", func() error {
		if last, err := s.watch.last(); err != nil || !last.healthy(1, 1, s.osds) {
			return fmt.Errorf("it is %+v (%w)", last, err)
		}
		return nil
	})
}

// halvesRemoved removes the OSDs in the slices of a disk, beside another such disk in the same node. The disk is Usable by
// itself then, and is cut anew for two other OSDs; the other one is as it was.
func (s *slicedSuite) halvesRemoved(t *testing.T, d cluster.Disk, plugIn func() cluster.Disk) {
	beside := plugIn()
	s.osds += 2
	kept, disk := s.awaitCut(t, beside, 2), s.awaitCut(t, d, 2)
	s.awaitWhole(t)
	start := time.Now()
	s.operate(t, "remove-halves", v1alpha1.OperationRemove, disk.Name)
	done := s.awaitOperation(t, "remove-halves", v1alpha1.OperationSucceeded)
	t.Logf("both OSDs of a disk in slices removed after %.1f s", time.Since(start).Seconds())
	s.verified(t, done)
	s.Eventually(t, "the disk has other OSDs", func() error {
		again := s.StorageDisk(t, d)
		if again == nil || len(again.Status.OSDs) != 2 || slices.ContainsFunc(again.Status.OSDs, has(disk)) {
			return fmt.Errorf("it is %+v, and had %+v", again, disk.Status.OSDs)
		}
		return nil
	})
	s.awaitCut(t, d, 2)
	s.awaitWhole(t)
	s.besideUntouched(t, start, beside, kept)
}

// has says that a disk has, or had, an OSD.
func has(disk *v1alpha1.StorageDisk) func(v1alpha1.DiskOSD) bool {
	return func(osd v1alpha1.DiskOSD) bool {
		return slices.ContainsFunc(disk.Status.OSDs, func(other v1alpha1.DiskOSD) bool { return other.UUID == osd.UUID })
	}
}

// besideUntouched holds that a disk has the slices and OSDs that it had, and that no more OSDs were down at any time than the
// two that were removed.
func (s *slicedSuite) besideUntouched(t *testing.T, since time.Time, d cluster.Disk, before *v1alpha1.StorageDisk) {
	t.Helper()
	after := s.awaitCut(t, d, len(before.Status.Request.Slices))
	if diff := cmp.Diff(before.Status.Request.Slices, after.Status.Request.Slices); diff != "" {
		t.Errorf("%s has other slices (-before +after):\n%s", before.Name, diff)
	}
	if slices.ContainsFunc(before.Status.OSDs, func(osd v1alpha1.DiskOSD) bool { return !has(after)(osd) }) {
		t.Errorf("%s has %+v, and had %+v", before.Name, after.Status.OSDs, before.Status.OSDs)
	}
	s.watch.answered(t, since)
	for _, x := range s.watch.since(since) {
		if x.OSDs-x.Up > 2 || x.unserved() > 0 {
			t.Errorf("more than the two were down: %+v", x)
		}
	}
}

// sharedDB removes an OSD whose DB is on a disk where another OSD has its own. That is refused with what to do instead, or it
// gives the slice back alone: the slice and the OSD beside it are as they were either way.
func (s *slicedSuite) sharedDB(t *testing.T, hdd, db cluster.Disk) {
	start := time.Now()
	shared := s.awaitCut(t, db, 2)
	disk := s.AwaitVerdict(t, hdd, v1alpha1.VerdictInUse, v1alpha1.ReasonInUse)
	gone := disk.Status.OSDs[0]
	s.plan(t, "remove-with-db", v1alpha1.OperationRemove, disk.Name)
	if blockers := s.awaitPlan(t, "remove-with-db").Blockers; len(blockers) > 0 {
		if said := asJSON(t, blockers); !strings.Contains(said, `"SharedDBDisk"`) || !strings.Contains(said, "name disk "+shared.Name+" too") {
			t.Errorf("the removal is blocked by something else: %s", said)
		}
		s.Kubectl(t, "-n", s.namespace, "delete", "storageoperation", "remove-with-db")
		s.slicesKept(t, start, db, shared, nil)
		return
	}
	s.operate(t, "remove-with-db", v1alpha1.OperationRemove, disk.Name)
	s.verified(t, s.awaitOperation(t, "remove-with-db", v1alpha1.OperationSucceeded))
	s.awaitCut(t, db, 2)
	s.awaitWhole(t)
	s.slicesKept(t, start, db, shared, &gone.ID)
}

// awaitPlan waits until an operation is planned from what Ceph says.
func (c *ceph) awaitPlan(t *testing.T, name string) (plan v1alpha1.OperationPlan) {
	t.Helper()
	c.Eventually(t, name+" is planned", func() error {
		var operation v1alpha1.StorageOperation
		if err := c.Client.Get(t.Context(), c.key(name), &operation); err != nil {
			return err
		}
		status := operation.Status
		if status.Plan == nil || slices.ContainsFunc(status.Plan.Blockers, func(b v1alpha1.Refusal) bool { return b.Reason == v1alpha1.ReasonStaleData }) {
			return fmt.Errorf("it is %s", asJSON(t, status))
		}
		plan = *status.Plan
		return nil
	})
	return plan
}

// slicesKept holds that a disk has the slices that it had, but for those of an OSD that was removed, and that no other OSD
// was down.
func (s *slicedSuite) slicesKept(t *testing.T, since time.Time, d cluster.Disk, before *v1alpha1.StorageDisk, removed *int32) {
	t.Helper()
	now := s.StorageDisk(t, d)
	for _, slice := range before.Status.Request.Slices {
		gone := removed != nil && slice.OSD == *removed
		if now == nil || now.Status.Request == nil || slices.Contains(now.Status.Request.Slices, slice) == gone {
			t.Errorf("%s has %+v now, and had %+v; removed was osd %v", before.Name, now, slice, removed)
		}
	}
	s.watch.answered(t, since)
	for _, x := range s.watch.since(since) {
		if x.OSDs-x.Up > 1 {
			t.Errorf("more than one OSD was down: %+v", x)
		}
	}
}
