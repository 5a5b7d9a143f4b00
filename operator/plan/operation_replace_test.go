package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// replacing asks to replace disk d0, in whose host d1 is empty.
func replacing(in *OperationObserved) {
	in.Spec.Type, in.Disks[1].Status.OSDs = v1alpha1.OperationReplace, nil
	in.Disks[1].Status.Node, in.Disks[1].Status.Verdict.Result = "h0", v1alpha1.VerdictUsable
	in.Disks[0].Status.Claim.Rule, in.Disks[1].Status.Claim.Rule = "r", "r"
}

// replacingDead asks to replace the disk of an OSD that is down, with as many hosts left as there are copies less one.
func replacingDead(in *OperationObserved) {
	replacing(in)
	in.Ceph.Snapshot.OSDs[0].Up, in.Ceph.Snapshot.OSDs[1].In = false, false
	in.Ceph.Snapshot.PGs.ByState[0].State = "active+undersized+degraded"
}

// deadBeside is replacingDead with one more PG, in a state.
func deadBeside(state string) func(*OperationObserved) {
	return func(in *OperationObserved) {
		replacingDead(in)
		in.Ceph.Snapshot.PGs.ByState = append(in.Ceph.Snapshot.PGs.ByState, ceph.PGStateCount{State: state, Count: 1})
	}
}

func TestReplaceBlockers(t *testing.T) {
	t.Parallel()
	named := func(name string, change func(*OperationObserved)) func(*OperationObserved) {
		return func(in *OperationObserved) { replacing(in); in.Spec.Replacement = name; change(in) }
	}
	same := func(*OperationObserved) {}
	for name, tt := range map[string]struct {
		change func(*OperationObserved)
		want   string
	}{
		"a spare":           {replacing, ""},
		"no spare yet":      {operationOf(v1alpha1.OperationReplace), ""},
		"named":             {named("d1", same), ""},
		"itself":            {named("d0", same), ""},
		"named, not there":  {named("d9", same), BlockerNoReplacement},
		"named, in service": {named("d2", func(in *OperationObserved) { in.Disks[2].Status.Node = "h0" }), BlockerNoReplacement},
		"named, elsewhere":  {named("d1", func(in *OperationObserved) { in.Disks[1].Status.Node = "h1" }), BlockerNoReplacement},
		"named, missing":    {named("d1", func(in *OperationObserved) { in.Disks[1].Status.Presence = v1alpha1.PresenceMissing }), BlockerNoReplacement},
		"named, excluded":   {named("d1", func(in *OperationObserved) { in.Disks[1].Spec.Use = v1alpha1.DiskUseNever }), BlockerNoReplacement},
		"named, rejected":   {named("d1", func(in *OperationObserved) { in.Disks[1].Status.Verdict.Result = v1alpha1.VerdictRejected }), BlockerNoReplacement},
		"named, no rule":    {named("d1", func(in *OperationObserved) { in.Disks[1].Status.Claim = nil }), BlockerNoReplacement},
		"named, another's":  {named("d1", func(in *OperationObserved) { in.Disks[1].Status.Claim.Name = "other" }), BlockerNoReplacement},
		"itself, missing":   {named("d0", func(in *OperationObserved) { in.Disks[0].Status.Presence = v1alpha1.PresenceMissing }), BlockerNoReplacement},
		"itself, no erase":  {named("d0", func(in *OperationObserved) { in.Spec.Erase = v1alpha1.EraseNone }), BlockerNoReplacement},
		"not sealed":        {func(in *OperationObserved) { replacing(in); in.Disks[0].Status.Verdict.Seal = "" }, BlockerNotSealed},
		"missing, no seal": {func(in *OperationObserved) {
			replacing(in)
			in.Disks[0].Status.Verdict, in.Disks[0].Status.Presence = nil, v1alpha1.PresenceMissing
		}, ""},
		"DB on a disk that stays": {func(in *OperationObserved) { replacing(in); in.Disks[0].Status.OSDs[0].DBDisk = "d2" }, ""},
		"DB on a disk that is not there": {func(in *OperationObserved) {
			replacing(in)
			in.Disks[0].Status.OSDs[0].DBDisk, in.Disks[2].Status.Presence = "d2", v1alpha1.PresenceMissing
		}, BlockerSharedDBDisk},
		"living, not clean": {func(in *OperationObserved) {
			replacing(in)
			in.Ceph.Snapshot.PGs.ByState[0].State = "active+undersized+degraded"
		}, v1alpha1.ReasonDataNotClean},
		"living, no room for its copies": {func(in *OperationObserved) { replacing(in); in.Ceph.Snapshot.OSDs[1].In = false }, v1alpha1.ReasonTooFewDomains},
		"dead, degraded":                 {replacingDead, ""},
		"dead, answers nothing":          {func(in *OperationObserved) { replacingDead(in); in.Disks[0].Status.Verdict.Seal = "" }, ""},
		"dead, incomplete":               {deadBeside("incomplete"), v1alpha1.ReasonDataNotClean},
		"dead, down":                     {deadBeside("down"), v1alpha1.ReasonDataNotClean},
		"dead, unknown":                  {deadBeside("unknown"), v1alpha1.ReasonDataNotClean},
		"dead, stale":                    {deadBeside("stale+active+clean"), v1alpha1.ReasonDataNotClean},
		"dead, unfound, not looked for": {func(in *OperationObserved) {
			deadBeside("active+recovery_wait+undersized+degraded")(in)
			in.Ceph.Snapshot.PGs.UnfoundObjects = 2
		}, v1alpha1.ReasonDataNotClean},
		"dead, unfound":      {deadBeside("active+recovery_unfound+degraded"), v1alpha1.ReasonDataNotClean},
		"dead, inconsistent": {deadBeside("active+clean+inconsistent"), v1alpha1.ReasonDataNotClean},
		"dead, recovering":   {deadBeside("active+recovering+degraded"), ""},
		"dead, silent":       {func(in *OperationObserved) { replacingDead(in); in.Ceph.Fresh = false }, v1alpha1.ReasonStaleData},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := operationWorld()
			tt.change(&in)
			got := ComputeOperation(in).Plan.Blockers
			if len(got) == 0 && tt.want == "" {
				return
			}
			if len(got) != 1 || got[0].Reason != tt.want || got[0].Message == "" || got[0].Remedy == "" {
				t.Errorf("blockers %+v, want %s", got, tt.want)
			}
		})
	}
}

