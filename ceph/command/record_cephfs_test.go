//go:build record

package command

import "github.com/seamount-dev/seamount/ceph"

func (s *scenario) filesystems() {
	ctx := s.ctx
	for _, pool := range []string{"meta2", "data2", "more2"} {
		s.want(s.CreatePool(ctx, ceph.PoolSpec{Name: pool, PGs: 1}), nil, "create "+pool)
	}
	s.want(s.CreateFilesystem(ctx, "fs2", "nothing", "data2"), ceph.ErrNotFound, "create, no pool")
	s.want(s.CreateFilesystem(ctx, "fs2", "meta2", "images"), ceph.ErrInvalid, "create on a pool of rbd")
	s.want(s.CreateFilesystem(ctx, "fs2", "meta2", "data2"), nil, "create")
	s.want(s.CreateFilesystem(ctx, "fs2", "meta2", "data2"), nil, "create it again")
	s.want(s.CreateFilesystem(ctx, "fs2", "meta2", "more2"), ceph.ErrExists, "create it on other pools")
	s.want(s.AddDataPool(ctx, "fs2", "more2"), nil, "add pool")
	s.want(s.AddDataPool(ctx, "fs2", "more2"), nil, "add it again")
	s.want(s.AddDataPool(ctx, "nothing", "more2"), ceph.ErrNotFound, "add to nothing")
	s.want(s.AddDataPool(ctx, "fs2", "nothing"), ceph.ErrNotFound, "add nothing")
	s.want(s.SetFilesystemOption(ctx, "fs2", "max_mds", "2"), nil, "set option")
	s.want(s.SetFilesystemOption(ctx, "fs2", "allow_standby_replay", "true"), nil, "set option")
	s.want(s.SetFilesystemOption(ctx, "fs2", "nothing", "1"), ceph.ErrInvalid, "set no option")
	s.want(s.SetFilesystemOption(ctx, "nothing", "max_mds", "1"), ceph.ErrNotFound, "set option of nothing")
	s.want(s.FailMDS(ctx, "nothing"), nil, "fail no MDS")
	s.until("fs2 active", func() bool { return s.active("fs2") })
	s.want(s.RemoveFilesystem(ctx, "fs2"), ceph.ErrBusy, "remove while it runs")
	s.want(s.rec.as("fs-dump-degraded", func() error { _, err := s.Filesystems(ctx); return err }), nil, "list")
	s.want(s.FailFilesystem(ctx, "nothing"), ceph.ErrNotFound, "fail nothing")
	s.want(s.FailFilesystem(ctx, "fs2"), nil, "fail")
	s.want(s.FailFilesystem(ctx, "fs2"), nil, "fail it again")
	s.want(s.RemoveFilesystem(ctx, "fs2"), nil, "remove")
	s.want(s.RemoveFilesystem(ctx, "fs2"), nil, "remove it again")
	s.want(s.FailMDS(ctx, "fs1:0"), nil, "fail a rank")
	s.until("fs1 active", func() bool { return s.active("fs1") })
}

func (s *scenario) active(name string) bool {
	list, err := s.Filesystems(s.ctx)
	s.want(err, nil, "list filesystems")
	for _, fs := range list {
		for _, r := range fs.Ranks {
			if fs.Name == name && r.State == "up:active" {
				return true
			}
		}
	}
	return false
}

func (s *scenario) subvolumes() {
	ctx := s.ctx
	group := ceph.GroupRef{Filesystem: "fs1", Group: "g1"}
	nothing := ceph.GroupRef{Filesystem: "nothing", Group: "g1"}
	s.want(s.CreateSubvolumeGroup(ctx, group, ""), nil, "create group")
	s.want(s.CreateSubvolumeGroup(ctx, group, ""), nil, "create it again")
	s.want(s.CreateSubvolumeGroup(ctx, nothing, ""), ceph.ErrNotFound, "create group in nothing")
	s.want(s.CreateSubvolumeGroup(ctx, ceph.GroupRef{Filesystem: "fs1", Group: "g2"}, "nothing"), ceph.ErrInvalid, "create group, no pool")
	s.want(s.RemoveSubvolumeGroup(ctx, ceph.GroupRef{Filesystem: "fs1", Group: "g2"}), nil, "remove no group")
	s.want(s.RemoveSubvolumeGroup(ctx, nothing), ceph.ErrNotFound, "remove a group of nothing")

	ref := ceph.SubvolumeRef{GroupRef: group, Name: "v1"}
	absent := ceph.SubvolumeRef{GroupRef: group, Name: "nothing"}
	s.want(s.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: ref, Size: 100 << 20, Mode: "0770"}), nil, "create")
	s.want(s.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: ref}), nil, "create it again")
	if v, err := s.Subvolume(ctx, ref); err != nil || v.Size != 100<<20 || v.State != "complete" || v.Path == "" {
		s.t.Errorf("got %+v %v, want the first size", v, err)
	}
	s.want(s.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: group, Name: "v2"}}), nil, "create without a quota")
	s.want(s.rec.as("fs-subvolume-info-no-quota", func() error {
		v, err := s.Subvolume(ctx, ceph.SubvolumeRef{GroupRef: group, Name: "v2"})
		if v.Size != 0 {
			s.t.Errorf("got a quota of %d, want none", v.Size)
		}
		return err
	}), nil, "info without a quota")
	s.want(s.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: absent, DataPool: "nothing"}), ceph.ErrInvalid, "create, no pool")
	s.want(s.CreateSubvolume(ctx, ceph.SubvolumeSpec{SubvolumeRef: absent, Mode: "nothing"}), ceph.ErrInvalid, "create, no mode")
	_, err := s.Subvolume(ctx, absent)
	s.want(err, ceph.ErrNotFound, "info of nothing")
	s.want(s.ResizeSubvolume(ctx, ref, 0), nil, "lift the quota")
	s.want(s.ResizeSubvolume(ctx, ref, 200<<20), nil, "resize")
	s.want(s.ResizeSubvolume(ctx, absent, 1<<20), ceph.ErrNotFound, "resize nothing")
	_, err = s.ListSubvolumeGroups(ctx, "fs1")
	s.want(err, nil, "list groups")
	_, err = s.ListSubvolumes(ctx, group)
	s.want(err, nil, "list subvolumes")
	_, err = s.ListSubvolumes(ctx, ceph.GroupRef{Filesystem: "fs1", Group: "nothing"})
	s.want(err, ceph.ErrNotFound, "list subvolumes of nothing")
	s.want(s.RemoveSubvolumeGroup(ctx, group), ceph.ErrBusy, "remove a full group")
	s.want(s.RemoveSubvolume(ctx, absent), nil, "remove nothing")
	s.clones(ref, absent)
}

