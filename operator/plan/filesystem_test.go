package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// filesystemIn is a StorageFilesystem files with two data pools and a class on each, in a cluster without pools.
func filesystemIn(s *ceph.Snapshot) FilesystemObserved {
	spec := v1alpha1.StorageFilesystemSpec{
		ClusterRef: v1alpha1.ClusterReference{Name: "main"},
		DataPools: []v1alpha1.FilesystemDataPool{
			{Name: "default", PoolLayout: copies(3)}, {Name: "archive", PoolLayout: chunks(2, 1)},
		},
		StorageClasses: []v1alpha1.FilesystemStorageClass{{Name: "shared"}, {Name: "cold", DataPool: "archive"}},
	}
	s.CRUSH.Rules = append(s.CRUSH.Rules,
		ceph.CRUSHRule{ID: 11, Name: "files-metadata_host", Type: ceph.Replicated, Root: "default", FailureDomain: "host"},
		ceph.CRUSHRule{ID: 12, Name: "files-default_host", Type: ceph.Replicated, Root: "default", FailureDomain: "host"},
		ceph.CRUSHRule{ID: 13, Name: "files-archive_host", Type: ceph.Erasure, Root: "default", FailureDomain: "host"})
	return FilesystemObserved{
		OwnerObserved: observedOwner(s, "files"),
		Spec:          ResolveFilesystem(&spec, Cluster{FailureDomain: v1alpha1.FailureDomainHost}),
		Previous:      &v1alpha1.StorageFilesystemStatus{},
	}
}

// madeFilesystem makes all that the filesystem asks for: pools 11 to 13, one active rank with a follower, groups and classes.
func madeFilesystem(in *FilesystemObserved) {
	for i, m := range in.Spec.members("files") {
		pool := ceph.Pool{
			ID: int64(11 + i), Name: m.name, Type: ceph.Replicated, Size: int(m.layout.Replicas), MinSize: m.minSize(), RuleID: 11 + i,
			AutoscaleMode: "on", Applications: []string{"cephfs"}, AvailableBytes: 1 << 40,
			ApplicationValues: map[string]string{
				"cephfs/" + PoolOwnerKey: "StorageFilesystem/files", "cephfs/" + PoolSettingsKey: m.settingsText(),
			},
		}
		if m.layout.ErasureCoded() {
			pool.Type, pool.Flags = ceph.Erasure, []string{"ec_overwrites"}
		}
		in.Ceph.Snapshot.Pools = append(in.Ceph.Snapshot.Pools, pool)
	}
	in.Ceph.Snapshot.Filesystems = []ceph.Filesystem{{
		ID: 4, Name: "files", MetadataPool: 11, DataPools: []int64{12, 13}, MaxMDS: 1, StandbyReplay: true, Joinable: true,
		Ranks: []ceph.MDS{{Name: "files-a", State: "up:active"}, {Name: "files-b", State: "up:standby-replay"}},
	}}
	in.Content = PoolContent{Known: true, Groups: []SubvolumeGroup{{Name: "cold"}, {Name: "shared"}}}
	c := newPoolComputation(in.OwnerObserved, in.owner())
	in.Classes = c.wantedClasses()
}

func theFilesystem(in *FilesystemObserved) *ceph.Filesystem { return &in.Ceph.Snapshot.Filesystems[0] }

const allFilesystemPools = "CreateCephPool/files-metadata ClaimCephPool/files-metadata RecordCephPool/files-metadata " +
	"CreateCephPool/files-default ClaimCephPool/files-default RecordCephPool/files-default " +
	"CreateCephPool/files-archive ClaimCephPool/files-archive RecordCephPool/files-archive"

// filesystemCase changes a filesystem that is all made, and names the steps that are planned then.
type filesystemCase struct {
	change func(*FilesystemObserved)
	want   string
}

