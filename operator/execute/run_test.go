package execute

import (
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/plan"
)

// A step that fails stops those after it, and no other.
func TestStepsAfterOneThatFailed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{
		step(plan.RegisterKey{Daemon: mgr("a")}, "fails"), // Ceph does not answer
		step(plan.EnsureKey{Daemon: mgr("x")}, "after it", "fails"),
		step(plan.EnsureKey{Daemon: mgr("y")}, "on its own"),
	}})
	if outcome.Err == nil || outcome.Done != 1 {
		t.Errorf("done %d, %v", outcome.Done, outcome.Err)
	}
	if w.exists(t, &corev1.Secret{}, manifest.MgrName("main", "x")) || !w.exists(t, &corev1.Secret{}, manifest.MgrName("main", "y")) {
		t.Error("done: what comes after a failure, or not what is on its own")
	}
}

// Steps for which a pass has no time are left to the next: they have not failed, and nobody is told so.
func TestStepsWithoutTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := plan.Plan{Steps: []plan.Step{step(plan.EnsureKey{Daemon: mgr("x")}, "first"), step(plan.EnsureKey{Daemon: mgr("y")}, "second", "first")}}
	w.executor.Budget = time.Nanosecond
	if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil || outcome.Done != 0 || outcome.Left == 0 {
		t.Errorf("without time: %+v", outcome)
	}
	w.executor.Budget = 0
	if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil || outcome.Done != 2 || outcome.Left != 0 {
		t.Errorf("with time: %+v", outcome)
	}
}

// Without an identity nothing but an identity is made.
func TestNothingWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.target.Stored.Identity = nil
	p := plan.Plan{Steps: []plan.Step{step(plan.EnsureKey{Daemon: mgr("a")}, "mgr")}}
	if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err == nil || w.exists(t, &corev1.Secret{}, manifest.MgrName("main", "a")) {
		t.Errorf("made without an identity: %+v", outcome)
	}
	p.Steps = []plan.Step{step(plan.EnsureIdentity{}, "identity"), step(plan.EnsureKey{Daemon: mgr("a")}, "mgr", "identity")}
	if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil || outcome.Done != 2 {
		t.Errorf("with it: %+v", outcome)
	}
}

// An identity that is there is kept (C1).
func TestIdentityIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.target.Stored.Identity = nil
	p := plan.Plan{Steps: []plan.Step{step(plan.EnsureIdentity{}, "identity")}}
	var fsids []string
	for range 2 { // the second time with a cache that does not have it yet
		if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		secret := &corev1.Secret{}
		w.exists(t, secret, manifest.IdentityName("main"))
		identity, err := manifest.IdentityOf(secret)
		if err != nil {
			t.Fatal(err)
		}
		fsids = append(fsids, identity.FSID)
	}
	if fsids[0] != fsids[1] {
		t.Errorf("two identities: %v", fsids)
	}
}

// An OSD is reserved only on a disk that has the claim, looked up live (D3).
func TestReserveNeedsTheClaim(t *testing.T) {
	t.Parallel()
	ours := &v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid, Rule: "all"}
	for name, test := range map[string]struct {
		claim *v1alpha1.DiskClaim
		want  bool
	}{
		"no claim":          {nil, false},
		"another cluster's": {&v1alpha1.DiskClaim{Namespace: "ns", Name: "other", FSID: fsid}, false},
		"another identity":  {&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: "old"}, false},
		"ours":              {ours, true},
	} {
		w := newWorld(t, usableDisk(test.claim))
		outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(plan.ReserveOSD{OSD: osdOn("wwn-1")}, "reserve")}})
		if got := w.exists(t, &corev1.Secret{}, manifest.OSDName("main", 0)); got != test.want || outcome.Err != nil {
			t.Errorf("%s: reserved %t, %v", name, got, outcome.Err)
		}
	}
}

// A reservation that is there is kept, whatever the plan says now.
func TestReservationIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, usableDisk(&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}))
	p := plan.Plan{Steps: []plan.Step{step(plan.ReserveOSD{OSD: osdOn("wwn-1")}, "reserve")}}
	read := func() handover.Reservation {
		t.Helper()
		if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		secret := &corev1.Secret{}
		w.exists(t, secret, manifest.OSDName("main", 0))
		reservation, err := manifest.ReservationOf(secret)
		if err != nil {
			t.Fatal(err)
		}
		return reservation
	}
	if first, second := read(), read(); first.UUID != second.UUID || !first.Key.Equal(second.Key) {
		t.Error("the reservation was made anew")
	}
}

// What is reserved is looked up live: a plan that is older than a reservation never gives its place to another OSD.
func TestPlaceIsNotReservedTwice(t *testing.T) {
	t.Parallel()
	slice := func(id int32, disk string, offset int64) plan.Reservation {
		r := osdOn(disk)
		r.ID, r.Data.Count, r.Data.Index, r.Data.Offset, r.Data.Bytes = id, 2, id, offset, 100<<30
		return r
	}
	whole := osdOn("wwn-1")
	whole.ID = 7
	elsewhere := slice(1, "wwn-1", 1<<20+100<<30)
	elsewhere.Data.Seal = "sha256:2"
	for name, test := range map[string]struct {
		second plan.Reservation
		want   bool
	}{
		"behind it":           {slice(1, "wwn-1", 1<<20+100<<30), true},
		"over its end":        {slice(1, "wwn-1", 100<<30), false},
		"the same place":      {slice(1, "wwn-1", 1<<20), false},
		"the whole disk":      {whole, false},
		"judged another time": {elsewhere, false},
	} {
		w := newWorld(t, usableDisk(&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}))
		for _, r := range []plan.Reservation{slice(0, "wwn-1", 1<<20), test.second} { // the cache knows nothing of the first
			outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(plan.ReserveOSD{OSD: r}, "reserve")}})
			if outcome.Err != nil {
				t.Fatalf("%s: %v", name, outcome.Err)
			}
		}
		secret := &corev1.Secret{}
		if got := w.exists(t, secret, manifest.OSDName("main", test.second.ID)); got != test.want {
			t.Errorf("%s: reserved %t", name, got)
		}
	}
}

