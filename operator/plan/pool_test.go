package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
)

// poolSnapshot is a cluster of so many hosts, with one OSD of class hdd each, and these pools.
func poolSnapshot(hosts int, pools ...ceph.Pool) *ceph.Snapshot {
	s := &ceph.Snapshot{At: time.Unix(1000, 0), FSID: "f", Pools: pools}
	root := ceph.Bucket{ID: -1, Name: "default", Type: "root"}
	for n := range hosts {
		root.Items = append(root.Items, ceph.CRUSHItem{ID: -2 - n})
		s.CRUSH.Buckets = append(s.CRUSH.Buckets, ceph.Bucket{ID: -2 - n, Name: fmt.Sprint("n", n), Type: "host", Items: []ceph.CRUSHItem{{ID: n}}})
		s.CRUSH.Devices = append(s.CRUSH.Devices, ceph.CRUSHDevice{ID: n, Class: "hdd"})
		s.OSDs = append(s.OSDs, ceph.OSD{ID: n, Up: true, In: true, CRUSHWeight: 1, DeviceClass: "hdd"})
	}
	s.CRUSH.Buckets = append(s.CRUSH.Buckets, root)
	s.CRUSH.Rules = []ceph.CRUSHRule{
		{ID: 0, Name: "replicated_rule", Type: ceph.Replicated, Root: "default", FailureDomain: "host"},
		{ID: 1, Name: "fast_host", Type: ceph.Replicated, Root: "default", FailureDomain: "host"},
		{ID: 2, Name: "fast-data_host", Type: ceph.Erasure, Root: "default", FailureDomain: "host"},
		{ID: 3, Name: "fast_osd", Type: ceph.Replicated, Root: "default", FailureDomain: "osd"},
	}
	return s
}

func poolIn(s *ceph.Snapshot, layout v1alpha1.PoolLayout) PoolObserved {
	spec := v1alpha1.StoragePoolSpec{ClusterRef: v1alpha1.ClusterReference{Name: "main"}, PoolLayout: layout}
	return PoolObserved{
		OwnerObserved: observedOwner(s, "fast"),
		Spec:          ResolvePool(&spec, Cluster{FailureDomain: v1alpha1.FailureDomainHost}),
		Previous:      &v1alpha1.StoragePoolStatus{},
	}
}

// observedOwner is what is observed of an object of the name in a cluster that answers.
func observedOwner(s *ceph.Snapshot, name string) OwnerObserved {
	return OwnerObserved{
		Now: time.Unix(1000, 0), Key: PoolKey{"ns", name}, Generation: 1, Snapshots: true,
		Cluster: PoolCluster{Found: true, Identity: true},
		Ceph:    CephFacts{Reach: ReachAnswering, Snapshot: s, Fresh: s != nil},
	}
}

// madePool is a pool as this program made it.
func madePool(in PoolObserved, id int64) ceph.Pool {
	m := in.Spec.members(in.Key.Name)[0]
	return ceph.Pool{
		ID: id, Name: m.name, Type: ceph.Replicated, Size: int(m.layout.Replicas), MinSize: m.minSize(), RuleID: 1, AutoscaleMode: "on",
		Applications: []string{"rbd"},
		ApplicationValues: map[string]string{
			"rbd/" + PoolOwnerKey: PoolOwner(in.Key.Name), "rbd/" + PoolSettingsKey: m.settingsText(),
		},
	}
}

func poolStepIDs(p PoolPlan) string {
	var ids []string
	for _, step := range p.Steps {
		ids = append(ids, step.ID)
	}
	return strings.Join(ids, " ")
}