// Where the operator was cut off at any step, what is left of them is planned.
func TestFilesystemSteps(t *testing.T) {
	t.Parallel()
	filesystemSteps(t, map[string]filesystemCase{
		"new": {func(in *FilesystemObserved) {
			*in = filesystemIn(poolSnapshot(3))
		}, allFilesystemPools + " CreateFilesystem/files AddDataPool/files-archive"},
		"too few hosts": {func(in *FilesystemObserved) { *in = filesystemIn(poolSnapshot(2)) }, ""},
		"cut before a pool was claimed": {func(in *FilesystemObserved) {
			in.Ceph.Snapshot.Filesystems, in.Classes = nil, nil
			pool := &in.Ceph.Snapshot.Pools[1]
			pool.Applications, pool.ApplicationValues = nil, nil
		}, "ClaimCephPool/files-default RecordCephPool/files-default CreateFilesystem/files AddDataPool/files-archive"},
		"cut before the filesystem": {func(in *FilesystemObserved) {
			in.Ceph.Snapshot.Filesystems, in.Classes, in.Content = nil, nil, PoolContent{}
		}, "CreateFilesystem/files AddDataPool/files-archive"},
		"cut before the second data pool": {func(in *FilesystemObserved) {
			theFilesystem(in).DataPools = []int64{12}
		}, "AddDataPool/files-archive"},
		"cut before the options": {func(in *FilesystemObserved) {
			theFilesystem(in).StandbyReplay = false
		}, "SetFilesystem/files/allow_standby_replay"},
		"no server yet": {func(in *FilesystemObserved) {
			theFilesystem(in).Ranks, in.Classes, in.Content = nil, nil, PoolContent{}
		}, ""},
		"cut before the groups": {func(in *FilesystemObserved) {
			in.Classes, in.Content.Groups, in.Snapshots = nil, nil, false
		}, "EnsureGroup/files/shared EnsureGroup/files/cold MakeClass/StorageClass/shared MakeClass/StorageClass/cold"},
		"cut before a class": {func(in *FilesystemObserved) { in.Classes = in.Classes[1:] }, "MakeClass/StorageClass/shared"},
		"as it is to be":     {func(*FilesystemObserved) {}, ""},
		"a class is gone from the spec": {func(in *FilesystemObserved) { in.Spec.StorageClasses = in.Spec.StorageClasses[:1] },
			"RemoveGroup/files/cold RemoveClass/StorageClass/cold RemoveClass/VolumeSnapshotClass/cold"},
		"a class with volumes is gone from the spec": {func(in *FilesystemObserved) {
			in.Spec.StorageClasses, in.Content.Groups[0].Subvolumes, in.Content.Volumes = in.Spec.StorageClasses[:1], 2, 2
		}, "RemoveClass/StorageClass/cold RemoveClass/VolumeSnapshotClass/cold"},
		"a class is gone from the spec, and nothing is known": {func(in *FilesystemObserved) {
			in.Spec.StorageClasses, in.Content = in.Spec.StorageClasses[:1], PoolContent{}
		}, "RemoveClass/VolumeSnapshotClass/cold"},
		"somebody else's filesystem": {func(in *FilesystemObserved) { theFilesystem(in).MetadataPool = 1 }, ""},
		"a pool of another object": {func(in *FilesystemObserved) {
			in.Ceph.Snapshot.Pools[2].ApplicationValues = map[string]string{"rbd/" + PoolOwnerKey: "StoragePool/files-archive"}
		}, ""},
		"a pool that another filesystem uses": {func(in *FilesystemObserved) {
			theFilesystem(in).DataPools = []int64{12}
			in.Ceph.Snapshot.Filesystems = append(in.Ceph.Snapshot.Filesystems, ceph.Filesystem{Name: "theirs", MetadataPool: 1, DataPools: []int64{13}})
		}, ""},
		"an unclaimed pool that another filesystem uses": {func(in *FilesystemObserved) {
			in.Ceph.Snapshot.Pools[2].ApplicationValues, theFilesystem(in).Name = nil, "theirs"
		}, ""},
		"paused": {func(in *FilesystemObserved) { in.Cluster.Paused, in.Classes = true, nil }, ""},
	})
}

