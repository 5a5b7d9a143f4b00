package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// OperationObserved is what a StorageOperation is planned from.
type OperationObserved struct {
	Spec v1alpha1.StorageOperationSpec
	// Cluster that the operation names, and its fsid.
	Cluster ClusterKey
	FSID    string
	Disks   []*v1alpha1.StorageDisk
	Ceph    CephFacts
	// PGs of every OSD of the targets that Ceph has, by OSD. One that is not in it could not be asked for.
	PGs map[int32][]ceph.PG
	// Others are the records of the operations that are carried out in the same cluster.
	Others []manifest.OperationRecord
	// Found says that there is such a cluster.
	Found bool
	// Wipe is the operation's entry in the record of the cluster's deletion, which erases the disks; nil: it is none of those that
	// the deletion made, or the cluster is not being deleted so any more.
	Wipe *manifest.WipeOperation
	// Previous status of the object.
	Previous *v1alpha1.StorageOperationStatus
	// Generation of the spec.
	Generation int64
	Now        time.Time
}

// maxTargets is how many disks an operation acts on at most.
const maxTargets = 64

// OperationDraft is the plan of an operation and what it acts on.
type OperationDraft struct {
	Plan    v1alpha1.OperationPlan
	Targets []v1alpha1.OperationTarget
}

type operationComputation struct {
	in       OperationObserved
	snapshot *ceph.Snapshot // fresh, or nil
	disks    []*v1alpha1.StorageDisk
	unknown  []string
	osds     map[int32]bool // of the targets
	tree     crushTree
	places   []exchange // with Replace
	out      OperationDraft
}

func newOperationComputation(in OperationObserved) *operationComputation {
	return &operationComputation{in: in, snapshot: in.Ceph.fresh(), osds: map[int32]bool{}}
}

// ComputeOperation plans an operation. The same arguments give the same plan.
func ComputeOperation(in OperationObserved) OperationDraft {
	c := newOperationComputation(in)
	c.target()
	c.out.Plan.Steps = operationSteps(in.Spec)
	c.describePlaces()
	if c.snapshot != nil {
		c.tree = newCRUSHTree(c.snapshot)
		c.forecast()
	}
	c.risk()
	c.block()
	c.out.Plan.ID = c.id()
	return c.out
}

// OperationOSDs lists the OSDs whose PGs ComputeOperation wants to know.
func OperationOSDs(in OperationObserved) []int32 {
	c := newOperationComputation(in)
	c.target()
	if c.snapshot == nil || !takesOSDs(in.Spec.Type) {
		return nil
	}
	c.tree = newCRUSHTree(c.snapshot)
	var known []int32
	for _, id := range slices.Sorted(maps.Keys(c.osds)) {
		if osd := c.tree.osds[id]; osd != nil && osd.Up { // Ceph lists none of one that is down
			known = append(known, id)
		}
	}
	return known
}

// target finds the disks that are meant, also missing ones, and all OSDs that need one of them.
func (c *operationComputation) target() {
	byName := map[string]*v1alpha1.StorageDisk{}
	for _, disk := range c.in.Disks {
		byName[disk.Name] = disk
		if c.in.Spec.Node != "" && disk.Status.Node == c.in.Spec.Node && c.claimed(disk) && len(disk.Status.OSDs) > 0 {
			c.disks = append(c.disks, disk)
		}
	}
	for _, name := range c.in.Spec.Disks {
		if disk := byName[name]; disk != nil {
			c.disks = append(c.disks, disk)
		} else {
			c.unknown = append(c.unknown, name)
		}
	}
	slices.Sort(c.unknown)
	c.place()
	slices.SortFunc(c.disks, func(a, b *v1alpha1.StorageDisk) int { return cmp.Compare(a.Name, b.Name) })
	if c.in.Wipe != nil {
		c.targetWiped()
		return
	}
	for _, disk := range c.disks[:min(len(c.disks), maxTargets)] {
		c.out.Targets = append(c.out.Targets, v1alpha1.OperationTarget{
			Disk: disk.Name, Node: disk.Status.Node, OSDs: c.osdsOf(disk), Seal: deref(disk.Status.Verdict).Seal,
		})
	}
}

