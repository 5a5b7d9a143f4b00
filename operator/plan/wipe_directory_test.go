package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// cleared is a deletion whose disks are all erased.
func cleared(t *testing.T) Observed {
	t.Helper()
	in := wipingWorld(t)
	settledAs(manifest.WipeErased)(&in)
	return in
}

// asked plans, and has what the plan records stored.
func (in *Observed) asked(t *testing.T) {
	t.Helper()
	for _, step := range Compute(*in).Steps {
		record, ok := step.Do.(RecordWipe)
		if !ok {
			continue
		}
		in.Wiping.Record = &record.Record
	}
}

func diskOn(in *Observed, node string) *v1alpha1.StorageDisk {
	for _, disk := range in.Wiping.Disks {
		if disk.Status.Node == node {
			return disk
		}
	}
	return nil
}

// Agents are asked by disks that nobody else asks by, for nodes that answer. Who cannot be asked is named at once.
func TestDirectoriesAreAsked(t *testing.T) {
	t.Parallel()
	nodeOf := func(in *Observed, name string) *Node {
		for i := range in.Nodes {
			if in.Nodes[i].Name == name {
				return &in.Nodes[i]
			}
		}
		return nil
	}
	for name, test := range map[string]struct {
		change func(in *Observed)
		left   string // why that on n1 is left; empty: the agent is asked
	}{
		"asked":           {func(*Observed) {}, ""},
		"does not answer": {func(in *Observed) { nodeOf(in, "n1").Ready = false }, "does not answer"},
		"is gone":         {func(in *Observed) { nodeOf(in, "n1").Name = "n99" }, "gone"},
		"no disk is there": {func(in *Observed) {
			for diskOn(in, "n1") != nil {
				diskOn(in, "n1").Status.Node = "n99"
			}
		}, "no StorageDisk"},
		"another cluster has its disks": {func(in *Observed) {
			for _, disk := range in.Wiping.Disks {
				disk.Status.Claim = &v1alpha1.DiskClaim{FSID: "another"}
			}
		}, "no StorageDisk"},
		"another disk of the node does": {func(in *Observed) {
			for diskOn(in, "n1") != nil {
				diskOn(in, "n1").Status.Node = "n99"
			}
			system := &v1alpha1.StorageDisk{ObjectMeta: metav1.ObjectMeta{Name: "system"}, Status: v1alpha1.StorageDiskStatus{Node: "n1"}}
			in.Wiping.Disks = append(in.Wiping.Disks, system)
		}, ""},
	} {
		in := cleared(t)
		test.change(&in)
		in.asked(t)
		record := in.Wiping.Record
		at := record.Directories[0]
		if record.Asked.IsZero() || at.Node != "n1" || (at.Result == manifest.WipeLeft) != (test.left != "") || !strings.Contains(at.Message, test.left) {
			t.Errorf("%s: %+v", name, record.Directories)
		}
		if at.Result == "" && at.Disk == "" {
			t.Errorf("%s: nobody is asked: %+v", name, at)
		}
	}
}

// What a person gave up may still be wanted, and with it the stores of the mons; a pod that ends has its directory.
func TestDirectoriesAreNotAsked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(in *Observed){
		"a disk was given up": func(in *Observed) { in.Wiping.Record.Operations[0].Disks[0].Result = manifest.WipeLeft },
		"a mon ends":          func(in *Observed) { leavingOn(in, "mon.a", "n2") },
		"a disk has a claim": func(in *Observed) {
			in.Wiping.Disks[0].Status.Claim = &v1alpha1.DiskClaim{FSID: in.Wiping.Record.FSID}
		},
		"Retain by now": func(in *Observed) { in.Spec.DeletionPolicy = v1alpha1.DeletionRetain },
		"paused":        func(in *Observed) { in.Spec.Pause = v1alpha1.PauseAll },
	} {
		in := cleared(t)
		change(&in)
		for _, step := range Compute(in).Steps {
			if record, ok := step.Do.(RecordWipe); ok {
				t.Errorf("%s: %+v", name, record.Record.Directories)
			}
		}
	}
}

