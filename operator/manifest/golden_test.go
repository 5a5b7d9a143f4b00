package manifest

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const (
	testFSID = "8b1c2d3e-0000-4000-8000-000000000000"
	testKey  = "AQBTESTKEYTESTKEY=="
)

// leanCluster is small, in the pod network.
func leanCluster() Cluster {
	return Cluster{
		Namespace: "seamount", Name: "main", UID: "0000-1111", FSID: testFSID,
		Image: "quay.io/ceph/ceph:v20.2.4", NodeImage: "ghcr.io/seamount-dev/seamount-node:v0.1.0",
		Profile: v1alpha1.ProfileLean, FailureDomain: v1alpha1.FailureDomainHost,
		Network:    Network{IPFamily: v1alpha1.IPFamilyIPv4},
		MgrModules: []string{"iostat"},
	}
}

// hostCluster is everything that leanCluster is not.
func hostCluster() Cluster {
	c := leanCluster()
	c.Name, c.Profile, c.FailureDomain = "edge", v1alpha1.ProfileBalanced, v1alpha1.FailureDomainRack
	c.ImagePullSecrets = []string{"registry"}
	c.Network = Network{Host: true, IPFamily: v1alpha1.IPFamilyIPv6, Public: []string{"fd00::/64", "fd01::/64"}, Cluster: []string{"fd02::/64"}}
	return c
}

func testMons() handover.Mons {
	return handover.Mons{QuorumRecorded: true, Mons: []handover.Mon{
		{Name: "a", Node: "n1", Address: "10.96.0.11", State: handover.MonMember},
		{Name: "b", Node: "n2", Address: "10.96.0.12", State: handover.MonMember},
		{Name: "c", Node: "n3", Address: "10.96.0.13", State: handover.MonJoining},
	}}
}

func testReservation() handover.Reservation {
	return handover.Reservation{
		ID: 3, UUID: "5f0e8c9a-0000-4000-8000-000000000001", Key: ceph.NewSecret(testKey), FSID: testFSID, DeviceClass: "hdd",
		Rule: "hdds", Node: "n3", Location: "root=default host=n3",
		Data: handover.Device{
			Disk: "wwn-5000c500", Identity: v1alpha1.DiskIdentity{Source: v1alpha1.IdentityWWN, Value: "5000c500"},
			Seal: "sha256:1f0c", Size: 1 << 40, Count: 1, Bytes: 1 << 40,
		},
	}
}

func limited(memory string) *corev1.ResourceRequirements {
	return &corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}}
}

// objects of a cluster: all that there are.
func objects(t *testing.T, c Cluster) map[string]any {
	t.Helper()
	reservation, err := c.ReservationSecret(testReservation())
	if err != nil {
		t.Fatal(err)
	}
	mon := testMons().Mons[0]
	tolerations := []corev1.Toleration{{Key: "storage", Operator: corev1.TolerationOpExists}}
	return map[string]any{
		"identity":    c.IdentitySecret(Identity{testFSID, ceph.NewSecret(testKey), ceph.NewSecret(testKey)}),
		"seed":        c.SeedSecret([]byte("[mon.]\n")),
		"mgr-secret":  c.MgrSecret("a", []byte("[mgr.a]\n")),
		"mds-secret":  c.MDSSecret("shared-a", "shared", []byte("[mds.shared-a]\n")),
		"reservation": reservation,
		"mons":        c.MonsConfigMap(testMons()),
		"config":      c.ConfigMap(testMons().Mons),
		"mon-service": c.MonService("a", "10.96.0.11"),
		"mgr-service": c.MgrService(),
		"mon":         c.MonDeployment(MonPod{Mon: mon, Hostname: "n1", Tolerations: tolerations}),
		"mgr":         c.MgrDeployment(MgrPod{Name: "a", Hostname: "n2"}),
		"mds":         c.MDSDeployment(MDSPod{Name: "shared-a", Filesystem: "shared", Hostname: "n2", Tolerations: tolerations}),
		"osd": c.OSDDeployment(OSDPod{ID: 3, Hostname: "n3", Location: "root=default host=n3", DeviceClass: "hdd",
			NodeMemory: 16 * gibibyte, Tolerations: tolerations, Resources: limited("2Gi")}),
		"osd-budget": c.PodDisruptionBudget(Budget{Component: ComponentOSD, Without: []string{"osd.3", "osd.12"}, Domain: "host n1",
			Because: "the OSDs of host n1 may be evicted"}),
		"mon-budget":      c.PodDisruptionBudget(Budget{Component: ComponentMon, Spare: 1, Because: "all mons are in quorum"}),
		"mds-budget":      c.PodDisruptionBudget(Budget{Component: ComponentMDS, Filesystem: "shared", Spare: 1, Because: "another one takes over"}),
		"recovery-secret": c.RecoverySecret(),
		"recovery":        c.RecoveryPod(mon, "n1", "1111-2222"),
	}
}

func TestObjects(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]Cluster{"lean": leanCluster(), "host": hostCluster()} {
		all := objects(t, c)
		for object, value := range all {
			text, err := yaml.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", name, object+".yaml"), string(text))
		}
	}
}

// The table of the profiles as people read it.
func TestSettings(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, profile := range []v1alpha1.ResourceProfile{v1alpha1.ProfileLean, v1alpha1.ProfileBalanced, v1alpha1.ProfilePerformance} {
		for _, component := range []string{ComponentMon, ComponentMgr, ComponentOSD, ComponentMDS} {
			b.WriteString("== " + string(profile) + " " + component + "\n")
			for _, s := range Settings(profile, component) {
				b.WriteString(s.Option + " = " + s.Value + "\n    " + s.Reason + "\n")
			}
		}
	}
	golden(t, filepath.Join("testdata", "settings.txt"), b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// No golden file is left of an object that is gone.
func TestNoGoldenFileIsLeft(t *testing.T) {
	t.Parallel()
	known := objects(t, leanCluster())
	for _, dir := range []string{"lean", "host"} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*"))
		if err != nil || len(files) != len(known) {
			t.Errorf("%s: %d files for %d objects, %v", dir, len(files), len(known), err)
		}
		if slices.ContainsFunc(files, func(f string) bool { return known[strings.TrimSuffix(filepath.Base(f), ".yaml")] == nil }) {
			t.Errorf("%s: %q", dir, files)
		}
	}
}
