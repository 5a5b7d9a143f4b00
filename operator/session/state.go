package session

import (
	"errors"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// State is what is known of a cluster.
type State struct {
	// Snapshot is the last one that could be read; nil if there was none.
	Snapshot *ceph.Snapshot
	// Err is why the last attempt failed; nil if it did not. The snapshot is then of an earlier one.
	Err error
	// Since is when the attempts began to fail.
	Since time.Time
	// Polls and Failures count the attempts, and Commands those that were sent for the ones that did not fail.
	Polls, Failures, Commands int64
}

// StaleAfter is how old a snapshot may be. An older one says what was, and nothing is decided on it.
const StaleAfter = 45 * time.Second

// Fresh says whether the snapshot is young enough to decide on.
func (s State) Fresh(now time.Time) bool {
	return s.Snapshot != nil && now.Sub(s.Snapshot.At) <= StaleAfter
}

// kind is the sort of failure, so that words that differ from one attempt to the next wake nobody.
func kind(err error) error {
	for _, known := range []error{
		ceph.ErrAuthentication, ceph.ErrUnreachable, ceph.ErrTimeout, ceph.ErrPermission, ceph.ErrInvalid,
	} {
		if errors.Is(err, known) {
			return known
		}
	}
	return err
}

// differ says whether two states of a cluster differ in what somebody acts on or is told.
func differ(a, b State) bool {
	return errorsDiffer(a.Err, b.Err) || changed(a.Snapshot, b.Snapshot)
}

func errorsDiffer(a, b error) bool {
	if (a == nil) != (b == nil) {
		return true
	}
	return a != nil && !errors.Is(kind(a), kind(b)) && a.Error() != b.Error()
}
