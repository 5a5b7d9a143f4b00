package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// shared is a filesystem with a number of ranks.
func shared(active int32, standby v1alpha1.MDSStandby) ClusterFilesystem {
	return ClusterFilesystem{Name: "shared", MDS: MDS{Active: active, Standby: standby}, Groups: []string{"shared"}}
}

// fillMDSs lets each StorageFilesystem have a CephFS, whose ranks the MDSs that run hold in the order of their names, and
// follow where that is asked for. Ceph knows no MDS by a key that it was not told.
func (w *world) fillMDSs(s *ceph.Snapshot) {
	free := map[string][]string{}
	for _, id := range sortedDaemons(w.deployed) {
		if id.Kind != DaemonMDS || !w.deployed[id].Running {
			continue
		}
		if !w.registered[id.String()] {
			w.t.Fatalf("%s was started before Ceph knew its key", id)
		}
		of := w.mdss[id.Name]
		free[of] = append(free[of], id.Name)
	}
	for _, f := range w.filesystems {
		fs := ceph.Filesystem{Name: f.Name, MaxMDS: int(f.MDS.Active), StandbyReplay: f.MDS.Standby == v1alpha1.StandbyReplay}
		take := func(rank int, state string) {
			if left := free[f.Name]; len(left) > 0 {
				fs.Ranks, free[f.Name] = append(fs.Ranks, ceph.MDS{Name: left[0], Rank: rank, State: state}), left[1:]
			}
		}
		for rank := range fs.MaxMDS {
			take(rank, ceph.MDSActive)
		}
		for rank := 0; fs.StandbyReplay && rank < fs.MaxMDS; rank++ {
			take(rank, ceph.MDSStandbyReplay)
		}
		for _, name := range free[f.Name] {
			s.Standbys = append(s.Standbys, ceph.MDS{Name: name, Rank: -1, State: "up:standby"})
		}
		s.Filesystems = append(s.Filesystems, fs)
	}
}

// served is a cluster at rest with a filesystem.
func served(t *testing.T, fs ClusterFilesystem) (*world, Observed) {
	t.Helper()
	w := newWorld(t, 3, 1)
	w.filesystems = []ClusterFilesystem{fs}
	w.rest()
	w.now = w.now.Add(time.Hour)
	w.planDisks()
	return w, w.observe()
}

func (w *world) mdsNodes() []string {
	var found []string
	for _, id := range sortedDaemons(w.deployed) {
		if id.Kind == DaemonMDS {
			found = append(found, id.Name+"@"+w.deployed[id].Node)
		}
	}
	return found
}

// As many MDSs as the standby mode asks for, apart from each other as far as there are nodes.
func TestMDSsOfAFilesystem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fs   ClusterFilesystem
		want string
	}{
		"one with a follower":         {shared(1, v1alpha1.StandbyReplay), "shared-a@n1 shared-b@n3"},
		"one alone":                   {shared(1, v1alpha1.StandbyNone), "shared-a@n1"},
		"two that share a standby":    {shared(2, v1alpha1.StandbyShared), "shared-a@n1 shared-b@n3 shared-c@n2"},
		"two with followers":          {shared(2, v1alpha1.StandbyReplay), "shared-a@n1 shared-b@n3 shared-c@n2 shared-d@n3"},
		"a name that Ceph would fear": {ClusterFilesystem{Name: "1st", MDS: MDS{Active: 1, Standby: v1alpha1.StandbyNone}}, "fs1st-a@n1"},
		"only where it may be": {ClusterFilesystem{Name: "shared", MDS: MDS{Active: 1, Standby: v1alpha1.StandbyReplay,
			Placement: v1alpha1.Placement{NodeSelector: map[string]string{corev1.LabelHostname: "n2"}}}}, "shared-a@n2 shared-b@n2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, in := served(t, test.fs)
			if got := strings.Join(w.mdsNodes(), " "); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if p := Compute(in); len(p.Steps) > 0 || !slices.ContainsFunc(p.Keep, func(d Daemon) bool { return d.ID.Kind == DaemonMDS && d.Filesystem == test.fs.Name }) {
				t.Errorf("at rest: %+v", p.Steps)
			}
		})
	}
}

// Two filesystems do not share their first node, and MDSs come only once there is a Ceph with a mgr.
func TestMDSsOfSeveralFilesystems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 1)
	other := shared(1, v1alpha1.StandbyNone)
	other.Name = "other"
	w.filesystems = []ClusterFilesystem{other, shared(1, v1alpha1.StandbyNone)}
	w.rest()
	if diff := cmp.Diff([]string{"other-a@n1", "shared-a@n2"}, w.mdsNodes()); diff != "" {
		t.Error(diff)
	}
	first := slices.IndexFunc(w.log, func(line string) bool { return strings.HasPrefix(line, "EnsureKey/mds.") })
	quorum := slices.IndexFunc(w.log, func(line string) bool { return strings.HasPrefix(line, "RecordQuorum") })
	if quorum < 0 || first < quorum {
		t.Errorf("a quorum at step %d, an MDS at step %d", quorum, first)
	}
}

