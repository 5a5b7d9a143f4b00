package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// Purged lists the OSDs that operations free, or have freed: their ids are not given to others before the operations end.
func Purged(operations []manifest.OperationRecord) []int32 {
	var ids []int32
	for i := range operations {
		for _, osd := range operations[i].OSDs {
			if operations[i].Final {
				ids = append(ids, osd.ID)
			}
		}
	}
	return ids
}

// underway returns the operation that is carried out on the disk; nil: none. One of a deletion that is over asks for nothing.
func (c *diskCluster) underway(disk string) *manifest.OperationRecord {
	for i := range c.Operations {
		record := &c.Operations[i]
		if record.Type != v1alpha1.OperationAdd && record.Concerns(disk) && !record.Outlived(c.DeletionOf) {
			return record
		}
	}
	return nil
}

// anotherUnderway says that another operation than one is carried out on the disk.
func (c *diskCluster) anotherUnderway(disk string, than *manifest.OperationRecord) bool {
	record := c.underway(disk)
	return record != nil && record.Operation != than.Operation && !record.Cancelling &&
		(than.Type == v1alpha1.OperationAdd || !than.Concerns(disk))
}

// operated settles a disk that an operation of a cluster is about. Until the operation is done with it, it is the
// cluster's, and nothing new comes to it; from then on until the operation ends it is nobody's.
func (p *diskPlanner) operated(d *draft) bool {
	if d.admission != nil {
		return false
	}
	for _, c := range p.clusters {
		record := c.underway(d.disk.Name)
		if record == nil || record.Cancelling {
			continue
		}
		d.owner, d.operation = c, record
		d.data, d.dbs = c.data[d.disk.Name], c.dbs[d.disk.Name]
		disk := record.Disk(d.disk.Name)
		if d.freed = disk != nil && disk.Done; d.freed {
			d.plan = skip(v1alpha1.PlanReasonExcludedByOperation, "operation %s is done with this disk; the rules decide again when it has ended", record.Operation)
			return true
		}
		d.owned, d.made = true, true
		d.plan = v1alpha1.DiskPlan{
			Action: v1alpha1.PlanKeep, Reason: v1alpha1.PlanReasonInService, Rule: d.ruleInForce(), Message: cut(d.operationText()),
		}
		return true
	}
	return false
}

// operationText says what becomes of a disk that an operation is about.
func (d *draft) operationText() string {
	record, disk := d.operation, d.operation.Disk(d.disk.Name)
	switch {
	case disk != nil && disk.Asked:
		return fmt.Sprintf("operation %s: %s", record.Operation, d.erasing())
	case record.Type == v1alpha1.OperationWipe:
		return fmt.Sprintf("operation %s erases this disk", record.Operation)
	case record.Drained && record.Type == v1alpha1.OperationRemove:
		return fmt.Sprintf("operation %s: nothing needs %s any more, and it is removed", record.Operation, d.namesOr("its OSD"))
	case record.Drained && record.Type == v1alpha1.OperationReplace:
		return fmt.Sprintf("operation %s: nothing needs %s on this disk any more, and it is replaced", record.Operation, d.namesOr("its OSD"))
	case record.Drained:
		return fmt.Sprintf("operation %s: nothing needs %s any more", record.Operation, d.namesOr("its OSD"))
	}
	return fmt.Sprintf("operation %s: the data of %s moves to other OSDs", record.Operation, d.namesOr("its OSD"))
}

func (d *draft) namesOr(otherwise string) string {
	if names := d.names(); names != "" {
		return names
	}
	return otherwise
}

// erasing says how far the agent is.
func (d *draft) erasing() string {
	request, report := d.request(), d.disk.Status.Report
	switch {
	case request == nil || report == nil || report.ID != request.ID:
		return "the agent on node " + d.disk.Status.Node + " is asked to erase it, and has not answered yet"
	case report.Result == v1alpha1.DiskReportDone:
		return "it is erased"
	case report.Refusal != nil:
		return "it is not erased: " + withRemedy(*report.Refusal)
	}
	return fmt.Sprintf("it is not erased: the agent reports %s", report.Result)
}

// operationService is the state of a disk that an operation is about.
func (d *draft) operationService() (v1alpha1.DiskState, Condition) {
	record, disk := d.operation, d.operation.Disk(d.disk.Name)
	state, reason := v1alpha1.DiskDraining, v1alpha1.ReasonDraining
	switch {
	case disk != nil && disk.Asked || record.Type == v1alpha1.OperationWipe:
		state, reason = v1alpha1.DiskWiping, v1alpha1.ReasonWiping
	case record.Drained:
		state, reason = v1alpha1.DiskDrained, v1alpha1.ReasonDrained
	}
	return state, Condition{metav1.ConditionFalse, reason, d.plan.Message}
}

// EraseRequest is what the agent of a disk's node is asked for by an operation.
func EraseRequest(mode v1alpha1.EraseMode, disk *manifest.RecordedDisk, node string) *v1alpha1.DiskRequest {
	request := &v1alpha1.DiskRequest{
		Action: v1alpha1.DiskActionErase, Node: node, Seal: disk.Seal, Table: disk.Table, Slices: disk.Slices,
		Erase: &v1alpha1.DiskErase{Mode: mode, OSDs: disk.OSDs},
	}
	if len(disk.OSDs) > 0 {
		request.Erase.FSID = disk.FSID
	}
	request.ID = requestID(request)
	return request
}

// requestID is a hash of all else that is in a request.
func requestID(request *v1alpha1.DiskRequest) string {
	encoded, err := json.Marshal(request)
	if err != nil {
		panic(err) // plain data: cannot fail
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:16])
}

// operationRequest is what an operation has the agent asked for. Before that, what was asked stays, but for what was given up: that a
// reservation goes takes no slice away.
func (d *draft) operationRequest() *v1alpha1.DiskRequest {
	disk := d.operation.Disk(d.disk.Name)
	switch {
	case d.freed:
		return nil
	case disk != nil && disk.Asked:
		return EraseRequest(d.operation.Erase, disk, d.disk.Status.Node)
	}
	return d.asAsked()
}
