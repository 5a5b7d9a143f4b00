// Package session keeps one session with each Ceph cluster and reads its state again and again, so that reconcilers
// look at a snapshot and never poll.
//
// It owns the sessions: it connects, notices what changed, says how old what it knows is, and closes. Each cluster has
// a goroutine of its own, so that one that hangs delays no other. It decides nothing, and changes nothing in Ceph.
package session
