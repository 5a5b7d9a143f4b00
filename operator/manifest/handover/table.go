package handover

import "github.com/google/uuid"

// TableID returns the GUID of the partition table that a cluster gives to a disk which it cuts into slices. It follows
// from both names, so that whoever meets the table can tell whose it is, and that it was not copied here from another
// disk. It is empty for an fsid that is none.
func TableID(fsid, disk string) string {
	cluster, err := uuid.Parse(fsid)
	if err != nil {
		return ""
	}
	return uuid.NewSHA1(cluster, []byte(disk)).String()
}
