package session

import (
	"reflect"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// changed says whether two snapshots differ in more than what moves with every write of a client.
func changed(a, b *ceph.Snapshot) bool {
	if a == nil || b == nil {
		return a != b
	}
	return !reflect.DeepEqual(calm(a), calm(b))
}

// calm returns a copy without what always moves. Space is rounded to a percent of what there is.
func calm(s *ceph.Snapshot) ceph.Snapshot {
	c := *s
	c.At, c.Took, c.Commands = time.Time{}, 0, 0
	c.PGs = calmPGs(s.PGs)
	c.Capacity = calmCapacity(s.Capacity)
	c.OSDs = slices.Clone(s.OSDs)
	for i := range c.OSDs {
		o := &c.OSDs[i]
		o.UsedBytes, o.AvailableBytes = percent(o.UsedBytes, o.TotalBytes), 0
	}
	c.Pools = slices.Clone(s.Pools)
	for i := range c.Pools {
		p := &c.Pools[i]
		p.StoredBytes, p.UsedBytes, p.AvailableBytes, p.Objects = 0, 0, 0, 0
		p.PercentUsed = 0
	}
	c.Mgr.Epoch, c.OSDMap.Epoch = 0, 0 // what an epoch brings is elsewhere in the snapshot
	return c
}

func calmPGs(p ceph.PGSummary) ceph.PGSummary {
	p.Objects, p.TotalCopies = 0, 0
	p.RecoveringBytesPerSec, p.RecoveringKeysPerSec = 0, 0
	p.ReadBytesPerSec, p.WriteBytesPerSec, p.ReadOpsPerSec, p.WriteOpsPerSec = 0, 0, 0, 0
	return p
}

func calmCapacity(c ceph.Capacity) ceph.Capacity {
	c.UsedBytes, c.AvailableBytes = percent(c.UsedBytes, c.TotalBytes), 0
	c.Classes = slices.Clone(c.Classes)
	for i := range c.Classes {
		class := &c.Classes[i]
		class.UsedBytes, class.AvailableBytes = percent(class.UsedBytes, class.TotalBytes), 0
	}
	return c
}

func percent(part, whole int64) int64 {
	if whole <= 0 {
		return 0
	}
	return int64(100 * float64(part) / float64(whole))
}
