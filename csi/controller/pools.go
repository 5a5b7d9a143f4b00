package controller

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/session"
)

// What marks a pool that a StoragePool made, as the operator keeps it beside the tag rbd.
const (
	applicationRBD = "rbd"
	ownerKey       = applicationRBD + "/seamount.owner"

	// What marks one that a StorageFilesystem made, beside the tag cephfs.
	applicationCephFS = "cephfs"
	fileOwnerKey      = applicationCephFS + "/seamount.owner"
)

// OwnedPool says whether a StorageFilesystem made the pool.
func OwnedPool(p ceph.Pool) bool { return p.ApplicationValues[fileOwnerKey] != "" }

// poolsFor is how long the sizes of pools are good enough to refuse what could never fit, or is full already.
const poolsFor = 10 * time.Second

// poolSizes remembers the pools of clusters for a moment, so that not each volume of many asks for them.
type poolSizes struct {
	now  func() time.Time
	look func(context.Context, session.Ceph) (stock, error)
	mu   sync.Mutex
	of   map[types.NamespacedName]stock
}

// stock is what was seen of where a cluster can put volumes.
type stock struct {
	pools []ceph.Pool
	// takes are the pools that take data of volumes.
	takes       []ceph.Pool
	filesystems []ceph.Filesystem
	at          time.Time
}

func newPoolSizes(now func() time.Time, look func(context.Context, session.Ceph) (stock, error)) *poolSizes {
	return &poolSizes{now: now, look: look, of: map[types.NamespacedName]stock{}}
}

// get returns the pools of a cluster, at most so old.
func (p *poolSizes) get(ctx context.Context, cluster types.NamespacedName, from session.Ceph, age time.Duration) (stock, error) {
	p.mu.Lock()
	seen, found := p.of[cluster]
	p.mu.Unlock()
	if found && p.now().Sub(seen.at) < age {
		return seen, nil
	}
	at := p.now()
	fresh, err := p.look(ctx, from)
	if err != nil {
		return stock{}, err
	}
	fresh.at = at
	p.mu.Lock()
	p.of[cluster] = fresh
	p.mu.Unlock()
	return fresh, nil
}

// place is where the volumes of a StorageClass go: what is written of each in any case, and its data.
type place struct {
	header, data ceph.Pool
}

// room is what the pool could hold in all and what it can still take, as its quota and the fullest OSD allow.
func room(p ceph.Pool) (total, free int64) {
	free = max(0, p.AvailableBytes)
	if p.Quota.Bytes > 0 {
		free = min(free, max(0, p.Quota.Bytes-p.StoredBytes))
	}
	if full(p) != "" {
		free = 0
	}
	return p.StoredBytes + max(0, p.AvailableBytes), free
}

// largest is the largest volume that a pool could ever hold.
func largest(p ceph.Pool) int64 {
	total, _ := room(p)
	if p.Quota.Bytes > 0 {
		total = min(total, p.Quota.Bytes)
	}
	return total
}

// full says why nothing can be written to a pool; empty: it can.
func full(p ceph.Pool) string {
	switch {
	case p.Quota.Bytes > 0 && p.StoredBytes >= p.Quota.Bytes, p.Quota.Objects > 0 && p.Objects >= p.Quota.Objects,
		slices.Contains(p.Flags, "full_quota"):
		return "its quota is reached: raise spec.quota of the StoragePool or the StorageFilesystem, or delete volumes"
	case slices.Contains(p.Flags, "full"):
		return "it is full: add disks, or delete volumes"
	}
	return ""
}

// checkRoom refuses a volume that the pool could never hold, and any when nothing can be written. What fits in between is
// allowed: volumes take space when they are written.
func (w place) checkRoom(size int64) error {
	for _, pool := range []ceph.Pool{w.header, w.data} {
		if why := full(pool); why != "" {
			return refuse(codes.ResourceExhausted, "nothing can be written to pool %s: %s", pool.Name, why)
		}
	}
	most := largest(w.data)
	switch {
	case most == 0: // a new pool, until a mgr has heard of its OSDs: nothing is known yet, so nothing is refused for good
		return refuse(codes.Unavailable, "pool %s reports no space yet: its OSDs have not reported, or none is up; see the StorageCluster's conditions; it is tried again by itself", w.data.Name)
	case size > most:
		return refuse(codes.OutOfRange, "a volume of %d bytes is larger than pool %s could ever hold, which is %d bytes: ask for less, or add disks", size, w.data.Name, most)
	}
	return nil
}