func mdsSteps(p Plan) string {
	var found []string
	for _, step := range p.Steps {
		if strings.Contains(step.ID, "/mds.") {
			found = append(found, step.ID)
		}
	}
	return strings.Join(found, " ")
}

// ranksOf replaces what Ceph says of the filesystem: "a:0" holds rank 0, "b:0-" follows it, "c" stands by.
func ranksOf(in *Observed, maxMDS int, roles ...string) {
	s := new(*in.Ceph.Snapshot)
	s.Filesystems, s.Standbys = []ceph.Filesystem{{Name: "shared", MaxMDS: maxMDS}}, nil
	for _, role := range roles {
		letter, rank, holds := strings.Cut(role, ":")
		mds := ceph.MDS{Name: "shared-" + letter, Rank: -1, State: "up:standby"}
		if !holds {
			s.Standbys = append(s.Standbys, mds)
			continue
		}
		mds.Rank, mds.State = int(rank[0]-'0'), ceph.MDSActive
		switch rank[1:] {
		case "-":
			mds.State = ceph.MDSStandbyReplay
		case "!":
			mds.State = "up:rejoin"
		}
		s.Filesystems[0].Ranks = append(s.Filesystems[0].Ranks, mds)
	}
	in.Ceph.Snapshot = s
}

// An MDS goes that holds no rank, one at a time; while all hold one, Ceph has to take one away first.
func TestMDSsThatLeaveAndJoin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(in *Observed)
		want   string
	}{
		"as many as wanted": {func(*Observed) {}, ""},
		"one rank less, with who follows it: the follower first": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyReplay)}
		}, "RemoveDaemon/mds.shared-d"},
		"who stands by before who follows": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyReplay)}
			ranksOf(in, 1, "a:0", "b", "c:0-", "d:1")
		}, "RemoveDaemon/mds.shared-b"},
		"whom Ceph does not see before all others": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyReplay)}
			ranksOf(in, 1, "b:0", "c", "d:0-")
		}, "RemoveDaemon/mds.shared-a"},
		"the one that was half removed": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyReplay)}
			ranksOf(in, 1, "a:0", "b", "d:0-")
			without(in, "mds.shared-c")
		}, "RemoveDaemon/mds.shared-c"},
		"never one that holds a rank": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyNone)}
			ranksOf(in, 1, "a:0", "b:1", "c:2", "d:3")
		}, ""},
		"not while Ceph is silent": {func(in *Observed) {
			in.Filesystems, in.Ceph.Fresh = []ClusterFilesystem{shared(1, v1alpha1.StandbyNone)}, false
		}, ""},
		"more wanted": {func(in *Observed) { in.Filesystems = []ClusterFilesystem{shared(3, v1alpha1.StandbyShared)} }, ""},
		"a rank more": {func(in *Observed) { in.Filesystems = []ClusterFilesystem{shared(4, v1alpha1.StandbyShared)} },
			"EnsureKey/mds.shared-e RegisterKey/mds.shared-e ApplyDaemon/mds.shared-e"},
		"no mgr": {func(in *Observed) {
			in.Filesystems = []ClusterFilesystem{shared(4, v1alpha1.StandbyShared)}
			in.Ceph.Snapshot = new(*in.Ceph.Snapshot)
			in.Ceph.Snapshot.Mgr.Available = false
		}, ""},
		"its key is gone":                  {func(in *Observed) { in.MDSs = in.MDSs[1:] }, "EnsureKey/mds.shared-a RegisterKey/mds.shared-a"},
		"its Deployment is gone":           {func(in *Observed) { without(in, "mds.shared-d") }, "ApplyDaemon/mds.shared-d"},
		"deleted, and the CephFS is there": {func(in *Observed) { in.Filesystems[0].Deleting = true }, ""},
		"deleted, and the CephFS is gone": {func(in *Observed) {
			in.Filesystems[0].Deleting = true
			ranksOf(in, 1, "a", "b", "c", "d")
			in.Ceph.Snapshot.Filesystems = nil
		}, "RemoveDaemon/mds.shared-a RemoveDaemon/mds.shared-b RemoveDaemon/mds.shared-c RemoveDaemon/mds.shared-d"},
		"the object is gone, and the CephFS is there": {func(in *Observed) { in.Filesystems = nil }, ""},
		"both are gone, and one helps out elsewhere": {func(in *Observed) {
			in.Filesystems = nil
			ranksOf(in, 1, "a:0", "b", "c", "d")
			in.Ceph.Snapshot.Filesystems[0].Name = "other"
		}, "RemoveDaemon/mds.shared-b RemoveDaemon/mds.shared-c RemoveDaemon/mds.shared-d"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := served(t, shared(2, v1alpha1.StandbyReplay))
			in.Filesystems = slices.Clone(in.Filesystems)
			test.change(&in)
			if got := mdsSteps(Compute(in)); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// An MDS restarts when every rank serves, and one that holds a rank only beside one that takes over.
func TestMDSRolloutGate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		standby  v1alpha1.MDSStandby
		roles    []string
		restarts string
		because  string
	}{
		"who stands by goes first":  {v1alpha1.StandbyReplay, []string{"a:0", "b:1", "c:0-", "d"}, "mds.shared-d", "one daemon at a time: mds.shared-d restarts first"},
		"who follows goes second":   {v1alpha1.StandbyReplay, []string{"a:0", "b:1", "c:0-", "d:1-"}, "mds.shared-c", "one daemon at a time: mds.shared-c restarts first"},
		"a rank is not active":      {v1alpha1.StandbyReplay, []string{"a:0", "b:1!", "c:0-", "d"}, "", "a restart waits until all ranks of filesystem shared are active: rank 1 is up:rejoin"},
		"a rank has no server":      {v1alpha1.StandbyReplay, []string{"a:0", "c:0-", "d"}, "", "a restart waits until all ranks of filesystem shared are active: rank 1 has no server"},
		"nobody takes over":         {v1alpha1.StandbyShared, []string{"a:0", "b:1"}, "", "a restart waits for a server that stands by for rank 0 of filesystem shared"},
		"only another rank's does":  {v1alpha1.StandbyReplay, []string{"a:0", "b:1", "x:1-"}, "mds.shared-b", "one daemon at a time: mds.shared-b restarts first"},
		"nobody is to stand by":     {v1alpha1.StandbyNone, []string{"a:0", "b:1"}, "mds.shared-a", "one daemon at a time: mds.shared-a restarts first"},
		"a standby of another's is": {v1alpha1.StandbyShared, []string{"a:0", "b:1", "x"}, "", "a restart waits for a server that stands by for rank 0 of filesystem shared"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := served(t, shared(2, test.standby))
			in.Filesystems = slices.Clone(in.Filesystems)
			in.Filesystems[0].MDS.Resources = memory("3Gi")
			ranksOf(&in, 2, test.roles...)
			for _, name := range in.MDSs { // those that Ceph does not see would be changed at once
				if !slices.ContainsFunc(test.roles, func(role string) bool { return strings.HasPrefix("shared-"+role, name.Name) }) {
					without(&in, "mds."+name.Name)
				}
			}
			p := Compute(in)
			if got := strings.Join(restarts(p), " "); got != test.restarts {
				t.Errorf("restarts %q, want %q", got, test.restarts)
			}
			for _, held := range p.Held {
				if held.Because.Message != test.because {
					t.Errorf("%s waits: %s", held.Daemon.ID, held.Because.Message)
				}
			}
		})
	}
}