func TestFilesystemDeletionSteps(t *testing.T) {
	t.Parallel()
	const removal = "RemoveClass/StorageClass/shared RemoveClass/VolumeSnapshotClass/shared RemoveClass/StorageClass/cold RemoveClass/VolumeSnapshotClass/cold "
	const removePools = "DeleteCephPool/files-metadata DeleteCephPool/files-default DeleteCephPool/files-archive " +
		"RemovePoolRule/files-metadata_host RemovePoolRule/files-default_host RemovePoolRule/files-archive_host ReleasePool"
	filesystemSteps(t, map[string]filesystemCase{
		"deleting": {func(in *FilesystemObserved) { in.Deleting = true },
			removal + "RemoveFilesystem/files " + removePools},
		"deleting, cut before the filesystem was removed": {func(in *FilesystemObserved) {
			in.Deleting, in.Classes, in.Content = true, nil, PoolContent{}
			fs := theFilesystem(in)
			fs.Joinable, fs.Ranks, fs.Failed = false, nil, []int{0}
			in.Ceph.Snapshot.Pools[0].ApplicationValues["cephfs/"+FilesystemEmptiedKey] = "4"
		}, "RemoveFilesystem/files " + removePools},
		"deleting, stopped by hand": {func(in *FilesystemObserved) {
			in.Deleting, in.Content = true, PoolContent{}
			fs := theFilesystem(in)
			fs.Joinable, fs.Ranks, fs.Failed = false, nil, []int{0}
			in.Ceph.Snapshot.Pools[0].ApplicationValues["cephfs/"+FilesystemEmptiedKey] = "3"
		}, ""},
		"deleting, cut before the pools": {func(in *FilesystemObserved) {
			in.Deleting, in.Classes, in.Content = true, nil, PoolContent{}
			in.Ceph.Snapshot.Filesystems = nil
		}, removePools},
		"deleting, without a filesystem but with data": {func(in *FilesystemObserved) {
			in.Deleting, in.Content = true, PoolContent{}
			in.Ceph.Snapshot.Filesystems, in.Ceph.Snapshot.Pools[2].Objects = nil, 1
		}, ""},
		"deleting, cut before the rules": {func(in *FilesystemObserved) {
			in.Deleting, in.Classes, in.Content = true, nil, PoolContent{}
			in.Ceph.Snapshot.Filesystems, in.Ceph.Snapshot.Pools = nil, nil
		}, "RemovePoolRule/files-metadata_host RemovePoolRule/files-default_host RemovePoolRule/files-archive_host ReleasePool"},
		"deleting, no server ever": {func(in *FilesystemObserved) {
			in.Deleting, in.Classes, in.Content = true, nil, PoolContent{}
			theFilesystem(in).Ranks = nil
		}, "RemoveFilesystem/files " + removePools},
		"deleting, no server now": {func(in *FilesystemObserved) {
			in.Deleting, in.Content = true, PoolContent{}
			theFilesystem(in).Ranks, theFilesystem(in).Failed = nil, []int{0}
		}, ""},
		"deleting, with subvolumes": {func(in *FilesystemObserved) {
			in.Deleting, in.Content.Volumes, in.Content.First = true, 1, []string{"theirs/a"}
		}, ""},
		"deleting, not listed":      {func(in *FilesystemObserved) { in.Deleting, in.Content = true, PoolContent{} }, ""},
		"deleting, with files":      {func(in *FilesystemObserved) { in.Deleting, in.Ceph.Snapshot.Pools[1].Objects = true, 1 }, ""},
		"deleting, not fresh":       {func(in *FilesystemObserved) { in.Deleting, in.Ceph.Fresh = true, false }, ""},
		"deleting, without cluster": {func(in *FilesystemObserved) { in.Deleting, in.Cluster, in.Classes = true, PoolCluster{}, nil }, "ReleasePool"},
		"deleting somebody else's": {func(in *FilesystemObserved) {
			in.Deleting, in.Classes = true, nil
			for i := range in.Ceph.Snapshot.Pools {
				in.Ceph.Snapshot.Pools[i].ApplicationValues = nil
			}
		}, "ReleasePool"},
	})
}

