// Package hostdir removes what a cluster kept on the node itself, below handover.HostDir: the directory of its fsid, with the
// stores of its mons. The operator asks for that when the cluster was deleted with its data and every disk of it is erased.
//
// It removes the directory of exactly that fsid, and nothing when somebody still uses it: when a process of the node, in
// whatever mount namespace, has a part of it mounted, or a mon holds the lock of its store. It goes from directory to directory
// by open ones, follows no symbolic link and enters no other mount. A process that was killed in the middle is gone on with by
// the same request; a directory that is not there is removed.
package hostdir
