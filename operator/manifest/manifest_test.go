package manifest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func deployments(t *testing.T, c Cluster) []*appsv1.Deployment {
	t.Helper()
	var found []*appsv1.Deployment
	for _, object := range objects(t, c) {
		if d, ok := object.(*appsv1.Deployment); ok {
			found = append(found, d)
		}
	}
	if len(found) != 4 {
		t.Fatalf("%d deployments", len(found))
	}
	return found
}

// What every pod gives away, and what only an OSD's may do.
func TestLeastPrivilege(t *testing.T) {
	t.Parallel()
	for _, d := range deployments(t, leanCluster()) {
		spec := d.Spec.Template.Spec
		if *spec.AutomountServiceAccountToken || *spec.EnableServiceLinks || spec.HostPID || spec.HostIPC || spec.HostNetwork {
			t.Errorf("%s: token, links or namespaces of the host", d.Name)
		}
		for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
			checkContainer(t, d.Name, container)
		}
	}
}

func checkContainer(t *testing.T, pod string, container corev1.Container) {
	t.Helper()
	security := container.SecurityContext
	if !*security.ReadOnlyRootFilesystem {
		t.Errorf("%s/%s: writes to its root filesystem", pod, container.Name)
	}
	if container.LivenessProbe != nil || container.StartupProbe != nil {
		t.Errorf("%s/%s: a probe may kill it", pod, container.Name)
	}
	if container.Name == ComponentOSD {
		return
	}
	if security.Privileged != nil || *security.AllowPrivilegeEscalation || !slices.Contains(security.Capabilities.Drop, "ALL") {
		t.Errorf("%s/%s: %+v", pod, container.Name, security)
	}
	hands := container.Name == "install" && strings.Contains(pod, "-mon-")
	if *security.RunAsNonRoot == hands || len(security.Capabilities.Add) > 0 && !hands {
		t.Errorf("%s/%s: root or capabilities: %+v", pod, container.Name, security)
	}
}

func TestNoKeyOutsideSecrets(t *testing.T) {
	t.Parallel()
	for name, object := range objects(t, leanCluster()) {
		if _, secret := object.(*corev1.Secret); !secret && strings.Contains(fmt.Sprintf("%+v", object), testKey) {
			t.Errorf("%s holds a key", name)
		}
	}
}

// What has no owner outlives the StorageCluster, so that the same cluster can be brought back.
func TestWhatOutlivesTheStorageCluster(t *testing.T) {
	t.Parallel()
	lasting := []string{"identity", "seed", "mgr-secret", "mds-secret", "reservation", "mons", "mon-service"}
	for name, object := range objects(t, leanCluster()) {
		owners := object.(interface {
			GetOwnerReferences() []metav1.OwnerReference
		}).GetOwnerReferences()
		if slices.Contains(lasting, name) != (len(owners) == 0) {
			t.Errorf("%s: owners %v", name, owners)
		}
	}
}

