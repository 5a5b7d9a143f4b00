package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// replaceAgain is how long none is made for a disk whose last one was superseded: a disk that comes and goes is a person's to look at.
const replaceAgain = time.Hour

// FailedDisk is a disk that is to be replaced, with all that goes with it.
type FailedDisk struct {
	// Node that it is in, and Why it is gone or dead.
	Node, Why string
	// Since is when the last of the disks failed.
	Since time.Time
	// Disks to be named: it, and those of the OSDs whose DBs were on it that failed too.
	Disks []string
	// OSDs that it had.
	OSDs []manifest.RecordedOSD
}

// MakeReplace makes a StorageOperation of type Replace for a disk that failed, and then notes in the reservations of its OSDs that it was
// made. The executor looks once more: at the cluster, at the operations, and whether Ceph needs the OSDs.
type MakeReplace struct {
	Name   string
	Failed FailedDisk
}

// ForgetReplace takes the note of MakeReplace off reservations: their OSDs are up again.
type ForgetReplace struct{ OSDs []manifest.RecordedOSD }

// Target implements Action.
func (a MakeReplace) Target() string { return a.Name }

// Target implements Action.
func (a ForgetReplace) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// replaceFailed has an operation made for each disk that is gone or dead, whose OSDs are down and out, once what they held is whole
// elsewhere. It does not wait for a disk that takes the place: such a one would be a new OSD before this one is found.
func (c *computation) replaceFailed() {
	if c.snapshot == nil || c.in.Disks == nil || c.in.Deleting {
		return
	}
	c.forgetReplaced()
	if NotRecovered(c.snapshot) != "" {
		return
	}
	for _, failed := range c.failedDisks() {
		if left := FailedFor - c.in.Now.Sub(failed.Since); left > 0 {
			c.wake(left)
			continue
		}
		name, wait := c.nameReplace(&failed)
		if wait > 0 {
			c.wake(wait)
		}
		if name != "" {
			c.add(MakeReplace{name, failed}, fmt.Sprintf("disk %s had %s, which is down, out and recovered elsewhere: %s",
				failed.Disks[0], osdNamesOf(failed.OSDs), failed.Why))
			c.wake(lookWaiting) // when the executor finds that it may not be made yet
		}
	}
}

// NotRecovered says why what OSDs held that are down is not known to be whole elsewhere; empty: it is.
func NotRecovered(s *ceph.Snapshot) string { return cmp.Or(UncleanPGs(s.PGs), NeedsDead(s)) }

// forgetReplaced forgets what was made for OSDs that are up again.
func (c *computation) forgetReplaced() {
	var again []manifest.RecordedOSD
	for _, r := range c.osds {
		known := c.osdmap[r.ID]
		if r.Replaced != "" && known != nil && known.Up && known.In && strings.EqualFold(known.UUID, r.UUID) {
			again = append(again, manifest.RecordedOSD{ID: r.ID, UUID: r.UUID})
		}
	}
	if len(again) > 0 {
		c.add(ForgetReplace{again}, "they are up again")
	}
}

// failedDisks lists the disks for which an operation is to be there, in the order of their names. One whose DB was on another of them
// goes with that.
func (c *computation) failedDisks() (found []FailedDisk) {
	failed := map[string]*DiskEntry{}
	for i := range c.in.Disks.Entries {
		if entry := &c.in.Disks.Entries[i]; entry.Failed != "" && c.lostAll(entry) {
			failed[entry.Disk] = entry
		}
	}
	for _, name := range sortedStrings(failed) {
		entry := failed[name]
		if slices.ContainsFunc(entry.Serving, func(osd v1alpha1.DiskOSD) bool { return failed[osd.DBDisk] != nil }) {
			continue
		}
		disk := FailedDisk{Node: entry.Node, Why: entry.Failed, Since: entry.FailedSince, Disks: []string{name}}
		for _, osd := range entry.Serving {
			disk.OSDs = append(disk.OSDs, manifest.RecordedOSD{ID: osd.ID, UUID: osd.UUID})
		}
		for _, other := range sortedStrings(failed) {
			if slices.ContainsFunc(failed[other].Serving, func(osd v1alpha1.DiskOSD) bool { return osd.DBDisk == name }) {
				disk.Disks = append(disk.Disks, other)
				if since := failed[other].FailedSince; since.After(disk.Since) {
					disk.Since = since
				}
			}
		}
		found = append(found, disk)
	}
	return found
}

