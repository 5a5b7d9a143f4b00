package plan

import (
	"cmp"
	"slices"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// diskPlanner plans for all disks at once.
type diskPlanner struct {
	nodes     map[string]*Node
	conflicts map[string]v1alpha1.Refusal
	clusters  []*diskCluster // the oldest first
	retained  map[string]bool
	drafts    []*draft // in the order of the disks' names
	// admissions of disks that operations bring in, by disk.
	admissions map[string]*admission
}

// diskCluster is a cluster with what is looked up in it for every disk.
type diskCluster struct {
	DiskCluster

	data, dbs map[string][]*Reservation // by disk
	reserved  map[int32]bool            // ids of OSDs
	osds      map[string]OSDState       // by uuid
	deployed  map[string]*Deployed      // by OSD
	locations map[string]ceph.Location  // of the hosts that have OSDs, by node
	rules     map[string]*Rule
	wiped     map[string]*manifest.WipedDisk // of its deletion
}

// draft is one disk while it is planned for.
type draft struct {
	disk *v1alpha1.StorageDisk
	node *Node // nil: not known
	// owner is the cluster whose plan the rest is.
	owner *diskCluster
	rule  *Rule
	plan  v1alpha1.DiskPlan
	osds  []PlannedOSD
	// mine are the reservations of the owner on the disk.
	data, dbs []*Reservation
	// owned says that the disk belongs to the owner already; made that all its OSDs were up at least once.
	owned, made bool
	// operation that is carried out on the disk; nil: none. freed says that it is done with it.
	operation *manifest.OperationRecord
	freed     bool
	// admission by which an operation brings the disk in; nil: none does.
	admission *admission
	// free is what is left for DBs of other OSDs, spare are the slices that were freed, and dbCount is how many DBs have a slice.
	free    space
	spare   []Part
	dbCount int
}

func newDiskPlanner(in DisksInput) *diskPlanner {
	p := &diskPlanner{nodes: map[string]*Node{}, conflicts: TopologyConflicts(in.Nodes), retained: map[string]bool{}}
	for i := range in.Nodes {
		p.nodes[in.Nodes[i].Name] = &in.Nodes[i]
	}
	for _, fsid := range in.Retained {
		p.retained[fsid] = true
	}
	for _, cluster := range in.Clusters {
		p.clusters = append(p.clusters, newDiskCluster(cluster))
		p.retained[cluster.FSID] = true
	}
	slices.SortFunc(p.clusters, func(a, b *diskCluster) int {
		return cmp.Or(a.Created.Compare(b.Created), a.Key.compare(b.Key))
	})
	for _, disk := range in.Disks {
		p.drafts = append(p.drafts, &draft{disk: disk, node: p.nodes[disk.Status.Node]})
	}
	slices.SortFunc(p.drafts, func(a, b *draft) int { return cmp.Compare(a.disk.Name, b.disk.Name) })
	p.noteAdmissions(in.Disks)
	return p
}

func newDiskCluster(in DiskCluster) *diskCluster {
	c := &diskCluster{
		DiskCluster: in, data: map[string][]*Reservation{}, dbs: map[string][]*Reservation{},
		osds: map[string]OSDState{}, deployed: map[string]*Deployed{}, locations: map[string]ceph.Location{},
		rules: map[string]*Rule{}, reserved: map[int32]bool{}, wiped: wipedDisks(in.Wipe),
	}
	c.Reservations = slices.Clone(in.Reservations)
	slices.SortFunc(c.Reservations, func(a, b Reservation) int { return cmp.Compare(a.ID, b.ID) })
	for i := range c.Reservations {
		c.index(&c.Reservations[i])
	}
	for _, osd := range in.OSDs {
		c.osds[osd.UUID] = osd
	}
	for i := range in.Deployed {
		c.deployed[in.Deployed[i].Daemon.String()] = &in.Deployed[i]
	}
	for i := range in.Spec.Storage.Rules {
		c.rules[in.Spec.Storage.Rules[i].Name] = &in.Spec.Storage.Rules[i]
	}
	return c
}

func (c *diskCluster) index(r *Reservation) {
	c.reserved[r.ID] = true
	c.data[r.Data.Disk] = append(c.data[r.Data.Disk], r)
	if r.DB != nil {
		c.dbs[r.DB.Disk] = append(c.dbs[r.DB.Disk], r)
	}
	if _, known := c.locations[r.Node]; !known {
		c.locations[r.Node] = r.Location
	}
}

// locate returns where an OSD of a node goes: beside the host's other OSDs, wherever its labels point meanwhile.
func (c *diskCluster) locate(node *Node) ceph.Location {
	if location, known := c.locations[node.Name]; known {
		return location
	}
	return Locate(*node)
}

// claims says whether a claim is this cluster's. One with another fsid belongs to a former cluster of the same name.
func (c *diskCluster) claims(claim *v1alpha1.DiskClaim) bool {
	return claim != nil && claim.Namespace == c.Key.Namespace && claim.Name == c.Key.Name &&
		(claim.FSID == "" || c.FSID == "" || claim.FSID == c.FSID)
}

// decide settles which cluster a disk belongs to and what it does with it, but for the room for DBs.
func (p *diskPlanner) decide(d *draft) {
	if p.wiped(d) || p.admit(d) || p.operated(d) || p.keep(d) {
		return
	}
	shown := -1
	for _, c := range p.clusters {
		if c.Closed || d.admission != nil && d.admission.cluster != c {
			continue
		}
		s := &subject{planner: p, cluster: c, disk: d.disk, node: d.node}
		plan := s.judge()
		weight := telling(plan)
		if c.claims(d.disk.Status.Claim) {
			weight++
		}
		if weight > shown {
			shown = weight
			d.owner, d.rule, d.plan = c, s.rule, plan
		}
		if plan.Action != v1alpha1.PlanSkip {
			return
		}
	}
}

// telling says how much an entry tells: of several clusters that take a disk not, the one that comes closest explains.
func telling(plan v1alpha1.DiskPlan) int {
	switch {
	case plan.Action != v1alpha1.PlanSkip:
		return 4
	case plan.Rule != "":
		return 2
	case plan.Reason == v1alpha1.PlanReasonNodeNotSelected:
		return 0
	}
	return 1
}

// claim returns the claim that the disk is to have. A cluster lets go of a disk that it does not want any more and has
// reserved nothing on. Should a reservation be made at that very moment, it claims the disk again, and if another cluster
// was faster, the seal that the reservation carries refuses the disk of the one that comes second.
func (p *diskPlanner) claim(d *draft) *v1alpha1.DiskClaim {
	held := d.disk.Status.Claim
	if held != nil && p.abandoned(d.disk) {
		held = nil
	}
	switch {
	case held != nil && (d.owner == nil || !d.owner.claims(held)):
		return held
	case d.owner == nil || d.owner.FSID == "" || d.plan.Action == v1alpha1.PlanSkip:
		return nil
	case d.plan.Reason != v1alpha1.PlanReasonMatched && !d.owned && held == nil:
		return nil
	}
	return &v1alpha1.DiskClaim{
		Namespace: d.owner.Key.Namespace, Name: d.owner.Key.Name, FSID: d.owner.FSID, Rule: d.plan.Rule,
	}
}

// abandoned says that nobody can come back for a claim: its cluster is not known, nothing of its identity is stored,
// and the disk is empty.
func (p *diskPlanner) abandoned(disk *v1alpha1.StorageDisk) bool {
	held := disk.Status.Claim
	gone := !p.retained[held.FSID] && !slices.ContainsFunc(p.clusters, func(c *diskCluster) bool { return c.claims(held) })
	return gone && deref(disk.Status.Verdict).Result == v1alpha1.VerdictUsable
}
