package plan

import (
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Observed is what one cluster is planned from.
type Observed struct {
	Now  time.Time
	Key  ClusterKey
	Spec Cluster
	// Unavailable is the message of what the spec uses that this release does not have; empty: nothing.
	Unavailable string
	// Deleting says that the StorageCluster is being deleted.
	Deleting bool
	// Generation of the spec, and Previous status of the object.
	Generation int64
	Previous   *v1alpha1.StorageClusterStatus
	Nodes      []Node
	// Identity that is stored; nil: none. Traces name what else shows that the cluster existed before, such as
	// "Secret ceph-main-osd-3": with any of them no identity is ever made.
	Identity *Identity
	Traces   []string
	// KnownFSID is the fsid that the cluster has, as status and reservations tell it: known also when no identity is
	// stored. IdentityDamaged says that one is, and is of no use. Recovery is how far its rebuilding is.
	KnownFSID       string
	IdentityDamaged bool
	Recovery        Recovery
	// Seed that was written; nil: none yet.
	Seed *Seed
	Mons Mons
	// MonsLost are mons that are out of quorum and cannot come back by themselves, and since when that is known.
	MonsLost map[string]time.Time
	// MonGrace is how long a mon must have been lost before another takes its place; 0: DefaultMonGrace.
	MonGrace time.Duration
	// Mgrs that have a keyring, by name, and MDSs that have one.
	Mgrs         []string
	MDSs         []MDSKey
	Reservations []Reservation
	// Disks is the plan of the cluster's disks; nil: none was made yet.
	Disks    *ClusterDisks
	Deployed []Deployed
	// Leaving are the pods that are left of daemons whose Deployments are gone.
	Leaving []Leaving
	Ceph    CephFacts
	// Filesystems are the StorageFilesystems of the cluster, by name.
	Filesystems []ClusterFilesystem
	// Purged are OSD ids that operations are about to free: they are not used again before they are gone.
	Purged []int32
	// Users of volumes.
	Users Users
	// Applied is what was set in Ceph's central configuration, and Modules what was enabled, for the spec.
	Applied        []v1alpha1.ConfigOption
	AppliedModules []string
	// Noouts that the operator set, as they are recorded.
	Noouts []manifest.Noout
	// Budgets are the PodDisruptionBudgets as they are applied.
	Budgets []manifest.Budget
	// Denied are the questions whether daemons may stop that Ceph answered with no within the last minute or so. They are
	// not asked again meanwhile.
	Denied []Denial
	// Operations of the cluster. They are read and never changed.
	Operations []*v1alpha1.StorageOperation
	Dependents v1alpha1.ClusterDependents
	// Wiping is how far the erasure of the disks is, of a cluster that is being deleted.
	Wiping Wiping
	// CapacityAt is when status.capacity was last written; RecoveryAt when status was last written while data was not
	// clean. Zero: not since the program began.
	CapacityAt, RecoveryAt time.Time
	// Render returns the template of a daemon's pod. It is pure.
	Render func(Daemon) Template
}

// Denial is a "no" of Ceph to the question whether daemons may stop.
type Denial struct {
	Daemons []DaemonID
	Text    string
}

// Plan is what is to be done for one cluster.
type Plan struct {
	// Steps in an order that respects their After. Steps that do not depend on each other may be done at once.
	Steps []Step
	// Keep are daemons whose pods are as they should be. Their Deployments are applied too, so that what was changed or
	// taken away by hand comes back; no pod restarts for it.
	Keep []Daemon
	// Held are daemons whose change waits. Their Deployments are left as they are.
	Held []Held
	// Paused are the steps that spec.pause keeps back.
	Paused []Step
	// Refusal is why nothing at all is done; nil: something may be.
	Refusal *v1alpha1.Refusal
	// ImageHeld is why daemons do not move to spec.ceph.image; nil: they may.
	ImageHeld *v1alpha1.Refusal
	// MonsShort says why there are fewer mons than wanted; empty: there are not.
	MonsShort string
	// Failover is how far the replacement of a mon is, or why none is made; nil: no mon is to be replaced.
	Failover *v1alpha1.Refusal
	// Drift is what somebody changed in Ceph by hand, in the order of the paths.
	Drift []v1alpha1.DriftEntry
	// TopologyDrift says which hosts are not where their labels say; empty: none.
	TopologyDrift string
	// Outdated counts the daemons that wait for a restart, of Daemons in all.
	Outdated, Daemons int32
	// Evictions say which pods may be evicted and which may not, as far as that is not as ever.
	Evictions []string
	// After is when to plan again although nothing changed; 0: no need.
	After time.Duration
}

// Held is a daemon whose change waits.
type Held struct {
	Daemon Daemon
	// Change says what would change.
	Change string
	// Because says what it waits for.
	Because v1alpha1.Refusal
}

// Compute plans for one cluster. The same arguments give the same plan.
func Compute(in Observed) Plan {
	c := newComputation(in)
	if c.plan.Refusal = c.refuse(); c.plan.Refusal != nil {
		c.recovery()
		c.restoreMons()
		c.endDrains()
		c.budgets()
		return c.finish()
	}
	if in.Deleting && keepsFromDeleting(in) == nil {
		c.stop()
		return c.finish()
	}
	c.recovery()
	c.identity()
	c.mons()
	c.mgrs()
	c.mdss()
	c.reserve()
	c.seed()
	c.quorum()
	c.register()
	c.daemons()
	c.settle()
	c.drains()
	c.replaceFailed()
	c.budgets()
	c.users()
	return c.finish()
}