// lostAll says that a disk has OSDs, and that each of them is down and out, and is not taken away by anybody.
func (c *computation) lostAll(entry *DiskEntry) bool {
	for _, osd := range entry.Serving {
		r, known := c.reservationOf(osd.ID), c.osdmap[osd.ID]
		if r == nil || r.Leaving != "" || !strings.EqualFold(r.UUID, osd.UUID) || known == nil || !LostForGood(known, osd.UUID) {
			return false
		}
	}
	return len(entry.Serving) > 0
}

// LostForGood says that an OSD is the one of a uuid, and down and out.
func LostForGood(osd *ceph.OSD, uuid string) bool {
	return strings.EqualFold(osd.UUID, uuid) && !osd.Up && !osd.In && !Destroyed(osd)
}

func (c *computation) reservationOf(id int32) *Reservation {
	at := slices.IndexFunc(c.osds, func(r *Reservation) bool { return r.ID == id })
	if at < 0 {
		return nil
	}
	return c.osds[at]
}

// nameReplace names the operation that is to be made for a disk; empty: none is. wait is when that is to be looked at again.
func (c *computation) nameReplace(failed *FailedDisk) (name string, wait time.Duration) {
	noted := c.notedReplace(failed)
	for _, operation := range c.in.Operations {
		switch made := operation.Labels[v1alpha1.LabelMadeFor] == v1alpha1.MadeForFailedDisk; {
		case !Covers(operation, failed):
		case !OperationFinished(&operation.Status) && made && noted != operation.Name:
			return operation.Name, 0 // it is made, and not noted yet
		case !OperationFinished(&operation.Status):
			return "", 0
		case made && operation.Spec.Intent == v1alpha1.IntentCancel && slices.Contains(operation.Spec.Disks, failed.Disks[0]):
			return "", 0 // a person does not want it
		case made && operation.Status.State == v1alpha1.OperationSuperseded:
			wait = max(wait, replaceAgain-c.in.Now.Sub(endedAt(operation)))
		}
	}
	if wait > 0 || noted != "" && c.operationNamed(noted) == nil {
		return "", wait // it comes and goes; or a person deleted the one that was made
	}
	return c.nextReplace(failed.OSDs[0].ID), 0
}

// nextReplace is the first name for an OSD that no operation has.
func (c *computation) nextReplace(osd int32) string {
	for number := 1; ; number++ {
		if name := manifest.ReplaceOperationName(c.in.Key.Name, osd, number); c.operationNamed(name) == nil {
			return name
		}
	}
}

func (c *computation) operationNamed(name string) *v1alpha1.StorageOperation {
	at := slices.IndexFunc(c.in.Operations, func(o *v1alpha1.StorageOperation) bool { return o.Name == name })
	if at < 0 {
		return nil
	}
	return c.in.Operations[at]
}

// notedReplace returns the operation that was made last for the OSDs of a disk; empty: none.
func (c *computation) notedReplace(failed *FailedDisk) string {
	for _, osd := range failed.OSDs {
		if r := c.reservationOf(osd.ID); r != nil && r.Replaced != "" {
			return r.Replaced
		}
	}
	return ""
}

// Covers says that an operation is about one of the disks of a failed one, in whatever way. A mere question is about none.
func Covers(operation *v1alpha1.StorageOperation, failed *FailedDisk) bool {
	if _, asks := operation.Labels[v1alpha1.LabelWhatIf]; asks {
		return false
	}
	return operation.Spec.Node == failed.Node || slices.ContainsFunc(failed.Disks, func(disk string) bool {
		return operation.Spec.Replacement == disk || slices.Contains(operation.Spec.Disks, disk) ||
			slices.ContainsFunc(operation.Status.Targets, func(t v1alpha1.OperationTarget) bool { return t.Disk == disk })
	})
}

func endedAt(operation *v1alpha1.StorageOperation) time.Time {
	if complete := meta.FindStatusCondition(operation.Status.Conditions, v1alpha1.ConditionComplete); complete != nil {
		return complete.LastTransitionTime.Time
	}
	return operation.CreationTimestamp.Time
}

// waitingOperations names the operations of a cluster that wait for a person, in their order.
func waitingOperations(operations []*v1alpha1.StorageOperation) (names []string) {
	for _, operation := range operations {
		if operation.Status.State == v1alpha1.OperationAwaitingApproval {
			names = append(names, operation.Name)
		}
	}
	slices.Sort(names)
	return names
}
