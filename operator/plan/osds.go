package plan

import (
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// reserve chooses the ids of new OSDs. Before the seed is written only the reservations know them; afterwards Ceph must
// have been asked which ids it knows.
func (c *computation) reserve() {
	c.relocate()
	if c.in.Disks == nil || c.in.Identity == nil || c.in.Disks.FSID != c.in.Identity.FSID {
		return
	}
	if c.in.Seed != nil && (c.snapshot == nil || !c.in.Mons.QuorumRecorded) {
		return
	}
	planned := c.newOSDs()
	for _, withDB := range []bool{false, true} {
		for _, osd := range planned {
			if (osd.DB != nil) == withDB {
				c.add(ReserveOSD{osd.Reservation}, osd.reason, c.ownOSDs(osd.DB, planned)...)
			}
		}
	}
}

// newOSD is an OSD that is to be reserved, and why.
type newOSD struct {
	Reservation

	reason string
}

// newOSDs lists the OSDs that are to be reserved now. The plan of the disks may be older than a reservation: what it asks
// for a second time, or in the place of another OSD, waits for the next one.
func (c *computation) newOSDs() []newOSD {
	var found []newOSD
	next, placed := c.freeIDs(), c.placed()
	for _, entry := range c.in.Disks.Entries {
		if !entry.Claimed || deref(entry.Plan).Reason != v1alpha1.PlanReasonMatched {
			continue
		}
		for _, osd := range entry.OSDs {
			if osd.DB != nil && !c.dbDiskReady(osd.DB.Disk) || placed.Collision(osd.reservation(-1)) != "" {
				continue
			}
			reason := fmt.Sprintf("disk %s on node %s: %s", entry.Disk, entry.Node, entry.Plan.Message)
			id := osd.ID
			if id == nil {
				id = new(next())
			}
			found = append(found, newOSD{osd.reservation(*id), reason})
		}
	}
	return found
}

// placed are the parts of disks that are reserved.
func (c *computation) placed() Places {
	placed := Places{}
	for _, r := range c.osds {
		placed.Add(*r)
	}
	return placed
}

// ownOSDs lists what is reserved on the disk of a DB for its own OSDs. That comes first: how the disk is cut follows
// from them.
func (c *computation) ownOSDs(db *Part, planned []newOSD) []Action {
	var own []Action
	for _, osd := range planned {
		if db != nil && osd.DB == nil && osd.Data.Disk == db.Disk {
			own = append(own, ReserveOSD{osd.Reservation})
		}
	}
	return own
}

func (o PlannedOSD) reservation(id int32) Reservation {
	return Reservation{
		ID: id, Node: o.Node, Location: o.Location, Rule: o.Rule, DeviceClass: o.DeviceClass, Data: o.Data, DB: o.DB,
	}
}

// dbDiskReady says that the disk with an OSD's DB is the cluster's already.
func (c *computation) dbDiskReady(disk string) bool {
	return slices.ContainsFunc(c.in.Disks.Entries, func(e DiskEntry) bool { return e.Disk == disk && e.Claimed })
}

// freeIDs returns a source of OSD ids: the smallest that nothing has.
func (c *computation) freeIDs() func() int32 {
	taken := map[int32]bool{}
	for _, r := range c.osds {
		taken[r.ID] = true
	}
	for _, id := range c.in.Purged {
		taken[id] = true
	}
	if c.snapshot != nil {
		for _, osd := range c.snapshot.OSDs {
			taken[int32(osd.ID)] = true
		}
		for _, device := range c.snapshot.CRUSH.Devices {
			taken[int32(device.ID)] = true
		}
	}
	next := int32(0)
	return func() int32 {
		for taken[next] {
			next++
		}
		taken[next] = true
		return next
	}
}

// relocate follows a disk in service that somebody put into another node. The node is seen to have it, live.
func (c *computation) relocate() {
	if c.in.Disks == nil {
		return
	}
	at := map[string]*DiskEntry{}
	for i := range c.in.Disks.Entries {
		at[c.in.Disks.Entries[i].Disk] = &c.in.Disks.Entries[i]
	}
	for _, r := range c.osds {
		entry, node := at[r.Data.Disk], (*Node)(nil)
		if entry != nil && entry.Node != r.Node {
			node = c.nodes[entry.Node]
		}
		if node == nil || entry.Fresh.Status != metav1.ConditionTrue || entry.State == v1alpha1.DiskMissing {
			continue
		}
		if r.DB != nil && (at[r.DB.Disk] == nil || at[r.DB.Disk].Node != entry.Node) {
			continue
		}
		c.add(RelocateOSD{r.ID, node.Name, c.locate(node)}, fmt.Sprintf("its disk %s is in node %s now, and was in %s", entry.Disk, node.Name, r.Node))
	}
}

// locate returns where an OSD of a node goes: beside the host's other OSDs.
func (c *computation) locate(node *Node) ceph.Location {
	for _, r := range c.osds {
		if r.Node == node.Name {
			return r.Location
		}
	}
	return Locate(*node)
}

// seed has the keyring written that the first mons start with, as soon as it is known what belongs into it.
func (c *computation) seed() {
	if c.in.Seed != nil || c.in.Identity == nil || len(c.monRecords) == 0 {
		return
	}
	waited := c.in.Now.Sub(c.in.Identity.Created)
	late := waited >= firstSetWait
	disks := c.in.Disks
	if !late && (disks == nil || disks.FSID != c.in.Identity.FSID || !disks.Claimed) {
		c.wake(firstSetWait - waited)
		return
	}
	seed, after := c.seedContent(late)
	c.add(WriteSeed{seed}, "the first mons are made with these keys", after...)
	c.noteSeeded(seed)
}

// seedContent lists whose keys lie in the seed, and what must be stored before. When time is up, what is not reserved
// yet is left out rather than waited for.
func (c *computation) seedContent(late bool) (Seed, []Action) {
	var seed Seed
	var after []Action
	for _, mon := range c.monRecords {
		seed.Mons, after = append(seed.Mons, mon.Name), append(after, EnsureMon{mon.Mon})
	}
	for _, mgr := range c.mgrPlaces {
		seed.Mgrs, after = append(seed.Mgrs, mgr.id.Name), append(after, EnsureKey{Daemon: mgr.id})
	}
	for _, r := range c.osds {
		seed.OSDs = append(seed.OSDs, r.ID)
	}
	for _, step := range c.plan.Steps {
		if reserve, ok := step.Do.(ReserveOSD); ok && !late {
			seed.OSDs, after = append(seed.OSDs, reserve.OSD.ID), append(after, reserve)
		}
	}
	slices.Sort(seed.OSDs)
	return seed, after
}

// register makes daemons known to Ceph whose keys are not in the seed.
func (c *computation) register() {
	if c.snapshot == nil || c.in.Seed == nil {
		return
	}
	for _, mgr := range c.mgrPlaces {
		key := EnsureKey{Daemon: mgr.id}
		if c.planned[stepID(key)] || c.strange(mgr.id, c.mgrKnown(mgr.id.Name)) {
			c.add(RegisterKey{mgr.id}, "Ceph does not know the key of this mgr yet", key)
		}
	}
	for _, mds := range c.mdsPlaces {
		key := EnsureKey{Daemon: mds.id}
		if c.planned[stepID(key)] || c.strange(mds.id, c.mdsSeen(mds.id.Name)) {
			c.add(RegisterKey{mds.id}, "Ceph does not know the key of this MDS yet", key)
		}
	}
	for _, r := range c.osds {
		if !c.seeded[r.ID] && !c.osdKnown(r) && r.Leaving == "" {
			c.add(RegisterOSD{r.ID}, "the osdmap does not have this OSD yet")
		}
	}
	for _, step := range c.plan.Steps {
		if reserve, ok := step.Do.(ReserveOSD); ok {
			c.add(RegisterOSD{reserve.OSD.ID}, "the osdmap does not have this OSD yet", reserve)
		}
	}
}

// strange says that Ceph may not know the key of a mgr or an MDS: it has no Deployment yet, ends again and again, or has run
// for a while, and Ceph does not see it. That the key of a mgr was in the seed says little: it may have been taken away and made
// anew since. That Ceph sees it says little for half a minute: so long it shows one whose key was taken away.
func (c *computation) strange(id DaemonID, seen bool) bool {
	d := c.deployed[id]
	return !seen && (d == nil || d.Trouble != "" || d.Running && c.snapshot.At.Sub(d.Started) >= rolloutSettle)
}

func (c *computation) mgrKnown(name string) bool {
	return c.snapshot.Mgr.Active == name || slices.Contains(c.snapshot.Mgr.Standbys, name)
}

// osdKnown says that the osdmap, as it was seen last, has the OSD.
func (c *computation) osdKnown(r *Reservation) bool {
	osd := c.osdmap[r.ID]
	return osd != nil && strings.EqualFold(osd.UUID, r.UUID)
}
