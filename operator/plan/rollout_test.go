package plan

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// atRest is a cluster of five nodes in three racks with two OSDs each, in which nothing is left to do.
func atRest(t *testing.T) (*world, Observed) {
	t.Helper()
	w := newWorld(t, 5, 2)
	w.rest()
	w.now = w.now.Add(time.Hour)
	w.planDisks()
	return w, w.observe()
}

// restarts lists the daemons that a plan restarts.
func restarts(p Plan) []string {
	var found []string
	for _, step := range p.Steps {
		if apply, ok := step.Do.(ApplyDaemon); ok && apply.Restart {
			found = append(found, apply.Daemon.ID.String())
		}
	}
	return found
}

// changed has all OSDs ask for other resources.
func changed(in *Observed) {
	in.Spec.OSD.Resources = memory("3Gi")
	for i := range in.Spec.Storage.Rules {
		in.Spec.Storage.Rules[i].Resources = memory("3Gi")
	}
}

// The gate lets one failure domain pass, and nothing while anything is not well.
func TestRolloutGate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change   func(in *Observed)
		restarts string
		because  string // the reason why the others wait
	}{
		"a host": {func(*Observed) {}, "osd.0 osd.1", "one failure domain at a time: host n1 restarts first"},
		"a rack": {func(in *Observed) { in.Spec.FailureDomain = v1alpha1.FailureDomainRack }, "osd.0 osd.1 osd.2 osd.3",
			"one failure domain at a time: rack r1 restarts first"},
		"an OSD": {func(in *Observed) { in.Spec.FailureDomain = v1alpha1.FailureDomainOSD }, "osd.0",
			"one failure domain at a time: osd.0 restarts first"},
		"half a rack, when Ceph says no to all of it": {func(in *Observed) {
			in.Spec.FailureDomain = v1alpha1.FailureDomainRack
			in.Denied = []Denial{{Daemons: osdIDs(0, 1, 2, 3), Text: "3 PGs would become inactive"}}
		}, "osd.0 osd.1", "one failure domain at a time: host n1 restarts first"},
		"another host, when one may not stop": {func(in *Observed) {
			in.Denied = []Denial{{osdIDs(0, 1), "no"}, {osdIDs(0), "no"}, {osdIDs(1), "no"}}
		}, "osd.2 osd.3", "one failure domain at a time: host n2 restarts first"},
		"nothing may stop": {func(in *Observed) {
			in.Spec.FailureDomain = v1alpha1.FailureDomainOSD
			for id := range int32(10) {
				in.Denied = append(in.Denied, Denial{osdIDs(id), "1 PG would become inactive"})
			}
		}, "", "Ceph says that osd.9 may not stop: 1 PG would become inactive"},
		"PGs are not clean": {func(in *Observed) {
			in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: "active+clean+scrubbing+deep", Count: 30}, {State: "active+recovering", Count: 2}}
		}, "", "a restart waits until all PGs are clean: 2 active+recovering"},
		"scrubbing is no harm": {func(in *Observed) {
			in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: "active+clean+scrubbing+deep", Count: 32}}
		}, "osd.0 osd.1", "one failure domain at a time: host n1 restarts first"},
		"a mon is out": {func(in *Observed) { in.Ceph.Snapshot.Quorum.InQuorum = []string{"a", "b"} }, "",
			"a restart waits for all mons: 2 of 3 are in quorum"},
		"no mgr":          {func(in *Observed) { in.Ceph.Snapshot.Mgr.Available = false }, "", "a restart waits for a mgr: without one nobody knows whether the data is well"},
		"an OSD is down":  {func(in *Observed) { in.Ceph.Snapshot.OSDs[9].Up = false }, "", "a restart waits for osd.9, which is not up"},
		"Ceph is silent":  {func(in *Observed) { in.Ceph.Fresh = false }, "", "a restart waits until Ceph answers"},
		"a pod is coming": {func(in *Observed) { deployedIn(in, "osd.9").Settled = false }, "", "a restart waits for the pod of osd.9, which is being replaced"},
		"a pod has just come": {func(in *Observed) { deployedIn(in, "osd.9").Started = in.Ceph.Snapshot.At.Add(-time.Second) }, "",
			"a restart waits until osd.9 has run for a while"},
		"an OSD that Ceph has given up": {func(in *Observed) {
			in.Ceph.Snapshot.OSDs[9].Up, in.Ceph.Snapshot.OSDs[9].In = false, false
		}, "osd.0 osd.1", "one failure domain at a time: host n1 restarts first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := atRest(t)
			changed(&in)
			in.Ceph.Snapshot = new(*in.Ceph.Snapshot)
			test.change(&in)
			p := Compute(in)
			if got := strings.Join(restarts(p), " "); got != test.restarts {
				t.Errorf("restarts %q, want %q", got, test.restarts)
			}
			for _, held := range p.Held {
				if held.Because.Message != test.because {
					t.Errorf("%s waits: %s\nwant: %s", held.Daemon.ID, held.Because.Message, test.because)
				}
			}
			if len(p.Held) == 0 {
				t.Error("nothing is held")
			}
		})
	}
}

func osdIDs(ids ...int32) []DaemonID {
	var found []DaemonID
	for _, id := range ids {
		found = append(found, DaemonID{DaemonOSD, fmt.Sprint(id)})
	}
	return found
}

func deployedIn(in *Observed, daemon string) *Deployed {
	for i := range in.Deployed {
		if in.Deployed[i].Daemon.String() == daemon {
			return &in.Deployed[i]
		}
	}
	return nil
}

