package plan

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Wiping is what the deletion of a cluster whose disks are erased is planned from. It is read of a cluster that is being deleted
// only.
type Wiping struct {
	// Record of it; nil: none is stored.
	Record *manifest.WipeRecord
	// Operations of the cluster, and the records of those that are carried out.
	Operations []*v1alpha1.StorageOperation
	Underway   []manifest.OperationRecord
	// Disks that there are.
	Disks []*v1alpha1.StorageDisk
	// UID of the StorageCluster.
	UID string
}

func (w *Wiping) operation(name string) *v1alpha1.StorageOperation {
	at := slices.IndexFunc(w.Operations, func(o *v1alpha1.StorageOperation) bool { return o.Name == name })
	if at < 0 {
		return nil
	}
	return w.Operations[at]
}

// DeletionOf returns the uid of a StorageCluster that is being deleted; empty: it is not.
func DeletionOf(cluster *v1alpha1.StorageCluster) string {
	if cluster.DeletionTimestamp.IsZero() {
		return ""
	}
	return string(cluster.UID)
}

// othersUnderway names the operations that are carried out and are none of the deletion's.
func (w *Wiping) othersUnderway() (names []string) {
	for i := range w.Underway {
		if name := w.Underway[i].Operation; w.Record == nil || w.Record.Operation(name) == nil {
			names = append(names, name)
		}
	}
	return names
}

// wipeWaits returns why the daemons of a cluster whose disks are to be erased go on for now; nil: nothing keeps them.
func wipeWaits(in Observed) *v1alpha1.Refusal {
	others := in.Wiping.othersUnderway()
	if in.Spec.DeletionPolicy != v1alpha1.DeletionWipe || len(others) == 0 {
		return nil
	}
	return &v1alpha1.Refusal{
		Reason:  v1alpha1.ReasonWipingDisks,
		Message: fmt.Sprintf("operation %s is carried out; the disks are erased when it has ended", some(others)),
		Remedy:  "wait, or cancel it: kubectl seamount cancel " + others[0] + "; one that waits for disks to be erased gives them up when it is deleted",
	}
}

func fsidOf(in Observed) string {
	if in.Identity == nil {
		return in.KnownFSID
	}
	return in.Identity.FSID
}

// recordWipe has it recorded, before anything is stopped, that the disks are to be erased, and which these are. It says whether
// that is still to be done. A cluster without an fsid never had a disk.
func (c *computation) recordWipe() bool {
	if c.in.Spec.DeletionPolicy != v1alpha1.DeletionWipe || c.in.Wiping.Record != nil || fsidOf(c.in) == "" {
		return false
	}
	c.add(EnsureWipe{newWipe(c.in)}, "the StorageCluster is being deleted, and spec.deletionPolicy is Wipe")
	c.wake(lookSoon)
	return true
}

// newWipe lists the disks of a cluster: those that something is reserved on, and those that it claims and that hold an OSD of
// it, or what is left of one in a slice. All others are somebody else's, or nobody's.
func newWipe(in Observed) manifest.WipeRecord {
	record := manifest.WipeRecord{UID: in.Wiping.UID, FSID: fsidOf(in)}
	osds, nodes := disksOfCluster(in), map[string]string{}
	for _, disk := range in.Wiping.Disks {
		nodes[disk.Name] = disk.Status.Node
	}
	for i, name := range slices.Sorted(maps.Keys(osds)) {
		if i%maxTargets == 0 {
			record.Operations = append(record.Operations, manifest.WipeOperation{
				Name: manifest.WipeOperationName(in.Key.Name, record.UID, i/maxTargets+1),
			})
		}
		last := &record.Operations[len(record.Operations)-1]
		last.Disks = append(last.Disks, manifest.WipedDisk{Disk: name, Node: nodes[name], OSDs: osds[name]})
	}
	return record
}