// What the agent says is noted. One that does not answer, or fails for long, keeps the StorageCluster no longer, and is named.
func TestDirectoriesAreSettled(t *testing.T) {
	t.Parallel()
	refusal := &v1alpha1.Refusal{Reason: handover.ReasonDirectoryInUse, Message: "a mon has it", Remedy: "end that"}
	for name, test := range map[string]struct {
		report *v1alpha1.DiskReport
		change func(in *Observed)
		want   manifest.WipeResult
		why    string
	}{
		"no answer yet":     {nil, nil, "", ""},
		"no answer":         {nil, func(in *Observed) { in.Now = in.Now.Add(directoryPatience) }, manifest.WipeLeft, "has not answered"},
		"the node went off": {nil, func(in *Observed) { in.Nodes = nil }, manifest.WipeLeft, "gone"},
		"removed":           {&v1alpha1.DiskReport{Result: v1alpha1.DiskReportDone}, nil, manifest.WipeRemoved, ""},
		"refused":           {&v1alpha1.DiskReport{Result: v1alpha1.DiskReportRefused, Refusal: refusal}, nil, manifest.WipeLeft, "a mon has it"},
		"in use":            {&v1alpha1.DiskReport{Result: v1alpha1.DiskReportFailed, Refusal: refusal}, nil, "", ""},
		"in use for long": {&v1alpha1.DiskReport{Result: v1alpha1.DiskReportFailed, Refusal: refusal},
			func(in *Observed) { in.Now = in.Now.Add(time.Hour) }, manifest.WipeLeft, "a mon has it"},
		"another report": {&v1alpha1.DiskReport{ID: "earlier", Result: v1alpha1.DiskReportDone}, nil, "", ""},
		"that of another deletion": {&v1alpha1.DiskReport{
			ID: HostDirectoryRequest(&manifest.WipeRecord{UID: "0", FSID: fsidOf(cleared(t))}, "n1").ID, Result: v1alpha1.DiskReportDone}, nil, "", ""},
	} {
		in := cleared(t)
		in.asked(t)
		record := in.Wiping.Record
		if test.report != nil {
			report := *test.report
			if report.ID == "" {
				report.ID = HostDirectoryRequest(record, "n1").ID
			}
			diskNamed(in.Wiping.Disks, record.Directories[0].Disk).Status.Report = &report
		}
		if test.change != nil {
			test.change(&in)
		}
		in.asked(t)
		if got := in.Wiping.Record.Directories[0]; got.Result != test.want || !strings.Contains(got.Message, test.why) {
			t.Errorf("%s: %+v", name, got)
		}
		named := strings.Contains(WipeText(in.Wiping.Record), handover.ClusterHostDir(record.FSID))
		if named != (in.Wiping.Record.Directories[0].Result != "") {
			t.Errorf("%s: it is said that %s", name, WipeText(in.Wiping.Record))
		}
	}
}

// The request names the fsid and the node alone, goes to the disk that was chosen and to no other, and ends when it is answered.
func TestDirectoryRequest(t *testing.T) {
	t.Parallel()
	w, _ := atRest(t)
	cluster := w.diskCluster()
	cluster.Closed, cluster.Reservations = true, nil
	disk := w.disks[0]
	record := &manifest.WipeRecord{UID: "1", FSID: cluster.FSID, Directories: []manifest.WipeDirectory{{Node: disk.Status.Node, Disk: disk.Name}}}
	cluster.Wipe = record
	requests := func() map[string]*v1alpha1.DiskRequest {
		found := map[string]*v1alpha1.DiskRequest{}
		for _, entry := range Disks(DisksInput{Nodes: w.nodes, Disks: w.disks, Clusters: []DiskCluster{cluster}}).Disks {
			if entry.Request != nil {
				found[entry.Disk] = entry.Request
			}
		}
		return found
	}
	want := map[string]*v1alpha1.DiskRequest{disk.Name: {
		ID: HostDirectoryRequest(record, disk.Status.Node).ID, Action: v1alpha1.DiskActionRemoveHostDirectory, Node: disk.Status.Node, FSID: cluster.FSID,
	}}
	if diff := cmp.Diff(want, requests()); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	record.Directories[0].Node = "elsewhere" // the disk has moved
	if got := requests(); len(got) > 0 {
		t.Errorf("another node is asked: %+v", got)
	}
	record.Directories[0] = manifest.WipeDirectory{Node: disk.Status.Node, Disk: disk.Name, Result: manifest.WipeRemoved}
	if got := requests(); len(got) > 0 {
		t.Errorf("asked although it is done: %+v", got)
	}
}
