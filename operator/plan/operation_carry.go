package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Names of the steps of operations.
const (
	stepDrain   = "Drain"
	stepWait    = "WaitUntilSafe"
	stepStop    = "Stop"
	stepPurge   = "Purge"
	stepDestroy = "Destroy"
	stepErase   = "Erase"
	stepPrepare = "Prepare"
)

// CarryObserved is what a StorageOperation is carried out from.
type CarryObserved struct {
	OperationObserved

	// Name and UID of the object, and whether it is being deleted.
	Name, UID string
	Deleting  bool
	// DeletionOf is the uid of the StorageCluster, if that is being deleted; empty: it is not.
	DeletionOf string
	// Erased says that it is being deleted and its disks are erased then: what takes the place of others is of no use any more.
	Erased bool
	// Made says that the operator made it because a disk failed.
	Made bool
	// Approvals of the cluster, and how many disks they have approved within a day.
	Approvals Approvals
	Automatic int32
	// Beside is how many disks operations are about, itself too, that were made because disks failed, within an hour of this one.
	Beside int32
	// Wanted is an operation that a person wants about the same disk; empty: there is none.
	Wanted string
	// Paused says that spec.pause keeps everything back.
	Paused bool
	// Busy is what of the cluster an operation does not begin beside; empty: nothing.
	Busy string
	// Record of the operation; nil: it has not begun.
	Record *manifest.OperationRecord
	// Reservations of the cluster, its Deployments, and the pods that are left of others.
	Reservations []Reservation
	Deployed     []Deployed
	Leaving      []Leaving
	// Nodes that answer, by name, and those whose discover reports: what is known of the disks of others may be old.
	Nodes, Reporting map[string]bool
	// AtWork are the nodes whose disks are gone or dead when discover says so.
	AtWork map[string]bool
	// Safe is what Ceph answered just now to whether the OSDs may be destroyed; nil: it was not asked, or gave no answer.
	Safe *ceph.SafeToDestroy
	// Unclean is which PGs were not active and clean right after that answer; empty: none.
	Unclean string
	// Unsafe is why the last look before a step kept it back; nil: it did not.
	Unsafe *v1alpha1.Refusal
	// Trouble is why a step that was tried failed; nil: none did.
	Trouble *v1alpha1.Refusal
	// ProgressAt is when the progress was last written; zero: not since the program began.
	ProgressAt time.Time
}

// Carried is what is to be done for an operation now, and its status.
type Carried struct {
	// Steps one after the other; the first that fails ends the pass.
	Steps  []Step
	Status v1alpha1.StorageOperationStatus
	// After is when to look again although nobody was woken; 0: no need.
	After time.Duration
}

// Ending says that a step is about to end: what it waits for may be in Ceph at any moment.
func (c Carried) Ending() bool { return c.After == lookSoon }

// How soon to look again, unless somebody wakes the operation.
const (
	lookSoon     = time.Second      // a step is about to end
	lookDraining = 2 * time.Second  // data moves
	lookWaiting  = 15 * time.Second // somebody else has to do something
	lookPolicy   = 10 * time.Minute // the policy may approve it later, as when a day is over

	// LookKeptBack is for a step that was refused when it was looked at: what was asked costs as much as to plan anew.
	LookKeptBack = 5 * time.Second
)

// carrying is an operation that is being carried out.
type carrying struct {
	in       CarryObserved
	record   *manifest.OperationRecord // as it is to be
	snapshot *ceph.Snapshot            // fresh, or nil
	osdmap   map[int32]*ceph.OSD
	disks    map[string]*v1alpha1.StorageDisk
	out      Carried
	stage    stage
	kept     map[string]string // disks that are not erased now, and why
}

// stage is where an operation is.
type stage struct {
	step    string
	state   v1alpha1.OperationState
	reason  string // of Complete
	message string
	done    bool
	failed  string
}

