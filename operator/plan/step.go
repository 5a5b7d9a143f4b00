package plan

import (
	"strconv"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Step is one act, with why it is done. Executing it twice is the same as once.
type Step struct {
	// ID is the same for the same act in every plan, such as ApplyDaemon/osd.3.
	ID string
	// Reason says why, in words.
	Reason string
	// After names the steps of the same plan that must have succeeded before.
	After []string
	Do    Action
}

// Action is what a step does: one of the types below.
type Action interface {
	// Target that is acted on; empty: the cluster as a whole.
	Target() string
}

// EnsureIdentity stores a new fsid and the keys of client.admin and mon. in a Secret, with Create: one that is there
// is kept.
type EnsureIdentity struct{}

// ReserveOSD stores what is chosen for an OSD, with Create: its id is in OSD.ID; the executor chooses uuid, key and
// the UUIDs of slices. The disk must have the cluster's claim, and no other OSD in the same place, looked up live.
type ReserveOSD struct{ OSD Reservation }

// RelocateOSD stores that an OSD's disk is in another node, where somebody put it.
type RelocateOSD struct {
	ID       int32
	Node     string
	Location ceph.Location
}

// EnsureMon gives a mon its Service and records it. With Address empty the executor records the one that the Service
// got. Joining mons need the monmap of the living quorum, which the executor fetches.
type EnsureMon struct{ Mon handover.Mon }

// EnsureKey stores a key for a mgr or an MDS, with Create. Filesystem is the one that an MDS serves.
type EnsureKey struct {
	Daemon     DaemonID
	Filesystem string
}

// WriteSeed stores the keyring that the first mons are made with, with Create: mon., client.admin, and the keys of
// these mgrs and OSDs.
type WriteSeed struct{ Seed Seed }

// RecordQuorum records that there was a quorum, and the mons' states with it. From then on no store is made from the
// seed's monmap.
type RecordQuorum struct{ Mons []handover.Mon }

// RecordMember records that a joining mon is in the quorum.
type RecordMember struct{ Mon string }

// RegisterKey gives Ceph the key of a mgr that is not in the seed, or of an MDS.
type RegisterKey struct{ Daemon DaemonID }

// RegisterOSD reserves the id of an OSD in Ceph (osd new), which the seed does not know.
type RegisterOSD struct{ ID int32 }

// ApplyDaemon applies a daemon's Deployment. With Restart it changes a running pod: the executor asks Ceph once more
// for all daemons that are restarted with it (Batch) whether they may stop, and leaves them all when not. What the plan
// could not know yet (a mon's address, an OSD's uuid and slices) is taken from what was stored.
type ApplyDaemon struct {
	Daemon  Daemon
	Restart bool
	Batch   []DaemonID
}

// RemoveMon takes a mon out of the monmap, and then its Deployment, Service and record away. The executor looks once more
// whether the others hold quorum without it, and whether its Successor, if there is one, is among them.
type RemoveMon struct{ Name, Successor string }

// RemoveDaemon takes the Deployment and the key of a mgr or an MDS away. An MDS that holds a rank by now is left: the
// executor looks once more.
type RemoveDaemon struct{ Daemon DaemonID }

// RestoreReservation stores again what is known of an OSD in service whose Secret is gone. The executor asks Ceph for
// the key.
type RestoreReservation struct{ OSD Reservation }

// SetConfig sets an option in Ceph and then records that it did.
type SetConfig struct{ Who, Option, Value string }

// RemoveConfig takes an option out of Ceph and then out of the record.
type RemoveConfig struct{ Who, Option string }

// RecordConfig records an option that Ceph has already; with Forget it takes the option out of the record.
type RecordConfig struct {
	Who, Option, Value string
	Forget             bool
}

// EnableModule enables a module of the mgr and then records that it did.
type EnableModule struct{ Module string }

// DisableModule disables a module of the mgr and then takes it out of the record.
type DisableModule struct{ Module string }

// SetDeviceClass gives OSDs the class that was chosen for them.
type SetDeviceClass struct {
	Class string
	IDs   []int32
}

// PlaceMgrPool makes a rule of one device class and gives it, with the size, to the pool .mgr.
type PlaceMgrPool struct {
	Rule ceph.ReplicatedRule
	Size int
}

// SetNoout keeps the OSDs of a cordoned node in, and records before that it was set at a time. One that is recorded
// already keeps its time; one that somebody else has set meanwhile is left alone.
type SetNoout struct {
	Host string
	At   time.Time
}

// EndNoout takes off what SetNoout set, and nothing else, and then marks the record as ended. With Forget the record goes:
// the node may be drained anew.
type EndNoout struct {
	Host   string
	Forget bool
}

// StopDaemon takes a Deployment away. What the daemon stored stays.
type StopDaemon struct{ Daemon DaemonID }

// ReleaseCluster takes the finalizer off the StorageCluster.
type ReleaseCluster struct{}

func osdName(id int32) string { return "osd." + strconv.Itoa(int(id)) }

// Target implements Action.
func (EnsureIdentity) Target() string { return "" }

// Target implements Action.
func (a ReserveOSD) Target() string { return osdName(a.OSD.ID) }

// Target implements Action.
func (a RestoreReservation) Target() string { return osdName(a.OSD.ID) }

// Target implements Action.
func (a RelocateOSD) Target() string { return osdName(a.ID) }

// Target implements Action.
func (a EnsureMon) Target() string { return "mon." + a.Mon.Name }

// Target implements Action.
func (a EnsureKey) Target() string { return a.Daemon.String() }

// Target implements Action.
func (WriteSeed) Target() string { return "" }

// Target implements Action.
func (RecordQuorum) Target() string { return "" }

// Target implements Action.
func (a RecordMember) Target() string { return "mon." + a.Mon }

// Target implements Action.
func (a RegisterKey) Target() string { return a.Daemon.String() }

// Target implements Action.
func (a RegisterOSD) Target() string { return osdName(a.ID) }

// Target implements Action.
func (a ApplyDaemon) Target() string { return a.Daemon.ID.String() }

// Target implements Action.
func (a RemoveMon) Target() string { return "mon." + a.Name }

// Target implements Action.
func (a RemoveDaemon) Target() string { return a.Daemon.String() }

// Target implements Action.
func (a SetConfig) Target() string { return a.Who + "/" + a.Option }

// Target implements Action.
func (a RemoveConfig) Target() string { return a.Who + "/" + a.Option }

// Target implements Action.
func (a RecordConfig) Target() string { return a.Who + "/" + a.Option }

// Target implements Action.
func (a EnableModule) Target() string { return a.Module }

// Target implements Action.
func (a DisableModule) Target() string { return a.Module }

// Target implements Action.
func (a SetDeviceClass) Target() string { return a.Class }

// Target implements Action.
func (PlaceMgrPool) Target() string { return "" }

// Target implements Action.
func (a SetNoout) Target() string { return a.Host }

// Target implements Action.
func (a EndNoout) Target() string { return a.Host }

// Target implements Action.
func (a StopDaemon) Target() string { return a.Daemon.String() }

// Target implements Action.
func (ReleaseCluster) Target() string { return "" }
