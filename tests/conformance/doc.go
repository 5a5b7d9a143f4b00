// Package conformance runs the conformance suite of package ceph on real
// daemons, which it starts itself: the host's release always, further ones from
// the root directories that SEAMOUNT_CEPH_ROOTFS names (separated by colons).
//
// It owns how the suite's hands reach real daemons. It has no cases.
package conformance
