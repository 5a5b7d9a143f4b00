// Package rados is the real Ceph client: package ceph's interface over librados
// and librbd; package mds adds libcephfs for commands to metadata servers. It is the only package of Seamount that links C.
//
// It owns the session: connecting, deadlines, what happens when Ceph hangs, and
// the images. The commands of mons and mgrs are package command's; this package
// carries them. It reads no ceph.conf and no keyring, opens no admin socket and
// writes no log: all it knows comes by Config.
//
// # Deadlines
//
// librados and librbd take no context, and a call into them cannot be
// interrupted. Each call therefore runs in a goroutine of its own that the
// caller leaves when its context ends. Such a call hangs until librados gives it
// back; it keeps what it uses alive, and is counted. Per kind of call, only so
// many may hang: further ones are refused at once. Each cluster has counters and
// limits of its own, so that one that hangs takes nothing from another.
//
// Hung calls go back when Ceph answers, or by librados' own timeouts
// (Timeouts.Mon, Timeouts.OSD). There is one exception: librados has no safe
// timeout for a command to the mgr (with rados_mon_op_timeout set, an answer
// that comes late is written to memory that was freed:
// https://tracker.ceph.com/issues/65985). Commands to the mgr go through a
// connection of their own, without that timeout: they go back when a mgr answers.
package rados
