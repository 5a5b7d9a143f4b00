package plan

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

func minimalSpec() *v1alpha1.StorageClusterSpec {
	return &v1alpha1.StorageClusterSpec{
		Ceph: v1alpha1.CephSpec{Image: "quay.io/ceph/ceph:v20.2.4"},
		Storage: v1alpha1.StorageSpec{Rules: []v1alpha1.DiskRule{
			{Name: "flash", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD}}},
		}},
	}
}

func TestResolveFillsInEveryDefault(t *testing.T) {
	t.Parallel()
	got := Resolve(minimalSpec(), ClusterFacts{Nodes: 3})
	want := Cluster{
		Image:           "quay.io/ceph/ceph:v20.2.4",
		ResourceProfile: v1alpha1.ProfileBalanced,
		Pause:           v1alpha1.PauseNone,
		DeletionPolicy:  v1alpha1.DeletionRetain,
		FailureDomain:   v1alpha1.FailureDomainHost,
		Mon:             Mon{Count: 3},
		Mgr:             Mgr{Count: 2},
		Storage: Storage{Rules: []Rule{{
			Name: "flash", Match: v1alpha1.DiskMatch{Media: []v1alpha1.Media{v1alpha1.MediaSSD}},
			Use: v1alpha1.RuleUseOSD, OSDsPerDisk: 1,
		}}},
		Approvals: Approvals{
			NewDisks: v1alpha1.ApprovalAutomatic, FailedDisks: v1alpha1.ApprovalManual, Removals: v1alpha1.ApprovalManual,
			MaxAutomaticPerDay: 2,
		},
		Upgrade:        Upgrade{OnTrouble: v1alpha1.OnTroubleHalt},
		Network:        Network{Mode: v1alpha1.NetworkPod, IPFamily: v1alpha1.IPFamilyIPv4},
		Encryption:     Encryption{AtRest: v1alpha1.AtRestNone, InTransit: v1alpha1.InTransitNone, KeyStore: v1alpha1.KeyStoreKubernetes},
		ServiceMonitor: v1alpha1.ServiceMonitorAuto,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantShown := v1alpha1.ClusterDefaults{
		MonCount: 3, MgrCount: 2, FailureDomain: v1alpha1.FailureDomainHost, ResourceProfile: v1alpha1.ProfileBalanced,
		NetworkMode: v1alpha1.NetworkPod, IPFamily: v1alpha1.IPFamilyIPv4, NewDisks: v1alpha1.ApprovalAutomatic,
		FailedDisks: v1alpha1.ApprovalManual, Removals: v1alpha1.ApprovalManual, MaxAutomaticPerDay: 2,
	}
	if diff := cmp.Diff(wantShown, got.Defaults()); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}

func TestResolveKeepsWhatIsSaid(t *testing.T) {
	t.Parallel()
	spec := minimalSpec()
	spec.ResourceProfile = v1alpha1.ProfileLean
	spec.Pause = v1alpha1.PauseAll
	spec.DeletionPolicy = v1alpha1.DeletionWipe
	spec.Topology = &v1alpha1.TopologySpec{FailureDomain: v1alpha1.FailureDomainRack}
	spec.Approvals = &v1alpha1.ApprovalsSpec{
		NewDisks: v1alpha1.ApprovalManual, FailedDisks: v1alpha1.ApprovalAutomatic, Removals: v1alpha1.ApprovalAutomatic,
		MaxAutomaticPerDay: 9,
	}
	spec.Network = &v1alpha1.NetworkSpec{
		Mode: v1alpha1.NetworkHost, IPFamily: v1alpha1.IPFamilyDualStack,
		Public: &v1alpha1.NetworkRange{CIDRs: []string{"10.10.0.0/16"}},
	}
	spec.Monitoring = &v1alpha1.MonitoringSpec{ServiceMonitor: v1alpha1.ServiceMonitorDisabled}
	spec.Upgrade = &v1alpha1.UpgradeSpec{
		Windows:   []v1alpha1.UpgradeWindow{{Start: "02:00", DurationMinutes: 60}},
		OnTrouble: v1alpha1.OnTroubleContinue,
	}
	got := Resolve(spec, ClusterFacts{Nodes: 3})
	if got.ResourceProfile != v1alpha1.ProfileLean || got.Pause != v1alpha1.PauseAll ||
		got.DeletionPolicy != v1alpha1.DeletionWipe || got.FailureDomain != v1alpha1.FailureDomainRack ||
		got.ServiceMonitor != v1alpha1.ServiceMonitorDisabled {
		t.Errorf("what is said was not kept: %+v", got)
	}
	wantApprovals := Approvals{
		NewDisks: v1alpha1.ApprovalManual, FailedDisks: v1alpha1.ApprovalAutomatic, Removals: v1alpha1.ApprovalAutomatic,
		MaxAutomaticPerDay: 9,
	}
	wantNetwork := Network{
		Mode: v1alpha1.NetworkHost, IPFamily: v1alpha1.IPFamilyDualStack,
		Public: v1alpha1.NetworkRange{CIDRs: []string{"10.10.0.0/16"}},
	}
	wantUpgrade := Upgrade{
		Windows:   []v1alpha1.UpgradeWindow{{Start: "02:00", DurationMinutes: 60, TimeZone: "UTC"}},
		OnTrouble: v1alpha1.OnTroubleContinue,
	}
	if diff := cmp.Diff(wantApprovals, got.Approvals) + cmp.Diff(wantNetwork, got.Network) +
		cmp.Diff(wantUpgrade, got.Upgrade); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if spec.Upgrade.Windows[0].TimeZone != "" {
		t.Error("the spec was changed: a default is never written to it")
	}
}

func TestResolveDaemonCounts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		facts              ClusterFacts
		said               int32
		wantMons, wantMgrs int32
	}{
		"one node":                        {facts: ClusterFacts{Nodes: 1}, wantMons: 1, wantMgrs: 1},
		"two nodes":                       {facts: ClusterFacts{Nodes: 2}, wantMons: 1, wantMgrs: 2},
		"three nodes":                     {facts: ClusterFacts{Nodes: 3}, wantMons: 3, wantMgrs: 2},
		"500 nodes":                       {facts: ClusterFacts{Nodes: 500}, wantMons: 3, wantMgrs: 2},
		"no node fits":                    {facts: ClusterFacts{}, wantMons: 1, wantMgrs: 1},
		"grows with the third node":       {facts: ClusterFacts{Nodes: 3, Mons: 1}, wantMons: 3, wantMgrs: 2},
		"does not shrink with the nodes":  {facts: ClusterFacts{Nodes: 1, Mons: 3}, wantMons: 3, wantMgrs: 1},
		"does not shrink to the default":  {facts: ClusterFacts{Nodes: 9, Mons: 5}, wantMons: 5, wantMgrs: 2},
		"is odd while a mon is replaced":  {facts: ClusterFacts{Nodes: 3, Mons: 4}, wantMons: 5, wantMgrs: 2},
		"has seven mons at most":          {facts: ClusterFacts{Nodes: 3, Mons: 8}, wantMons: 7, wantMgrs: 2},
		"shrinks when somebody says so":   {facts: ClusterFacts{Nodes: 3, Mons: 5}, said: 3, wantMons: 3, wantMgrs: 3},
		"has as many as somebody says so": {facts: ClusterFacts{Nodes: 1}, said: 5, wantMons: 5, wantMgrs: 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := minimalSpec()
			spec.Mon, spec.Mgr = &v1alpha1.MonSpec{Count: test.said}, &v1alpha1.MgrSpec{Count: test.said}
			got := Resolve(spec, test.facts)
			if got.Mon.Count != test.wantMons || got.Mgr.Count != test.wantMgrs {
				t.Errorf("%d mons and %d mgrs, want %d and %d", got.Mon.Count, got.Mgr.Count, test.wantMons, test.wantMgrs)
			}
		})
	}
}

