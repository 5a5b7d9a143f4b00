package plan

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// DisksInput is what is planned from for all disks and all clusters at once.
type DisksInput struct {
	Clusters []DiskCluster
	Nodes    []Node
	// Disks are read and never changed.
	Disks []*v1alpha1.StorageDisk
	// Retained are the fsids of which an identity is still stored, also without a StorageCluster. Their claims stay.
	Retained []string
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
	// OSDs as Ceph knew them last; OSDsKnown: they were read at least once.
	OSDs      []OSDState
	OSDsKnown bool
	// Deployed OSDs, for what their programs said.
	Deployed []Deployed
	// Operations that are carried out.
	Operations []manifest.OperationRecord
	// DeletionOf is the uid of its StorageCluster, if that is being deleted; empty: it is not.
	DeletionOf string
	// Wipe is the record of its deletion, which erases the disks; nil: it is not being deleted so.
	Wipe *manifest.WipeRecord
}

// DisksPlan is what is to be done with each disk.
type DisksPlan struct {
	Disks    []DiskEntry    // one for each disk, in the order of their names
	Clusters []ClusterDisks // one for each cluster, in the order of their keys
}

// DiskEntry is what is to be done with one disk.
type DiskEntry struct {
	Disk string
	// Node that the disk is in.
	Node string
	// Whole is the disk as a whole, as it was judged.
	Whole Part
	// Cluster whose plan it is; zero: there is no cluster.
	Cluster ClusterKey
	// Plan is nil when no cluster plans for the disk.
	Plan *v1alpha1.DiskPlan
	// Claim that the disk is to have; nil: none. Claimed says that it was seen with it.
	Claim   *v1alpha1.DiskClaim
	Claimed bool
	// OSDs that are still to be reserved on the disk, once it has the claim and unless the plan holds them.
	OSDs []PlannedOSD
	// Serving are the OSDs that are reserved on the disk.
	Serving []v1alpha1.DiskOSD
	// Lost are the slices of OSDs in service whose reservations are gone.
	Lost []LostPart
	// Request is what the agent of the disk's node is asked for; nil: nothing.
	Request *v1alpha1.DiskRequest
	// Failed says why the disk is gone or dead, although its node is well; empty: it is not known to be. FailedSince is since when.
	Failed      string
	FailedSince time.Time `json:",omitzero"`
	// State of the disk in one word, and the conditions Fresh and InService without times.
	State            v1alpha1.DiskState
	Fresh, InService Condition
}

// Condition is a condition as it is decided: without the time of its last change.
type Condition struct {
	Status          metav1.ConditionStatus
	Reason, Message string
}

// PlannedOSD is an OSD that a disk is to become.
type PlannedOSD struct {
	// ID of the OSD in whose place it comes; nil: it gets the next one that is free.
	ID                *int32 `json:",omitempty"`
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

// Disks plans for all disks: of each it says which cluster takes it, what becomes of it, and why. The oldest cluster
// whose rules match a disk wins it; an existing claim is never overruled.
func Disks(in DisksInput) DisksPlan {
	p := newDiskPlanner(in)
	for _, d := range p.drafts {
		p.decide(d)
	}
	p.placeDBs()
	return p.result()
}
