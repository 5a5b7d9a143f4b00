package sim

import (
	"context"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// evictedFor is how long the address of a client that was evicted is on the blocklist.
const evictedFor = time.Hour

// mdsNotices is how long metadata servers take to end the sessions of a client that came onto the blocklist.
const mdsNotices = 100 * time.Millisecond

// FileHandle is a mounted filesystem: a client with a session with each rank that was active then.
type FileHandle struct {
	cluster *Cluster
	fs      *filesystem
	entity  string
	id      int64
	addr    string
	ranks   []int // with which it has a session
}

// MountFiles mounts a filesystem as a user, on a machine with the address.
func (c *Cluster) MountFiles(name, entity, ip string) (*FileHandle, error) {
	defer c.enter()()
	fs, err := c.filesystem(name)
	if err != nil {
		return nil, err
	}
	if !fs.serves() {
		return nil, refusal.New(ceph.EAGAIN, "no metadata server is up")
	}
	c.clients++
	h := &FileHandle{cluster: c, fs: fs, entity: entity, id: int64(c.clients), addr: c.clientAddr(ip)} //nolint:gosec // small
	for rank := range fs.maxMDS {
		if m := fs.ranks[rank]; m != nil && m.state == ceph.MDSActive {
			h.ranks = append(h.ranks, rank)
		}
	}
	fs.mounts = append(fs.mounts, h)
	return h, nil
}

// Addr is the address that AddBlocklist fences.
func (h *FileHandle) Addr() string { return h.addr }

// Write writes to a file: with a session with the first rank, and unless the client is fenced.
func (h *FileHandle) Write() error {
	defer h.cluster.enter()()
	if h.cluster.blocklisted(h.addr) || !slices.Contains(h.ranks, 0) {
		return refusal.New(ceph.ESHUTDOWN, "")
	}
	return nil
}

// FileSessions implements ceph.FileSessions.
func (k *Client) FileSessions(ctx context.Context, rank ceph.RankRef, entity string) ([]ceph.FileSession, error) {
	return ask(ctx, k, mdsCall("FileSessions", "session ls"), rank.String(), func(c *Cluster) ([]ceph.FileSession, error) {
		fs, err := c.rank(rank)
		if err != nil {
			return nil, err
		}
		sessions := []ceph.FileSession{}
		for _, h := range fs.mounts {
			if h.entity == entity && slices.Contains(h.ranks, rank.Rank) {
				sessions = append(sessions, ceph.FileSession{ID: h.id, State: "open", Addr: h.addr})
			}
		}
		return sessions, nil
	})
}

// EvictFileSessions implements ceph.FileSessions.
func (k *Client) EvictFileSessions(ctx context.Context, rank ceph.RankRef, entity string) error {
	return k.do(ctx, mdsCall("EvictFileSessions", "session evict"), rank.String(), func(c *Cluster) error {
		fs, err := c.rank(rank)
		if err != nil {
			return err
		}
		if fs.ranks[rank.Rank].state != ceph.MDSActive {
			return refusal.New(ceph.EAGAIN, "MDS is replaying log")
		}
		for _, h := range fs.mounts {
			if at := slices.Index(h.ranks, rank.Rank); h.entity == entity && at >= 0 {
				h.ranks = slices.Delete(h.ranks, at, at+1)
				c.blocklist[h.addr] = c.clock.now.Add(evictedFor)
				c.osdmap.epoch++
			}
		}
		return nil
	})
}

// endFencedSessions is what metadata servers do when they have the map with the blocklist.
func (c *Cluster) endFencedSessions() {
	for _, fs := range c.filesystems() {
		for _, h := range fs.mounts {
			if c.blocklisted(h.addr) {
				h.ranks = nil
			}
		}
	}
}

// rank finds the filesystem of a rank that somebody holds.
func (c *Cluster) rank(rank ceph.RankRef) (*filesystem, error) {
	fs, err := c.filesystem(rank.Filesystem)
	if err == nil && fs.ranks[rank.Rank] == nil {
		err = refusal.New(ceph.ENOENT, "rank %d is not held", rank.Rank)
	}
	return fs, err
}