func TestResolvePlacement(t *testing.T) {
	t.Parallel()
	general := []corev1.Toleration{{Key: "storage", Operator: corev1.TolerationOpExists}}
	own := []corev1.Toleration{{Key: "mon", Operator: corev1.TolerationOpExists}}
	spec := minimalSpec()
	spec.Placement = &v1alpha1.Placement{NodeSelector: map[string]string{"role": "storage"}, Tolerations: general}
	spec.Mon = &v1alpha1.MonSpec{Placement: &v1alpha1.Placement{Tolerations: own}}
	spec.Mgr = &v1alpha1.MgrSpec{Placement: &v1alpha1.Placement{NodeSelector: map[string]string{}}}
	got := Resolve(spec, ClusterFacts{Nodes: 3})
	for name, test := range map[string]struct{ got, want v1alpha1.Placement }{
		"own tolerations, general selector": {got.Mon.Placement,
			v1alpha1.Placement{NodeSelector: map[string]string{"role": "storage"}, Tolerations: own}},
		"an empty selector takes the general one away": {got.Mgr.Placement,
			v1alpha1.Placement{NodeSelector: map[string]string{}, Tolerations: general}},
		"nothing said": {
			ResolveFilesystem(&v1alpha1.StorageFilesystemSpec{}, got).MDS.Placement, *spec.Placement},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if diff := cmp.Diff(general, got.OSD.Tolerations); diff != "" {
		t.Errorf("OSDs take the general tolerations (-want +got):\n%s", diff)
	}
	spec.OSD = &v1alpha1.OSDSpec{Placement: &v1alpha1.OSDPlacement{Tolerations: own}}
	if diff := cmp.Diff(own, Resolve(spec, ClusterFacts{}).OSD.Tolerations); diff != "" {
		t.Errorf("OSDs have their own (-want +got):\n%s", diff)
	}
}

func TestResolveRules(t *testing.T) {
	t.Parallel()
	all := &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("4Gi")}}
	few := &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("2Gi")}}
	spec := minimalSpec()
	spec.OSD = &v1alpha1.OSDSpec{Resources: all}
	spec.Storage.Rules = []v1alpha1.DiskRule{
		{Name: "a"}, {Name: "b", Resources: few, DeviceClass: "fast", OSDsPerDisk: 4, DBSpace: new(resource.MustParse("900Gi"))},
		{Name: "c", Use: v1alpha1.RuleUseNever},
	}
	got := Resolve(spec, ClusterFacts{Nodes: 3}).Storage.Rules
	want := []Rule{
		{Name: "a", Use: v1alpha1.RuleUseOSD, OSDsPerDisk: 1, Resources: all},
		{Name: "b", Use: v1alpha1.RuleUseOSD, OSDsPerDisk: 4, DeviceClass: "fast", DBSpace: 900 << 30, Resources: few},
		{Name: "c", Use: v1alpha1.RuleUseNever, OSDsPerDisk: 1, Resources: all},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, test := range []struct {
		rule  Rule
		media v1alpha1.Media
		want  string
	}{
		{got[0], v1alpha1.MediaHDD, "hdd"}, {got[0], v1alpha1.MediaSSD, "ssd"}, {got[0], v1alpha1.MediaNVMe, "nvme"},
		{got[1], v1alpha1.MediaHDD, "fast"},
	} {
		if class := test.rule.ClassOf(test.media); class != test.want {
			t.Errorf("rule %s: %s is of class %s, want %s", test.rule.Name, test.media, class, test.want)
		}
	}
}

