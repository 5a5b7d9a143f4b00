package plan

import "github.com/seamount-dev/seamount/operator/manifest/handover"

// ReadMonKey runs a pod that reads the key of the mons from the store of one, and writes it into a Secret. With Again the
// pod of an earlier attempt makes room first.
type ReadMonKey struct {
	Mon      handover.Mon
	Hostname string
	Again    bool
}

// RebuildIdentity asks Ceph, with the key that was found in the store of a mon, for the key of client.admin, and stores
// the identity again. The fsid that Ceph tells must be the one that the cluster is known to have.
type RebuildIdentity struct{}

// EndRecovery takes away what the rebuilding of an identity needed.
type EndRecovery struct{}

// RestoreMons writes the record of the mons from the monmap of the living quorum. Mons says on which nodes they are.
type RestoreMons struct{ Mons []handover.Mon }

// Target implements Action.
func (a ReadMonKey) Target() string { return "mon." + a.Mon.Name }

// Target implements Action.
func (RebuildIdentity) Target() string { return "" }

// Target implements Action.
func (EndRecovery) Target() string { return "" }

// Target implements Action.
func (RestoreMons) Target() string { return "" }
