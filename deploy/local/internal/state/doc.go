// Package state owns what seamount-local remembers: the directory layout, the
// cluster's configuration, the lock that lets one command at a time change the
// cluster, and the journal of everything that was made outside the directory.
//
// It never makes or removes anything but its own files.
package state
