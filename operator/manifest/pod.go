package manifest

import (
	"cmp"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// cephUser is the user and group ceph in images of Ceph.
const cephUser = 167

// nobody is the user of an init container that needs nothing.
const nobody = 65532

// program is how a daemon's container is put together.
type program struct {
	component, daemon string
	hostname          string
	tolerations       []corev1.Toleration
	own               *corev1.ResourceRequirements
	// args of seamount-node, and what it passes on to the daemon.
	args, daemonArgs []string
	volumes          []volume
	installArgs      []string
	installSecurity  *corev1.SecurityContext
	security         *corev1.SecurityContext
	env              []corev1.EnvVar
	grace            int64
	priority         string
}

// deployment of one daemon. Recreate, because two pods of a daemon must never share its store.
func (c Cluster) deployment(name string, p program) *appsv1.Deployment {
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: c.owned(name, p.component, p.daemon),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1),
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			// Nothing is rolled back by Kubernetes: an older template is the operator's to build.
			RevisionHistoryLimit: ptr.To[int32](0),
			Selector:             &metav1.LabelSelector{MatchLabels: c.selector(p.component, p.daemon)},
			Template:             c.template(p),
		},
	}
}

func (c Cluster) template(p program) corev1.PodTemplateSpec {
	volumes := slices.Concat(c.commonVolumes(), p.volumes)
	spec := corev1.PodSpec{
		NodeSelector:                  map[string]string{corev1.LabelHostname: p.hostname},
		Tolerations:                   slices.Concat(p.tolerations, stayTolerations),
		PriorityClassName:             p.priority,
		AutomountServiceAccountToken:  ptr.To(false),
		EnableServiceLinks:            ptr.To(false),
		TerminationGracePeriodSeconds: ptr.To(p.grace),
		SecurityContext:               &corev1.PodSecurityContext{FSGroup: ptr.To[int64](cephUser), SeccompProfile: runtimeDefault()},
		InitContainers:                []corev1.Container{c.installContainer(p)},
		Containers:                    []corev1.Container{c.daemonContainer(p, volumes)},
	}
	if c.Network.Host {
		spec.HostNetwork, spec.DNSPolicy = true, corev1.DNSClusterFirstWithHostNet
	}
	for _, v := range volumes {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: v.name, VolumeSource: v.source})
	}
	for _, name := range c.ImagePullSecrets {
		spec.ImagePullSecrets = append(spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: c.labels(p.component, p.daemon)},
		Spec:       spec,
	}
}

// stayTolerations keep the pod of a daemon where its data is. Evicted from a node that does not answer, it could run
// nowhere else, and would start later when the node is back. A cordoned node is not among them: who drains a node wants
// its pods gone.
var stayTolerations = []corev1.Toleration{
	{Key: corev1.TaintNodeNotReady, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
	{Key: corev1.TaintNodeUnreachable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute},
	{Key: corev1.TaintNodeMemoryPressure, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
	{Key: corev1.TaintNodeDiskPressure, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
	{Key: corev1.TaintNodePIDPressure, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule},
}

// installContainer copies seamount-node to where the daemon's container finds it: that runs an image of Ceph, in which
// there is nothing of ours.
func (c Cluster) installContainer(p program) corev1.Container {
	mounts := []corev1.VolumeMount{{Name: programVolume, MountPath: handover.ProgramDir}}
	for _, v := range p.volumes {
		if v.install {
			mounts = append(mounts, v.mount())
		}
	}
	return corev1.Container{
		Name:            "install",
		Image:           c.NodeImage,
		Args:            append([]string{"ceph", "install", "--to=" + handover.Program}, p.installArgs...),
		SecurityContext: cmp.Or(p.installSecurity, restricted(nobody)),
		VolumeMounts:    mounts,
	}
}

// daemonContainer runs seamount-node, which becomes the daemon once all is in place.
//
// There is no probe. Ceph's daemons end themselves when their threads hang, and tell the others when they stop. A probe
// could only kill one that is slow because its disk or its peers are, and then begins the same work anew.
func (c Cluster) daemonContainer(p program, volumes []volume) corev1.Container {
	args := slices.Concat([]string{"ceph", p.component}, p.args, []string{"--"}, p.daemonArgs)
	container := corev1.Container{
		Name:            p.component,
		Image:           c.Image,
		Command:         []string{handover.Program},
		Args:            args,
		Env:             slices.Concat(placeEnv, p.env),
		Resources:       c.resources(p.component, p.own),
		SecurityContext: p.security,
		// Ceph's last words are the message of a daemon that died, our refusal that of one that was not started.
		TerminationMessagePath:   handover.TerminationFile,
		TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
	}
	for _, v := range volumes {
		container.VolumeMounts = append(container.VolumeMounts, v.mount())
	}
	return container
}

// placeEnv tells a daemon where it is.
var placeEnv = []corev1.EnvVar{
	{Name: handover.EnvNode, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nodeName"}}},
	{Name: handover.EnvPodIPs, ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIPs"}}},
}
