package plan

import (
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

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

// PurgeOSDs takes OSDs out of Ceph for good, and then what is reserved for them. The executor looks once more at all of them:
// each is the OSD of that uuid, is down, has no Deployment, and Ceph says that it is safe to destroy. They go together, because
// each that goes changes the weight of its host in CRUSH: data is on the move then, and Ceph says of no OSD that is down that
// it is safe before that has ended.
type PurgeOSDs struct{ OSDs []manifest.RecordedOSD }

// DestroyOSDs takes OSDs out of Ceph but for their ids and their places in CRUSH, and then what is reserved for them. The
// executor looks as before PurgeOSDs; of one that is down it is enough that every PG is active and misses nothing.
type DestroyOSDs struct{ OSDs []manifest.RecordedOSD }

// LeaveUnborn marks the reservations of OSDs that never ran as leaving and takes their Deployments away.
type LeaveUnborn struct{ OSDs []manifest.RecordedOSD }

// DropUnborn takes OSDs that never ran out of Ceph, and then what is reserved for them. The executor looks once more at each: it has
// no Deployment, is down, and Ceph never saw it up, so that it cannot hold data. Purge says that the ids go too.
type DropUnborn struct {
	OSDs  []manifest.RecordedOSD
	Purge bool
}

// PurgeDestroyed takes ids out of Ceph that nothing took the place of. One that is of an OSD again is left alone.
type PurgeDestroyed struct{ IDs []int32 }

// WeighOSD gives an OSD the weight in CRUSH that its size asks for: that of the disk before it stays otherwise.
type WeighOSD struct {
	ID       int32
	Weight   float64
	Location ceph.Location
}

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
func (a PurgeOSDs) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// Target implements Action.
func (a DestroyOSDs) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// Target implements Action.
func (a LeaveUnborn) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// Target implements Action.
func (a DropUnborn) Target() string { return joinNumbers(idsOf(a.OSDs)) }

// Target implements Action.
func (a PurgeDestroyed) Target() string { return joinNumbers(a.IDs) }

// Target implements Action.
func (a WeighOSD) Target() string { return osdName(a.ID) }

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
