package plan

import (
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// DisksInput is what is planned from for all disks and all clusters at once.
type DisksInput struct {
	Clusters []DiskCluster
	Nodes    []Node
	// Disks are read and never changed.
	Disks []*v1alpha1.StorageDisk
}

// DiskCluster is a cluster as far as disks are concerned.
type DiskCluster struct {
	Key     ClusterKey
	Created time.Time
	// FSID once the identity is stored. Before, disks are planned for and none is claimed.
	FSID string
	Spec Cluster
	// Closed says why no new disk is taken, although the rules match: the cluster is being deleted, or uses what is not
	// available. Its rules then stand in nobody's way.
	Closed bool
	// Reservations of its OSDs.
	Reservations []Reservation
	// OSDs as Ceph knows them; OSDsKnown: they were read and are fresh.
	OSDs      []OSDState
	OSDsKnown bool
	// Deployed OSDs, for what their programs said.
	Deployed []Deployed
}

// DisksPlan is what is to be done with each disk.
type DisksPlan struct {
	Disks    []DiskEntry    // one for each disk, in the order of their names
	Clusters []ClusterDisks // one for each cluster, in the order of their keys
}

// DiskEntry is what is to be done with one disk.
type DiskEntry struct {
	Disk string
	// Cluster whose plan it is; zero: there is no cluster.
	Cluster ClusterKey
	// Plan is nil when there is no cluster.
	Plan *v1alpha1.DiskPlan
	// Claim that the disk is to have; nil: none.
	Claim *v1alpha1.DiskClaim
	// OSDs that are still to be reserved on the disk, once it has the claim.
	OSDs []PlannedOSD
	// Node that the disk is in.
	Node string
}

// PlannedOSD is an OSD that a disk is to become.
type PlannedOSD struct {
	Node              string
	Location          ceph.Location
	Rule, DeviceClass string
	Data              Part
	DB                *Part
}

// ClusterDisks is the disk plan of one cluster.
type ClusterDisks struct {
	Key ClusterKey
	// FSID that the plan was made with; empty: the cluster had none yet.
	FSID    string
	Summary v1alpha1.DiskPlanSummary
	// Entries of the disks that the cluster has or takes (Add, Provide, Keep, Wait), in the order of their names.
	Entries []DiskEntry
	// Problems with disks, the heaviest first: reasons of the condition DisksSettled.
	Problems []DiskProblem
	// Claimed says that every disk to be taken now was seen with its claim.
	Claimed bool
}

// DiskProblem is one reason why disks are not settled.
type DiskProblem struct {
	Reason  string
	Count   int32
	Message string
}

// Disks plans for all disks: of each it says which cluster takes it, what becomes of it, and why.
func Disks(in DisksInput) DisksPlan { return DisksPlan{} }

// DiskStatus is the operator's part of a StorageDisk.
type DiskStatus struct {
	// Status holds the fields that the operator owns, and its conditions (Fresh, InService).
	Status v1alpha1.StorageDiskStatus
	// Labels that the operator owns: LabelCluster and those of OSDLabel.
	Labels map[string]string
	// Finalizer says that the object must stay.
	Finalizer bool
}

// DiskStatus returns the operator's part of a disk's object. Transition times are kept from what the object has.
func (p DisksPlan) DiskStatus(in DisksInput, disk *v1alpha1.StorageDisk, now time.Time) DiskStatus {
	return DiskStatus{}
}