// The result may be kept while the object in the cache changes, and the other way round.
func TestResolveSharesNoMemory(t *testing.T) {
	t.Parallel()
	spec := minimalSpec()
	spec.Placement = &v1alpha1.Placement{NodeSelector: map[string]string{"role": "storage"}}
	spec.Config = []v1alpha1.ConfigOption{{Who: "osd", Option: "debug_osd", Value: "1"}}
	before := spec.DeepCopy()
	got := Resolve(spec, ClusterFacts{Nodes: 3})
	got.Mon.Placement.NodeSelector["role"] = "mon"
	got.Config[0].Value = "20"
	got.Storage.Rules[0].Match.Media[0] = v1alpha1.MediaHDD
	if diff := cmp.Diff(before, spec); diff != "" {
		t.Errorf("a change of the result changed the spec:\n%s", diff)
	}
	if got.Placement.NodeSelector["role"] != "storage" || got.Mgr.Placement.NodeSelector["role"] != "storage" {
		t.Error("a change of one placement changed another")
	}
}

// Nodes that are cordoned for a while take no mgr away, and a count that was asked for once does not stay.
func TestResolveMgrs(t *testing.T) {
	t.Parallel()
	for facts, want := range map[ClusterFacts]int32{
		{Nodes: 1}: 1, {Nodes: 2}: 2, {Nodes: 1, Mgrs: 2}: 2, {Nodes: 0, Mgrs: 2}: 2, {Nodes: 3, Mgrs: 5}: 2, {Nodes: 3, Mgrs: 1}: 2,
	} {
		if got := Resolve(minimalSpec(), facts).Mgr.Count; got != want {
			t.Errorf("with %+v it is %d, want %d", facts, got, want)
		}
	}
}
