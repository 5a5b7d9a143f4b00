package plan

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// ofKind lists the steps of a plan whose names begin with one of some kinds.
func ofKind(p Plan, kinds ...string) string {
	var found []string
	for _, id := range stepIDs(p) {
		if kind, _, _ := strings.Cut(id, "/"); slices.Contains(kinds, kind) {
			found = append(found, id)
		}
	}
	return strings.Join(found, " ")
}

// settled is a cluster at rest with a snapshot and records of its own, which a test may change.
func settled(t *testing.T) Observed {
	t.Helper()
	_, in := atRest(t)
	in.Ceph.Snapshot = new(*in.Ceph.Snapshot)
	in.Mons.Mons, in.Deployed = slices.Clone(in.Mons.Mons), slices.Clone(in.Deployed)
	return in
}

func without(in *Observed, daemon string) {
	in.Deployed = slices.DeleteFunc(in.Deployed, func(d Deployed) bool { return d.Daemon.String() == daemon })
}

// inMonmap makes the monmap and the quorum be of these mons.
func inMonmap(in *Observed, mons, quorum string) {
	in.Ceph.Snapshot.Quorum.Mons, in.Ceph.Snapshot.Quorum.InQuorum = nil, strings.Fields(quorum)
	for rank, name := range strings.Fields(mons) {
		in.Ceph.Snapshot.Quorum.Mons = append(in.Ceph.Snapshot.Quorum.Mons, ceph.Mon{Name: name, Rank: rank})
	}
}

// A mon leaves when fewer are asked for, one at a time and only where no quorum is risked; what was begun is finished, and
// the name of one that left is not used again.
func TestMonsThatLeaveAndJoin(t *testing.T) {
	t.Parallel()
	joining := handover.Mon{Name: "d", Node: "n4", Address: "10.96.0.100", State: handover.MonJoining}
	count := func(n int32) func(*Observed) { return func(in *Observed) { in.Spec.Mon.Count = n } }
	for name, test := range map[string]struct {
		change func(in *Observed)
		want   string
	}{
		"as many as wanted": {count(3), ""},
		"fewer wanted":      {count(1), "RemoveMon/c"},
		"fewer wanted, one is out": {func(in *Observed) {
			count(1)(in)
			inMonmap(in, "a b c", "b c")
		}, "RemoveMon/a"},
		"fewer wanted, no quorum to spare": {func(in *Observed) {
			count(1)(in)
			inMonmap(in, "a b c d e", "a d e") // b and c are out
		}, ""},
		"fewer wanted, Ceph is silent": {func(in *Observed) { count(1)(in); in.Ceph.Fresh = false }, ""},
		"fewer wanted, one never joined": {func(in *Observed) {
			in.Mons.Mons = append(in.Mons.Mons, joining)
		}, "RemoveMon/d"},
		"one was taken out of the monmap": {func(in *Observed) { inMonmap(in, "a c", "a c") }, "RemoveMon/b"},
		"one was taken out, and its Deployment is gone": {func(in *Observed) {
			inMonmap(in, "a c", "a c")
			without(in, "mon.b")
		}, "RemoveMon/b"},
		"one was taken out, Ceph is silent":          {func(in *Observed) { inMonmap(in, "a c", "a c"); in.Ceph.Fresh = false }, ""},
		"more wanted":                                {count(5), "EnsureMon/mon.d"},
		"more wanted, one left before":               {func(in *Observed) { count(5)(in); in.Mons.Retired = []string{"d", "e"} }, "EnsureMon/mon.f"},
		"more wanted, one is out":                    {func(in *Observed) { count(5)(in); inMonmap(in, "a b c", "a b") }, ""},
		"more wanted, one has not been seen to join": {func(in *Observed) { count(5)(in); in.Mons.Mons = append(in.Mons.Mons, joining) }, ""},
		"more wanted, somebody made another by hand": {func(in *Observed) { count(5)(in); inMonmap(in, "a b c d", "a b c d") }, "EnsureMon/mon.e"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := settled(t)
			test.change(&in)
			p := Compute(in)
			got := ofKind(p, "RemoveMon", "EnsureMon")
			if got = strings.ReplaceAll(got, "RemoveMon/mon.", "RemoveMon/"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
			_, gone, removed := strings.Cut(test.want, "RemoveMon/")
			if kept := slices.ContainsFunc(p.Keep, func(d Daemon) bool { return d.ID == DaemonID{DaemonMon, gone} }); removed && kept {
				t.Errorf("mon.%s is taken away and kept", gone)
			}
		})
	}
}