func filesystemSteps(t *testing.T, cases map[string]filesystemCase) {
	t.Helper()
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := filesystemIn(poolSnapshot(3))
			madeFilesystem(&in)
			test.change(&in)
			p := ComputeFilesystem(in)
			if diff := cmp.Diff(test.want, poolStepIDs(p.PoolPlan)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if text := orderIn(p.Steps) + filesystemConditionsOf(in, p); text != "" {
				t.Error(text)
			}
		})
	}
}

// Ranks come and go one at a time, and while all are active.
func TestRanks(t *testing.T) {
	t.Parallel()
	second := func(state string) func(*ceph.Filesystem) {
		return func(fs *ceph.Filesystem) {
			fs.MaxMDS = 2
			fs.Ranks = append(fs.Ranks, ceph.MDS{Name: "files-c", Rank: 1, State: state})
		}
	}
	for name, test := range map[string]struct {
		active   int32
		standbys int
		change   func(*ceph.Filesystem)
		want     string // max_mds; empty: it waits
		says     string
	}{
		"grow":                       {3, 1, func(*ceph.Filesystem) {}, "2", ""},
		"grow on":                    {3, 1, second("up:active"), "3", ""},
		"grow, one is created":       {3, 1, second("up:creating"), "", "rank 1 is creating"},
		"grow, nobody stands by":     {2, 0, func(*ceph.Filesystem) {}, "", "no metadata server stands by that could hold rank 1"},
		"grow, one is not there yet": {3, 1, func(fs *ceph.Filesystem) { fs.MaxMDS = 2 }, "", "1 of 2 ranks are held"},
		"grow, one has failed":       {2, 1, func(fs *ceph.Filesystem) { fs.Failed, fs.Ranks = []int{0}, nil }, "", "rank 0 has failed"},
		"grow, one is damaged":       {2, 1, func(fs *ceph.Filesystem) { fs.Damaged, fs.Ranks = []int{0}, nil }, "", "rank 0 is damaged"},
		"shrink":                     {1, 0, second("up:active"), "1", ""},
		"shrink, one is replayed":    {1, 0, second("up:replay"), "", "rank 1 is replay"},
		"shrink, stopped by hand": {1, 0, func(fs *ceph.Filesystem) {
			second("up:active")(fs)
			fs.Joinable = false
		}, "", "the filesystem was stopped by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := filesystemIn(poolSnapshot(3))
			madeFilesystem(&in)
			in.Spec.MDS.Active = test.active
			in.Ceph.Snapshot.Standbys = make([]ceph.MDS, test.standbys)
			test.change(theFilesystem(&in))
			p := ComputeFilesystem(in)
			var got string
			for _, step := range p.Steps {
				got += step.Do.(SetFilesystem).Value
			}
			if got != test.want || !strings.HasSuffix(p.Waiting, test.says) || (p.Waiting == "") != (test.want != "") {
				t.Errorf("max_mds %q, waiting %q", got, p.Waiting)
			}
			if text := filesystemConditionsOf(in, p); text != "" {
				t.Error(text)
			}
		})
	}
}

