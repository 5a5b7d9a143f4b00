package conformance

import (
	"errors"
	"fmt"

	"github.com/seamount-dev/seamount/ceph"
)

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
	e.check("metadata is set, read, and removed", func(e *env) { subvolumeMetadataCase(e, ref) })
	e.check("what metadata cannot hold is ErrInvalid", func(e *env) {
		for key, value := range map[string]string{"a": "50 %", "Upper": "x", "b": " x", "c": "ü", "d": "", "e=f": "x"} {
			e.want(e.SetSubvolumeMetadata(e.ctx, ref, key, value), ceph.ErrInvalid)
		}
	})
	e.check("a retired subvolume goes with its last snapshot", func(e *env) { retiredSubvolumeCase(e, group) })
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
	ghost := ceph.SubvolumeRef{GroupRef: group, Name: "ghost"}
	_, err = e.SubvolumeMetadata(e.ctx, ghost)
	e.want(err, ceph.ErrNotFound)
	e.want(e.SetSubvolumeMetadata(e.ctx, ghost, "a", "b"), ceph.ErrNotFound)
	e.ok(e.RemoveSubvolumeMetadata(e.ctx, ghost, "a"))
	e.ok(e.RetireSubvolume(e.ctx, ghost))
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
	a := ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "a"}
	if snap, err := e.SubvolumeSnapshot(e.ctx, a); err != nil || snap.SubvolumeSnapshotRef != a || snap.Created.IsZero() || snap.Cloning {
		e.Errorf("got %+v, %v", snap, err)
	}
	_, err = e.SubvolumeSnapshot(e.ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "ghost"})
	e.want(err, ceph.ErrNotFound)
	e.want(e.RemoveSubvolume(e.ctx, ref), ceph.ErrBusy)
	for _, name := range []string{"a", "b", "b"} {
		e.ok(e.RemoveSubvolumeSnapshot(e.ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: name}))
	}
}

func subvolumeMetadataCase(e *env, ref ceph.SubvolumeRef) {
	read := func(want map[string]string) {
		e.Helper()
		got, err := e.SubvolumeMetadata(e.ctx, ref)
		e.ok(err)
		if len(got) != 0 || len(want) != 0 {
			e.same("metadata", want, got)
		}
	}
	read(nil)
	const document = `{"kind":"Volume","request":"a \"quoted\" = [name]; # \\u0025","taken":"2026-01-01T00:00:00Z"}`
	e.ok(e.SetSubvolumeMetadata(e.ctx, ref, "test.volume", document))
	e.ok(e.SetSubvolumeMetadata(e.ctx, ref, "test.at.node-1.example", "one"))
	e.ok(e.SetSubvolumeMetadata(e.ctx, ref, "test.at.node-1.example", "two"))
	read(map[string]string{"test.volume": document, "test.at.node-1.example": "two"})
	for range 2 {
		e.ok(e.RemoveSubvolumeMetadata(e.ctx, ref, "test.at.node-1.example"))
	}
	read(map[string]string{"test.volume": document})
	e.ok(e.RemoveSubvolumeMetadata(e.ctx, ref, "test.volume"))
	read(nil)
}

func retiredSubvolumeCase(e *env, group ceph.GroupRef) {
	ref := ceph.SubvolumeRef{GroupRef: group, Name: "retired"}
	snap := ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "kept"}
	e.ok(e.CreateSubvolume(e.ctx, ceph.SubvolumeSpec{SubvolumeRef: ref}))
	e.ok(e.CreateSubvolumeSnapshot(e.ctx, snap))
	for range 2 {
		e.ok(e.RetireSubvolume(e.ctx, ref))
	}
	if s := e.subvolume(ref); s.State != ceph.SubvolumeRetained || s.Path != "" {
		e.Errorf("got %+v", s)
	}
	_, err := e.SubvolumeMetadata(e.ctx, ref)
	e.want(err, ceph.ErrNotFound)
	names, err := e.ListSubvolumeSnapshots(e.ctx, ref)
	e.ok(err)
	e.same("snapshots", []string{"kept"}, names)
	_, err = e.SubvolumeSnapshot(e.ctx, snap)
	e.ok(err)
	e.want(e.RemoveSubvolume(e.ctx, ref), ceph.ErrBusy)
	clone := ceph.SubvolumeRef{GroupRef: group, Name: "revived"}
	e.ok(e.CloneSubvolume(e.ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: clone}))
	e.cloned(clone)
	e.ok(e.RemoveSubvolume(e.ctx, clone))
	e.eventually("the snapshot to be free", func() error { return e.RemoveSubvolumeSnapshot(e.ctx, snap) })
	e.eventually("the rest to be gone", func() error {
		_, err := e.Subvolume(e.ctx, ref)
		if errors.Is(err, ceph.ErrNotFound) {
			return nil
		}
		return notYet("got %v", err)
	})
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
	e.check("a clone under way can be canceled and removed, one that is complete stays", func(e *env) {
		dropped := ceph.SubvolumeRef{GroupRef: group, Name: "dropped"}
		e.ok(e.CloneSubvolume(e.ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: dropped}))
		for range 2 {
			e.eventually("the clone to be canceled", func() error { return e.CancelClone(e.ctx, dropped) })
		}
		e.eventually("the clone to be removed", func() error { return e.RemoveSubvolume(e.ctx, dropped) })
		e.want(e.CancelClone(e.ctx, dropped), ceph.ErrNotFound)
		e.ok(e.CancelClone(e.ctx, clone))
		e.subvolume(clone)
		e.want(e.CancelClone(e.ctx, source), ceph.ErrInvalid)
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