func TestPoolSteps(t *testing.T) {
	t.Parallel()
	made := func(change func(*ceph.Pool)) func(*PoolObserved) {
		return func(in *PoolObserved) {
			pool := madePool(*in, 7)
			change(&pool)
			in.Ceph.Snapshot.Pools = []ceph.Pool{pool}
		}
	}
	for name, test := range map[string]struct {
		layout v1alpha1.PoolLayout
		change func(*PoolObserved)
		want   string
	}{
		"new": {copies(3), func(*PoolObserved) {}, "CreateCephPool/fast ClaimCephPool/fast InitCephPool/fast RecordCephPool/fast"},
		"new, with a rule to make": {copies(3), func(in *PoolObserved) { in.Spec.Layout.DeviceClass = "hdd" },
			"EnsurePoolRule/fast_host_hdd CreateCephPool/fast ClaimCephPool/fast InitCephPool/fast RecordCephPool/fast"},
		"one copy": {copies(1), func(*PoolObserved) {},
			"CreateCephPool/fast ClaimCephPool/fast InitCephPool/fast SingleCopy/fast SetCephPool/fast/min_size RecordCephPool/fast"},
		"erasure coded": {chunks(2, 1), func(in *PoolObserved) { in.Spec.Layout.Compression = v1alpha1.CompressionForce },
			"CreateCephPool/fast ClaimCephPool/fast InitCephPool/fast RecordCephPool/fast " +
				"CreateCephPool/fast-data ClaimCephPool/fast-data SetCephPool/fast-data/compression_mode RecordCephPool/fast-data"},
		"quota and share": {copies(3), func(in *PoolObserved) { in.Spec.QuotaBytes, in.Spec.TargetPercent = 1<<30, 25 },
			"CreateCephPool/fast ClaimCephPool/fast InitCephPool/fast SetCephPool/fast/target_size_ratio SetCephPoolQuota/fast RecordCephPool/fast"},
		"too few hosts":       {copies(4), func(*PoolObserved) {}, ""},
		"Ceph is not fresh":   {copies(3), func(in *PoolObserved) { in.Ceph.Fresh = false }, ""},
		"there is no cluster": {copies(3), func(in *PoolObserved) { in.Cluster.Found = false }, ""},
		"as it is to be":      {copies(3), made(func(*ceph.Pool) {}), "RemovePoolRule/fast_osd"},
		"killed before the claim": {copies(3), made(func(p *ceph.Pool) { p.Applications, p.ApplicationValues = nil, nil }),
			"ClaimCephPool/fast InitCephPool/fast RecordCephPool/fast RemovePoolRule/fast_osd"},
		"killed before the record": {copies(3), made(func(p *ceph.Pool) { delete(p.ApplicationValues, "rbd/"+PoolSettingsKey) }),
			"InitCephPool/fast RecordCephPool/fast RemovePoolRule/fast_osd"},
		"somebody else's": {copies(3), made(func(p *ceph.Pool) { p.ApplicationValues, p.RuleID = nil, 0 }), ""},
		"another's":       {copies(3), made(func(p *ceph.Pool) { p.ApplicationValues["rbd/"+PoolOwnerKey] = "StoragePool/other" }), ""},
		"changed by hand": {copies(3), made(func(p *ceph.Pool) { p.MinSize = 1 }), "RemovePoolRule/fast_osd"},
		"more copies are declared": {copies(3), made(func(p *ceph.Pool) { p.Size, p.MinSize, p.ApplicationValues["rbd/"+PoolSettingsKey] = 2, 2, "before" }),
			"SetCephPool/fast/size SetCephPool/fast/min_size RecordCephPool/fast RemovePoolRule/fast_osd"},
		"deleting, with images": {copies(3), func(in *PoolObserved) {
			made(func(*ceph.Pool) {})(in)
			in.Deleting, in.Content = true, PoolContent{Known: true, Volumes: 1, First: []string{"pvc-1"}}
		}, ""},
		"deleting, not listed": {copies(3), func(in *PoolObserved) {
			made(func(*ceph.Pool) {})(in)
			in.Deleting = true
		}, ""},
		"deleting, with data of no image": {copies(3), func(in *PoolObserved) {
			made(func(p *ceph.Pool) { p.StoredBytes = 4 << 20 })(in)
			in.Deleting, in.Content.Known = true, true
		}, ""},
		"deleting": {copies(3), func(in *PoolObserved) {
			made(func(*ceph.Pool) {})(in)
			in.Deleting, in.Content.Known = true, true
			in.Classes = []VolumeClass{{Kind: StorageClassKind, Name: "fast", Owner: "ns/fast"}, {Kind: StorageClassKind, Name: "other"}}
		}, "RemoveClass/StorageClass/fast DeleteCephPool/fast RemovePoolRule/fast_host RemovePoolRule/fast_osd RemovePoolRule/fast-data_host ReleasePool"},
		"deleting somebody else's": {copies(3), func(in *PoolObserved) {
			made(func(p *ceph.Pool) { p.ApplicationValues, p.RuleID = nil, 0 })(in)
			in.Deleting = true
		}, "RemovePoolRule/fast-data_host ReleasePool"},
		"deleting, without a cluster": {copies(3), func(in *PoolObserved) { in.Deleting, in.Cluster, in.Ceph = true, PoolCluster{}, CephFacts{} }, "ReleasePool"},
		"deleting, Ceph is not fresh": {copies(3), func(in *PoolObserved) { in.Deleting, in.Ceph.Fresh = true, false }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := poolIn(poolSnapshot(3), test.layout)
			test.change(&in)
			if diff := cmp.Diff(test.want, poolStepIDs(ComputePool(in))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func TestUnplaceableTexts(t *testing.T) {
	t.Parallel()
	racks := poolSnapshot(2)
	racks.OSDs[1].In = false
	for _, test := range []struct {
		layout Layout
		want   string
	}{
		{Layout{DataChunks: 4, CodingChunks: 2, FailureDomain: "Rack", DeviceClass: "hdd"},
			"EC 4+2 over Rack needs 6 racks; 0 have OSDs of class hdd; add racks, or set failureDomain: Host"},
		{Layout{Replicas: 2, FailureDomain: "Host"}, "2 copies over Host need 2 hosts; 1 has OSDs; add hosts, or set failureDomain: OSD"},
		{Layout{Replicas: 2, FailureDomain: "OSD"}, "2 copies over OSD need 2 OSDs; 1 has OSDs; add disks, or ask for fewer copies or chunks"},
		{Layout{Replicas: 1, FailureDomain: "OSD", DeviceClass: "nvme"},
			"no OSD is of class nvme; there are hdd; set deviceClass to one of these, or add disks of the class"},
	} {
		if refusal := unplaceable(test.layout, racks); refusal == nil || withRemedy(*refusal) != test.want {
			t.Errorf("%+v: %+v, want %q", test.layout, refusal, test.want)
		}
	}
	if refusal := unplaceable(Layout{Replicas: 1, FailureDomain: "Host", DeviceClass: "hdd"}, racks); refusal != nil {
		t.Errorf("one host is enough for one copy: %+v", refusal)
	}
}

// anyPool is a StoragePool in any state whatever.
func anyPool(rng *rand.Rand) PoolObserved {
	yes := func() bool { return rng.IntN(2) == 0 }
	layout := copies(int32(rng.IntN(5) + 1))
	if yes() {
		layout = chunks(2, int32(rng.IntN(2)+1))
	}
	in := poolIn(poolSnapshot(rng.IntN(5)), layout)
	for id, name := range []string{"fast", "fast-data", "other"} {
		if rng.IntN(4) == 0 {
			continue
		}
		pool := ceph.Pool{
			ID: int64(id + 1), Name: name, Type: ceph.Replicated, Size: rng.IntN(4) + 1, MinSize: 1, RuleID: rng.IntN(4), AutoscaleMode: "on",
			ApplicationValues: map[string]string{}, StoredBytes: int64(rng.IntN(2)) << 22, AvailableBytes: int64(rng.IntN(3)-1) << 30,
		}
		if name == "fast-data" && rng.IntN(4) > 0 {
			pool.Type, pool.ErasureProfile = ceph.Erasure, "fast-data_host"
		}
		if yes() {
			pool.Applications = []string{[]string{"rbd", "rgw"}[rng.IntN(2)]}
			pool.ApplicationValues["rbd/"+PoolOwnerKey] = PoolOwner([]string{"fast", "fast", "other"}[rng.IntN(3)])
		}
		if yes() {
			settings := []string{"before"}
			for _, m := range in.Spec.members("fast") {
				settings = append(settings, m.settingsText())
			}
			pool.ApplicationValues["rbd/"+PoolSettingsKey] = settings[rng.IntN(len(settings))]
		}
		in.Ceph.Snapshot.Pools = append(in.Ceph.Snapshot.Pools, pool)
	}
	in.Deleting, in.Cluster.Paused, in.Snapshots, in.Content.Known = yes(), rng.IntN(4) == 0, yes(), rng.IntN(4) > 0
	in.Cluster.Found, in.Cluster.Identity, in.Ceph.Fresh = rng.IntN(8) > 0, rng.IntN(8) > 0, rng.IntN(8) > 0
	if in.Content.Known && yes() {
		in.Content.Volumes, in.Content.First = 1, []string{"pvc-1"}
	}
	in.Spec.StorageClasses = []PoolStorageClass{{Name: "fast", ReclaimPolicy: v1alpha1.ReclaimDelete}}
	for _, owner := range []string{"", "ns/fast", "ns/other"} {
		if yes() {
			in.Classes = append(in.Classes, VolumeClass{Kind: StorageClassKind, Name: "fast" + strings.TrimPrefix(owner, "ns/fast"), Owner: owner})
		}
	}
	if yes() {
		in.Trouble = "Ceph says no"
	}
	return in
}

// Whatever the state: the same arguments give the same plan, in an order; nothing is done on what is not known, to what
// is somebody else's, or against a pause; no pool is deleted that may hold something; and all conditions are told.
func TestPoolProperties(t *testing.T) {
	t.Parallel()
	seen := map[string]int{}
	for seed := range uint64(5000) {
		in := anyPool(rand.New(rand.NewPCG(seed, 1)))
		p := ComputePool(in)
		if diff := cmp.Diff(p, ComputePool(in)); diff != "" {
			t.Fatalf("seed %d: two plans:\n%s", seed, diff)
		}
		for _, err := range []string{orderIn(p.Steps), unlawful(in, p), conditionsOf(in, p)} {
			if err != "" {
				t.Fatalf("seed %d: %s\nsteps %s\n%+v", seed, err, poolStepIDs(p), in)
			}
		}
		for _, step := range p.Steps {
			kind, _, _ := strings.Cut(step.ID, "/")
			seen[kind]++
		}
	}
	if len(seen) < 11 {
		t.Errorf("only these steps were ever planned: %v", seen)
	}
}

func orderIn(steps []Step) string {
	done := map[string]bool{}
	for _, step := range steps {
		if done[step.ID] || step.Reason == "" {
			return "twice, or without a reason: " + step.ID
		}
		for _, before := range step.After {
			if !done[before] {
				return step.ID + " comes before " + before
			}
		}
		done[step.ID] = true
	}
	return ""
}

func unlawful(in PoolObserved, p PoolPlan) string {
	if in.Cluster.Paused && len(p.Steps) > 0 {
		return "a step in spite of the pause"
	}
	for _, step := range p.Steps {
		switch do := step.Do.(type) {
		case RemoveClass, ReleasePool, MakeClass, EnsurePoolRule, RemovePoolRule:
		case DeleteCephPool:
			if text := mayDelete(in, do.Pool); text != "" {
				return "deletes " + do.Pool + ": " + text
			}
		default:
			if text := mayChange(in, p, do); text != "" {
				return step.ID + ": " + text
			}
		}
	}
	return ""
}

func mayDelete(in PoolObserved, name string) string {
	pool := in.Ceph.Snapshot.Pools[slices.IndexFunc(in.Ceph.Snapshot.Pools, func(p ceph.Pool) bool { return p.Name == name })]
	owner := pool.ApplicationValues["rbd/"+PoolOwnerKey]
	switch {
	case !in.Deleting || !in.Ceph.Fresh:
		return "nobody asked for it, or nothing is known"
	case name == "fast" && (!in.Content.Known || in.Content.Volumes > 0):
		return "it holds something, or may"
	case pool.StoredBytes > emptyPool:
		return "there is data in it"
	case owner != "" && owner != "StoragePool/fast" || owner == "" && slices.Contains(pool.Applications, "rgw"):
		return "it is not ours"
	}
	return ""
}

func mayChange(in PoolObserved, p PoolPlan, do Action) string {
	name, option, _ := strings.Cut(do.Target(), "/")
	at := slices.IndexFunc(in.Ceph.Snapshot.Pools, func(pool ceph.Pool) bool { return pool.Name == name })
	_, creates := do.(CreateCephPool)
	switch {
	case in.Deleting || !in.Ceph.Fresh || !in.Cluster.Found:
		return "nothing is known, or it is being deleted"
	case creates != (at < 0) && creates:
		return "the pool is there"
	case at >= 0 && in.Ceph.Snapshot.Pools[at].ApplicationValues["rbd/"+PoolOwnerKey] == "StoragePool/other":
		return "it is not ours"
	case p.Unplaceable != nil && (creates || movesData(option)):
		return "it has no place"
	}
	return ""
}

func conditionsOf(in PoolObserved, p PoolPlan) string {
	status := PoolStatus(in, p)
	for i, spec := range conditions.Of(v1alpha1.KindStoragePool) {
		if i >= len(status.Conditions) || status.Conditions[i].Type != spec.Type {
			return "no condition " + spec.Type
		}
		c := status.Conditions[i]
		reasons := map[string][]string{"True": spec.True, "False": spec.False, "Unknown": spec.Unknown}[string(c.Status)]
		if !slices.Contains(reasons, c.Reason) || c.Message == "" {
			return fmt.Sprintf("condition %+v is not one of %v", c, reasons)
		}
	}
	if c := status.Capacity; c != nil && c.Available.Sign() < 0 {
		return "there is less than nothing available"
	}
	return ""
}