func TestFilesystemConditions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*FilesystemObserved)
		which  string
		want   string // status reason: message
	}{
		"ready":         {func(*FilesystemObserved) {}, "Ready", "True Available: metadata 3 copies over Host, default 3 copies over Host, archive EC 2+1 over Host"},
		"healthy":       {func(*FilesystemObserved) {}, "MDSHealthy", "True AllRanksActive: 1 rank active, 1 standby server"},
		"no server yet": {func(in *FilesystemObserved) { theFilesystem(in).Ranks = nil }, "Ready", "False Creating: no metadata server holds a rank yet"},
		"classes wait for the first rank": {func(in *FilesystemObserved) {
			in.Classes, in.Content = nil, PoolContent{Trouble: "rank 0 is creating, and the others cannot answer"}
		}, "StorageClassesReady", "Unknown NotObserved: 4 to be made: the group of subvolumes of each class needs the first rank: rank 0 is creating, and the others cannot answer"},
		"failed": {func(in *FilesystemObserved) { theFilesystem(in).Ranks, theFilesystem(in).Failed = nil, []int{0} },
			"Ready", "False RankFailed: rank 0 has failed, and nobody takes over"},
		"taken over": {func(in *FilesystemObserved) { theFilesystem(in).Ranks[0].State = "up:rejoin" },
			"MDSHealthy", "False RankFailed: rank 0 is taken over by files-a, which is in rejoin; see the pods of the metadata servers"},
		"stopped by hand": {func(in *FilesystemObserved) { theFilesystem(in).Ranks, theFilesystem(in).Joinable = nil, false },
			"Ready", "False RankFailed: it was stopped (ceph fs fail): in the toolbox, ceph fs set files joinable true starts it again"},
		"damaged": {func(in *FilesystemObserved) { theFilesystem(in).Ranks, theFilesystem(in).Damaged = nil, []int{0} },
			"MDSHealthy", "False Damaged: rank 0 is damaged; Ceph's own repair is for a person to start: see ceph tell mds.NAME damage ls in the toolbox"},
		"no standby": {func(in *FilesystemObserved) { theFilesystem(in).Ranks = theFilesystem(in).Ranks[:1] },
			"MDSHealthy", "False NoStandby: 0 servers stand by for 1 rank; see the pods of the metadata servers"},
		"no standby is asked for": {func(in *FilesystemObserved) {
			theFilesystem(in).Ranks, in.Spec.MDS.Standby = theFilesystem(in).Ranks[:1], v1alpha1.StandbyNone
		}, "MDSHealthy", "True AllRanksActive: 1 rank active, 0 standby servers"},
		"cache": {func(in *FilesystemObserved) {
			in.Ceph.Snapshot.Health.Checks = []ceph.HealthCheck{{Code: "MDS_CACHE_OVERSIZED", Details: []string{
				"mds.other-a(mds.0): MDS cache is too large (9GB/4GB)", "mds.files-a(mds.0): MDS cache is too large (6GB/4GB)",
			}}}
		}, "MDSHealthy", "False CacheOversized: mds.files-a(mds.0): MDS cache is too large (6GB/4GB); raise the memory limit in spec.mds.resources, or close files: clients hold more than fits"},
		"unplaceable": {func(in *FilesystemObserved) { in.Spec.DataPools[1].Layout.DeviceClass = "nvme" },
			"Placeable", "False NoSuchClass: dataPools archive: no OSD is of class nvme; there are hdd; set deviceClass to one of these, or add disks of the class"},
		"foreign": {func(in *FilesystemObserved) { theFilesystem(in).MetadataPool = 1 },
			"Ready", "False CephRefused: Ceph has a filesystem files already, which is not on the pools of this StorageFilesystem: somebody else made it; choose another name; or, if nobody needs what is in it, remove it in the toolbox"},
		"a rank is to come": {func(in *FilesystemObserved) { in.Spec.MDS.Active = 2 },
			"UpToDate", "Unknown NotObserved: a change waits: max_mds of files is 1, and 2 is declared; ranks come and go one at a time, while all others are active: no metadata server stands by that could hold rank 1"},
		"a group is left": {func(in *FilesystemObserved) {
			in.Spec.StorageClasses, in.Classes, in.Content.Groups[0].Subvolumes = in.Spec.StorageClasses[:1], in.Classes[:2], 2
		}, "StorageClassesReady", "True Made: shared; the group cold, of no class here, still holds 2 subvolumes"},
		"deleting, with subvolumes": {func(in *FilesystemObserved) {
			in.Deleting, in.Content.Volumes, in.Content.First = true, 2, []string{"lonely", "theirs/a"}
		}, "Deleting", "True DependentsExist: the filesystem still holds 2 subvolumes (lonely, theirs/a); delete them first"},
		"deleting, with files": {func(in *FilesystemObserved) { in.Deleting, in.Ceph.Snapshot.Pools[1].Objects = true, 3 },
			"Deleting", "True DependentsExist: the pool files-default of Ceph still holds 3 objects (0B) that belong to no subvolume; wait for deletions that are under way, or see what it is: mount the filesystem at its root, or in the toolbox rados -p files-default ls --all"},
		"deleting, not listed": {func(in *FilesystemObserved) { in.Deleting, in.Content = true, PoolContent{Trouble: "no"} },
			"Deleting", "Unknown NotObserved: the subvolumes in the filesystem could not be listed: no"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := filesystemIn(poolSnapshot(3))
			madeFilesystem(&in)
			test.change(&in)
			p := ComputeFilesystem(in)
			c := meta.FindStatusCondition(FilesystemStatus(in, p).Conditions, test.which)
			if diff := cmp.Diff(test.want, fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.which, diff)
			}
			if text := filesystemConditionsOf(in, p); text != "" {
				t.Error(text)
			}
		})
	}
}

