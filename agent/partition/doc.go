// Package partition cuts a disk into slices for OSDs, as a request of the operator says.
//
// It writes to two kinds of disks only: to one that is blank, as it was judged and held exclusively, and to one whose
// partition table has the GUID of the request. That follows from the cluster and the disk (handover.TableID), so that
// such a table is of this cluster and was made on this disk. Of such a table slices are added, where nothing is; none is
// ever moved or taken away. Everything else is refused, and stays as it is to the last byte.
//
// The process may be killed, and the node may lose its power, between any two steps. The first write is one sector, the
// backup's header, and makes a valid table without slices: from then on it is known whose disk it is. Later the backup is
// written before the primary copy, each to its end before the next, so that one of them is valid at every moment. The
// next try finds what is there and comes to the same end.
package partition
