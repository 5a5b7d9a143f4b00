package execute

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/observe"
	"github.com/seamount-dev/seamount/operator/plan"
)

// withCeph gives the world a simulated cluster with mons, mgrs and OSDs of three hosts.
func (w *world) withCeph(t *testing.T) *sim.Cluster {
	t.Helper()
	made, err := sim.New(sim.Options{FSID: fsid, Mgrs: []string{"a", "b"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"n1", "n2", "n3"} {
		if _, err := made.AddHost(sim.Host{Name: host, OSDs: 1}); err != nil {
			t.Fatal(err)
		}
	}
	made.Advance(time.Minute) // the mgr makes its pool
	w.target.Ceph = func() (ceph.Client, error) { return made.Admin(), nil }
	return made
}

// run does one step, and expects it to be done, or to fail.
func (w *world) run(t *testing.T, do plan.Action, works bool) {
	t.Helper()
	outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(do, "step")}})
	if (outcome.Done == 1) != works || (outcome.Err == nil) != works {
		t.Fatalf("%T: done %d, %v", do, outcome.Done, outcome.Err)
	}
}

func snapshotOf(t *testing.T, c *sim.Cluster) *ceph.Snapshot {
	t.Helper()
	s, err := c.Admin().Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// recordMons stores a mon of each name, with its Service and Deployment, as earlier plans did.
func (w *world) recordMons(t *testing.T, names ...string) {
	t.Helper()
	w.target.Stored.Mons = handover.Mons{QuorumRecorded: true}
	for i, name := range names {
		mon := handover.Mon{Name: name, Node: "n" + name, Address: "10.96.0." + string(rune('1'+i)), State: handover.MonMember}
		w.target.Stored.Mons.Mons = append(w.target.Stored.Mons.Mons, mon)
	}
	for _, mon := range w.target.Stored.Mons.Mons {
		service := w.builderOf().MonService(mon.Name, mon.Address)
		if _, err := w.executor.Apply(t.Context(), service); err != nil {
			t.Fatal(err)
		}
		w.run(t, plan.ApplyDaemon{Daemon: plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonMon, Name: mon.Name}, Address: mon.Address}}, true)
	}
}

func (w *world) builderOf() manifest.Cluster {
	return Builder(w.target.Object, w.target.Spec, fsid, "node:1", "")
}

func (w *world) monsStored(t *testing.T) handover.Mons {
	t.Helper()
	config := &corev1.ConfigMap{}
	if !w.exists(t, config, manifest.MonsName("main")) {
		return handover.Mons{}
	}
	mons, err := manifest.MonsOf(config)
	if err != nil {
		t.Fatal(err)
	}
	return mons
}

