package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// Each OSD is told how many share its node's memory: also those that are still to be made, and not those that wait for a
// person.
func TestOSDsOfNodes(t *testing.T) {
	t.Parallel()
	counts := func(p Plan) map[string]int {
		found := map[string]int{}
		for _, d := range p.Keep {
			if d.OSD != nil {
				found[d.Node] = d.NodeOSDs
			}
		}
		for _, step := range p.Steps {
			if apply, ok := step.Do.(ApplyDaemon); ok && apply.Daemon.OSD != nil {
				found[apply.Daemon.Node] = apply.Daemon.NodeOSDs
			}
		}
		return found
	}
	w, in := atRest(t)
	want := map[string]int{"n1": 2, "n2": 2, "n3": 2, "n4": 2, "n5": 2}
	if diff := cmp.Diff(want, counts(Compute(in))); diff != "" {
		t.Errorf("at rest (-want +got):\n%s", diff)
	}
	w.disks = append(w.disks, testDisk("wwn-0103", "n1"), testDisk("wwn-0104", "n1"))
	want["n1"] = 4
	for _, when := range []string{"planned", "reserved"} {
		w.planDisks()
		if diff := cmp.Diff(want, counts(Compute(w.observe()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		w.turn()
	}
	w, _ = atRest(t)
	w.spec.Approvals = &v1alpha1.ApprovalsSpec{NewDisks: v1alpha1.ApprovalManual}
	w.disks = append(w.disks, testDisk("wwn-0103", "n1"))
	w.planDisks()
	want["n1"] = 2
	if diff := cmp.Diff(want, counts(Compute(w.observe()))); diff != "" {
		t.Errorf("not approved (-want +got):\n%s", diff)
	}
}
