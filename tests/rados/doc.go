// Package rados tests the session of ceph/rados against real daemons: what goes
// wrong with a cluster, and what is left of a client afterwards. What the calls
// mean is the conformance suite's.
package rados
