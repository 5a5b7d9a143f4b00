// Package cephtest starts real Ceph clusters as processes of this machine for
// the tests of other packages: mons, mgrs, OSDs on files or loop devices, and
// MDS, of the host's release or of one that lies in a directory (a rootfs).
//
// It owns the daemons, their directory and their loopback address, and nothing
// outlives the test binary: each daemon dies with it, whatever kills it, and a
// directory that was left behind is removed by the next cluster. It installs
// nothing; a program that is missing is an error that names the package.
//
// It needs root and Linux, links no Ceph library and does not know package
// ceph/rados: what that package does can be checked against it.
package cephtest
