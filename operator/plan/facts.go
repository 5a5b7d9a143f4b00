package plan

import (
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// ClusterKey names a StorageCluster.
type ClusterKey struct{ Namespace, Name string }

// String returns namespace/name; empty for no cluster.
func (k ClusterKey) String() string {
	if k == (ClusterKey{}) {
		return ""
	}
	return k.Namespace + "/" + k.Name
}

func (k ClusterKey) compare(other ClusterKey) int { return strings.Compare(k.String(), other.String()) }

// Node is what is known of a node of Kubernetes.
type Node struct {
	Name          string
	Hostname      string // its label kubernetes.io/hostname, which pods are pinned by
	Labels        map[string]string
	Taints        []corev1.Taint
	Unschedulable bool // cordoned
	Deleting      bool
	Ready         bool
	// Discover says whether discover on the node is alive: its Lease or its pod's readiness within the bound.
	Discover DiscoverState
	// Addresses are the node's internal addresses, for daemons on the host network.
	Addresses []string
	// Memory in bytes that pods may use; 0: not known.
	Memory int64
}

// DiscoverState says whether what discover wrote of a node's disks may be believed.
type DiscoverState string

// The states of discover on a node. The zero value is not known, which is not alive.
const (
	DiscoverReporting DiscoverState = "Reporting"
	DiscoverSilent    DiscoverState = "Silent"
)

// Reservation is an OSD of a cluster: what was chosen for it before anything touched a disk, as it was stored.
type Reservation struct {
	ID   int32
	UUID string
	// Node and Location are where the OSD is in CRUSH. They are stored, so that a relabelled node moves no data.
	Node     string
	Location ceph.Location
	// Rule that selected the disk, and DeviceClass of the OSD.
	Rule, DeviceClass string
	// Data is where the OSD keeps its data; DB where it keeps its DB, when that is elsewhere.
	Data Part
	DB   *Part
	// Leaving names the StorageOperation that takes the OSD away; empty: it stays.
	Leaving string
	// Replaced names the StorageOperation that was last made because the OSD's disk failed; empty: none was.
	Replaced string
}

// Part is a disk, or a slice of one, that belongs to an OSD.
type Part struct {
	// Disk is the name of the StorageDisk.
	Disk string
	// Slice is the UUID of the partition; empty: not a partition, or not chosen yet.
	Slice string
	// Index of the OSD among the Count that the disk is cut into; with Count 1 it is the only one.
	Index, Count int32
	// Offset of the slice on the disk in bytes; 0: the OSD has the disk as a whole.
	Offset int64
	// Bytes of the disk, or of the slice, that are the OSD's.
	Bytes int64
	// Seal and Identity of the disk as it was judged.
	Seal     string
	Identity v1alpha1.DiskIdentity
	// Supersedes is the uuid of the OSD that had the slice before; empty: it was free.
	Supersedes string `json:",omitempty"`
	// Before are the uuids of those that had it earlier still, when those after them never ran: the label in it may be any of theirs.
	Before []string `json:",omitempty"`
}

// superseded lists the uuids of the OSDs whose labels may be in the slice until it is overwritten.
func (p *Part) superseded() []string {
	if p == nil || p.Supersedes == "" {
		return nil
	}
	return append([]string{p.Supersedes}, p.Before...)
}

// OSDState is an OSD as Ceph knows it.
type OSDState struct {
	ID   int32
	UUID string
	// Up says that it is up; In that data is placed on it.
	Up, In bool
	// Booted says that it was up at least once: a mere reservation in the osdmap has not.
	Booted bool
	// PGs that are on it.
	PGs int
}

// Reach says what became of the last attempt to talk to Ceph.
type Reach string

// What becomes of attempts to talk to Ceph. The zero value: nobody tried yet.
const (
	ReachAnswering    Reach = "Answering"
	ReachUnreachable  Reach = "Unreachable"
	ReachUnauthorized Reach = "Unauthorized"
)

// CephFacts are what is known of a running cluster.
type CephFacts struct {
	Reach Reach
	// Text are Ceph's own words when it does not answer.
	Text string
	// Snapshot is the last one; nil: never. It may be old: Fresh says whether decisions may rest on it.
	Snapshot *ceph.Snapshot
	Fresh    bool
}

// fresh returns the snapshot if decisions may rest on it.
func (f CephFacts) fresh() *ceph.Snapshot {
	if !f.Fresh || f.Reach != ReachAnswering {
		return nil
	}
	return f.Snapshot
}

// Identity is what is stored of a cluster's identity.
type Identity struct {
	FSID string
	// Created is when it was stored.
	Created time.Time
}

// Seed is what the seed keyring was written with. It is written once.
type Seed struct {
	Mons, Mgrs []string
	OSDs       []int32
}

// ClusterFilesystem is a StorageFilesystem, as far as the daemons and the users of its cluster depend on it.
type ClusterFilesystem struct {
	// Name of the object, and of the CephFS.
	Name     string
	Deleting bool
	MDS      MDS
	// Groups of subvolumes, one of each StorageClass, sorted.
	Groups []string
}

// MDSKey is an MDS that has a keyring, and the filesystem that it is for.
type MDSKey struct{ Name, Filesystem string }

// Deployed is a daemon's Deployment and its pod, as they are now.
type Deployed struct {
	Daemon DaemonID
	// Filesystem that an MDS is for.
	Filesystem string
	Node       string
	// Version is the Deployment's resourceVersion.
	Version string
	// Template is what AnnotationTemplate says; nil when it is not there or not legible.
	Template Template
	// Running says that a container of the pod runs; Started since when.
	Running bool
	Started time.Time
	// Stopping says that the pod is being deleted: it may run still, and will not for long.
	Stopping bool
	// Settled says that the pod is of the present template and no other pod of the daemon is left.
	Settled bool
	// Refusal is what the daemon's program said when it refused to start; nil: it did not.
	Refusal *v1alpha1.Refusal
	// Trouble is why the pod does not run when nobody refused, such as a failing image pull; empty: none.
	Trouble  string
	Deleting bool
}

// Leaving is a pod of a daemon that has no Deployment any more: it ends.
type Leaving struct {
	Daemon DaemonID
	// Node that it runs on; empty: it never came to run on any.
	Node string
}

// Mons are the mons as they are recorded.
type Mons = handover.Mons
