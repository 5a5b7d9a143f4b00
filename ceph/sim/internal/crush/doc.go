// Package crush is the simulator's placement: a tree of buckets, device
// classes, rules, and a straw2-like mapping from a PG to OSDs.
//
// It owns where data should lie. It never knows whether an OSD runs, and it
// places like CRUSH does (weights respected, failure domains kept, little moves
// when something changes) without giving the same numbers as Ceph's own hash.
package crush
