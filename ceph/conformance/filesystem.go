package conformance

import (
	"context"
	"fmt"

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

func subvolumeCases(e *env) {
	name, _, data := e.filesystem()
	group := ceph.GroupRef{Filesystem: name, Group: "csi"}
	e.check("a group is made once and listed", func(e *env) {
		e.ok(e.CreateSubvolumeGroup(e.ctx, group, ""))
		e.ok(e.CreateSubvolumeGroup(e.ctx, group, data))
		groups, err := e.ListSubvolumeGroups(e.ctx, name)
		e.ok(err)
		e.same("groups", []string{"csi"}, groups)
	})
	ref := ceph.SubvolumeRef{GroupRef: group, Name: "vol"}
	e.check("CreateSubvolume makes a subvolume with quota and path", func(e *env) {
		e.ok(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: ref, Size: 16 * mebibyte, Mode: "0770"}))
		s := e.subvolume(ref)
		if s.SubvolumeRef != ref || s.Path == "" || s.Size != 16*mebibyte || s.DataPool != data || s.State != "complete" || s.Created.IsZero() {
			e.Errorf("got %+v", s)
		}
	})
	e.check("one of that name keeps its size when asked with none", func(e *env) {
		e.ok(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: ref}))
		if s := e.subvolume(ref); s.Size != 16*mebibyte {
			e.Errorf("the size is %d", s.Size)
		}
	})
	e.check("ResizeSubvolume sets the quota", func(e *env) {
		e.ok(e.ResizeSubvolume(e.ctx, ref, 32*mebibyte))
		if s := e.subvolume(ref); s.Size != 32*mebibyte {
			e.Errorf("the size is %d", s.Size)
		}
	})
	e.check("ListSubvolumes is sorted", func(e *env) {
		other := ceph.SubvolumeRef{GroupRef: group, Name: "a"}
		e.ok(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: other}))
		names, err := e.ListSubvolumes(e.ctx, group)
		e.ok(err)
		e.same("names", []string{"a", "vol"}, names)
		e.ok(e.RemoveSubvolume(e.ctx, other))
	})
	e.check("what does not exist is ErrNotFound", func(e *env) { absentSubvolumes(e, name, group) })
	e.check("a group that is not empty is ErrBusy", func(e *env) {
		e.want(e.RemoveSubvolumeGroup(e.ctx, group), ceph.ErrBusy)
	})
	e.check("a subvolume with snapshots is ErrBusy", func(e *env) { subvolumeSnapshotCase(e, ref) })
	e.check("subvolume and group are removed, and again is no error", func(e *env) {
		for range 2 {
			e.ok(e.RemoveSubvolume(e.ctx, ref))
		}
		_, err := e.Subvolume(e.ctx, ref)
		e.want(err, ceph.ErrNotFound)
		for range 2 {
			e.ok(e.RemoveSubvolumeGroup(e.ctx, group))
		}
	})
}

// subvolume reads a subvolume.
func (e *env) subvolume(ref ceph.SubvolumeRef) ceph.Subvolume {
	e.Helper()
	s, err := e.Subvolume(e.ctx, ref)
	e.ok(err)
	return s
}

func absentSubvolumes(e *env, fs string, group ceph.GroupRef) {
	_, err := e.Subvolume(e.ctx, ceph.SubvolumeRef{GroupRef: group, Name: "ghost"})
	e.want(err, ceph.ErrNotFound)
	nowhere := ceph.GroupRef{Filesystem: fs, Group: "ghost"}
	e.want(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: nowhere, Name: "x"}}), ceph.ErrNotFound)
	_, err = e.ListSubvolumeGroups(e.ctx, e.name("nofs"))
	e.want(err, ceph.ErrNotFound)
	e.want(e.ResizeSubvolume(e.ctx, ceph.SubvolumeRef{GroupRef: group, Name: "ghost"}, mebibyte), ceph.ErrNotFound)
}

func subvolumeSnapshotCase(e *env, ref ceph.SubvolumeRef) {
	for _, name := range []string{"b", "a", "a"} {
		e.ok(e.CreateSubvolumeSnapshot(e.ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: name}))
	}
	names, err := e.ListSubvolumeSnapshots(e.ctx, ref)
	e.ok(err)
	e.same("snapshots", []string{"a", "b"}, names)
	e.want(e.RemoveSubvolume(e.ctx, ref), ceph.ErrBusy)
	for _, name := range []string{"a", "b", "b"} {
		e.ok(e.RemoveSubvolumeSnapshot(e.ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: name}))
	}
}

func subvolumeCloneCases(e *env) {
	name, _, _ := e.filesystem()
	group := ceph.GroupRef{Filesystem: name, Group: "csi"}
	source := ceph.SubvolumeRef{GroupRef: group, Name: "source"}
	snap := ceph.SubvolumeSnapshotRef{SubvolumeRef: source, Snapshot: "base"}
	clone := ceph.SubvolumeRef{GroupRef: group, Name: "clone"}
	e.ok(e.CreateSubvolumeGroup(e.ctx, group, ""))
	e.ok(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: source, Size: 16 * mebibyte}))
	e.ok(e.CreateSubvolumeSnapshot(e.ctx, snap))
	e.check("a clone is started, again is no error, and it completes", func(e *env) {
		e.ok(e.CloneSubvolume(e.ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: clone}))
		e.ok(e.CloneSubvolume(e.ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: clone}))
		if _, err := e.Subvolume(e.ctx, clone); err != nil {
			e.want(err, ceph.ErrAgain)
		}
		e.cloned(clone)
		if s := e.subvolume(clone); s.Size != 16*mebibyte {
			e.Errorf("got %+v", s)
		}
	})
	e.check("a clone of what does not exist is ErrNotFound, onto another subvolume ErrExists", func(e *env) {
		missing := ceph.SubvolumeSnapshotRef{SubvolumeRef: source, Snapshot: "ghost"}
		other := ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: group, Name: "x"}}
		e.want(e.CloneSubvolume(e.ctx, missing, other), ceph.ErrNotFound)
		e.want(e.CloneSubvolume(e.ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: source}), ceph.ErrExists)
	})
	e.check("the clone status of a plain subvolume is ErrInvalid, of a missing one ErrNotFound", func(e *env) {
		_, err := e.CloneStatus(e.ctx, source)
		e.want(err, ceph.ErrInvalid)
		_, err = e.CloneStatus(e.ctx, ceph.SubvolumeRef{GroupRef: group, Name: "ghost"})
		e.want(err, ceph.ErrNotFound)
	})
	e.check("source and snapshot can go, and the clone stays", func(e *env) {
		e.eventually("the snapshot to be free", func() error { return e.RemoveSubvolumeSnapshot(e.ctx, snap) })
		e.ok(e.RemoveSubvolume(e.ctx, source))
		e.subvolume(clone)
		e.ok(e.RemoveSubvolume(e.ctx, clone))
		e.ok(e.RemoveSubvolumeGroup(e.ctx, group))
	})
}

// cloned waits until a clone is complete.
func (e *env) cloned(ref ceph.SubvolumeRef) {
	e.Helper()
	e.eventually(fmt.Sprintf("%s to be complete", ref), func() error {
		status, err := e.CloneStatus(e.ctx, ref)
		if err != nil {
			return err
		}
		if status.State != "complete" {
			return notYet("got %+v", status)
		}
		return nil
	})
}
