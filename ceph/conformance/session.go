package conformance

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func sessionCases(e *env) {
	e.check("the cluster does not accept a wrong key", func(e *env) {
		wrong := ceph.NewSecret("AQBRAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA==")
		c, err := e.Connect(e.ctx, "client.admin", wrong)
		e.want(err, ceph.ErrAuthentication)
		if err == nil {
			e.ok(c.Close())
		}
	})
	e.check("the cluster does not accept a user that it does not know", func(e *env) {
		_, err := e.Connect(e.ctx, "client."+e.name("nobody"), ceph.NewSecret("AQBRAAAAAAAAABAAAAAAAAAAAAAAAAAAAAAAAA=="))
		e.want(err, ceph.ErrAuthentication)
	})
	e.check("after Close calls return ErrClosed", closeCase)
	e.check("calls are safe for concurrent use", concurrentCase)
}

// user makes a user that goes with the case, and connects as it.
func (e *env) user(what string, caps ceph.Caps) ceph.Client {
	e.Helper()
	name := "client." + e.name(what)
	entity, err := e.EnsureEntity(e.ctx, name, caps)
	e.ok(err)
	e.later(func(ctx context.Context) error { return e.RemoveEntity(ctx, name) })
	c, err := e.Connect(e.ctx, name, entity.Key)
	e.ok(err)
	e.later(func(context.Context) error { return c.Close() })
	return c
}

func closeCase(e *env) {
	c := e.user("closing", ceph.Caps{"mon": "allow r", "mgr": "allow r"})
	if _, err := c.QuorumStatus(e.ctx); err != nil {
		e.Fatalf("before Close: %v", err)
	}
	e.ok(c.Close())
	_, err := c.QuorumStatus(e.ctx)
	e.want(err, ceph.ErrClosed)
	_, err = c.Snapshot(e.ctx)
	e.want(err, ceph.ErrClosed)
	_, err = c.ListImages(e.ctx, "none")
	e.want(err, ceph.ErrClosed)
	if err := c.Close(); err != nil {
		e.Errorf("Close again: %v", err)
	}
}

func concurrentCase(e *env) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := e.QuorumStatus(e.ctx); err != nil {
				e.Errorf("quorum status: %v", err)
			}
			if _, err := e.Snapshot(e.ctx); err != nil {
				e.Errorf("snapshot: %v", err)
			}
		})
	}
	wg.Wait()
}

func deadlineCases(e *env) {
	e.check("a call whose context has ended returns at once", func(e *env) {
		ended, cancel := context.WithCancel(e.ctx)
		cancel()
		_, err := e.QuorumStatus(ended)
		if err == nil || !errors.Is(err, ceph.ErrTimeout) && !errors.Is(err, context.Canceled) {
			e.Errorf("got %v, want ErrTimeout or the context's error", err)
		}
	})
	e.check("a call to mons that hang returns ErrTimeout by its deadline, and the session stays usable", func(e *env) {
		thaw, err := e.FreezeMons(e.ctx)
		e.ok(err)
		short, cancel := context.WithTimeout(e.ctx, 300*time.Millisecond)
		defer cancel()
		_, err = e.QuorumStatus(short)
		e.want(err, ceph.ErrTimeout, ceph.ErrUnreachable)
		e.ok(thaw())
		e.eventually("the mons to answer", func() error {
			_, err := e.QuorumStatus(e.ctx)
			return err
		})
	})
}

func snapshotCases(e *env) {
	e.clean()
	e.check("a snapshot costs at most MaxSnapshotCommands", func(e *env) {
		if n := e.snapshot().Commands; n < 1 || n > ceph.MaxSnapshotCommands {
			e.Errorf("%d commands", n)
		}
	})
	e.check("a snapshot agrees with the single calls", snapshotAgrees)
	e.check("a snapshot is sorted", func(e *env) {
		s := e.snapshot()
		sorted(e, "OSDs", s.OSDs, func(a, b ceph.OSD) bool { return a.ID < b.ID })
		sorted(e, "pools", s.Pools, func(a, b ceph.Pool) bool { return a.ID < b.ID })
		sorted(e, "buckets", s.CRUSH.Buckets, func(a, b ceph.Bucket) bool { return a.ID > b.ID })
		sorted(e, "flags", s.OSDMap.Flags, func(a, b string) bool { return a < b })
		sorted(e, "states", s.OSDs[0].States, func(a, b string) bool { return a < b })
	})
	e.check("a snapshot shows the OSDs as they report themselves", snapshotOSDs)
	e.check("a snapshot adds up the space", snapshotSpace)
}

func snapshotAgrees(e *env) {
	s := e.snapshot()
	quorum, err := e.QuorumStatus(e.ctx)
	e.ok(err)
	e.same("quorum", quorum, s.Quorum)
	crush, err := e.CRUSHMap(e.ctx)
	e.ok(err)
	e.same("CRUSH", crush, s.CRUSH)
	versions, err := e.Versions(e.ctx)
	e.ok(err)
	e.same("versions", versions, s.Versions)
	config, err := e.ConfigDump(e.ctx)
	e.ok(err)
	e.same("config", config, s.Config)
	filesystems, err := e.Filesystems(e.ctx)
	e.ok(err)
	e.same("filesystems", filesystems, s.Filesystems)
	pools, err := e.Pools(e.ctx)
	e.ok(err)
	names := func(pools []ceph.Pool) (all []string) {
		for _, p := range pools {
			all = append(all, p.Name)
		}
		return all
	}
	e.same("pools", names(pools), names(s.Pools))
}

// same compares what two calls said of the same thing.
func (e *env) same(what string, a, b any) {
	e.Helper()
	if diff := cmp.Diff(a, b, equalEmpty); diff != "" {
		e.Errorf("%s differ (-call +snapshot):\n%s", what, diff)
	}
}

func snapshotOSDs(e *env) {
	s := e.snapshot()
	if len(s.OSDs) < 3 {
		e.Fatalf("%d OSDs, want at least three", len(s.OSDs))
	}
	for _, o := range s.OSDs[:3] {
		if !o.Up || !o.In || o.Weight != 1 || o.CRUSHWeight <= 0 || o.PrimaryAffinity != 1 {
			e.Errorf("osd.%d is not up and in at full weight: %+v", o.ID, o)
		}
		if o.UUID == "" || o.Host == "" || len(o.Addresses) == 0 || o.TotalBytes <= 0 || o.UsedBytes <= 0 {
			e.Errorf("osd.%d lacks something: %+v", o.ID, o)
		}
		if major(o.Version) != e.Release() {
			e.Errorf("osd.%d runs %q, want release %d", o.ID, o.Version, e.Release())
		}
		if !contains(o.States, "exists") || !contains(o.States, "up") {
			e.Errorf("osd.%d has states %v", o.ID, o.States)
		}
	}
}

func snapshotSpace(e *env) {
	s := e.snapshot()
	var total, classed, byClass int64
	for _, o := range s.OSDs {
		total += o.TotalBytes
		if o.DeviceClass != "" {
			classed += o.TotalBytes
		}
	}
	for _, c := range s.Capacity.Classes {
		byClass += c.TotalBytes
	}
	if total != s.Capacity.TotalBytes || byClass != classed {
		e.Errorf("the OSDs have %d bytes (%d with a class), the cluster %d, its classes %d", total, classed, s.Capacity.TotalBytes, byClass)
	}
	pgs := 0
	for _, p := range s.Pools {
		pgs += p.PGs
	}
	if pgs != s.PGs.Total {
		e.Errorf("the pools have %d PGs, the summary %d", pgs, s.PGs.Total)
	}
}