func (s *scenario) clones(ref, absent ceph.SubvolumeRef) {
	ctx := s.ctx
	snap := ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "s1"}
	s.want(s.CreateSubvolumeSnapshot(ctx, snap), nil, "snapshot")
	s.want(s.CreateSubvolumeSnapshot(ctx, snap), nil, "snapshot again")
	s.want(s.CreateSubvolumeSnapshot(ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: absent, Snapshot: "s1"}), ceph.ErrNotFound, "snapshot nothing")
	s.want(s.RemoveSubvolumeSnapshot(ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "nothing"}), nil, "remove no snapshot")
	_, err := s.ListSubvolumeSnapshots(ctx, ref)
	s.want(err, nil, "list snapshots")
	_, err = s.SubvolumeSnapshot(ctx, snap)
	s.want(err, nil, "info of a snapshot")
	s.want(s.SetSubvolumeMetadata(ctx, ref, "test.key", "a value"), nil, "set metadata")
	_, err = s.SubvolumeMetadata(ctx, ref)
	s.want(err, nil, "list metadata")
	s.want(s.RemoveSubvolumeMetadata(ctx, ref, "test.key"), nil, "remove metadata")
	s.want(s.RemoveSubvolumeMetadata(ctx, ref, "test.key"), nil, "remove it again")
	s.want(s.RemoveSubvolume(ctx, ref), ceph.ErrBusy, "remove with a snapshot")

	clone := ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: ref.GroupRef, Name: "c1"}}
	s.want(s.CloneSubvolume(ctx, snap, clone), nil, "clone")
	_ = s.rec.as("fs-clone-status-started", func() error { _, err := s.CloneStatus(ctx, clone.SubvolumeRef); return err })
	s.want(s.CloneSubvolume(ctx, snap, clone), nil, "clone again")
	s.until("clone complete", func() bool {
		var st ceph.CloneStatus
		err := s.rec.as("fs-clone-status-complete", func() (err error) { st, err = s.CloneStatus(ctx, clone.SubvolumeRef); return err })
		return err == nil && st.State == "complete" && st.Percent == 100
	})
	plain := ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: ref.GroupRef, Name: "v2"}}
	s.want(s.CloneSubvolume(ctx, snap, plain), ceph.ErrExists, "clone onto a subvolume")
	_, err = s.CloneStatus(ctx, plain.SubvolumeRef)
	s.want(err, ceph.ErrInvalid, "status of no clone")
	_, err = s.CloneStatus(ctx, absent)
	s.want(err, ceph.ErrNotFound, "status of nothing")
	target := ceph.SubvolumeSpec{SubvolumeRef: absent}
	s.want(s.CloneSubvolume(ctx, ceph.SubvolumeSnapshotRef{SubvolumeRef: ref, Snapshot: "nothing"}, target), ceph.ErrNotFound, "clone no snapshot")
	s.canceledClone(snap)
	s.want(s.RemoveSubvolumeSnapshot(ctx, snap), nil, "remove snapshot")
}

// canceledClone shows that a clone that will never be complete can be removed.
func (s *scenario) canceledClone(snap ceph.SubvolumeSnapshotRef) {
	ctx := s.ctx
	ref := ceph.SubvolumeRef{GroupRef: snap.GroupRef, Name: "c2"}
	s.want(s.SetConfig(ctx, "mgr", "mgr/volumes/snapshot_clone_delay", "30"), nil, "delay clones")
	s.want(s.CloneSubvolume(ctx, snap, ceph.SubvolumeSpec{SubvolumeRef: ref}), nil, "clone")
	_, err := s.Subvolume(ctx, ref)
	s.want(err, ceph.ErrAgain, "info of a clone that is not complete")
	s.want(s.RemoveSubvolume(ctx, ref), ceph.ErrAgain, "remove a clone that is not complete")
	s.want(s.CancelClone(ctx, ref), nil, "cancel clone")
	s.want(s.rec.as("fs-clone-status-canceled", func() error { _, err := s.CloneStatus(ctx, ref); return err }), nil, "status")
	s.want(s.RemoveSubvolume(ctx, ref), nil, "remove a canceled clone")
	s.want(s.RemoveConfig(ctx, "mgr", "mgr/volumes/snapshot_clone_delay"), nil, "undo the delay")
}
