package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// firstSetWait is how long the first mons wait for the disks to be claimed. The keys of the OSDs that are reserved by
// then lie in the seed, and these OSDs start without asking Ceph.
const firstSetWait = 5 * time.Second

// computation is a plan in the making.
type computation struct {
	in       Observed
	plan     Plan
	snapshot *ceph.Snapshot // fresh, or nil
	nodes    map[string]*Node
	deployed map[DaemonID]*Deployed
	osdmap   map[int32]*ceph.OSD // as it was seen last
	planned  map[string]bool     // the ids of the steps

	monRecords []monPlace         // recorded or planned
	mgrPlaces  []place            // that are to run
	mdsPlaces  []place            // that are to run
	mdsFiles   map[string]string  // the filesystem of each MDS that there is
	mdsRoles   map[string]mdsRole // of those that Ceph sees
	osds       []*Reservation     // recorded, in the order of their ids
	seeded     map[int32]bool     // OSDs whose keys the seed has, or will have once the plan is done
	image      imageChoice
}

func newComputation(in Observed) *computation {
	c := &computation{
		in: in, snapshot: in.Ceph.fresh(), nodes: map[string]*Node{}, deployed: map[DaemonID]*Deployed{},
		osdmap: map[int32]*ceph.OSD{}, planned: map[string]bool{}, seeded: map[int32]bool{},
	}
	c.noteSeeded(deref(in.Seed))
	if in.Ceph.Snapshot != nil {
		for i, osd := range in.Ceph.Snapshot.OSDs {
			c.osdmap[int32(osd.ID)] = &in.Ceph.Snapshot.OSDs[i]
		}
	}
	for i := range in.Nodes {
		c.nodes[in.Nodes[i].Name] = &in.Nodes[i]
	}
	for i := range in.Deployed {
		c.deployed[in.Deployed[i].Daemon] = &in.Deployed[i]
	}
	for i := range in.Reservations {
		c.osds = append(c.osds, &in.Reservations[i])
	}
	slices.SortFunc(c.osds, func(a, b *Reservation) int { return cmp.Compare(a.ID, b.ID) })
	c.noteMDSs()
	c.image = chooseImage(in, c.snapshot)
	c.plan.ImageHeld = c.image.held
	return c
}

func (c *computation) noteSeeded(seed Seed) {
	for _, id := range seed.OSDs {
		c.seeded[id] = true
	}
}

// stepID names an act on a target: the same act has the same name in every plan.
func stepID(do Action) string {
	name := strings.TrimPrefix(fmt.Sprintf("%T", do), "plan.")
	if target := do.Target(); target != "" {
		name += "/" + target
	}
	return name
}

// add appends a step. Of after, what is not in the plan is done already.
func (c *computation) add(do Action, reason string, after ...Action) {
	step := Step{ID: stepID(do), Reason: reason, Do: do}
	for _, before := range after {
		if id := stepID(before); c.planned[id] && !slices.Contains(step.After, id) {
			step.After = append(step.After, id)
		}
	}
	slices.Sort(step.After)
	c.planned[step.ID] = true
	c.plan.Steps = append(c.plan.Steps, step)
}

// wake makes sure that the next plan is made by then.
func (c *computation) wake(after time.Duration) {
	if c.plan.After == 0 || after < c.plan.After {
		c.plan.After = max(after, time.Millisecond)
	}
}

// refuse returns why nothing may be done for the cluster at all.
func (c *computation) refuse() *v1alpha1.Refusal {
	switch in := c.in; {
	case in.Deleting && keepsFromDeleting(in) == nil:
		return nil
	case in.Identity == nil && c.lost() != "":
		return c.lostRefusal(c.lost())
	case c.monsLost():
		return c.monsRefusal()
	case in.Deleting:
		return nil
	case in.Unavailable != "":
		return &v1alpha1.Refusal{Reason: v1alpha1.ReasonNotAvailable, Message: cut(in.Unavailable)}
	case in.Identity != nil && c.snapshot != nil && c.snapshot.FSID != in.Identity.FSID:
		return &v1alpha1.Refusal{
			Reason:  v1alpha1.ReasonAuthenticationFailed,
			Message: fmt.Sprintf("the Ceph cluster that answers has the fsid %s, and this one has %s", c.snapshot.FSID, in.Identity.FSID),
			Remedy:  "see which Services or nodes have the addresses of this cluster's mons",
		}
	case in.Identity == nil && c.image.held != nil:
		return c.image.held
	}
	return nil
}