// Mgrs go when people ask for fewer, and never because a node is away. One that comes anew is made known to Ceph, whoever
// had its name before.
func TestMgrsThatLeaveAndJoin(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(in *Observed)
		want   string
	}{
		"as many as wanted":  {func(*Observed) {}, ""},
		"fewer wanted":       {func(in *Observed) { in.Spec.Mgr.Count = 1 }, "RemoveDaemon/mgr.b"},
		"not the active one": {func(in *Observed) { in.Spec.Mgr.Count = 1; in.Ceph.Snapshot.Mgr.Active = "b" }, "RemoveDaemon/mgr.a"},
		"the one that was half removed": {func(in *Observed) {
			in.Spec.Mgr.Count, in.Ceph.Snapshot.Mgr.Active, in.Ceph.Snapshot.Mgr.Standbys = 1, "b", []string{"a"}
			without(in, "mgr.b")
		}, "RemoveDaemon/mgr.b"},
		"fewer wanted, Ceph is silent": {func(in *Observed) { in.Spec.Mgr.Count, in.Ceph.Fresh = 1, false }, ""},
		"all nodes but one are away": {func(in *Observed) {
			for i := range in.Nodes[1:] {
				in.Nodes[i+1].Ready = false
			}
		}, ""},
		"all nodes but one are cordoned": {func(in *Observed) {
			for i := range in.Nodes[1:] {
				in.Nodes[i+1].Unschedulable = true
			}
		}, ""},
		"more wanted": {func(in *Observed) { in.Spec.Mgr.Count = 3 }, "EnsureKey/mgr.c RegisterKey/mgr.c"},
		"one of the seed comes anew": {func(in *Observed) {
			in.Mgrs = []string{"a"}
			without(in, "mgr.b")
			in.Ceph.Snapshot.Mgr.Standbys = nil
		}, "EnsureKey/mgr.b RegisterKey/mgr.b"},
		"its key is stored and Ceph was not told": {func(in *Observed) {
			without(in, "mgr.b")
			in.Ceph.Snapshot.Mgr.Standbys = nil
		}, "RegisterKey/mgr.b"},
		"its key is made anew, and Ceph shows the one before": {func(in *Observed) { in.Mgrs = []string{"a"} }, "EnsureKey/mgr.b RegisterKey/mgr.b"},
		"it ends again and again": {func(in *Observed) {
			in.Ceph.Snapshot.Mgr.Standbys = nil
			at := slices.IndexFunc(in.Deployed, func(d Deployed) bool { return d.Daemon == mgrID("b") })
			in.Deployed = slices.Clone(in.Deployed)
			in.Deployed[at].Running, in.Deployed[at].Trouble = false, "CrashLoopBackOff"
		}, "RegisterKey/mgr.b"},
		"it runs, and Ceph does not see it": {func(in *Observed) { in.Ceph.Snapshot.Mgr.Standbys = nil }, "RegisterKey/mgr.b"},
		"it has just started": {func(in *Observed) {
			in.Ceph.Snapshot.Mgr.Standbys = nil
			deployedIn(in, "mgr.b").Started = in.Ceph.Snapshot.At.Add(-time.Second)
		}, ""},
		"it does not run": {func(in *Observed) {
			in.Ceph.Snapshot.Mgr.Standbys = nil
			deployedIn(in, "mgr.b").Running = false
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := settled(t)
			test.change(&in)
			p := Compute(in)
			if got := ofKind(p, "RemoveDaemon", "EnsureKey", "RegisterKey"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// A new mgr starts once its key is stored and Ceph knows it.
func TestNewMgrStartsLast(t *testing.T) {
	t.Parallel()
	in := settled(t)
	in.Spec.Mgr.Count = 3
	p := Compute(in)
	at := slices.Index(stepIDs(p), "ApplyDaemon/mgr.c")
	if at < 0 {
		t.Fatalf("steps %v", stepIDs(p))
	}
	if diff := cmp.Diff([]string{"EnsureKey/mgr.c", "RegisterKey/mgr.c"}, p.Steps[at].After); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The pool of the mgrs grows with the failure domains of its class, and keeps a class of its own while that lives.
func TestMgrPoolSize(t *testing.T) {
	t.Parallel()
	rules := func(class string) []ceph.CRUSHRule { return []ceph.CRUSHRule{{ID: 0}, {ID: 1, DeviceClass: class}} }
	for name, test := range map[string]struct {
		pool  ceph.Pool
		rules []ceph.CRUSHRule
		hosts int // that have OSDs
		want  *PlaceMgrPool
	}{
		"no pool yet":                {ceph.Pool{Name: "other"}, rules("ssd"), 5, nil},
		"its first rule":             {ceph.Pool{Name: ".mgr", Size: 3}, rules("ssd"), 5, placed("host", 3)},
		"two hosts":                  {ceph.Pool{Name: ".mgr", Size: 3}, rules("ssd"), 2, placed("host", 2)},
		"one host":                   {ceph.Pool{Name: ".mgr", Size: 3}, rules("ssd"), 1, placed("host", 2)},
		"placed":                     {ceph.Pool{Name: ".mgr", Size: 3, RuleID: 1}, rules("ssd"), 5, nil},
		"placed on two, and a third": {ceph.Pool{Name: ".mgr", Size: 2, RuleID: 1}, rules("ssd"), 3, placed("host", 3)},
		"larger than need be":        {ceph.Pool{Name: ".mgr", Size: 3, RuleID: 1}, rules("ssd"), 2, nil},
		"its class has no OSD":       {ceph.Pool{Name: ".mgr", Size: 3, RuleID: 1}, rules("nvme"), 3, placed("host", 3)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := settled(t)
			in.Ceph.Snapshot.Pools, in.Ceph.Snapshot.CRUSH.Rules = []ceph.Pool{test.pool}, test.rules
			in.Reservations = in.Reservations[:2*test.hosts]
			var got *PlaceMgrPool
			for _, step := range Compute(in).Steps {
				if place, ok := step.Do.(PlaceMgrPool); ok {
					got = &place
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func placed(domain string, size int) *PlaceMgrPool {
	return &PlaceMgrPool{
		Rule: ceph.ReplicatedRule{Name: "mgr-ssd-" + domain, Root: "default", FailureDomain: domain, DeviceClass: "ssd"}, Size: size,
	}
}

// Modules are enabled and disabled for the spec alone; what is always on is at rest, declared or not.
func TestModules(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ declared, applied, enabled, want string }{
		"new":                        {"prometheus", "", "iostat", "EnableModule/prometheus"},
		"as it should be":            {"prometheus", "prometheus", "iostat prometheus", ""},
		"enabled and not recorded":   {"prometheus", "", "prometheus", "EnableModule/prometheus"},
		"disabled by hand":           {"prometheus", "prometheus", "", "EnableModule/prometheus"},
		"enabled by hand":            {"", "", "prometheus", ""},
		"taken out of the spec":      {"", "prometheus", "prometheus", "DisableModule/prometheus"},
		"always on, new":             {"telemetry", "", "", "EnableModule/telemetry"},
		"always on":                  {"telemetry", "telemetry", "", ""},
		"always on, out of the spec": {"", "telemetry", "", "DisableModule/telemetry"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := settled(t)
			in.Spec.Mgr.Modules, in.AppliedModules = strings.Fields(test.declared), strings.Fields(test.applied)
			in.Ceph.Snapshot.Mgr.Modules, in.Ceph.Snapshot.Mgr.AlwaysOn = strings.Fields(test.enabled), []string{"balancer", "telemetry"}
			if got := ofKind(Compute(in), "EnableModule", "DisableModule"); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// Masks mean the same in any order, and Ceph lists them in its own.
func TestConfigMasks(t *testing.T) {
	t.Parallel()
	option := func(who string) []v1alpha1.ConfigOption {
		return []v1alpha1.ConfigOption{{Who: who, Option: "osd_max_backfills", Value: "2"}}
	}
	const mine, cephs = "osd/class:hdd/host:n1", "osd/host:n1/class:hdd"
	live := []ceph.ConfigOption{{Who: cephs, Option: "osd_max_backfills", Value: "2"}}
	if diff := ConfigDiff(option(mine), option(cephs), live); len(diff.Actions)+len(diff.Drift) != 0 {
		t.Errorf("%+v", diff)
	}
	if diff := cmp.Diff([]Action{SetConfig{cephs, "osd_max_backfills", "2"}}, ConfigDiff(option(mine), nil, nil).Actions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// An OSD follows its disk only to where the disk is seen now, with all of its parts.
func TestRelocationNeedsCertainty(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(in *Observed, entry *DiskEntry)
		want   string
	}{
		"in another node":         {func(*Observed, *DiskEntry) {}, "RelocateOSD/osd.0"},
		"not seen lately":         {func(_ *Observed, e *DiskEntry) { e.Fresh.Status = "Unknown" }, ""},
		"missing there":           {func(_ *Observed, e *DiskEntry) { e.State = v1alpha1.DiskMissing }, ""},
		"on a node nobody knows":  {func(_ *Observed, e *DiskEntry) { e.Node = "n9" }, ""},
		"its DB is left behind":   {func(in *Observed, _ *DiskEntry) { in.Reservations[0].DB = &Part{Disk: "wwn-0102"} }, ""},
		"its DB came with it":     {func(in *Observed, _ *DiskEntry) { in.Reservations[0].DB = &Part{Disk: "wwn-0401"} }, "RelocateOSD/osd.0"},
		"beside OSDs of the node": {func(in *Observed, _ *DiskEntry) { in.Reservations[6].Location[1].Name = "kept" }, "RelocateOSD/osd.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := atRest(t)
			w.disks[0].Status.Node = "n4"
			w.planDisks()
			in := w.observe()
			in.Reservations = slices.Clone(in.Reservations)
			in.Reservations[6].Location = slices.Clone(in.Reservations[6].Location)
			at := slices.IndexFunc(in.Disks.Entries, func(e DiskEntry) bool { return e.Disk == "wwn-0101" })
			test.change(&in, &in.Disks.Entries[at])
			p := Compute(in)
			if got := ofKind(p, "RelocateOSD"); got != test.want {
				t.Fatalf("%q, want %q", got, test.want)
			}
			if test.want == "" {
				return
			}
			step := p.Steps[slices.Index(stepIDs(p), test.want)].Do.(RelocateOSD)
			if diff := cmp.Diff(in.Reservations[6].Location, step.Location); diff != "" || step.Node != "n4" {
				t.Errorf("to node %s (-want +got):\n%s", step.Node, diff)
			}
		})
	}
}

// An OSD that was up and has no class gets the one that was chosen for it, whatever it holds by then, and once.
func TestDeviceClassThatIsAbsent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3, 2)
	w.classless = true
	w.rest()
	for id, osd := range w.osds {
		if osd.DeviceClass != "ssd" || osd.PGs == 0 {
			t.Errorf("osd.%d has class %q and %d PGs", id, osd.DeviceClass, osd.PGs)
		}
	}
	set, placed := 0, 0
	for _, line := range w.log {
		if strings.HasPrefix(line, "SetDeviceClass/") {
			set++
		}
		if strings.HasPrefix(line, "PlaceMgrPool") {
			placed++
		}
	}
	if set != 1 || placed != 1 || len(w.status.Conditions) == 0 || w.status.Drift != nil {
		t.Errorf("set %d times, the pool of the mgrs placed %d times, drift %+v", set, placed, w.status.Drift)
	}
}
