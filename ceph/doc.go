// Package ceph is the typed Ceph client as the rest of Seamount sees it: small
// role interfaces, plain structs and typed errors.
//
// It owns the words: what a mon, an OSD, a pool, an image or a subvolume is,
// and which calls exist. It never talks to anything: no network, no cgo, no
// Kubernetes, no clock. Three packages stand behind it. ceph/command encodes
// and decodes the commands of mons and mgrs, ceph/rados carries them to a real
// cluster, and ceph/sim is a cluster in memory for unit and scale tests. The
// suite in ceph/conformance holds the simulator to the real thing.
//
// # Contract of every call
//
//   - A call takes a context and returns by its deadline, or by the client's
//     default deadline if the context has none, also when Ceph hangs. A call
//     that ran out of time may still take effect later: read before retrying.
//   - A failure is an *Error: errors.Is tells its kind (ErrNotFound, ErrBusy,
//     ...), and its message keeps Ceph's own words.
//   - A call that asks for a state which already holds succeeds, unless its
//     comment says otherwise. Calls are safe for concurrent use.
//   - Secrets travel as Secret, which no formatter or encoder prints.
package ceph