func TestFilesystemStatus(t *testing.T) {
	t.Parallel()
	in := filesystemIn(poolSnapshot(3))
	madeFilesystem(&in)
	in.Nodes = map[string]string{"files-a": "n1"}
	in.Ceph.Snapshot.Standbys = []ceph.MDS{{Name: "files-d"}, {Name: "files-other-a"}}
	in.Ceph.Snapshot.Pools[1].StoredBytes, in.Ceph.Snapshot.Pools[2].StoredBytes = 1<<39, 1<<39
	status := FilesystemStatus(in, ComputeFilesystem(in))
	ranks := []v1alpha1.MDSRank{{Rank: 0, Daemon: "files-a", Node: "n1", State: "active"}}
	if diff := cmp.Diff(ranks, status.Ranks); diff != "" {
		t.Errorf("ranks (-want +got):\n%s", diff)
	}
	summary := &v1alpha1.FilesystemSummary{MDS: "1/1 +2", Used: "50%", StorageClasses: "shared,cold", DataPools: "default,archive"}
	if diff := cmp.Diff(summary, status.Summary); diff != "" {
		t.Errorf("summary (-want +got):\n%s", diff)
	}
	theFilesystem(&in).MaxMDS, theFilesystem(&in).Failed = 2, []int{1}
	ranks = append(ranks, v1alpha1.MDSRank{Rank: 1, State: "failed"})
	if diff := cmp.Diff(ranks, FilesystemStatus(in, ComputeFilesystem(in)).Ranks); diff != "" {
		t.Errorf("ranks (-want +got):\n%s", diff)
	}
}

func filesystemConditionsOf(in FilesystemObserved, p FilesystemPlan) string {
	all := FilesystemStatus(in, p).Conditions
	for i, spec := range conditions.Of(v1alpha1.KindStorageFilesystem) {
		if i >= len(all) || all[i].Type != spec.Type {
			return "no condition " + spec.Type
		}
		reasons := map[string][]string{"True": spec.True, "False": spec.False, "Unknown": spec.Unknown}[string(all[i].Status)]
		if !slices.Contains(reasons, all[i].Reason) || all[i].Message == "" {
			return fmt.Sprintf("condition %+v is not one of %v", all[i], reasons)
		}
	}
	return ""
}

