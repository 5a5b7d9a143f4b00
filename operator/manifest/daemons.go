package manifest

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// How long a daemon may take to stop, in seconds. An OSD writes out what it knows of its free space; without that its
// next start reads the whole disk's metadata.
const (
	monGrace = 60
	mgrGrace = 30
	mdsGrace = 30
	osdGrace = 200
)

// Priorities. Whatever needs a volume waits for mons and OSDs.
const (
	priorityNode    = "system-node-critical"
	priorityCluster = "system-cluster-critical"
)

// MonDeployment runs a mon. Its store lies in a directory of the node.
func (c Cluster) MonDeployment(m MonPod) *appsv1.Deployment {
	args := []string{"--name=" + m.Name, "--fsid=" + c.FSID, "--address=" + m.Address}
	if !c.Network.Host {
		args = append(args, "--bind-pod-address")
	}
	store := handover.MonHostDir(c.FSID, m.Name)
	settings := append(Settings(c.profile(), ComponentMon), c.topologySettings()...)
	return c.deployment(MonName(c.Name, m.Name), program{
		component: ComponentMon, daemon: MonDaemon(m.Name), hostname: m.Hostname, tolerations: m.Tolerations, own: m.Resources,
		args: args, daemonArgs: arguments(settings), env: c.allocatorEnv(),
		volumes: []volume{
			{name: "store", path: handover.MonDir, source: hostPath(store, corev1.HostPathDirectoryOrCreate), install: true},
			{name: "mons", path: handover.MonsDir, source: configMap(MonsName(c.Name)), readOnly: true},
			secretVolume(SeedName(c.Name)),
		},
		installArgs:     []string{fmt.Sprintf("--own=%d:%s", cephUser, handover.MonDir)},
		installSecurity: handsOver(),
		security:        restricted(cephUser),
		grace:           monGrace, priority: priorityNode,
	})
}

// crushTypes are the numbers of the levels in a CRUSH map that Ceph makes.
var crushTypes = map[v1alpha1.FailureDomain]string{
	v1alpha1.FailureDomainOSD: "0", v1alpha1.FailureDomainHost: "1", v1alpha1.FailureDomainChassis: "2",
	v1alpha1.FailureDomainRack: "3", v1alpha1.FailureDomainRow: "4", v1alpha1.FailureDomainRoom: "7",
	v1alpha1.FailureDomainDatacenter: "8", v1alpha1.FailureDomainZone: "9", v1alpha1.FailureDomainRegion: "10",
}

// topologySettings make the first CRUSH rule, which pools of Ceph's own use, one of the cluster's failure domain.
func (c Cluster) topologySettings() []Setting {
	number, known := crushTypes[c.FailureDomain]
	if !known {
		return nil
	}
	return []Setting{{"osd_crush_chooseleaf_type", number, "the failure domain of the cluster"}}
}

// MgrDeployment runs a mgr.
func (c Cluster) MgrDeployment(m MgrPod) *appsv1.Deployment {
	args := []string{"--name=" + m.Name}
	if c.profile() == v1alpha1.ProfileLean {
		args = append(args, "--modules="+strings.Join(c.leanModules(), ","))
	}
	return c.deployment(MgrName(c.Name, m.Name), program{
		component: ComponentMgr, daemon: MgrDaemon(m.Name), hostname: m.Hostname, tolerations: m.Tolerations, own: m.Resources,
		args: args, daemonArgs: arguments(Settings(c.profile(), ComponentMgr)), env: c.allocatorEnv(),
		volumes:  []volume{secretVolume(MgrName(c.Name, m.Name))},
		security: restricted(cephUser),
		grace:    mgrGrace, priority: priorityCluster,
	})
}