// A daemon that does no work is changed at once: whatever stopped it may be taken back.
func TestIdleDaemonsAreChangedAtOnce(t *testing.T) {
	t.Parallel()
	_, in := atRest(t)
	changed(&in)
	for _, id := range []string{"osd.3", "osd.7"} {
		d := deployedIn(&in, id)
		d.Running, d.Settled = false, false
	}
	in.Ceph.Snapshot.OSDs[5].Up = false
	p := Compute(in)
	if diff := cmp.Diff([]string{"ApplyDaemon/osd.3", "ApplyDaemon/osd.5", "ApplyDaemon/osd.7"}, stepIDs(p)); diff != "" || len(restarts(p)) != 0 {
		t.Errorf("(-want +got):\n%s", diff)
	}
	in.Ceph = CephFacts{Reach: ReachUnreachable}
	if got := len(stepIDs(Compute(in))); got != 2 {
		t.Errorf("%d steps while Ceph is silent, want those of the two that do not run", got)
	}
}

// daemonsSince lists the daemons that were applied since a line of the log.
func (w *world) daemonsSince(from int) (daemons []string) {
	for _, line := range w.log[from:] {
		if step, _, _ := strings.Cut(line, ":"); !strings.Contains(step, "Budget/") {
			daemons = append(daemons, strings.TrimPrefix(step, "ApplyDaemon/"))
		}
	}
	return daemons
}

// Mons go first and the leader last, then mgrs and the active one last, then OSDs.
func TestRolloutOrder(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	w.spec.ResourceProfile = v1alpha1.ProfileLean
	from := len(w.log)
	w.rest()
	got := w.daemonsSince(from)
	want := "mon.b mon.c mon.a mgr.b mgr.a osd.0 osd.1 osd.2 osd.3 osd.4 osd.5 osd.6 osd.7 osd.8 osd.9"
	if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// New disks join while a rollout is held.
func TestGrowthIsNotBlocked(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	w.spec.ResourceProfile = v1alpha1.ProfileLean
	w.addNode(5, 1)
	w.planDisks()
	in := w.observe()
	in.Ceph.Snapshot.PGs.ByState = []ceph.PGStateCount{{State: "active+undersized+degraded", Count: 32}}
	p := Compute(in)
	want := []string{"ReserveOSD/osd.10", "RegisterOSD/osd.10", "ApplyDaemon/osd.10", "ProvideUsers"}
	if diff := cmp.Diff(want, stepIDs(p)); diff != "" || len(p.Held) != 15 {
		t.Errorf("%d held; steps (-want +got):\n%s", len(p.Held), diff)
	}
}

// Which image may be rolled out, and why not.
func TestImage(t *testing.T) {
	t.Parallel()
	const repo = "quay.io/ceph/ceph"
	for image, test := range map[string]struct{ reason, rolled string }{
		repo + ":v20.2.4":                            {"", ""},
		repo + ":v20.2.5":                            {"", "mon.b"},
		"mirror.example:5000/ceph/ceph:v20.2.4":      {"", "mon.b"},
		repo + ":v20":                                {"", "mon.b"},
		repo + ":v20.2.3":                            {v1alpha1.ReasonDowngradeRefused, ""},
		repo + ":v19.2.1":                            {v1alpha1.ReasonDowngradeRefused, ""},
		repo + ":v21.0.0":                            {v1alpha1.ReasonUnsupportedRelease, ""},
		repo + ":v17.2.0":                            {v1alpha1.ReasonUnsupportedRelease, ""},
		repo + ":main":                               {v1alpha1.ReasonUpgradeBlocked, ""},
		repo + "@sha256:" + strings.Repeat("0a", 32): {v1alpha1.ReasonUpgradeBlocked, ""},
	} {
		t.Run(image, func(t *testing.T) {
			t.Parallel()
			_, in := atRest(t)
			in.Spec.Image = image
			p := Compute(in)
			if got := deref(p.ImageHeld).Reason; got != test.reason || strings.Join(restarts(p), " ") != test.rolled {
				t.Errorf("held for %q (%s), restarts %v; want %q and %q", got, deref(p.ImageHeld).Message, restarts(p), test.reason, test.rolled)
			}
			if test.reason != "" && (len(p.Held) > 0 || len(p.Keep) != 15 || p.Keep[0].Image != repo+":v20.2.4") {
				t.Errorf("%d held and %d kept", len(p.Held), len(p.Keep))
			}
		})
	}
}

// The next release is held too, from one that is supported.
func TestUpgradeIsBlocked(t *testing.T) {
	t.Parallel()
	w, in := atRest(t)
	for i := range in.Deployed {
		in.Deployed[i].Template[partImage] = "quay.io/ceph/ceph:v18.2.7"
	}
	in.Ceph.Snapshot.Versions = []ceph.DaemonVersion{{Daemon: "osd", Version: "18.2.7", Count: 10}}
	p := Compute(in)
	status := ClusterStatus(in, p)
	condition := findCondition(status, v1alpha1.ConditionUpToDate)
	if p.ImageHeld == nil || condition.Reason != v1alpha1.ReasonUpgradeBlocked || len(restarts(p)) != 0 {
		t.Errorf("%+v, restarts %v", condition, restarts(p))
	}
	w.addNode(5, 1)
	w.planDisks()
	in.Nodes, in.Disks = w.nodes, &w.disksPlan.Clusters[0]
	for _, step := range Compute(in).Steps {
		if apply, ok := step.Do.(ApplyDaemon); ok && apply.Daemon.Image != "quay.io/ceph/ceph:v18.2.7" {
			t.Errorf("the newcomer %s gets %s", apply.Daemon.ID, apply.Daemon.Image)
		}
	}
}