// anyFilesystem is a StorageFilesystem in any state whatever.
func anyFilesystem(rng *rand.Rand) FilesystemObserved {
	yes := func() bool { return rng.IntN(2) == 0 }
	in := filesystemIn(poolSnapshot(rng.IntN(5)))
	madeFilesystem(&in)
	s := in.Ceph.Snapshot
	s.Pools = slices.DeleteFunc(s.Pools, func(ceph.Pool) bool { return rng.IntN(6) == 0 })
	for i := range s.Pools {
		pool := &s.Pools[i]
		if pool.Objects = int64(rng.IntN(4) / 3); rng.IntN(6) == 0 {
			pool.ApplicationValues = map[string]string{"cephfs/" + PoolOwnerKey: "StorageFilesystem/other"}
		}
		if rng.IntN(8) == 0 {
			pool.ApplicationValues, pool.Applications = nil, nil
		}
		if pool.ApplicationValues != nil && rng.IntN(4) == 0 {
			pool.ApplicationValues["cephfs/"+FilesystemEmptiedKey] = []string{"4", "3"}[rng.IntN(2)]
		}
	}
	fs := &s.Filesystems[0]
	fs.MaxMDS, fs.StandbyReplay, fs.Joinable = rng.IntN(3)+1, yes(), rng.IntN(4) > 0
	fs.Ranks = nil
	for rank := range fs.MaxMDS {
		states := []string{"up:active", "up:active", "up:active", "up:creating", "up:rejoin", ""}
		if state := states[rng.IntN(len(states))]; state != "" && fs.Joinable {
			fs.Ranks = append(fs.Ranks, ceph.MDS{Name: fmt.Sprint("files-", rank), Rank: rank, State: state})
		} else if yes() {
			fs.Failed = append(fs.Failed, rank)
		}
	}
	if rng.IntN(6) == 0 {
		fs.Name = "theirs"
	}
	if rng.IntN(6) == 0 {
		s.Filesystems = nil
	}
	s.Standbys = make([]ceph.MDS, rng.IntN(2))
	in.Content.Known, in.Deleting, in.Spec.MDS.Active = rng.IntN(3) > 0, yes(), int32(rng.IntN(4)+1)
	if !in.Content.Known {
		in.Content = PoolContent{}
	} else if yes() {
		in.Content.Volumes, in.Content.First = 1, []string{"shared/a"}
		in.Content.Groups = in.Content.Groups[:1]
	}
	in.Cluster.Paused, in.Ceph.Fresh, in.Cluster.Found = rng.IntN(6) == 0, rng.IntN(8) > 0, rng.IntN(8) > 0
	in.Classes = slices.DeleteFunc(in.Classes, func(VolumeClass) bool { return yes() })
	in.Spec.StorageClasses = in.Spec.StorageClasses[:rng.IntN(3)]
	return in
}

// Whatever the state: the same arguments give the same plan, in an order; nothing is done on what is not known, to what is
// somebody else's, or against a pause; nothing is deleted that may hold something; and all conditions are told.
func TestFilesystemProperties(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(5000) {
		in := anyFilesystem(rand.New(rand.NewPCG(seed, 1)))
		p := ComputeFilesystem(in)
		if diff := cmp.Diff(p, ComputeFilesystem(in)); diff != "" {
			t.Fatalf("seed %d: two plans:\n%s", seed, diff)
		}
		for _, err := range []string{orderIn(p.Steps), unlawfulFilesystem(in, p), filesystemConditionsOf(in, p)} {
			if err != "" {
				t.Fatalf("seed %d: %s\nsteps %s\n%+v", seed, err, poolStepIDs(p.PoolPlan), in)
			}
		}
		for _, step := range p.Steps {
			kind, _, _ := strings.Cut(step.ID, "/")
			seen[kind]++
		}
	}
	for _, kind := range []string{
		"CreateFilesystem", "AddDataPool", "SetFilesystem", "EnsureGroup", "RemoveGroup", "RemoveFilesystem", "DeleteCephPool", "MakeClass", "ReleasePool",
	} {
		if seen[kind] == 0 {
			t.Errorf("never planned: %s of %v", kind, seen)
		}
	}
}

func unlawfulFilesystem(in FilesystemObserved, p FilesystemPlan) string {
	if in.Cluster.Paused && len(p.Steps) > 0 {
		return "a step in spite of the pause"
	}
	deletes := slices.ContainsFunc(p.Steps, func(step Step) bool {
		switch step.Do.(type) {
		case RemoveFilesystem, DeleteCephPool:
			return true
		}
		return false
	})
	if !deletes {
		return ""
	}
	known := p.Filesystem == nil || in.Content.Known || SeenEmpty(p.Filesystem, in.Ceph.Snapshot.Pools)
	if !in.Deleting || !in.Ceph.Fresh || !known || in.Content.Known && p.Filesystem != nil && in.Content.Volumes > 0 {
		return "something is deleted that nobody asked for, or that may hold something"
	}
	for _, pool := range in.Ceph.Snapshot.Pools {
		owner := OwnerOf(pool)
		gone := slices.ContainsFunc(p.Steps, func(step Step) bool { return step.ID == "DeleteCephPool/"+pool.Name })
		switch {
		case gone && owner != "" && owner != "StorageFilesystem/files":
			return pool.Name + " is not ours"
		case gone && pool.Objects > 0 && pool.Name != "files-metadata":
			return pool.Name + " holds objects"
		}
	}
	return ""
}
