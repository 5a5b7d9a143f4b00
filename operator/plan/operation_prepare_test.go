package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
	"github.com/seamount-dev/seamount/operator/manifest"
)

// spares puts an empty disk into each host.
func (y *yard) spares() {
	for h := range 8 {
		disk := &v1alpha1.StorageDisk{}
		disk.Name, disk.Status.Node = fmt.Sprintf("spare-%d", h), fmt.Sprintf("n%d", h)
		disk.Status.Hardware = &v1alpha1.DiskHardware{Size: resource.NewQuantity(2<<40, resource.BinarySI)}
		disk.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictUsable, Seal: "empty"}
		disk.Status.Plan = &v1alpha1.DiskPlan{Rule: "all", Reason: v1alpha1.PlanReasonMatched}
		y.disks = append(y.disks, disk)
	}
}

// dispensable is what the executor asks of a Replace.
func (y *yard) dispensable(osds []manifest.RecordedOSD) bool {
	y.Helper()
	s := y.look()
	answer, err := y.ceph.Admin().OSDSafeToDestroy(y.Context(), ints(idsOf(osds))...)
	y.must(err)
	for _, osd := range osds {
		at := slices.IndexFunc(s.OSDs, func(known ceph.OSD) bool { return known.ID == int(osd.ID) })
		down := osd.Dead && (at < 0 || !s.OSDs[at].Up)
		if !slices.Contains(answer.Safe, int(osd.ID)) && !(down && NeedsDead(s) == "" && DeadIsNeeded(answer, int(osd.ID)) == "") {
			return false
		}
	}
	return true
}

func (y *yard) destroy(osds []manifest.RecordedOSD) bool {
	y.Helper()
	for _, osd := range osds {
		y.must(y.ceph.Admin().DestroyOSD(y.Context(), int(osd.ID)))
		y.destroyed[osd.ID] = osd.UUID
		delete(y.reservations, osd.ID)
		for _, disk := range y.disks {
			disk.Status.OSDs = slices.DeleteFunc(disk.Status.OSDs, func(on v1alpha1.DiskOSD) bool { return on.ID == osd.ID })
		}
	}
	return true
}

// prepare is what the controller of the cluster makes of the disks that take a place.
func (y *yard) prepare() {
	y.Helper()
	for _, record := range y.records {
		for _, p := range record.Places {
			for _, id := range p.OSDs {
				if record.Cleared() && p.By != "" && !record.LetsGo(p.By) && y.reservations[id] == nil {
					y.prepareOSD(int(id), p.By)
				}
			}
		}
	}
}

func (y *yard) prepareOSD(id int, by string) {
	y.Helper()
	disk := diskNamed(y.disks, by)
	uuid, key := fmt.Sprintf("aaaaaaaa-0000-4000-8%03d-%012d", len(by), id), ceph.NewSecret("AQBTnspnAAAAABAA5ZBCjzO8SpRjtoUNBSoCRQ==")
	_, err := y.ceph.Admin().NewOSD(y.Context(), ceph.NewOSD{UUID: uuid, ID: &id, Secret: key})
	y.must(err)
	start := func() error {
		return y.ceph.StartOSD(id, sim.OSDDaemon{Host: disk.Status.Node, UUID: uuid, Key: key, Size: disk.Status.Hardware.Size.Value()})
	}
	if y.mend = start; by != y.dud {
		y.must(start())
	}
	y.reservations[int32(id)] = &Reservation{
		ID: int32(id), UUID: uuid, Node: disk.Status.Node, Data: Part{Disk: by, Count: 1},
		Location: ceph.Location{{Type: "root", Name: "default"}, {Type: "host", Name: disk.Status.Node}},
	}
	disk.Status.OSDs = []v1alpha1.DiskOSD{{ID: int32(id), Role: v1alpha1.OSDRoleData, UUID: uuid}}
}

// checkReplaced wants each OSD that was destroyed to serve again under another uuid, with the weight of its new disk.
func (y *yard) checkReplaced(succeeded bool) {
	y.Helper()
	for _, osd := range y.look().OSDs {
		before, replaced := y.destroyed[int32(osd.ID)]
		if !replaced || !succeeded {
			continue
		}
		if osd.UUID == before || !osd.Up || !osd.In || osd.CRUSHWeight != 2 {
			y.Errorf("osd.%d was %s, and is %+v", osd.ID, before, osd)
		}
	}
	if succeeded && len(y.destroyed) == 0 {
		y.Error("nothing was destroyed")
	}
}

// run carries an operation, killed every now and then, to its end, or to where it waits for a disk.
func (y *yard) run(name string) v1alpha1.StorageOperationStatus {
	y.Helper()
	var status v1alpha1.StorageOperationStatus
	for i := range 300 {
		status = y.pass(name, i%4)
		if OperationFinished(&status) || status.Conditions[2].Reason == v1alpha1.ReasonWaitingForDisk {
			break
		}
		y.advance()
	}
	return status
}

// Whatever happens to the disk and its OSD meanwhile, a Replace ends as told, and never by a copy that is the last.
func TestReplaceEnds(t *testing.T) {
	t.Parallel()
	crash := func(y *yard) { y.lacking = true; y.ceph.CrashOSD(4); y.advance(); y.advance() }
	for name, tt := range map[string]struct {
		before, meanwhile func(y *yard)
		want              v1alpha1.OperationState
		report            string
	}{
		"healthy":        {func(y *yard) { y.spares() }, nil, v1alpha1.OperationSucceeded, "erased"},
		"dead":           {func(y *yard) { y.spares(); crash(y) }, nil, v1alpha1.OperationSucceeded, "erased"},
		"dead and gone":  {func(y *yard) { y.spares(); crash(y); y.disks[4].Status.Presence = v1alpha1.PresenceMissing }, nil, v1alpha1.OperationSucceeded, "missing"},
		"without a seal": {func(y *yard) { y.spares(); crash(y); y.disks[4].Status.Verdict.Seal = "" }, nil, v1alpha1.OperationSucceeded, "no seal"},
		"a spare later":  {func(*yard) {}, func(y *yard) { y.spares() }, v1alpha1.OperationSucceeded, "erased"},
		"given up":       {func(*yard) {}, func(y *yard) { y.running["o"].Deleting = true }, v1alpha1.OperationFailed, "erased"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t, 7)
			tt.before(y)
			y.ask("o", v1alpha1.StorageOperationSpec{Type: v1alpha1.OperationReplace, Disks: []string{y.disks[4].Name}})
			status := y.run("o")
			if tt.meanwhile != nil {
				if status.Conditions[2].Reason != v1alpha1.ReasonWaitingForDisk {
					t.Errorf("it does not wait: %s", status.Conditions[2].Message)
				}
				tt.meanwhile(y)
				for i := 0; i < 40 && !OperationFinished(&status); i++ {
					status = y.pass("o", -1)
					y.advance()
				}
			}
			if status.State != tt.want {
				t.Fatalf("state %s: %+v", status.State, status.Conditions)
			}
			if report := status.Targets[0].Report; report == nil || !strings.Contains(report.Message, tt.report) {
				t.Errorf("report %+v, want %s", report, tt.report)
			}
			if tt.want == v1alpha1.OperationSucceeded {
				y.checkReplaced(true)
			} else if known := newCRUSHTree(y.look()).osds[4]; known != nil {
				t.Errorf("osd.4 is left: %+v", known)
			}
		})
	}
}