func disksOfCluster(in Observed) map[string][]manifest.RecordedOSD {
	found := map[string][]manifest.RecordedOSD{}
	add := func(disk string, id int32, uuid string) {
		if !slices.ContainsFunc(found[disk], func(osd manifest.RecordedOSD) bool { return osd.UUID == uuid }) {
			found[disk] = append(found[disk], manifest.RecordedOSD{ID: id, UUID: uuid})
		}
	}
	for _, r := range in.Reservations {
		add(r.Data.Disk, r.ID, r.UUID)
		if r.DB != nil {
			add(r.DB.Disk, r.ID, r.UUID)
			for _, uuid := range r.DB.superseded() {
				add(r.DB.Disk, r.ID, uuid) // its label is there until it is overwritten
			}
		}
	}
	for _, disk := range in.Wiping.Disks {
		claim, label, reserved := disk.Status.Claim, deref(deref(disk.Status.Content).BlueStore), len(found[disk.Name]) > 0
		if claim == nil || claim.FSID == "" || claim.FSID != fsidOf(in) {
			continue
		}
		for _, osd := range freedOSDs(disk) {
			add(disk.Name, osd.ID, osd.UUID)
		}
		if reserved {
			continue
		}
		for _, osd := range disk.Status.OSDs {
			add(disk.Name, osd.ID, osd.UUID)
		}
		if label.FSID == claim.FSID && label.OSDUUID != "" && label.OSDID != nil {
			add(disk.Name, *label.OSDID, label.OSDUUID)
		}
	}
	return found
}

// end lets go of a cluster whose daemons have stopped, once its disks are erased if they are to be.
func (c *computation) end() {
	switch {
	case c.in.Wiping.Record == nil:
		c.add(ReleaseCluster{}, "all daemons have stopped")
	case c.in.Spec.DeletionPolicy == v1alpha1.DeletionWipe:
		c.wipe()
	case len(c.in.Wiping.Underway) > 0:
		c.wake(lookWaiting) // spec.deletionPolicy is Retain by now: what was begun ends
	default:
		c.add(DropWipe{}, "spec.deletionPolicy is Retain")
		c.add(ReleaseCluster{}, "all daemons have stopped", DropWipe{})
	}
}

// wipe has the operations made that erase the disks, notes what became of each disk, and forgets the cluster when nothing is
// left to be done.
func (c *computation) wipe() {
	before := c.in.Wiping.Record
	record := before.Copy()
	var made []Action
	for i := range record.Operations {
		operation := &record.Operations[i]
		if !operation.Made {
			made = append(made, MakeOperation{*operation})
			c.add(made[len(made)-1], "it erases disks of a StorageCluster that is being deleted")
			operation.Made = true
			continue
		}
		c.in.Wiping.settle(operation)
	}
	switch {
	case !reflect.DeepEqual(record, before):
		c.add(RecordWipe{*record}, "operations are made, or done with disks", made...)
		c.wake(lookSoon)
	case c.in.Wiping.unsettled() > 0 || len(c.in.Wiping.Underway) > 0:
		c.wake(lookWaiting)
	case c.in.Wiping.claims():
		c.wake(lookSoon)
	case c.removeDirectories(record): // once no disk has a claim or a request any more
	default:
		c.add(ForgetCluster{}, "all disks are erased or given up")
		c.add(ReleaseCluster{}, "nothing is stored of it any more", ForgetCluster{})
	}
}

// settle notes what became of the disks of an operation. One that is gone, or that is deleted and has ended, gives up what it
// did not erase: that is a person's decision, and it stands.
func (w *Wiping) settle(operation *manifest.WipeOperation) {
	object := w.operation(operation.Name)
	for i := range operation.Disks {
		if disk := &operation.Disks[i]; disk.Result == "" {
			disk.Result, disk.Message = w.resultOf(object, disk.Disk)
		}
	}
}

func (w *Wiping) resultOf(object *v1alpha1.StorageOperation, name string) (manifest.WipeResult, string) {
	if object == nil {
		if now := diskNamed(w.Disks, name); now != nil && deref(now.Status.Verdict).Result == v1alpha1.VerdictUsable {
			return manifest.WipeErased, "it is empty"
		}
		return manifest.WipeLeft, "its StorageOperation was deleted"
	}
	return WipeResultOf(object, name)
}

// WipeResultOf says what became of a disk, and why, as the operation has it that erases it; empty: it is still to be erased.
func WipeResultOf(object *v1alpha1.StorageOperation, name string) (manifest.WipeResult, string) {
	if !OperationFinished(&object.Status) {
		return "", ""
	}
	at := slices.IndexFunc(object.Status.Targets, func(t v1alpha1.OperationTarget) bool { return t.Disk == name })
	var target v1alpha1.OperationTarget
	if at >= 0 {
		target = object.Status.Targets[at]
	}
	switch {
	case deref(target.Report).Result == v1alpha1.ReportVerified:
		return manifest.WipeErased, ""
	case object.DeletionTimestamp.IsZero():
		return "", ""
	}
	return manifest.WipeLeft, cmp.Or(target.Message, "its StorageOperation was deleted")
}

