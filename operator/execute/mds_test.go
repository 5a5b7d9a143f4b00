package execute

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/plan"
)

func mds(name string) plan.DaemonID { return plan.DaemonID{Kind: plan.DaemonMDS, Name: name} }

// makeFiles makes a filesystem with one rank, and a group for each of its classes.
func makeFiles(t *testing.T, c *sim.Cluster, name string, groups ...string) {
	t.Helper()
	admin := c.Admin()
	for _, pool := range []string{name + "-metadata", name + "-data"} {
		must(t, admin.CreatePool(t.Context(), ceph.PoolSpec{Name: pool, Type: ceph.Replicated, PGs: 4}))
	}
	must(t, admin.CreateFilesystem(t.Context(), name, name+"-metadata", name+"-data"))
	c.StartMDS(name + "-a")
	c.Advance(time.Minute)
	for _, group := range groups {
		must(t, admin.CreateSubvolumeGroup(t.Context(), ceph.GroupRef{Filesystem: name, Group: group}, ""))
	}
}

// An MDS gets a key that Ceph knows, a Secret that says which filesystem it is for, and a Deployment; and all of that goes.
func TestMDSComesAndGoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	const name = "home-a"
	for range 2 {
		w.run(t, plan.EnsureKey{Daemon: mds(name), Filesystem: "home"}, true)
		w.run(t, plan.RegisterKey{Daemon: mds(name)}, true)
	}
	w.run(t, plan.ApplyDaemon{Daemon: plan.Daemon{ID: mds(name), Node: "n1", Hostname: "n1", Filesystem: "home"}}, true)
	secret, deployment := &corev1.Secret{}, &appsv1.Deployment{}
	if !w.exists(t, secret, manifest.MDSName("main", name)) || !w.exists(t, deployment, manifest.MDSName("main", name)) {
		t.Fatal("no Secret or no Deployment")
	}
	entity, err := c.Admin().Entity(t.Context(), "mds.home-a")
	must(t, err)
	key, err := keyIn(secret.Data["keyring"])
	if err != nil || !key.Equal(entity.Key) {
		t.Errorf("another key than Ceph's, or %v", err)
	}
	if diff := cmp.Diff(keys.MDS(name, key).Caps, entity.Caps); diff != "" {
		t.Error(diff)
	}
	if manifest.FilesystemOf(secret.Annotations) != "home" || manifest.FilesystemOf(deployment.Annotations) != "home" {
		t.Errorf("for filesystems %v and %v", secret.Annotations, deployment.Annotations)
	}
	for range 2 {
		w.run(t, plan.RemoveDaemon{Daemon: mds(name)}, true)
	}
	if w.exists(t, secret, manifest.MDSName("main", name)) || w.exists(t, deployment, manifest.MDSName("main", name)) {
		t.Error("Secret or Deployment are left")
	}
}

// The Secret of an MDS follows the key that Ceph has, and still says which filesystem it is for.
func TestRegisterMDSThatCephKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	w.run(t, plan.EnsureKey{Daemon: mds("home-a"), Filesystem: "home"}, true)
	other := keys.New(ceph.CipherAES)
	must(t, c.Admin().ImportEntity(t.Context(), ceph.Entity{Name: "mds.home-a", Key: other, Caps: ceph.Caps{"mon": "allow r"}}))
	w.run(t, plan.RegisterKey{Daemon: mds("home-a")}, true)
	secret := &corev1.Secret{}
	w.exists(t, secret, manifest.MDSName("main", "home-a"))
	if key, err := keyIn(secret.Data["keyring"]); err != nil || !key.Equal(other) || manifest.FilesystemOf(secret.Annotations) != "home" {
		t.Errorf("the key differs, or %v; %v", err, secret.Annotations)
	}
}