// MDSs are last in a rollout, and the filesystem of one that is not well stops no other.
func TestMDSRolloutOrder(t *testing.T) {
	t.Parallel()
	w, _ := served(t, shared(1, v1alpha1.StandbyReplay))
	w.spec.ResourceProfile = v1alpha1.ProfileLean
	from := len(w.log)
	w.rest()
	got := w.daemonsSince(from)
	if want := "mon.b mon.c mon.a mgr.b mgr.a osd.0 osd.1 osd.2 mds.shared-b mds.shared-a"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestUsersFollowFilesystems(t *testing.T) {
	t.Parallel()
	w := settledUsers(t)
	in := w.observe()
	in.Filesystems = []ClusterFilesystem{shared(1, v1alpha1.StandbyNone), {Name: "unused"}}
	in.Ceph.Snapshot.Mgr.Available = false // no MDS in between
	do, reason := providing(Compute(in))
	if do == nil || !strings.Contains(reason, "filesystems have come or gone") {
		t.Fatalf("%+v, %q", do, reason)
	}
	if diff := cmp.Diff([]FilesystemGroups{{"shared", []string{"shared"}}}, do.Filesystems); diff != "" {
		t.Error(diff)
	}
	in.Users.Granted = do.Filesystems
	if do, reason := providing(Compute(in)); do != nil {
		t.Errorf("again: %s", reason)
	}
}
