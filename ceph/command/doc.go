// Package command speaks the command language of Ceph's mons and mgrs.
//
// It owns the encoding of each command that Seamount sends, the decoding of
// its JSON answer for the releases 16 to 20, and Admin, which turns both into
// the roles of package ceph over a Transport. It is pure: it opens no
// connection, reads no file, asks no clock, and links no C. Package ceph/rados
// is the transport to a real cluster.
//
// Answers are outside bytes. A decoder ignores fields it does not know, since
// a newer release may add some, and refuses an answer that lacks what it needs:
// such a call is ceph.ErrMalformed, never a zero value.
//
// Keys leave this package as ceph.Secret only. A Request and a Reply print
// neither their input nor their output.
package command