func (c *operationComputation) osdsOf(disk *v1alpha1.StorageDisk) []int32 {
	var ids []int32
	for _, osd := range disk.Status.OSDs {
		ids = append(ids, osd.ID)
		c.osds[osd.ID] = true
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// claimed says that a disk is of the cluster that the operation names.
func (c *operationComputation) claimed(disk *v1alpha1.StorageDisk) bool {
	claim := disk.Status.Claim
	return claim != nil && claim.Namespace == c.in.Cluster.Namespace && claim.Name == c.in.Cluster.Name &&
		(claim.FSID == "" || c.in.FSID == "" || claim.FSID == c.in.FSID)
}

// takesOSDs says that the operation takes data off OSDs.
func takesOSDs(t v1alpha1.OperationType) bool {
	return t == v1alpha1.OperationDrain || t == v1alpha1.OperationRemove || t == v1alpha1.OperationReplace
}

func operationSteps(spec v1alpha1.StorageOperationSpec) []v1alpha1.OperationStep {
	drain := v1alpha1.OperationStep{Name: "Drain", Effect: v1alpha1.EffectReversible, Why: "its data moves to other OSDs, while every copy stays"}
	stop := v1alpha1.OperationStep{Name: "Stop", Effect: v1alpha1.EffectReversible, Why: "nothing needs the OSD any more, and Ceph removes none that is up"}
	prepare := v1alpha1.OperationStep{Name: "Prepare", Effect: v1alpha1.EffectFinal, Why: "the new disk becomes an OSD"}
	erase := []v1alpha1.OperationStep{{Name: "Erase", Effect: v1alpha1.EffectFinal, Why: "the disk becomes Usable"}}
	if spec.Erase == v1alpha1.EraseNone {
		erase = nil
	}
	switch spec.Type {
	case v1alpha1.OperationDrain:
		return []v1alpha1.OperationStep{drain, {
			Name: "WaitUntilSafe", Effect: v1alpha1.EffectReversible, Why: "Ceph says that it is safe to destroy the OSD, which stays",
		}}
	case v1alpha1.OperationRemove:
		purge := v1alpha1.OperationStep{Name: "Purge", Effect: v1alpha1.EffectFinal, Why: "auth key, CRUSH entry and id go"}
		return append([]v1alpha1.OperationStep{drain, stop, purge}, erase...)
	case v1alpha1.OperationReplace:
		destroy := v1alpha1.OperationStep{Name: "Destroy", Effect: v1alpha1.EffectFinal, Why: "the key goes, and the id stays for the new disk"}
		return append(append([]v1alpha1.OperationStep{drain, stop, destroy}, erase...), prepare)
	case v1alpha1.OperationWipe:
		return erase
	}
	return []v1alpha1.OperationStep{prepare}
}

// id is a hash of what an approval consents to: the names of the steps, the risks, and each target's identity, OSDs and seal.
func (c *operationComputation) id() string {
	hash := sha256.New()
	for _, step := range c.out.Plan.Steps {
		fmt.Fprintf(hash, "step %q\n", step.Name)
	}
	for _, risk := range c.out.Plan.Risks {
		fmt.Fprintf(hash, "risk %q\n", risk)
	}
	for _, disk := range c.disks {
		identity, seal := deref(disk.Status.Identity), deref(disk.Status.Verdict).Seal
		fmt.Fprintf(hash, "disk %q %q %q %q\n", disk.Name, identity.Source, identity.Value, seal)
		osds := slices.Clone(disk.Status.OSDs)
		slices.SortFunc(osds, func(a, b v1alpha1.DiskOSD) int {
			return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Role, b.Role))
		})
		for _, osd := range osds {
			fmt.Fprintf(hash, "osd %d %q %q\n", osd.ID, osd.Role, osd.UUID)
		}
	}
	for _, p := range c.places {
		if by := p.by; by != nil && by.Name != p.Disk {
			identity := deref(by.Status.Identity)
			fmt.Fprintf(hash, "by %q %q %q %q %q\n", p.Disk, by.Name, identity.Source, identity.Value, p.Seal)
		}
	}
	return hex.EncodeToString(hash.Sum(nil))[:12]
}
