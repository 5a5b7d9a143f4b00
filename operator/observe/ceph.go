package observe

import (
	"errors"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// CephFacts returns what plan decides on of the last look at a cluster: the snapshot (nil: never) with whether it is
// fresh, and the failure of the last attempt (nil: it did not fail). tried says that there was an attempt.
func CephFacts(snapshot *ceph.Snapshot, fresh bool, failure error, tried bool) plan.CephFacts {
	facts := plan.CephFacts{Snapshot: snapshot, Fresh: fresh}
	switch {
	case !tried:
	case failure == nil:
		facts.Reach = plan.ReachAnswering
	case errors.Is(failure, ceph.ErrAuthentication) || errors.Is(failure, ceph.ErrPermission):
		facts.Reach, facts.Text = plan.ReachUnauthorized, words(failure)
	default:
		facts.Reach, facts.Text = plan.ReachUnreachable, words(failure)
	}
	return facts
}

// words returns what Ceph said, without what this program was about.
func words(err error) string {
	var failure *ceph.Error
	if errors.As(err, &failure) && failure.Text != "" {
		return failure.Text
	}
	return err.Error()
}

// OSDStates returns the OSDs of a snapshot; nil, false when there is none.
func OSDStates(snapshot *ceph.Snapshot) (states []plan.OSDState, known bool) {
	if snapshot == nil {
		return nil, false
	}
	states = make([]plan.OSDState, 0, len(snapshot.OSDs))
	for i := range snapshot.OSDs {
		osd := &snapshot.OSDs[i]
		states = append(states, plan.OSDState{
			ID: int32(osd.ID), UUID: osd.UUID, Up: osd.Up, In: osd.In, //nolint:gosec // Ceph's ids are below 2^31
			Booted: osd.Up || !slices.Contains(osd.States, "new"), PGs: osd.PGs,
		})
	}
	return states, true
}

// Earliest returns the shorter of two waits, where 0 is none.
func Earliest(a, b time.Duration) time.Duration {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