// Unnoted says that an operation of a deletion has come to its end with disks, and that this is not recorded yet: it stays until
// it is, so that what was erased is never taken for given up.
func Unnoted(record *manifest.WipeRecord, object *v1alpha1.StorageOperation) bool {
	operation := record.Operation(object.Name)
	if operation == nil || !operation.Made {
		return operation != nil
	}
	return slices.ContainsFunc(operation.Disks, func(d manifest.WipedDisk) bool {
		result, _ := WipeResultOf(object, d.Disk)
		return d.Result == "" && result != ""
	})
}

// unsettled counts the disks that are still to be erased.
func (w *Wiping) unsettled() (n int) {
	for i := range w.Record.Operations {
		for _, disk := range w.Record.Operations[i].Disks {
			if disk.Result == "" {
				n++
			}
		}
	}
	return n
}

// claims says that a disk still has the claim of the cluster, or its OSDs: it would be kept from the next one.
func (w *Wiping) claims() bool {
	return slices.ContainsFunc(w.Disks, func(d *v1alpha1.StorageDisk) bool {
		return d.Status.Claim != nil && d.Status.Claim.FSID == w.Record.FSID || w.Record.Disk(d.Name) != nil && len(d.Status.OSDs) > 0
	})
}

// WipeText says what became of the disks of a deletion.
func WipeText(record *manifest.WipeRecord) string {
	erased, left := 0, []string{}
	for i := range record.Operations {
		for _, disk := range record.Operations[i].Disks {
			switch disk.Result {
			case manifest.WipeErased:
				erased++
			case manifest.WipeLeft:
				left = append(left, fmt.Sprintf("%s (node %s: %s)", disk.Disk, disk.Node, disk.Message))
			}
		}
	}
	text := count(erased, "disk") + " erased"
	if len(left) > 0 {
		text += "; NOT erased: " + some(left)
	}
	return text + directoriesText(record)
}

// wipingText says how far the erasure is, and what keeps it.
func (v *view) wipingText() string {
	w := v.in.Wiping
	text := fmt.Sprintf("%s, %d still to be erased", WipeText(w.Record), w.unsettled())
	var waits []string
	for i := range w.Record.Operations {
		object := w.operation(w.Record.Operations[i].Name)
		if object == nil || object.Status.State == v1alpha1.OperationSucceeded {
			continue
		}
		for _, condition := range object.Status.Conditions {
			if condition.Type == v1alpha1.ConditionComplete {
				waits = append(waits, fmt.Sprintf("%s: %s", object.Name, condition.Message))
			}
		}
	}
	if w.unsettled() == 0 && w.claims() {
		waits = append(waits, "the claims of its disks are released")
	}
	if at := w.Record.Removing(); at != nil {
		waits = append(waits, "the agent on node "+at.Node+" is asked to remove "+handover.ClusterHostDir(w.Record.FSID))
	}
	if others := w.othersUnderway(); len(others) > 0 {
		waits = append(waits, "operation "+some(others)+" is carried out")
	}
	return cut(strings.Join(append([]string{text}, waits...), "; "))
}

// whatStays says what becomes of disks and keys.
func (v *view) whatStays() string {
	if v.in.Spec.DeletionPolicy == v1alpha1.DeletionWipe {
		return "then the disks are erased, and the keys go"
	}
	return "disks and keys stay"
}

func wipedDisks(record *manifest.WipeRecord) map[string]*manifest.WipedDisk {
	disks := map[string]*manifest.WipedDisk{}
	for i := range deref(record).Operations {
		for j := range record.Operations[i].Disks {
			disks[record.Operations[i].Disks[j].Disk] = &record.Operations[i].Disks[j]
		}
	}
	return disks
}

// wiped settles a disk that a deletion is done with: it is nobody's, and nothing new comes to it before the StorageCluster is
// gone. The same goes for one that the cluster claims and has nothing reserved on: it was not recorded, for it holds no OSD of it.
func (p *diskPlanner) wiped(d *draft) bool {
	for _, c := range p.clusters {
		if c.Wipe == nil {
			continue
		}
		disk := c.wiped[d.disk.Name]
		unused := disk == nil && c.claims(d.disk.Status.Claim) && len(c.data[d.disk.Name])+len(c.dbs[d.disk.Name]) == 0
		if unused || disk != nil && disk.Result != "" {
			d.owner = c
			d.plan = skip(v1alpha1.PlanReasonExcludedByOperation,
				"StorageCluster %s is being deleted, and is done with this disk; the rules decide again when it is gone", c.Key)
			return true
		}
	}
	return false
}
