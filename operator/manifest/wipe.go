package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// ComponentWipe is the LabelComponent of the record of a deletion that erases the disks.
const ComponentWipe = "wipe"

// WipeRecord is what is kept of the deletion of a StorageCluster whose disks are erased, from before its daemons stop until the
// object goes: which disks were its own, which StorageOperations erase them, and what became of each. What was reserved is
// forgotten at the end, and a person's decision to give a disk up may not be.
type WipeRecord struct {
	// UID of the StorageCluster, and FSID of its Ceph.
	UID  string `json:"uid"`
	FSID string `json:"fsid"`
	// Operations that erase, in the order of their numbers.
	Operations []WipeOperation `json:"operations,omitempty"`
	// Asked is when the agents were asked to remove what the cluster kept on the nodes themselves: when all of its disks were
	// erased. Zero: they are not. Directories are what is to go.
	Asked       time.Time       `json:"asked,omitzero"`
	Directories []WipeDirectory `json:"directories,omitempty"`
}

// WipeDirectory is the directory of a cluster that is being deleted on one node.
type WipeDirectory struct {
	Node string `json:"node"`
	// Disk is the StorageDisk by which the agent of the node is asked; empty: there is none.
	Disk string `json:"disk,omitempty"`
	// Result says what became of it; empty: it is still to be removed. Message says why, when it was left.
	Result  WipeResult `json:"result,omitempty"`
	Message string     `json:"message,omitempty"`
}

// WipeOperation is a StorageOperation that the deletion of a cluster makes.
type WipeOperation struct {
	Name string `json:"name"`
	// Made says that the object was made. One that is gone afterwards was deleted by a person, and is not made again.
	Made  bool        `json:"made,omitempty"`
	Disks []WipedDisk `json:"disks"`
}

// WipedDisk is a disk of a cluster that is being deleted.
type WipedDisk struct {
	Disk string `json:"disk"`
	Node string `json:"node,omitempty"`
	// OSDs that have their data or their DB on it.
	OSDs []RecordedOSD `json:"osds"`
	// Result says what became of it; empty: it is still to be erased. Message says why, when it was left.
	Result  WipeResult `json:"result,omitempty"`
	Message string     `json:"message,omitempty"`
}

// WipeResult is what became of a disk, or of a directory.
type WipeResult string

// What becomes of disks: erased, or given up by a person and left as they are; and of directories: removed, or left.
const (
	WipeErased  WipeResult = "Erased"
	WipeRemoved WipeResult = "Removed"
	WipeLeft    WipeResult = "Left"
)

// Operation returns the entry of an operation; nil: there is none.
func (r *WipeRecord) Operation(name string) *WipeOperation {
	at := slices.IndexFunc(r.Operations, func(o WipeOperation) bool { return o.Name == name })
	if at < 0 {
		return nil
	}
	return &r.Operations[at]
}

// Disk returns the entry of a disk; nil: there is none.
func (r *WipeRecord) Disk(name string) *WipedDisk {
	for i := range r.Operations {
		if disk := r.Operations[i].Disk(name); disk != nil {
			return disk
		}
	}
	return nil
}

// Disk returns the entry of a disk; nil: there is none.
func (o *WipeOperation) Disk(name string) *WipedDisk {
	at := slices.IndexFunc(o.Disks, func(d WipedDisk) bool { return d.Disk == name })
	if at < 0 {
		return nil
	}
	return &o.Disks[at]
}

// AllErased says that every disk is erased: none was given up.
func (r *WipeRecord) AllErased() bool {
	return !slices.ContainsFunc(r.Operations, func(o WipeOperation) bool {
		return slices.ContainsFunc(o.Disks, func(d WipedDisk) bool { return d.Result != WipeErased })
	})
}

// Removing returns the first directory that is still to be removed; nil: there is none.
func (r *WipeRecord) Removing() *WipeDirectory {
	at := slices.IndexFunc(r.Directories, func(d WipeDirectory) bool { return d.Result == "" })
	if at < 0 {
		return nil
	}
	return &r.Directories[at]
}

// Names lists the disks of an operation.
func (o *WipeOperation) Names() []string {
	names := make([]string, 0, len(o.Disks))
	for i := range o.Disks {
		names = append(names, o.Disks[i].Disk)
	}
	return names
}

// Makes says whether an operation asks for just what the deletion makes it for.
func (o *WipeOperation) Makes(cluster string, spec v1alpha1.StorageOperationSpec) bool {
	return spec.Type == v1alpha1.OperationWipe && spec.Erase == v1alpha1.EraseSignatures && spec.ClusterRef.Name == cluster &&
		slices.Equal(spec.Disks, o.Names())
}

// Copy returns one that can be changed.
func (r *WipeRecord) Copy() *WipeRecord {
	copied := *r
	copied.Operations = slices.Clone(r.Operations)
	for i := range copied.Operations {
		copied.Operations[i].Disks = slices.Clone(copied.Operations[i].Disks)
	}
	copied.Directories = slices.Clone(r.Directories)
	return &copied
}

// wipeKey of the ConfigMap with a record.
const wipeKey = "wipe.json"

// idDigits of an fsid, or of a uid, are enough to tell the clusters of one name from each other.
const idDigits = 8

// WipeName is the name of the ConfigMap with the record of a deletion.
func WipeName(cluster, fsid string) string { return prefix(cluster) + "-wipe-" + short(fsid) }

// WipeOperationName is the name of an operation that a deletion makes. It has the uid of the StorageCluster in it: what an earlier
// deletion erased, of another StorageCluster with the same fsid, is not erased by now.
func WipeOperationName(cluster, uid string, number int) string {
	return fmt.Sprintf("wipe-%s-%s-%d", cluster, short(uid), number)
}

func short(id string) string { return id[:min(len(id), idDigits)] }

// WipeConfigMap holds the record of a deletion. A finalizer keeps it: the garbage collector takes what belongs to an object
// that is deleted with its dependents first.
func (c Cluster) WipeConfigMap(record WipeRecord) *corev1.ConfigMap {
	meta := c.lasting(WipeName(c.Name, record.FSID), ComponentWipe, "")
	meta.Finalizers = []string{FinalizerIdentity}
	return &corev1.ConfigMap{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta,
		Data: map[string]string{wipeKey: encode(record)},
	}
}

// WipeRecordOf reads the ConfigMap that WipeConfigMap built.
func WipeRecordOf(config *corev1.ConfigMap) (*WipeRecord, error) {
	record := &WipeRecord{}
	if err := json.Unmarshal([]byte(config.Data[wipeKey]), record); err != nil {
		return nil, fmt.Errorf("config map %s: %s: %w", config.Name, wipeKey, err)
	}
	return record, nil
}
