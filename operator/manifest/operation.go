package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// ComponentOperation is the LabelComponent of the record of a StorageOperation that is carried out.
const ComponentOperation = "operation"

// AnnotationLeaving of a reservation names the StorageOperation that takes its OSD away. Such an OSD is neither run nor made
// known to Ceph again, whoever plans from however old a view.
const AnnotationLeaving = "seamount.dev/leaving"

// AnnotationReplaced of a reservation names the StorageOperation that the operator made because the disk of its OSD failed. When there
// is no such object any more, a person deleted it, and none is made again before the OSD has been up.
const AnnotationReplaced = "seamount.dev/replaced"

// ReplaceOperationName is the name of an operation that the operator makes because a disk failed: by the first of its OSDs, and by
// a number that tells it from those of before.
func ReplaceOperationName(cluster string, osd int32, number int) string {
	return fmt.Sprintf("replace-%s-osd-%d-%d", cluster, osd, number)
}

// FinalizerOperation keeps a StorageOperation from its start to its end.
const FinalizerOperation = "seamount.dev/operation"

// OperationRecord is what is kept of a StorageOperation from its start to its end: what was approved, and what was done
// already. Status may be lost, and what is recorded here may not: who was in before, and what may be erased.
type OperationRecord struct {
	// Operation by the name of its object, and UID of that.
	Operation string `json:"operation"`
	UID       string `json:"uid"`
	// Type of it, and Erase says how much is erased.
	Type  v1alpha1.OperationType `json:"type"`
	Erase v1alpha1.EraseMode     `json:"erase"`
	// Plan and Targets as they were approved, and who approved, in words.
	Plan     v1alpha1.OperationPlan     `json:"plan"`
	Targets  []v1alpha1.OperationTarget `json:"targets"`
	Approval string                     `json:"approval"`
	ByPolicy bool                       `json:"byPolicy,omitempty"`
	Started  time.Time                  `json:"started"`
	// OSDs of the targets, and Disks that are erased.
	OSDs  []RecordedOSD  `json:"osds,omitempty"`
	Disks []RecordedDisk `json:"disks,omitempty"`
	// Places are the disks that others take the place of, with Replace.
	Places []RecordedPlace `json:"places,omitempty"`
	// StartPGs and StartBytes are what was to move.
	StartPGs   int32 `json:"startPGs,omitempty"`
	StartBytes int64 `json:"startBytes,omitempty"`
	// Drained says that nothing needed the OSDs any more, and Final that a step which cannot be undone may have begun.
	Drained bool `json:"drained,omitempty"`
	Final   bool `json:"final,omitempty"`
	// Deletion says that it erases the disks of a cluster that is being deleted, and DeletionOf is the uid of that StorageCluster.
	Deletion   bool   `json:"deletion,omitempty"`
	DeletionOf string `json:"deletionOf,omitempty"`
	// Drops are disks on which what was reserved for this operation is let go again.
	Drops []RecordedDrop `json:"drops,omitempty"`
	// GivenUp says that nothing is to take the places any more: the slices that were kept for them are for others.
	GivenUp bool `json:"givenUp,omitempty"`
	// Cancelling says that what was done is being undone.
	Cancelling bool `json:"cancelling,omitempty"`
}

// RecordedOSD is an OSD of an operation.
type RecordedOSD struct {
	ID   int32  `json:"id"`
	UUID string `json:"uuid"`
	// WasIn says that it was in before: only such a one goes in again when the operation is cancelled.
	WasIn bool `json:"wasIn,omitempty"`
	// Dead says that it was down when the operation began: nothing could be moved off it.
	Dead bool `json:"dead,omitempty"`
	// Gone says that it was purged, or destroyed.
	Gone bool `json:"gone,omitempty"`
	// Before are the uuids of OSDs whose labels may be in the slice for its DB, since it never ran.
	Before []string `json:"before,omitempty"`
}

// RecordedDisk is a disk of an operation that is to be erased.
type RecordedDisk struct {
	Disk string `json:"disk"`
	Seal string `json:"seal"`
	// FSID and OSDs may be on it, and the table with these slices.
	FSID   string               `json:"fsid,omitempty"`
	OSDs   []string             `json:"osds,omitempty"`
	Table  string               `json:"table,omitempty"`
	Slices []v1alpha1.DiskSlice `json:"slices,omitempty"`
	// Asked says that its agent is asked to erase it, and Done that the operation has no more to do with it.
	Asked  bool                   `json:"asked,omitempty"`
	Done   bool                   `json:"done,omitempty"`
	Report *v1alpha1.TargetReport `json:"report,omitempty"`
}