// Carry decides what is to be done for an operation. The same arguments give the same.
func Carry(in CarryObserved) Carried {
	if in.Record == nil {
		return begin(in)
	}
	c := &carrying{
		in: in, record: in.Record.Copy(), snapshot: in.Ceph.fresh(), osdmap: map[int32]*ceph.OSD{}, disks: map[string]*v1alpha1.StorageDisk{},
	}
	if c.snapshot != nil {
		for i := range c.snapshot.OSDs {
			c.osdmap[int32(c.snapshot.OSDs[i].ID)] = &c.snapshot.OSDs[i]
		}
	}
	for _, disk := range in.Disks {
		c.disks[disk.Name] = disk
	}
	c.proceed()
	if trouble := in.Trouble; trouble != nil && !c.stage.done && c.stage.failed == "" {
		c.stage.reason, c.stage.message = trouble.Reason, troubleText(*trouble)
	}
	c.out.Status = c.status()
	return c.out
}

func (c *carrying) add(do Action, reason string) {
	c.out.Steps = append(c.out.Steps, Step{ID: stepID(do), Reason: reason, Do: do})
}

// save has the record stored as it is now.
func (c *carrying) save(reason string) { c.add(RecordOperation{*c.record.Copy()}, reason) }

// is says where the operation is, and when to look again.
func (c *carrying) is(step string, after time.Duration, format string, args ...any) {
	c.stage = stage{step: step, state: v1alpha1.OperationRunning, reason: v1alpha1.ReasonRunning, message: fmt.Sprintf(format, args...)}
	c.out.After = after
}

// proceed decides on the next step.
func (c *carrying) proceed() {
	stops := c.in.Spec.Intent == v1alpha1.IntentCancel || c.in.Deleting
	switch {
	case stops && !c.in.Found:
		c.giveUp()
	case c.record.Cancelling || stops && !c.record.Final:
		c.undo()
	case c.in.Spec.Intent == v1alpha1.IntentHold && !c.ended():
		c.hold("spec.intent is Hold")
	case c.in.Paused && !c.ended():
		c.hold("spec.pause of the cluster is All")
	case c.in.Erased && c.atPrepare():
		c.supersede()
	case c.needsCeph() && c.snapshot == nil:
		c.is(c.stepNow(), lookWaiting, "it goes on when Ceph answers")
	default:
		c.advance()
	}
	c.refuseToStop(stops)
}

// refuseToStop says why an operation that is to end goes on all the same.
func (c *carrying) refuseToStop(stops bool) {
	if stops && c.record.Final && !c.stage.done && !c.record.GivenUp {
		c.stage.message = "it cannot be cancelled any more: a step that cannot be undone has begun; " + c.stage.message
	}
}

// giveUp ends an operation whose cluster is gone: nobody is left to undo anything in.
func (c *carrying) giveUp() {
	if c.record.Final {
		c.fail("the StorageCluster is gone")
		return
	}
	c.cancelled("cancelled; the StorageCluster is gone, and nothing was undone")
}

func (c *carrying) hold(why string) {
	text := why + ": no further step is taken"
	if takesOSDs(c.record.Type) && !c.record.Drained {
		text += "; its OSDs stay out, so that their data goes on moving"
	}
	c.is(c.stepNow(), lookWaiting, "%s", text)
	c.stage.state, c.stage.reason = v1alpha1.OperationHeld, v1alpha1.ReasonHeld
}

// advance takes the operation one step further.
func (c *carrying) advance() {
	switch {
	case c.record.Deletion:
		c.wipeDisks()
	case c.record.Type == v1alpha1.OperationWipe:
		c.erase()
	case c.record.Type == v1alpha1.OperationAdd:
		c.prepareAdded()
	case !c.drained():
		c.drain()
	case c.record.Type == v1alpha1.OperationDrain:
		c.finish("nothing needs %s any more: it is safe to destroy, and stays", c.osdNames())
	case !c.record.Final && c.spareAmiss() != "":
		c.is(stepStop, lookWaiting, "nothing is stopped or destroyed, for the disk in spec.replacement cannot take the place: %s; put that right, or cancel "+
			"this operation, which undoes it, and create another: kubectl seamount cancel %s", c.spareAmiss(), c.in.Name)
		c.stage.reason = v1alpha1.ReasonWaitingForDisk
	case !c.stopped():
		c.stop()
	case !c.purged():
		c.purge()
	case c.record.Type == v1alpha1.OperationReplace && c.record.Cleared():
		c.prepareSuccessors()
	default:
		c.erase()
	}
}