// OSDDeployment runs an OSD. Its directory is made from its disk alone at each start, and nothing of it stays on the node.
func (c Cluster) OSDDeployment(o OSDPod) *appsv1.Deployment {
	var limit int64
	if o.Resources != nil {
		limit = o.Resources.Limits.Memory().Value()
	}
	target := Setting{"osd_memory_target", fmt.Sprint(MemoryTarget(c.profile(), limit, o.NodeMemory, o.NodeOSDs)), "the pod's memory"}
	args := []string{fmt.Sprintf("--id=%d", o.ID), "--location=" + o.Location, "--device-class=" + o.DeviceClass}
	if c.Network.Host && len(c.Network.Public) == 0 {
		args = append(args, "--public-pod-address")
	}
	return c.deployment(OSDName(c.Name, o.ID), program{
		component: ComponentOSD, daemon: OSDDaemon(o.ID), hostname: o.Hostname, tolerations: o.Tolerations, own: o.Resources,
		args: args, daemonArgs: arguments(append(Settings(c.profile(), ComponentOSD), target)), env: c.allocatorEnv(),
		volumes: []volume{
			{name: "osd", path: handover.OSDDir, source: emptyDir(corev1.StorageMediumMemory)},
			{name: "dev", path: "/dev", source: hostPath("/dev", corev1.HostPathDirectory)},
			{name: "udev", path: "/run/udev", source: hostPath("/run/udev", corev1.HostPathUnset), readOnly: true},
			secretVolume(OSDName(c.Name, o.ID)),
		},
		security: opensDisks(),
		grace:    osdGrace, priority: priorityNode,
	})
}

// MDSDeployment runs a metadata server of one filesystem. It keeps nothing: what it knows is in the filesystem's pools.
func (c Cluster) MDSDeployment(m MDSPod) *appsv1.Deployment {
	var limit int64
	if m.Resources != nil {
		limit = m.Resources.Limits.Memory().Value()
	}
	cache := Setting{"mds_cache_memory_limit", fmt.Sprint(CacheLimit(c.profile(), limit)), "the pod's memory"}
	deployment := c.deployment(MDSName(c.Name, m.Name), program{
		component: ComponentMDS, daemon: MDSDaemon(m.Name), hostname: m.Hostname, tolerations: m.Tolerations, own: m.Resources,
		args:       []string{"--name=" + m.Name, "--filesystem=" + m.Filesystem},
		daemonArgs: arguments(append(Settings(c.profile(), ComponentMDS), cache)), env: c.allocatorEnv(),
		volumes:  []volume{secretVolume(MDSName(c.Name, m.Name))},
		security: restricted(cephUser),
		grace:    mdsGrace, priority: priorityCluster,
	})
	c.ofFilesystem(&deployment.ObjectMeta, m.Filesystem)
	deployment.Spec.Template.Labels[v1alpha1.LabelFilesystem] = v1alpha1.FilesystemLabelValue(m.Filesystem)
	return deployment
}

// ofFilesystem says which filesystem an object is for: in a label, which finds it, and in an annotation, which is never cut.
func (c Cluster) ofFilesystem(meta *metav1.ObjectMeta, filesystem string) {
	meta.Labels[v1alpha1.LabelFilesystem] = v1alpha1.FilesystemLabelValue(filesystem)
	if meta.Annotations == nil {
		meta.Annotations = map[string]string{}
	}
	meta.Annotations[v1alpha1.AnnotationFilesystem] = c.Namespace + "/" + filesystem
}

// FilesystemOf returns the name of the filesystem that an object of an MDS is for; empty: it does not say.
func FilesystemOf(annotations map[string]string) string {
	_, name, _ := strings.Cut(annotations[v1alpha1.AnnotationFilesystem], "/")
	return name
}

// alwaysOn are the modules that a mgr must find: without one of them the cluster is HEALTH_ERR.
var alwaysOn = []string{
	"balancer", "crash", "devicehealth", "orchestrator", "pg_autoscaler", "progress", "rbd_support", "status", "telemetry", "volumes",
}

// leanModules are those that a mgr of the profile Lean can load: 200 MB and 4 s to start instead of 300 MB and 6.5 s.
func (c Cluster) leanModules() []string {
	return append(append(append([]string{}, alwaysOn...), "prometheus"), c.MgrModules...)
}

// allocatorEnv bounds what the memory allocators of Ceph's images keep: glibc's, and tcmalloc where an image has it.
func (c Cluster) allocatorEnv() []corev1.EnvVar {
	if c.profile() != v1alpha1.ProfileLean {
		// As the packages of Ceph's own distributions set it: tcmalloc's 32 MiB slow down many threads.
		return []corev1.EnvVar{{Name: "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES", Value: "134217728"}}
	}
	// One arena, and memory goes back to the kernel: an OSD that has written 2 GiB takes 150 MB instead of 350.
	return []corev1.EnvVar{
		{Name: "MALLOC_ARENA_MAX", Value: "1"},
		{Name: "MALLOC_MMAP_THRESHOLD_", Value: "65536"},
		{Name: "MALLOC_TRIM_THRESHOLD_", Value: "65536"},
		{Name: "TCMALLOC_MAX_TOTAL_THREAD_CACHE_BYTES", Value: "33554432"},
	}
}