// Two of one plan are no exception.
func TestPlaceIsNotReservedTwiceInOnePlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, usableDisk(&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}))
	second := osdOn("wwn-1")
	second.ID = 1
	outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{
		step(plan.ReserveOSD{OSD: osdOn("wwn-1")}, "first"), step(plan.ReserveOSD{OSD: second}, "second"),
	}})
	both := w.exists(t, &corev1.Secret{}, manifest.OSDName("main", 0)) && w.exists(t, &corev1.Secret{}, manifest.OSDName("main", 1))
	if outcome.Done != 1 || outcome.Err != nil || both {
		t.Errorf("%+v, both are reserved: %t", outcome, both)
	}
}

// A slice keeps the UUID that it was reserved with.
func TestSliceIsNamedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, usableDisk(&v1alpha1.DiskClaim{Namespace: "ns", Name: "main", FSID: fsid}))
	r := osdOn("wwn-1")
	r.Data.Offset, r.Data.Bytes = 1<<20, 100<<30
	p := plan.Plan{Steps: []plan.Step{step(plan.ReserveOSD{OSD: r}, "reserve")}}
	var names []string
	for range 2 {
		if outcome := w.executor.Run(t.Context(), w.target, p); outcome.Err != nil || outcome.Done != 1 {
			t.Fatalf("%+v", outcome)
		}
		secret := &corev1.Secret{}
		w.exists(t, secret, manifest.OSDName("main", 0))
		stored, err := manifest.ReservationOf(secret)
		if err != nil || stored.Data.Offset != 1<<20 || stored.Data.Slice == "" {
			t.Fatalf("%+v, %v", stored.Data, err)
		}
		names = append(names, stored.Data.Slice)
	}
	if names[0] != names[1] {
		t.Errorf("the slice is named %v", names)
	}
}

// The record of a quorum is not lost to a plan that was made before (C2).
func TestQuorumIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := *w.target.Stored
	run := func(do plan.Action) Outcome {
		return w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{step(do, "step")}})
	}
	if outcome := run(plan.RecordQuorum{Mons: []handover.Mon{{Name: "a", State: handover.MonMember}}}); outcome.Err != nil || outcome.Done != 1 {
		t.Fatalf("record: %+v", outcome)
	}
	w.target.Stored = &before
	if outcome := run(plan.RecordMember{Mon: "a"}); outcome.Done != 0 {
		t.Errorf("an old plan wrote the record: %+v", outcome)
	}
	config := &corev1.ConfigMap{}
	w.exists(t, config, manifest.MonsName("main"))
	if mons, err := manifest.MonsOf(config); err != nil || !mons.QuorumRecorded {
		t.Errorf("the quorum is forgotten: %+v, %v", mons, err)
	}
}

// A pod is changed only after Ceph said that its daemon may stop (C4).
func TestRestartAsksCeph(t *testing.T) {
	t.Parallel()
	made, err := sim.New(sim.Options{FSID: fsid, Mons: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.target.Ceph = func() (ceph.Client, error) { return made.Admin(), nil }
	mon := plan.DaemonID{Kind: plan.DaemonMon, Name: "a"}
	apply := func(restart bool) Outcome {
		return w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{
			step(plan.ApplyDaemon{Daemon: plan.Daemon{ID: mon, Node: "n1", Hostname: "n1"}, Restart: restart, Batch: []plan.DaemonID{mon}}, "apply"),
		}})
	}
	outcome := apply(true)
	if outcome.Done != 0 || outcome.Err != nil || len(outcome.Denied) != 1 || outcome.Denied[0].Text == "" {
		t.Errorf("the only mon may stop: %+v", outcome)
	}
	if w.exists(t, &appsv1.Deployment{}, manifest.MonName("main", "a")) {
		t.Error("it was changed all the same")
	}
	if outcome := apply(false); outcome.Done != 1 || outcome.Err != nil {
		t.Errorf("without a restart nobody is asked: %+v", outcome)
	}
}

// A mon is its address: without one it is not started.
func TestMonWithoutAddressIsNotStarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mon := plan.DaemonID{Kind: plan.DaemonMon, Name: "b"}
	outcome := w.executor.Run(t.Context(), w.target, plan.Plan{Steps: []plan.Step{
		step(plan.ApplyDaemon{Daemon: plan.Daemon{ID: mon, Node: "n1", Hostname: "n1"}}, "apply"),
	}})
	if outcome.Done != 0 || w.exists(t, &appsv1.Deployment{}, manifest.MonName("main", "b")) {
		t.Errorf("started without an address: %+v", outcome)
	}
}

func TestKeyIn(t *testing.T) {
	t.Parallel()
	if key, err := keyIn([]byte("[mgr.a]\n\tkey = AQ==\n\tcaps mon = \"allow\"\n")); err != nil || key.Reveal() != "AQ==" {
		t.Errorf("%v, %v", key.Reveal(), err)
	}
	if _, err := keyIn([]byte("[mgr.a]\n")); err == nil {
		t.Error("a keyring without a key has one")
	}
}