func (c *carrying) finish(format string, args ...any) {
	c.is(c.lastStep(), 0, format, args...)
	c.stage.state, c.stage.reason, c.stage.done = v1alpha1.OperationSucceeded, v1alpha1.ReasonSucceeded, true
}

func (c *carrying) lastStep() string {
	steps := c.record.Plan.Steps
	return steps[len(steps)-1].Name
}

// needsCeph says that the next step depends on what Ceph says.
func (c *carrying) needsCeph() bool {
	return takesOSDs(c.record.Type) && !c.purged() || c.record.Type == v1alpha1.OperationAdd ||
		c.record.Type == v1alpha1.OperationReplace && c.record.Cleared()
}

// stepNow is the step that the operation is at, as far as its record tells.
func (c *carrying) stepNow() string {
	switch {
	case c.record.Type == v1alpha1.OperationReplace && c.purged() && !c.record.Cleared():
		return stepErase
	case !takesOSDs(c.record.Type), c.purged():
		return c.lastStep()
	case c.record.Final:
		return c.stepGone()
	case c.record.Drained && c.record.Type != v1alpha1.OperationDrain:
		return stepStop
	case c.record.Drained:
		return stepWait
	}
	return stepDrain
}

// stepGone is the step with which the OSDs go.
func (c *carrying) stepGone() string {
	if c.record.Type == v1alpha1.OperationReplace {
		return stepDestroy
	}
	return stepPurge
}

func (c *carrying) osdNames() string {
	var names []string
	for _, osd := range c.record.OSDs {
		names = append(names, osdName(osd.ID))
	}
	return some(names)
}

// living lists the OSDs of the operation that Ceph has, by their uuids.
func (c *carrying) living() (ids []int32) {
	for _, osd := range c.record.OSDs {
		if known := c.osdmap[osd.ID]; known != nil && strings.EqualFold(known.UUID, osd.UUID) {
			ids = append(ids, osd.ID)
		}
	}
	return ids
}

// drained says that the OSDs were found to hold nothing that is needed, and that nobody put one in again since. When one was
// stopped, it is drained for good.
func (c *carrying) drained() bool {
	if !c.record.Drained || c.record.Final {
		return c.record.Final
	}
	return len(c.inside()) == 0
}