// A mon leaves the monmap first, then all that was made for it goes; what was done already is done again without harm.
func TestRemoveMon(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		before func(t *testing.T, w *world, c *sim.Cluster)
		works  bool
	}{
		"in quorum":                      {func(*testing.T, *world, *sim.Cluster) {}, true},
		"out":                            {func(_ *testing.T, _ *world, c *sim.Cluster) { c.StopMon("c") }, true},
		"taken out of the monmap before": {func(t *testing.T, _ *world, c *sim.Cluster) { must(t, c.Admin().RemoveMon(t.Context(), "c")) }, true},
		"without a Deployment": {func(t *testing.T, w *world, _ *sim.Cluster) {
			w.run(t, plan.StopDaemon{Daemon: plan.DaemonID{Kind: plan.DaemonMon, Name: "c"}}, true)
		}, true},
		"Ceph does not answer": {func(_ *testing.T, w *world, _ *sim.Cluster) {
			w.target.Ceph = func() (ceph.Client, error) { return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable} }
		}, false},
		"there is no quorum": {func(_ *testing.T, _ *world, c *sim.Cluster) { c.StopMon("b"); c.StopMon("c") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			c := w.withCeph(t)
			w.executor.CommandTimeout = 200 * time.Millisecond
			w.recordMons(t, "a", "b", "c")
			test.before(t, w, c)
			w.run(t, plan.RemoveMon{Name: "c"}, test.works)
			deployed := w.exists(t, &appsv1.Deployment{}, manifest.MonName("main", "c"))
			service := w.exists(t, &corev1.Service{}, manifest.MonName("main", "c"))
			if !test.works {
				if !deployed || !service {
					t.Errorf("Ceph still counts on the mon; Deployment %t, Service %t", deployed, service)
				}
				return
			}
			mons := w.monsStored(t)
			if _, recorded := mons.Get("c"); deployed || service || recorded || len(snapshotOf(t, c).Quorum.Mons) != 2 {
				t.Errorf("left: Deployment %t, Service %t, recorded %t", deployed, service, recorded)
			}
			if diff := cmp.Diff([]string{"c"}, mons.Retired); diff != "" || !mons.QuorumRecorded || len(mons.Mons) != 2 {
				t.Errorf("recorded %+v\nretired (-want +got):\n%s", mons, diff)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// keyOfMgr reads the key that is stored for a mgr.
func (w *world) keyOfMgr(t *testing.T, name string) ceph.Secret {
	t.Helper()
	secret := &corev1.Secret{}
	if !w.exists(t, secret, manifest.MgrName("main", name)) {
		t.Fatalf("mgr.%s has no Secret", name)
	}
	key, err := keyIn(secret.Data[handover.KeyringKey])
	must(t, err)
	return key
}

// A mgr goes with its Secret and its user in Ceph. While Ceph cannot be told, the Secret stays as a reminder.
func TestRemoveMgr(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	silent, answers := func() (ceph.Client, error) { return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable} }, w.target.Ceph
	w.run(t, plan.EnsureKey{Daemon: mgr("c")}, true)
	w.run(t, plan.RegisterKey{Daemon: mgr("c")}, true)
	w.run(t, plan.ApplyDaemon{Daemon: plan.Daemon{ID: plan.DaemonID{Kind: plan.DaemonMgr, Name: "c"}}}, true)
	left := func() (deployment, secret, user bool) {
		_, err := c.Admin().Entity(t.Context(), "mgr.c")
		return w.exists(t, &appsv1.Deployment{}, manifest.MgrName("main", "c")), w.exists(t, &corev1.Secret{}, manifest.MgrName("main", "c")), err == nil
	}
	w.target.Ceph = silent
	w.run(t, plan.RemoveDaemon{Daemon: mgr("c")}, false)
	if deployment, secret, user := left(); deployment || !secret || !user {
		t.Errorf("while Ceph is silent: Deployment %t, Secret %t, user %t", deployment, secret, user)
	}
	w.target.Ceph = answers
	for range 2 { // the second time there is nothing left to do
		w.run(t, plan.RemoveDaemon{Daemon: mgr("c")}, true)
		if deployment, secret, user := left(); deployment || secret || user {
			t.Errorf("left: Deployment %t, Secret %t, user %t", deployment, secret, user)
		}
	}
}

// Ceph knows a mgr by one key, and the Secret holds that one in the end.
func TestRegisterMgr(t *testing.T) {
	t.Parallel()
	caps := keys.Mgr("c", ceph.Secret{}).Caps
	for name, before := range map[string]func(t *testing.T, w *world, admin ceph.Client){
		"a new one": func(*testing.T, *world, ceph.Client) {},
		"known by its key, with less": func(t *testing.T, w *world, admin ceph.Client) {
			must(t, admin.ImportEntity(t.Context(), ceph.Entity{Name: "mgr.c", Key: w.keyOfMgr(t, "c"), Caps: ceph.Caps{"mon": "allow r"}}))
		},
		"known by another key": func(t *testing.T, _ *world, admin ceph.Client) {
			must(t, admin.ImportEntity(t.Context(), ceph.Entity{Name: "mgr.c", Key: keys.New(ceph.CipherAES), Caps: caps}))
		},
		"known by another key, with less": func(t *testing.T, _ *world, admin ceph.Client) {
			must(t, admin.ImportEntity(t.Context(), ceph.Entity{Name: "mgr.c", Key: keys.New(ceph.CipherAES), Caps: ceph.Caps{"mon": "allow r"}}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			admin := w.withCeph(t).Admin()
			w.run(t, plan.EnsureKey{Daemon: mgr("c")}, true)
			before(t, w, admin)
			w.run(t, plan.RegisterKey{Daemon: mgr("c")}, true)
			entity, err := admin.Entity(t.Context(), "mgr.c")
			if err != nil || !entity.Key.Equal(w.keyOfMgr(t, "c")) {
				t.Errorf("Ceph and the Secret have different keys: %v", err)
			}
			if diff := cmp.Diff(caps, entity.Caps); diff != "" {
				t.Errorf("caps (-want +got):\n%s", diff)
			}
			secret := &corev1.Secret{}
			if w.exists(t, secret, manifest.MgrName("main", "c")); secret.Labels[v1alpha1.LabelCluster] == "" || len(secret.Data) != 1 {
				t.Errorf("the Secret lost what it had: %+v", secret.ObjectMeta)
			}
		})
	}
}

// A mgr that Ceph knows already, such as one whose Secret was deleted, keeps the key that Ceph has.
func TestEnsureMgrThatCephKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	admin, key := w.withCeph(t).Admin(), keys.New(ceph.CipherAES256K)
	must(t, admin.ImportEntity(t.Context(), keys.Mgr("c", key)))
	w.run(t, plan.EnsureKey{Daemon: mgr("c")}, true)
	if !w.keyOfMgr(t, "c").Equal(key) {
		t.Error("another key is stored")
	}
}

// The pool of the mgrs gets its size and then its rule: killed in between, the plan does both again.
func TestPlaceMgrPool(t *testing.T) {
	t.Parallel()
	place := plan.PlaceMgrPool{
		Rule: ceph.ReplicatedRule{Name: "mgr-hdd-host", Root: "default", FailureDomain: "host", DeviceClass: "hdd"}, Size: 2,
	}
	pool := func(t *testing.T, c *sim.Cluster) (size int, class string) {
		t.Helper()
		s := snapshotOf(t, c)
		for _, p := range s.Pools {
			for _, rule := range s.CRUSH.Rules {
				if p.Name == mgrPool && rule.ID == p.RuleID {
					return p.Size, rule.DeviceClass
				}
			}
		}
		t.Fatal("there is no pool of the mgrs")
		return 0, ""
	}
	w := newWorld(t)
	c := w.withCeph(t)
	w.run(t, place, true)
	if size, class := pool(t, c); size != 2 || class != "hdd" {
		t.Errorf("size %d, class %q", size, class)
	}
	w.run(t, place, true) // the same again
	w = newWorld(t)
	c = w.withCeph(t)
	remove := c.Inject(sim.Fault{Calls: "SetPoolOption", Skip: 1, Effect: sim.Again()})
	w.run(t, place, false)
	if _, class := pool(t, c); class != "" {
		t.Errorf("the rule says that all was done: class %q", class)
	}
	remove()
	w.run(t, place, true)
}

func (w *world) appliedStored(t *testing.T) manifest.Applied {
	t.Helper()
	config := &corev1.ConfigMap{}
	if !w.exists(t, config, manifest.AppliedName("main")) {
		return manifest.Applied{}
	}
	applied, err := manifest.AppliedOf(config)
	must(t, err)
	return applied
}

func liveConfig(t *testing.T, c *sim.Cluster) string {
	t.Helper()
	text := ""
	for _, o := range snapshotOf(t, c).Config {
		text += o.Who + "/" + o.Option + "=" + o.Value + " "
	}
	return text
}

func recordedConfig(applied manifest.Applied) string {
	text := ""
	for _, o := range applied.Config {
		text += o.Who + "/" + o.Option + "=" + o.Value + " "
	}
	return text
}

// Ceph is changed first and then the record of it. What Ceph refuses is not recorded.
func TestConfigSteps(t *testing.T) {
	t.Parallel()
	const who, option, set = "osd", "osd_max_backfills", "osd/osd_max_backfills=2 "
	w := newWorld(t)
	c := w.withCeph(t)
	for _, test := range []struct {
		name           string
		do             plan.Action
		works          bool
		live, recorded string
	}{
		{"refused", plan.SetConfig{Who: who, Option: option, Value: "many"}, false, "", ""},
		{"set", plan.SetConfig{Who: who, Option: option, Value: "2"}, true, set, set},
		{"forgotten", plan.RecordConfig{Who: who, Option: option, Forget: true}, true, set, ""},
		{"recorded", plan.RecordConfig{Who: who, Option: option, Value: "2"}, true, set, set},
		{"removed", plan.RemoveConfig{Who: who, Option: option}, true, "", ""},
		{"removed again", plan.RemoveConfig{Who: who, Option: option}, true, "", ""},
	} {
		w.run(t, test.do, test.works)
		if got := liveConfig(t, c); got != test.live {
			t.Errorf("%s: Ceph has %q, want %q", test.name, got, test.live)
		}
		if got := recordedConfig(w.appliedStored(t)); got != test.recorded {
			t.Errorf("%s: recorded %q, want %q", test.name, got, test.recorded)
		}
	}
}

// Two steps of one plan change one record.
func TestConfigStepsTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withCeph(t)
	outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{
		step(plan.SetConfig{Who: "osd", Option: "osd_max_backfills", Value: "2"}, "one"),
		step(plan.SetConfig{Who: "mon", Option: "mon_max_pg_per_osd", Value: "300"}, "two"),
		step(plan.EnableModule{Module: "prometheus"}, "three"),
	}})
	applied := w.appliedStored(t)
	const want = "mon/mon_max_pg_per_osd=300 osd/osd_max_backfills=2 "
	if got := recordedConfig(applied); outcome.Err != nil || got != want || len(applied.Modules) != 1 {
		t.Errorf("%v; recorded %q and %v, want %q", outcome.Err, got, applied.Modules, want)
	}
}

