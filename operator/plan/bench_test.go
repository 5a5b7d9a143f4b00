package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// large returns a cluster of 500 nodes in 25 racks with ten disks each, all in service.
func large() (DisksInput, Observed) {
	spec := minimalSpec()
	in := DisksInput{}
	cluster := DiskCluster{Key: ClusterKey{"seamount", "main"}, Created: worldStart, FSID: "f51d", OSDsKnown: true}
	s := &ceph.Snapshot{At: worldStart.Add(time.Hour), FSID: "f51d", Health: ceph.HealthReport{Status: ceph.HealthOK},
		Mgr: ceph.MgrMap{Available: true, Active: "a", Standbys: []string{"b"}}}
	observed := Observed{Now: worldStart.Add(time.Hour), Key: cluster.Key, Identity: &Identity{FSID: "f51d", Created: worldStart}, Render: renderForTest}
	for n := range 500 {
		node := testNode(fmt.Sprintf("n%03d", n), map[string]string{v1alpha1.LabelTopologyPrefix + "rack": fmt.Sprintf("r%02d", n/20)})
		in.Nodes = append(in.Nodes, node)
		for d := range 10 {
			id := int32(n*10 + d)
			r := Reservation{ID: id, UUID: fmt.Sprintf("uuid-%d", id), Node: node.Name, Location: Locate(node), Rule: "flash", DeviceClass: "ssd",
				Data: Part{Disk: fmt.Sprintf("wwn-%03d-%02d", n, d), Count: 1, Bytes: 10 << 30}}
			disk := testDisk(r.Data.Disk, node.Name)
			disk.Status.Verdict = &v1alpha1.DiskVerdict{Result: v1alpha1.VerdictInUse}
			disk.Status.Claim = &v1alpha1.DiskClaim{Namespace: "seamount", Name: "main", FSID: "f51d", Rule: "flash"}
			in.Disks = append(in.Disks, disk)
			cluster.Reservations = append(cluster.Reservations, r)
			cluster.OSDs = append(cluster.OSDs, OSDState{ID: id, UUID: r.UUID, Up: true, In: true, Booted: true})
			s.OSDs = append(s.OSDs, ceph.OSD{ID: int(id), UUID: r.UUID, Up: true, In: true, DeviceClass: "ssd", PGs: 100, TotalBytes: 10 << 30})
		}
	}
	spec.Mon = &v1alpha1.MonSpec{Count: 5}
	observed.Seed = &Seed{Mgrs: []string{"a", "b"}}
	observed.Mgrs = []string{"a", "b"}
	observed.Mons.QuorumRecorded = true
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		observed.Mons.Mons = append(observed.Mons.Mons, handover.Mon{Name: name, Node: "n0" + fmt.Sprint(name[0]), Address: "10.96.0.1", State: handover.MonMember})
		s.Quorum.Mons, s.Quorum.InQuorum = append(s.Quorum.Mons, ceph.Mon{Name: name}), append(s.Quorum.InQuorum, name)
	}
	cluster.Spec = Resolve(spec, ClusterFacts{Nodes: 500})
	in.Clusters = []DiskCluster{cluster}
	observed.Spec, observed.Nodes, observed.Reservations = cluster.Spec, in.Nodes, cluster.Reservations
	observed.Ceph = CephFacts{Reach: ReachAnswering, Fresh: true, Snapshot: s}
	observed.Disks = &Disks(in).Clusters[0]
	observed.Users = Users{Checked: true, Handed: &HandedUsers{FSID: "f51d", Mons: monHosts(observed.Mons)}}
	for i := range in.Nodes {
		observed.Users.Handed.Nodes = append(observed.Users.Handed.Nodes, in.Nodes[i].Name)
	}
	for _, step := range Compute(observed).Steps {
		if apply, ok := step.Do.(ApplyDaemon); ok {
			observed.Deployed = append(observed.Deployed, Deployed{Daemon: apply.Daemon.ID, Node: apply.Daemon.Node,
				Template: renderForTest(apply.Daemon), Running: true, Settled: true, Started: worldStart})
		}
	}
	for _, step := range Compute(observed).Steps {
		if apply, ok := step.Do.(ApplyBudget); ok {
			observed.Budgets = append(observed.Budgets, apply.Budget)
		}
	}
	return in, observed
}

func BenchmarkDisks(b *testing.B) {
	in, _ := large()
	b.ReportAllocs()
	for b.Loop() {
		Disks(in)
	}
}

func BenchmarkCompute(b *testing.B) {
	_, in := large()
	b.ReportAllocs()
	for b.Loop() {
		ClusterStatus(in, Compute(in))
	}
}

// A changed image makes every daemon of the cluster outdated.
func BenchmarkComputeRollout(b *testing.B) {
	_, in := large()
	in.Spec.Image = "quay.io/ceph/ceph:v20.2.5"
	b.ReportAllocs()
	for b.Loop() {
		Compute(in)
	}
}

// At rest a large cluster has nothing to do, and says so.
func TestLargeClusterRests(t *testing.T) {
	t.Parallel()
	disks, in := large()
	p := Compute(in)
	for _, step := range p.Steps {
		t.Errorf("%s: %s", step.ID, step.Reason)
	}
	if len(p.Keep) != 5007 || len(p.Held) != 0 {
		t.Errorf("%d daemons kept and %d held, want 5007 and none", len(p.Keep), len(p.Held))
	}
	if sums := Disks(disks).Clusters[0].Summary; sums.Keep != 5000 || sums.Message != "nothing to do" {
		t.Errorf("sums %+v", sums)
	}
}
