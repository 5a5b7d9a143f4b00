// Package erase erases a disk, as a request of the operator says, so that discover finds it empty.
//
// It writes to a disk that is held exclusively and is what was sealed: one whose labels of BlueStore and slices are all
// named in the request and match the seal, or one without any that is, sample for sample, as it was judged. Everything
// else is refused, and stays as it is to the last byte.
//
// The process may be killed, and the node may lose its power, between any two steps. The first write is one sector, the
// first of the disk: it takes the place of what proved whose the disk is by a mark that says that this disk, with these
// OSDs, is being erased. The mark goes last, after all else was read back as zeros. Whoever finds the mark goes on; it
// lies where every program that puts a disk to another use writes, so that it does not outlive the disk's being ours, and
// it names the disk by its identity, so that a copy of it says nothing. Until it is gone no disk looks empty.
package erase