func TestModuleSteps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.withCeph(t)
	for _, test := range []struct {
		name     string
		do       plan.Action
		works    bool
		recorded []string
	}{
		{"a module that there is not", plan.EnableModule{Module: "nothing"}, false, nil},
		{"enabled", plan.EnableModule{Module: "prometheus"}, true, []string{"prometheus"}},
		{"enabled again", plan.EnableModule{Module: "prometheus"}, true, []string{"prometheus"}},
		{"always on", plan.EnableModule{Module: "telemetry"}, true, []string{"prometheus", "telemetry"}},
		{"disabled", plan.DisableModule{Module: "prometheus"}, true, []string{"telemetry"}},
		{"always on, and not wanted any more", plan.DisableModule{Module: "telemetry"}, true, []string{}},
	} {
		w.run(t, test.do, test.works)
		if diff := cmp.Diff(test.recorded, w.appliedStored(t).Modules); diff != "" {
			t.Errorf("%s: recorded (-want +got):\n%s", test.name, diff)
		}
	}
}

// Where a disk is changes, and nothing that was chosen for its OSD.
func TestRelocateOSD(t *testing.T) {
	t.Parallel()
	w := newWorld(t, usableDisk(&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}))
	move := plan.RelocateOSD{ID: 0, Node: "n2", Location: ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: "n2"}}}
	w.run(t, move, false) // nothing is reserved
	w.run(t, plan.ReserveOSD{OSD: osdOn("wwn-1")}, true)
	read := func() handover.Reservation {
		t.Helper()
		secret := &corev1.Secret{}
		must(t, w.Get(t.Context(), client.ObjectKey{Namespace: "ns", Name: manifest.OSDName("main", 0)}, secret))
		reservation, err := manifest.ReservationOf(secret)
		must(t, err)
		return reservation
	}
	want := read()
	want.Node, want.Location = "n2", observe.FormatLocation(move.Location)
	for range 2 {
		w.run(t, move, true)
		if diff := cmp.Diff(want, read()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestSetDeviceClass(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.withCeph(t)
	w.run(t, plan.SetDeviceClass{Class: "nvme", IDs: []int32{0, 2}}, true)
	w.run(t, plan.SetDeviceClass{Class: "nvme", IDs: []int32{9}}, false)
	var got []string
	for _, osd := range snapshotOf(t, c).OSDs {
		got = append(got, osd.DeviceClass)
	}
	if diff := cmp.Diff([]string{"nvme", "hdd", "nvme"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
