// Package sim is a Ceph cluster in memory, for unit tests, scale tests and the
// dashboard's tests. Its clients implement ceph.Client.
//
// It owns a model of what a caller can see: mons and their quorum, the active
// mgr, cephx users and capabilities, the life of OSDs, CRUSH placement, the
// states of PGs and their recovery, space, pools, health in Ceph's words,
// images, filesystems and subvolumes. It never stores data: bytes are counted.
//
// # Time and chance
//
// Time is virtual. It stands still until Advance moves it, or it follows
// Options.Now. Nothing depends on the scheduling of goroutines: the same seed
// and the same calls give the same snapshots, byte for byte. What takes time on
// a real cluster (an OSD being found dead, recovery, a clone) happens while the
// time advances.
//
// A call that a real cluster would leave without an answer (no quorum, no
// active mgr, an inactive PG) returns ErrTimeout at once instead of waiting.
// Only the faults Hang and Latency make a call wait.
//
// # The driver's hand
//
// Beside the clients, Cluster has methods for what no client can do: start,
// stop and crash daemons, add hosts, write bytes, open images, inject faults.
//
// # What it leaves out
//
// Peering, booting and electing take no time. PGs are not scrubbed. The mgr's
// numbers do not lag, unless FreezeStats holds them. The balancer does nothing,
// so placement is as uneven as CRUSH alone leaves it.
package sim
