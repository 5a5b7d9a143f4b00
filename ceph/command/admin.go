package command

import (
	"time"
)

// Admin is every role of package ceph that is done by commands to mons and
// mgrs: all but Images and Close. It keeps no state of the cluster and is safe
// for concurrent use.
type Admin struct {
	transport Transport
	clock     func() time.Time

	permitting chan struct{} // holds a token while the mons permit what they forbid
}

// NewAdmin returns an Admin that sends through t and dates snapshots by clock.
func NewAdmin(t Transport, clock func() time.Time) *Admin {
	return &Admin{transport: t, clock: clock, permitting: make(chan struct{}, 1)}
}