// What belongs to a daemon's pod changes its template, and nothing else does: it would restart the daemon.
func TestTemplate(t *testing.T) {
	t.Parallel()
	template := func(change func(c *Cluster, m *MonPod)) string {
		c, m := leanCluster(), MonPod{Mon: testMons().Mons[0], Hostname: "n1"}
		change(&c, &m)
		text, err := json.Marshal(c.MonDeployment(m).Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	same := template(func(*Cluster, *MonPod) {})
	for name, change := range map[string]func(c *Cluster, m *MonPod){
		"the same again":     func(*Cluster, *MonPod) {},
		"another state":      func(_ *Cluster, m *MonPod) { m.State = handover.MonSeed },
		"another owner":      func(c *Cluster, _ *MonPod) { c.UID = "2222" },
		"another mgr module": func(c *Cluster, _ *MonPod) { c.MgrModules = nil },
	} {
		if template(change) != same {
			t.Errorf("%s restarts a mon", name)
		}
	}
	for name, change := range map[string]func(c *Cluster, m *MonPod){
		"image":      func(c *Cluster, _ *MonPod) { c.Image = "quay.io/ceph/ceph:v20.2.5" },
		"node image": func(c *Cluster, _ *MonPod) { c.NodeImage += ".1" },
		"profile":    func(c *Cluster, _ *MonPod) { c.Profile = v1alpha1.ProfileBalanced },
		"resources":  func(_ *Cluster, m *MonPod) { m.Resources = limited("1Gi") },
		"node":       func(_ *Cluster, m *MonPod) { m.Hostname = "n2" },
	} {
		if template(change) == same {
			t.Errorf("another %s restarts nothing", name)
		}
	}
}

// A builder never hands out what belongs to another object.
func TestObjectsShareNothing(t *testing.T) {
	t.Parallel()
	c := leanCluster()
	before := c.OSDDeployment(OSDPod{ID: 1})
	spoilt := c.OSDDeployment(OSDPod{ID: 1})
	for i := range spoilt.Spec.Template.Spec.Tolerations {
		spoilt.Spec.Template.Spec.Tolerations[i].Key = "x"
	}
	for i := range spoilt.Spec.Template.Spec.Containers[0].Env {
		spoilt.Spec.Template.Spec.Containers[0].Env[i].Name = "x"
	}
	if diff := cmp.Diff(before, c.OSDDeployment(OSDPod{ID: 1})); diff != "" {
		t.Error(diff)
	}
}

func TestReadBack(t *testing.T) {
	t.Parallel()
	c := leanCluster()
	want := Identity{testFSID, ceph.NewSecret(testKey), ceph.NewSecret("AQC")}
	if got, err := IdentityOf(c.IdentitySecret(want)); err != nil || got != want {
		t.Errorf("identity %+v, %v", got, err)
	}
	for _, key := range []string{identityFSID, identityAdmin, identityMon} {
		secret := c.IdentitySecret(want)
		delete(secret.Data, key)
		if got, err := IdentityOf(secret); err == nil {
			t.Errorf("identity without %s: %+v", key, got)
		}
	}
	if got, err := MonsOf(c.MonsConfigMap(testMons())); err != nil || !cmp.Equal(got, testMons()) {
		t.Errorf("mons %+v, %v", got, err)
	}
	secret, err := c.ReservationSecret(testReservation())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ReservationOf(secret); err != nil || !cmp.Equal(got, testReservation()) {
		t.Errorf("reservation %+v, %v", got, err)
	}
	delete(secret.Data, handover.CephxKey)
	if got, err := ReservationOf(secret); err == nil || !strings.Contains(err.Error(), secret.Name) {
		t.Errorf("reservation without key: %+v, %v", got, err)
	}
	if _, err := MonsOf(&corev1.ConfigMap{Data: map[string]string{"quorum": "?"}}); err == nil {
		t.Error("a quorum that is not known was read")
	}
	if _, err := c.ReservationSecret(handover.Reservation{}); err == nil {
		t.Error("an empty reservation was built")
	}
}

func TestRelease(t *testing.T) {
	t.Parallel()
	for image, want := range map[string]int{
		"quay.io/ceph/ceph:v20.2.4": 20, "ceph:20.2": 20, "r:5000/ceph:v18": 18, "ceph:19": 19, "ceph:v20.2.4-20260101": 20,
		"ceph:v20.2.4@sha256:00": 20, "r:5000/ceph": 0, "ceph@sha256:00": 0, "ceph:devel": 0, "ceph:20260101": 0, "ceph:v20x": 0, "": 0,
	} {
		if got := Release(image); got != want {
			t.Errorf("%q: %d, want %d", image, got, want)
		}
	}
}

func TestMemoryTarget(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		profile     v1alpha1.ResourceProfile
		limit, node int64
		osds        int
		want        int64
	}{
		{v1alpha1.ProfileLean, 0, 64 * gibibyte, 1, leastMemoryTarget},
		{v1alpha1.ProfileLean, 0, 64 * gibibyte, 60, leastMemoryTarget},
		{v1alpha1.ProfileLean, 2 * gibibyte, 0, 1, 2 * gibibyte / 10 * 8},
		{v1alpha1.ProfileBalanced, 512 * mebibyte, 0, 1, leastMemoryTarget},
		{v1alpha1.ProfileBalanced, 8 * gibibyte, 64 * gibibyte, 60, 8 * gibibyte / 10 * 8},
		{v1alpha1.ProfileBalanced, 0, 0, 60, 4 * gibibyte},
		{v1alpha1.ProfileBalanced, 0, 1 << 40, 60, 4 * gibibyte},
		{v1alpha1.ProfileBalanced, 0, 24*gibibyte - mebibyte, 1, 2*gibibyte + memoryStep},
		{v1alpha1.ProfileBalanced, 0, 24*gibibyte - mebibyte, 4, 2*gibibyte + memoryStep},
		{v1alpha1.ProfileBalanced, 0, 24*gibibyte - mebibyte, 5, gibibyte + memoryStep},
		{v1alpha1.ProfileBalanced, 0, 64 * gibibyte, 12, 2*gibibyte + memoryStep},
		{v1alpha1.ProfileBalanced, 0, 64 * gibibyte, 60, leastMemoryTarget},
		{v1alpha1.ProfileBalanced, 0, 2 * gibibyte, 1, leastMemoryTarget},
		{v1alpha1.ProfilePerformance, 0, 24 * gibibyte, 2, 4 * gibibyte},
		{v1alpha1.ProfilePerformance, 0, 256 * gibibyte, 24, 7 * gibibyte},
		{v1alpha1.ProfilePerformance, 0, 1 << 40, 24, 8 * gibibyte},
	} {
		if got := MemoryTarget(c.profile, c.limit, c.node, c.osds); got != c.want {
			t.Errorf("%s, limit %d, node %d with %d OSDs: %d, want %d", c.profile, c.limit, c.node, c.osds, got, c.want)
		}
	}
}

// All OSDs of a node fit into its memory, and few of those that are added change the others.
func TestMemoryTargetFollowsTheOSDsInSteps(t *testing.T) {
	t.Parallel()
	for profile, part := range map[v1alpha1.ResourceProfile]float64{v1alpha1.ProfileBalanced: 0.5, v1alpha1.ProfilePerformance: 0.7} {
		const node = 512 * gibibyte
		last, changes := int64(0), 0
		for osds := 1; osds <= 96; osds++ {
			target := MemoryTarget(profile, 0, node, osds)
			if total := float64(target) * float64(osds); total > part*node {
				t.Errorf("%s: %d OSDs take %.0f of %d", profile, osds, total, int64(node))
			}
			if target != last {
				last, changes = target, changes+1
			}
		}
		if changes > 6 {
			t.Errorf("%s: %d changes from 1 to 96 OSDs", profile, changes)
		}
	}
}

// Each line of the table names an option once a profile and daemon, and says why.
func TestSettingsAreOnceAndHaveReasons(t *testing.T) {
	t.Parallel()
	for _, profile := range []v1alpha1.ResourceProfile{v1alpha1.ProfileLean, v1alpha1.ProfileBalanced, v1alpha1.ProfilePerformance} {
		for _, component := range []string{ComponentMon, ComponentMgr, ComponentOSD, ComponentMDS} {
			seen := map[string]bool{}
			for _, s := range Settings(profile, component) {
				if seen[s.Option] || s.Reason == "" {
					t.Errorf("%s %s: %+v", profile, component, s)
				}
				seen[s.Option] = true
			}
		}
	}
}

// The cache of an MDS is half of its memory limit, or what the profile says.
func TestCacheLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		profile     v1alpha1.ResourceProfile
		limit, want int64
	}{
		{v1alpha1.ProfileLean, 0, 256 * mebibyte},
		{v1alpha1.ProfileBalanced, 0, 4 * gibibyte},
		{v1alpha1.ProfilePerformance, 0, 8 * gibibyte},
		{v1alpha1.ProfileLean, 2 * gibibyte, gibibyte},
		{v1alpha1.ProfileBalanced, 32 * mebibyte, 64 * mebibyte},
	} {
		if got := CacheLimit(test.profile, test.limit); got != test.want {
			t.Errorf("%s with a limit of %d: %d, want %d", test.profile, test.limit, got, test.want)
		}
	}
}
