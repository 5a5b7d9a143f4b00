package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// stopSteps are the steps that stop the daemons of some kinds.
func stopSteps(in *Observed, kinds ...DaemonKind) string {
	var ids []string
	for _, d := range in.Deployed {
		if slices.Contains(kinds, d.Daemon.Kind) {
			ids = append(ids, "StopDaemon/"+d.Daemon.String())
		}
	}
	return strings.Join(ids, " ")
}

func onlyMons(in *Observed) {
	in.Deployed = slices.DeleteFunc(slices.Clone(in.Deployed), func(d Deployed) bool { return d.Daemon.Kind != DaemonMon })
}

func leavingOn(in *Observed, daemon, node string) {
	kind, name, _ := strings.Cut(daemon, ".")
	in.Leaving = append(in.Leaving, Leaving{DaemonID{DaemonKind(kind), name}, node})
}

// A deleted cluster stops, the mons after all that talks to them, and lets go when all daemons have.
func TestDeletion(t *testing.T) {
	t.Parallel()
	nothing := func(*Observed) string { return "" }
	release := func(*Observed) string { return "ReleaseCluster" }
	mons := func(in *Observed) string { return stopSteps(in, DaemonMon) }
	others := func(in *Observed) string { return stopSteps(in, DaemonMgr, DaemonOSD) }
	for name, test := range map[string]struct {
		change func(in *Observed)
		want   func(in *Observed) string
	}{
		"all run":              {func(*Observed) {}, others},
		"Ceph does not answer": {func(in *Observed) { in.Ceph = CephFacts{} }, others},
		"an OSD is left": {func(in *Observed) {
			osd := *deployedIn(in, "osd.3")
			onlyMons(in)
			in.Deployed = append(in.Deployed, osd)
		}, others},
		"the pod of an OSD ends": {func(in *Observed) { onlyMons(in); leavingOn(in, "osd.3", "n2") }, nothing},
		"the pod of a mgr ends":  {func(in *Observed) { onlyMons(in); leavingOn(in, "mgr.a", "n2") }, nothing},
		"only pods are left":     {func(in *Observed) { in.Deployed = nil; leavingOn(in, "osd.3", "n2") }, nothing},
		"a pod is left on a node that does not answer": {func(in *Observed) {
			onlyMons(in)
			leavingOn(in, "osd.3", "n2")
			in.Nodes = slices.Clone(in.Nodes)
			in.Nodes[1].Ready = false
		}, mons},
		"a pod is left on a node that is gone":  {func(in *Observed) { onlyMons(in); leavingOn(in, "osd.3", "n9") }, mons},
		"a pod is left that never ran anywhere": {func(in *Observed) { onlyMons(in); leavingOn(in, "osd.3", "") }, mons},
		"only mons are left":                    {onlyMons, mons},
		"the pod of a mon ends":                 {func(in *Observed) { in.Deployed = nil; leavingOn(in, "mon.a", "n1") }, release},
		"nothing is left":                       {func(in *Observed) { in.Deployed = nil }, release},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, in := atRest(t)
			in.Deleting = true
			test.change(&in)
			p := Compute(in)
			want, got := strings.Fields(test.want(&in)), stepIDs(p)
			slices.Sort(want)
			slices.Sort(got)
			if strings.Join(want, " ") != strings.Join(got, " ") || len(p.Keep) != 0 {
				t.Errorf("%d kept; steps (-want +got):\n%s", len(p.Keep), cmp.Diff(want, got))
			}
		})
	}
}