// The disk in the slot comes before the others of the rule, and what is not free before nobody.
func TestNextDisk(t *testing.T) {
	t.Parallel()
	disk := func(name, node, path, rule string, change ...func(*v1alpha1.StorageDisk)) *v1alpha1.StorageDisk {
		d := &v1alpha1.StorageDisk{}
		d.Name, d.Status.Node, d.Status.Device = name, node, &v1alpha1.DiskDevice{Path: path}
		d.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "s"}
		d.Status.Plan = &v1alpha1.DiskPlan{Rule: rule}
		for _, c := range change {
			c(d)
		}
		return d
	}
	place := manifest.RecordedPlace{Disk: "old", Node: "n1", Slot: "slot-4", Rule: "hdd"}
	for name, tt := range map[string]struct {
		disks []*v1alpha1.StorageDisk
		want  string
	}{
		"none":              {nil, ""},
		"of the rule":       {[]*v1alpha1.StorageDisk{disk("b", "n1", "slot-2", "hdd"), disk("a", "n1", "slot-1", "hdd")}, "a"},
		"in the slot":       {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-1", "hdd"), disk("z", "n1", "slot-4", "other")}, "z"},
		"of another rule":   {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-1", "other")}, ""},
		"of another node":   {[]*v1alpha1.StorageDisk{disk("a", "n2", "slot-4", "hdd")}, ""},
		"of no rule":        {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "")}, ""},
		"taken already":     {[]*v1alpha1.StorageDisk{disk("taken", "n1", "slot-4", "hdd")}, ""},
		"not empty":         {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "hdd", func(d *v1alpha1.StorageDisk) { d.Status.Verdict.Result = v1alpha1.VerdictRejected })}, ""},
		"excluded":          {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "hdd", func(d *v1alpha1.StorageDisk) { d.Spec.Use = v1alpha1.DiskUseNever })}, ""},
		"excluded by rule":  {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "no", func(d *v1alpha1.StorageDisk) { d.Status.Plan.Reason = v1alpha1.PlanReasonExcludedByRule })}, ""},
		"of another claim":  {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "hdd", func(d *v1alpha1.StorageDisk) { d.Status.Claim = &v1alpha1.DiskClaim{Name: "other"} })}, ""},
		"an OSD of its own": {[]*v1alpha1.StorageDisk{disk("a", "n1", "slot-4", "hdd", func(d *v1alpha1.StorageDisk) { d.Status.OSDs = make([]v1alpha1.DiskOSD, 1) })}, ""},
	} {
		got := ""
		c := newOperationComputation(OperationObserved{Cluster: ClusterKey{"ns", "main"}})
		if found := nextDisk(place, tt.disks, map[string]bool{"taken": true}, c.ruleFor); found != nil {
			got = found.Name
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// A disk for DBs takes along the disks whose OSDs have their DB there: they are erased, and made anew where they are.
func TestReplaceOfDBDisk(t *testing.T) {
	t.Parallel()
	in := operationWorld()
	in.Spec = v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{"d1"}}
	in.Disks[0].Status.OSDs[0].DBDisk = "d1"
	in.Disks[1].Status.OSDs = []v1alpha1.DiskOSD{{ID: 0, Role: v1alpha1.OSDRoleDB, UUID: "u0"}}
	in.Disks[1].Status.Node = "h0"
	draft := ComputeOperation(in)
	var targets []string
	for _, target := range draft.Targets {
		targets = append(targets, target.Disk)
	}
	if diff := cmp.Diff([]string{"d0", "d1"}, targets); diff != "" || len(draft.Plan.Blockers) > 0 {
		t.Errorf("targets (-want +got):\n%s\nblockers %+v", diff, draft.Plan.Blockers)
	}
	if why := draft.Plan.Steps[len(draft.Plan.Steps)-1].Why; why != "d0 becomes osd.0" {
		t.Errorf("why: %s", why)
	}
	if diff := cmp.Diff([]v1alpha1.Risk{v1alpha1.RiskSharedDB}, draft.Plan.Risks); diff != "" {
		t.Errorf("risks (-want +got):\n%s", diff)
	}
	in.Disks[2].Status.OSDs[0].DBDisk = "d1"
	in.Disks[1].Status.OSDs = append(in.Disks[1].Status.OSDs, v1alpha1.DiskOSD{ID: 2, Role: v1alpha1.OSDRoleDB, UUID: "u2"})
	if got := ComputeOperation(in).Plan.Blockers; len(got) == 0 || got[0].Reason != BlockerSeveralDomains {
		t.Errorf("OSDs of two hosts: blockers %+v", got)
	}
}

// Another disk in the place, or the same with another content, is another plan.
func TestReplaceIDFollowsTheSuccessor(t *testing.T) {
	t.Parallel()
	ids := map[string]string{}
	for name, change := range map[string]func(*OperationObserved){
		"as it is":  func(*OperationObserved) {},
		"none":      func(in *OperationObserved) { in.Disks[1].Status.Node = "h1" },
		"resealed":  func(in *OperationObserved) { in.Disks[1].Status.Verdict.Seal = "other" },
		"exchanged": func(in *OperationObserved) { in.Disks[1].Status.Identity = &v1alpha1.DiskIdentity{Value: "other"} },
		"itself":    func(in *OperationObserved) { in.Spec.Replacement = "d0" },
	} {
		in := operationWorld()
		replacing(&in)
		change(&in)
		draft := ComputeOperation(in)
		ids[name] = draft.Plan.ID
		why, want := draft.Plan.Steps[4].Why, "becomes osd.0"
		if name == "none" {
			want = "the next empty disk"
		}
		if !strings.Contains(why, want) {
			t.Errorf("%s: why %s", name, why)
		}
	}
	for name, id := range ids {
		for other, same := range ids {
			if name != other && id == same && name != "none" && other != "none" {
				t.Errorf("%s and %s are plan %s", name, other, id)
			}
		}
	}
}