// keepsFromDeleting returns why a StorageCluster that is being deleted goes on; nil: nothing keeps it.
//
// Once it is recorded that the disks are erased nothing does, not even a pool that is made only then: no OSD runs again on a disk
// that may be empty.
func keepsFromDeleting(in Observed) *v1alpha1.Refusal {
	if in.Wiping.Record != nil {
		return nil
	}
	if text := dependentsText(in.Dependents); text != "" {
		return &v1alpha1.Refusal{
			Reason: v1alpha1.ReasonDependentsExist, Message: "the cluster still holds " + text, Remedy: "delete them first",
		}
	}
	return wipeWaits(in)
}

func dependentsText(d v1alpha1.ClusterDependents) string {
	var parts []string
	for _, kind := range []struct {
		n    *int32
		noun string
	}{{d.Pools, "pool"}, {d.Filesystems, "filesystem"}, {d.ObjectStores, "object store"}, {d.Volumes, "volume"}} {
		if n := deref(kind.n); n > 0 {
			parts = append(parts, count(n, kind.noun))
		}
	}
	if len(parts) > 0 && len(d.First) > 0 {
		return strings.Join(parts, ", ") + " (" + some(d.First) + ")"
	}
	return strings.Join(parts, ", ")
}

// stop ends the daemons of a cluster that is deleted. Disks, keys and what says where everything is stay for now. The mons are
// last: an OSD that cannot tell them that it goes, or is only just starting, takes long to end.
func (c *computation) stop() {
	if c.recordWipe() {
		return
	}
	monsNeeded := c.monsNeeded()
	for _, id := range sortedDaemons(c.deployed) {
		switch {
		case id.Kind != DaemonMon:
			c.add(StopDaemon{id}, "the StorageCluster is being deleted")
		case !monsNeeded:
			c.add(StopDaemon{id}, "the StorageCluster is being deleted, and no other daemon of it is left")
		}
	}
	c.applyBudgets(nil)
	if len(c.deployed) == 0 && !monsNeeded {
		c.end()
	}
}

// monsNeeded says that a daemon is left that talks to the mons. A pod on a node that does not answer may be there for ever,
// and keeps nobody.
func (c *computation) monsNeeded() bool {
	for id := range c.deployed {
		if id.Kind != DaemonMon {
			return true
		}
	}
	return slices.ContainsFunc(c.in.Leaving, func(pod Leaving) bool {
		node := c.nodes[pod.Node]
		return pod.Daemon.Kind != DaemonMon && node != nil && node.Ready
	})
}

// finish keeps everything back while spec.pause says so, but the end of what must have one, and what holds people's drains to
// what Ceph can spare.
func (c *computation) finish() Plan {
	if c.in.Spec.Pause == v1alpha1.PauseAll {
		var ends []Step
		for _, step := range c.plan.Steps {
			switch step.Do.(type) {
			case EndNoout, ApplyBudget:
				ends = append(ends, step)
				continue
			}
			c.plan.Paused = append(c.plan.Paused, step)
		}
		c.plan.Steps, c.plan.Keep = ends, nil
	}
	return c.plan
}

func (c *computation) identity() {
	if c.in.Identity == nil {
		c.add(EnsureIdentity{}, "the cluster is new: its fsid and keys are made once")
	}
}

// sortedDaemons lists mons before mgrs before OSDs before MDSs, OSDs by number.
func sortedDaemons[T any](daemons map[DaemonID]T) []DaemonID {
	ids := make([]DaemonID, 0, len(daemons))
	for id := range daemons {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, compareDaemons)
	return ids
}

func compareDaemons(a, b DaemonID) int {
	return cmp.Or(cmp.Compare(a.Kind.rank(), b.Kind.rank()), cmp.Compare(len(a.Name), len(b.Name)), cmp.Compare(a.Name, b.Name))
}

// rank is the order in which Ceph's daemons are restarted.
func (k DaemonKind) rank() int {
	return slices.Index([]DaemonKind{DaemonMon, DaemonMgr, DaemonOSD, DaemonMDS}, k)
}