// An MDS that has taken over a rank since the plan was made is not taken away, and not restarted while a rank does not serve.
// Neither is a failure: the next plan decides anew.
func TestMDSIsLookedAtOnceMore(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	makeFiles(t, c, "home")
	apply := plan.ApplyDaemon{Daemon: plan.Daemon{ID: mds("home-a"), Node: "n1", Filesystem: "home"}}
	w.run(t, apply, true)
	apply.Restart, apply.Batch, apply.Daemon.Hostname = true, []plan.DaemonID{mds("home-a")}, "n2"
	must(t, c.Admin().FailMDS(t.Context(), "home:0")) // it replays for a second
	for _, do := range []plan.Action{plan.RemoveDaemon{Daemon: mds("home-a")}, apply} {
		outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(do, "step")}})
		if outcome.Err != nil || outcome.Done > 0 {
			t.Errorf("%T: done %d, %v", do, outcome.Done, outcome.Err)
		}
	}
	deployment := &appsv1.Deployment{}
	if !w.exists(t, deployment, manifest.MDSName("main", "home-a")) || deployment.Spec.Template.Spec.NodeSelector["kubernetes.io/hostname"] == "n2" {
		t.Error("the MDS was taken away or restarted")
	}
	c.Advance(time.Minute)
	w.run(t, apply, true)
}

// Nodes reach the groups of the classes, and of a class that is taken away as long as the group is in Ceph: volumes are left in
// it. A fenced node reaches nothing.
func TestNodesReachGroups(t *testing.T) {
	t.Parallel()
	w, c := newWorld(t), simulated(t)
	for _, host := range []string{"s1", "s2", "s3"} {
		_, err := c.AddHost(sim.Host{Name: host, OSDs: 1})
		must(t, err)
	}
	makeFiles(t, c, "home", "fast", "slow")
	reach := func(groups ...string) []string {
		action := plan.ProvideUsers{Nodes: []string{"n1", "n2"}}
		if len(groups) > 0 {
			action.Filesystems = []plan.FilesystemGroups{{Filesystem: "home", Groups: groups}}
		}
		w.provide(t, c, action)
		entity, err := c.Admin().Entity(t.Context(), keys.NameNode("n1"))
		must(t, err)
		if files := keys.FilesOf(entity.Caps); len(files) == 1 {
			return files[0].Groups
		}
		return nil
	}
	if got := reach(); got != nil {
		t.Errorf("without filesystems: %v", got)
	}
	must(t, c.Admin().SetCaps(t.Context(), keys.NameNode("n2"), keys.FencedCaps("boot")))
	for _, test := range []struct {
		asked, want []string
		removed     string
	}{
		{asked: []string{"fast", "slow"}, want: []string{"fast", "slow"}},
		{asked: []string{"fast"}, want: []string{"fast", "slow"}},
		{asked: []string{"fast"}, want: []string{"fast"}, removed: "slow"},
		{want: []string{"fast"}},
		{removed: "fast"},
	} {
		if test.removed != "" {
			must(t, c.Admin().RemoveSubvolumeGroup(t.Context(), ceph.GroupRef{Filesystem: "home", Group: test.removed}))
		}
		if got := reach(test.asked...); !slices.Equal(got, test.want) {
			t.Errorf("asked for %v: %v, want %v", test.asked, got, test.want)
		}
	}
	fenced, err := c.Admin().Entity(t.Context(), keys.NameNode("n2"))
	must(t, err)
	if diff := cmp.Diff(keys.FencedCaps("boot"), fenced.Caps); diff != "" {
		t.Error(diff)
	}
}

// With its capabilities the CSI controller makes subvolumes, and reads which filesystems there are.
func TestWhatTheControllerMayDoOfFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	makeFiles(t, c, "home", "fast")
	handed := w.provide(t, c, plan.ProvideUsers{Nodes: []string{"n1"}})
	spec := ceph.SubvolumeSpec{SubvolumeRef: ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: "home", Group: "fast"}, Name: "pvc-1"}, Size: 1 << 20}
	csi, err := c.Client(handed.User.Entity, handed.User.Key)
	must(t, err)
	must(t, csi.CreateSubvolume(t.Context(), spec))
	if _, err := csi.Filesystems(t.Context()); err != nil {
		t.Error(err)
	}
	if csi.RemoveFilesystem(t.Context(), "home") == nil || csi.EnableMgrModule(t.Context(), "iostat") == nil {
		t.Error("the controller removes filesystems, or enables modules")
	}
	node, err := c.Client(handed.Nodes["n1"].Entity, handed.Nodes["n1"].Key)
	must(t, err)
	if node.RemoveSubvolume(t.Context(), spec.SubvolumeRef) == nil {
		t.Error("a node removes subvolumes")
	}
}