// inside lists the OSDs of the operation that are in.
func (c *carrying) inside() (ids []int32) {
	for _, id := range c.living() {
		if c.osdmap[id].In && !c.lostWhole(id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// drain takes the OSDs out, and waits until Ceph says that they are safe to destroy.
func (c *carrying) drain() {
	if in := c.inside(); len(in) > 0 {
		c.is(stepDrain, lookDraining, "%s is to be marked out", c.osdNames())
		c.add(TakeOut{in}, "its data is to move to other OSDs")
		return
	}
	if living := c.living(); len(living) > 0 && !c.allSafe(living) {
		c.is(stepDrain, lookDraining, "the data of %s moves to other OSDs", c.osdNames())
		return
	}
	c.record.Drained = true
	c.save("Ceph says that nothing needs its OSDs any more")
	c.is(stepWait, lookSoon, "Ceph says that nothing needs %s any more", c.osdNames())
	if c.record.Type != v1alpha1.OperationDrain {
		c.stage.step = stepDrain
	}
}

func (c *carrying) allSafe(ids []int32) bool {
	if c.in.Safe == nil {
		return false
	}
	for _, id := range ids {
		lost := c.lostWhole(id) && DeadIsNeeded(*c.in.Safe, int(id)) == ""
		if !lost && (!slices.Contains(c.in.Safe.Safe, int(id)) || c.in.Unclean != "") {
			return false
		}
	}
	return true
}

// stopped says that no daemon of the OSDs is left: each is marked as leaving, has no Deployment, and Ceph does not see it up.
func (c *carrying) stopped() bool { return c.record.Final || c.left(c.record.OSDs).text == "" }

// remains is what is left of daemons that are to stop, and when to look again.
type remains struct {
	text  string // empty: nothing
	after time.Duration
}

// left returns what is left of the daemons of OSDs.
func (c *carrying) left(osds []manifest.RecordedOSD) remains {
	for _, osd := range osds {
		name := osdName(osd.ID)
		r := c.reservation(osd)
		known := c.osdmap[osd.ID]
		switch {
		case r != nil && r.Leaving == "":
			return remains{name + " is to be stopped", lookSoon}
		case slices.ContainsFunc(c.in.Deployed, func(d Deployed) bool { return d.Daemon.String() == name }):
			return remains{"the Deployment of " + name + " goes", lookSoon}
		case slices.ContainsFunc(c.in.Leaving, func(l Leaving) bool { return l.Daemon.String() == name && c.in.Nodes[l.Node] }):
			// A daemon on a dead disk may take for ever to end, and the end of a pod is not asked of Ceph.
			return remains{"the pod of " + name + " ends", lookDraining}
		case known != nil && strings.EqualFold(known.UUID, osd.UUID) && known.Up:
			return remains{name + " is to go down", lookSoon}
		}
	}
	return remains{"", lookSoon}
}

// reservation of an OSD of the operation; nil: it is gone, or another OSD has its number by now.
func (c *carrying) reservation(osd manifest.RecordedOSD) *Reservation {
	at := slices.IndexFunc(c.in.Reservations, func(r Reservation) bool { return r.ID == osd.ID && strings.EqualFold(r.UUID, osd.UUID) })
	if at < 0 {
		return nil
	}
	return &c.in.Reservations[at]
}

func (c *carrying) stop() {
	left := c.left(c.record.OSDs)
	c.is(stepStop, left.after, "%s", left.text)
	if c.in.Busy != "" && len(c.marked()) == 0 {
		c.is(stepStop, lookWaiting, "it waits: %s", c.in.Busy)
		c.stage.reason = v1alpha1.ReasonWaitingForCluster
		return
	}
	if slices.ContainsFunc(c.record.OSDs, c.staying) {
		c.add(LeaveOSDs{c.record.OSDs}, "nothing needs its OSDs any more")
	}
}

// staying says that an OSD is not marked as leaving yet, or that its Deployment has not been told to go.
func (c *carrying) staying(osd manifest.RecordedOSD) bool {
	r, name := c.reservation(osd), osdName(osd.ID)
	return r != nil && r.Leaving == "" || slices.ContainsFunc(c.in.Deployed, func(d Deployed) bool { return d.Daemon.String() == name && !d.Deleting })
}

// purged says that all OSDs are gone from Ceph.
func (c *carrying) purged() bool {
	return c.record.Final && !slices.ContainsFunc(c.record.OSDs, func(osd manifest.RecordedOSD) bool { return !osd.Gone })
}

// purge is the first step that cannot be undone: that it begins is recorded before. A person may still want to cancel until
// then.
func (c *carrying) purge() {
	if !c.record.Final {
		c.record.Final = true
		c.save("the first step that cannot be undone begins")
	}
	if len(c.marked()) < len(c.reserved()) {
		c.add(LeaveOSDs{c.record.OSDs}, "what was reserved for its OSDs was stored anew")
	}
	gone := Action(PurgeOSDs{slices.Clone(c.record.OSDs)})
	if c.record.Type == v1alpha1.OperationReplace {
		gone = DestroyOSDs{slices.Clone(c.record.OSDs)}
	}
	c.add(gone, "nothing needs its OSDs any more, and they are stopped")
	for i := range c.record.OSDs {
		c.record.OSDs[i].Gone = true
	}
	c.save("its OSDs are gone from Ceph")
	if c.is(c.stepGone(), lookSoon, "%s is taken out of Ceph for good", c.osdNames()); c.record.Type == v1alpha1.OperationReplace {
		c.stage.message = fmt.Sprintf("%s is destroyed in Ceph, which keeps the id", c.osdNames())
	}
}
