package plan

import "github.com/seamount-dev/seamount/operator/manifest"

// BeginOperation stores the record of an operation, with Create, once Ceph was looked at again: from then on its plan is what
// was approved, whatever becomes of the disks.
type BeginOperation struct{ Record manifest.OperationRecord }

// RecordOperation stores how far an operation is. It is refused when somebody has changed the record meanwhile.
type RecordOperation struct{ Record manifest.OperationRecord }

// TakeOut marks OSDs out, once Ceph was looked at again: "osd out" rather than a weight in CRUSH, because it takes effect in
// one step for all of them, leaves the weights in CRUSH and with them what other hosts hold as they are, and is undone by one
// command that needs to remember nothing but who was in.
type TakeOut struct{ IDs []int32 }

// PutIn marks OSDs in.
type PutIn struct{ IDs []int32 }

// LeaveOSDs marks the reservations of OSDs as leaving and takes their Deployments away, once Ceph said, just now, that nothing
// needs them.
type LeaveOSDs struct{ OSDs []manifest.RecordedOSD }

// PurgeOSD takes an OSD out of Ceph for good, and then what is reserved for it. The executor looks once more: it is the OSD of
// that uuid, it is down, it has no Deployment, and Ceph says that it is safe to destroy.
type PurgeOSD struct{ OSD manifest.RecordedOSD }

// Target implements Action.
func (BeginOperation) Target() string { return "" }

// Target implements Action.
func (RecordOperation) Target() string { return "" }

// Target implements Action.
func (a TakeOut) Target() string { return joinNumbers(a.IDs) }

// Target implements Action.
func (a PutIn) Target() string { return joinNumbers(a.IDs) }

// Target implements Action.
func (a LeaveOSDs) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// Target implements Action.
func (a PurgeOSD) Target() string { return osdName(a.OSD.ID) }

func idsOf(osds []manifest.RecordedOSD) []int32 {
	ids := make([]int32, 0, len(osds))
	for _, osd := range osds {
		ids = append(ids, osd.ID)
	}
	return ids
}

// StayOSDs takes the mark of LeaveOSDs off again: the plan of the cluster runs these OSDs again.
type StayOSDs struct{ OSDs []manifest.RecordedOSD }

// Target implements Action.
func (a StayOSDs) Target() string { return joinNumbers(idsOf(a.OSDs)) }
