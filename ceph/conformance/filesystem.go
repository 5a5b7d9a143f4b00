package conformance

import (
	"context"

	"github.com/seamount-dev/seamount/ceph"
)

// filesystem makes a filesystem with pools of its own, and waits until it serves.
func (e *env) filesystem() (name, metadata, data string) {
	e.Helper()
	name, metadata, data = e.name("fs"), e.pool("meta"), e.pool("data")
	e.ok(e.CreateFilesystem(e.ctx, name, metadata, data))
	e.later(func(ctx context.Context) error {
		if _, err := e.Filesystems(ctx); err != nil {
			return err
		}
		if e.fs(name) == nil {
			return nil
		}
		if err := e.FailFilesystem(ctx, name); err != nil {
			return err
		}
		if err := e.RemoveFilesystem(ctx, name); err != nil {
			return err
		}
		return e.freshMgr(ctx)
	})
	e.active(name)
	return name, metadata, data
}

// freshMgr makes the mgr start anew. One whose volumes module still purged or cloned in a filesystem when that was removed
// waits for it for good, and with it some command on another filesystem, minutes later: see ceph/ceph's pull request 58771.
func (e *env) freshMgr(ctx context.Context) error {
	e.Helper()
	late := *e
	late.ctx = ctx
	before := late.snapshot().Mgr
	if err := e.FailMgr(ctx, before.Active); err != nil {
		return err
	}
	late.eventually("a mgr to be active again", func() error {
		s, err := e.Snapshot(ctx)
		if err == nil && (!s.Mgr.Available || s.Mgr.Epoch <= before.Epoch) {
			err = notYet("got %+v", s.Mgr)
		}
		return err
	})
	return nil
}

// fs reads a filesystem, nil if there is none of the name.
func (e *env) fs(name string) *ceph.Filesystem {
	e.Helper()
	all, err := e.Filesystems(context.WithoutCancel(e.ctx))
	e.ok(err)
	return find(all, func(f ceph.Filesystem) bool { return f.Name == name })
}

// active waits until the first rank is active, and returns who holds it.
func (e *env) active(name string) ceph.MDS {
	e.Helper()
	var holder ceph.MDS
	e.eventually(name+" to be active", func() error {
		f := e.fs(name)
		if f == nil || len(f.Ranks) == 0 || f.Ranks[0].State != "up:active" {
			return notYet("got %+v", f)
		}
		holder = f.Ranks[0]
		return nil
	})
	return holder
}

func filesystemCases(e *env) {
	more := e.pool("more") // before the filesystem, so that it goes after it
	name, metadata, data := e.filesystem()
	e.check("Filesystems lists it with pools and ranks", func(e *env) {
		f := e.fs(name)
		if f.ID < 1 || f.MetadataPool != e.poolNamed(metadata).ID || len(f.DataPools) != 1 || f.DataPools[0] != e.poolNamed(data).ID {
			e.Errorf("got %+v", f)
		}
		if f.MaxMDS != 1 || f.StandbyReplay || !f.Joinable || f.Ranks[0].Rank != 0 || len(f.Ranks[0].Addresses) == 0 || len(f.Failed) != 0 {
			e.Errorf("got %+v", f)
		}
		if p := e.poolNamed(data); !contains(p.Applications, "cephfs") {
			e.Errorf("the data pool has applications %v", p.Applications)
		}
	})
	e.check("one of that name on the same pools is no error, on others ErrExists", func(e *env) {
		e.ok(e.CreateFilesystem(e.ctx, name, metadata, data))
		e.want(e.CreateFilesystem(e.ctx, name, data, metadata), ceph.ErrExists)
	})
	e.check("a filesystem on pools that do not exist is ErrNotFound", func(e *env) {
		e.want(e.CreateFilesystem(e.ctx, e.name("bad"), e.name("ghost"), data), ceph.ErrNotFound)
	})
	e.check("AddDataPool adds a pool, and again is no error", func(e *env) { addDataPoolCase(e, name, more) })
	e.check("SetFilesystemOption sets what Filesystems shows", func(e *env) {
		e.ok(e.SetFilesystemOption(e.ctx, name, "allow_standby_replay", "true"))
		if f := e.fs(name); !f.StandbyReplay {
			e.Errorf("got %+v", f)
		}
		e.ok(e.SetFilesystemOption(e.ctx, name, "allow_standby_replay", "false"))
		e.want(e.SetFilesystemOption(e.ctx, name, "nosuchoption", "1"), ceph.ErrInvalid)
		e.want(e.SetFilesystemOption(e.ctx, name, "max_mds", "0"), ceph.ErrInvalid)
		e.want(e.SetFilesystemOption(e.ctx, e.name("ghost"), "max_mds", "1"), ceph.ErrNotFound)
	})
	e.check("a pool that a filesystem uses is ErrBusy to delete", func(e *env) {
		e.want(e.DeletePool(e.ctx, data), ceph.ErrBusy)
	})
	e.check("a user without sessions has none, and evicting none is no error", func(e *env) {
		rank := ceph.RankRef{Filesystem: name}
		sessions, err := e.FileSessions(e.ctx, rank, "client."+e.name("nobody"))
		e.ok(err)
		if len(sessions) > 0 {
			e.Errorf("got %+v", sessions)
		}
		e.ok(e.EvictFileSessions(e.ctx, rank, "client."+e.name("nobody")))
	})
	e.check("the sessions of a user are listed and ended, and its clients blocked; those of others stay", func(e *env) { fileSessionCase(e, name) })
	e.check("the sessions of a rank that nobody holds, or of no filesystem, cannot be read", func(e *env) {
		for _, rank := range []ceph.RankRef{{Filesystem: name, Rank: 9}, {Filesystem: e.name("ghost")}} {
			_, err := e.FileSessions(e.ctx, rank, "client.admin")
			e.want(err, ceph.ErrNotFound, ceph.ErrInvalid)
			e.want(e.EvictFileSessions(e.ctx, rank, "client.admin"), ceph.ErrNotFound, ceph.ErrInvalid)
		}
	})
	e.check("FailMDS makes another daemon, or the same one anew, take the rank", func(e *env) {
		e.ok(e.FailMDS(e.ctx, name+":0"))
		e.active(name)
		e.ok(e.FailMDS(e.ctx, e.name("ghost")))
	})
	e.check("a filesystem whose ranks run is ErrBusy to remove; failed, it goes and its pools stay", func(e *env) {
		e.want(e.RemoveFilesystem(e.ctx, name), ceph.ErrBusy)
		e.ok(e.FailFilesystem(e.ctx, name))
		e.ok(e.FailFilesystem(e.ctx, name))
		if f := e.fs(name); f.Joinable || len(f.Ranks) != 0 {
			e.Errorf("failed: %+v", f)
		}
		e.ok(e.RemoveFilesystem(e.ctx, name))
		e.ok(e.RemoveFilesystem(e.ctx, name))
		if f := e.fs(name); f != nil {
			e.Errorf("still there: %+v", f)
		}
		e.poolNamed(data)
		e.want(e.FailFilesystem(e.ctx, name), ceph.ErrNotFound)
	})
}

func addDataPoolCase(e *env, name, more string) {
	e.ok(e.AddDataPool(e.ctx, name, more))
	e.ok(e.AddDataPool(e.ctx, name, more))
	if f := e.fs(name); len(f.DataPools) != 2 || f.DataPools[1] != e.poolNamed(more).ID {
		e.Errorf("got %+v", f)
	}
	e.want(e.AddDataPool(e.ctx, name, e.name("ghost")), ceph.ErrNotFound)
}