// RecordedPlace is a disk that another one takes the place of.
type RecordedPlace struct {
	// Disk that goes, the node and the slot that it was in, and the rule that had taken it.
	Disk string `json:"disk"`
	Node string `json:"node,omitempty"`
	Slot string `json:"slot,omitempty"`
	Rule string `json:"rule,omitempty"`
	// OSDs whose data is on it. The successor gets their ids.
	OSDs []int32 `json:"osds,omitempty"`
	// By is the disk that takes the place, which may be the same once it is erased; empty: none was found yet. Seal of it as
	// it was chosen; empty: it is sealed when it was erased.
	By   string `json:"by,omitempty"`
	Seal string `json:"seal,omitempty"`
}

// RecordedDrop is a disk that was taken and does not serve: its OSDs, which never ran, are let go.
type RecordedDrop struct {
	Disk string        `json:"disk"`
	OSDs []RecordedOSD `json:"osds"`
	Why  string        `json:"why"`
	// Again says that nothing is wrong with the disk itself: it may be taken again as it is by now.
	Again bool `json:"again,omitempty"`
	// Done says that nothing is left of them.
	Done bool `json:"done,omitempty"`
}

// Dropped returns the last time that a disk was let go; nil: it was not.
func (r *OperationRecord) Dropped(disk string) *RecordedDrop {
	for i := len(r.Drops) - 1; i >= 0; i-- {
		if r.Drops[i].Disk == disk {
			return &r.Drops[i]
		}
	}
	return nil
}

// LetsGo says that what is reserved on a disk is being let go: nothing new comes to it.
func (r *OperationRecord) LetsGo(disk string) bool {
	drop := r.Dropped(disk)
	return drop != nil && !drop.Done
}

// Disk returns the record of a disk; nil: there is none.
func (r *OperationRecord) Disk(name string) *RecordedDisk {
	for i := range r.Disks {
		if r.Disks[i].Disk == name {
			return &r.Disks[i]
		}
	}
	return nil
}

// Outlived says that the operation erases the disks of a deletion which is over: the uid is that of the StorageCluster, if it is being
// deleted. Somebody took its finalizer off, and another cluster may serve from these disks by now.
func (r *OperationRecord) Outlived(deletionOf string) bool {
	return r.Deletion && (deletionOf == "" || r.DeletionOf != deletionOf)
}

// Concerns says whether the operation is about a disk.
func (r *OperationRecord) Concerns(disk string) bool {
	for i := range r.Targets {
		if r.Targets[i].Disk == disk {
			return true
		}
	}
	return false
}

// Place returns the place that a disk takes; nil: none.
func (r *OperationRecord) Place(by string) *RecordedPlace {
	for i := range r.Places {
		if r.Places[i].By == by {
			return &r.Places[i]
		}
	}
	return nil
}

// Cleared says that what was to go is gone: the OSDs from Ceph, and what was on the disks.
func (r *OperationRecord) Cleared() bool {
	for i := range r.OSDs {
		if !r.OSDs[i].Gone {
			return false
		}
	}
	for i := range r.Disks {
		if !r.Disks[i].Done {
			return false
		}
	}
	return r.Final
}

// Copy returns one that can be changed.
func (r *OperationRecord) Copy() *OperationRecord {
	var copied OperationRecord
	if err := json.Unmarshal([]byte(encode(r)), &copied); err != nil {
		panic(err) // it was encoded just now
	}
	return &copied
}

// operationKey of the ConfigMap with a record.
const operationKey = "operation.json"

// OperationRecordName is the name of the ConfigMap with the record of an operation.
func OperationRecordName(cluster, operation string) string {
	sum := sha256.Sum256([]byte(operation))
	return prefix(cluster) + "-operation-" + hex.EncodeToString(sum[:8])
}

// OperationConfigMap holds the record of an operation.
func (c Cluster) OperationConfigMap(record OperationRecord) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: c.lasting(OperationRecordName(c.Name, record.Operation), ComponentOperation, ""),
		Data:       map[string]string{operationKey: encode(record)},
	}
}

// OperationRecordOf reads the ConfigMap that OperationConfigMap built.
func OperationRecordOf(config *corev1.ConfigMap) (*OperationRecord, error) {
	record := &OperationRecord{}
	if err := json.Unmarshal([]byte(config.Data[operationKey]), record); err != nil {
		return nil, fmt.Errorf("config map %s: %s: %w", config.Name, operationKey, err)
	}
	return record, nil
}
