package manifest

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// ComponentRecovery is the value of LabelComponent of what reads the key of the mons from a store.
const ComponentRecovery = "recovery"

// RecoveryName is the name of the Secret that takes a key from a mon's store, and of the ServiceAccount that may write
// it. Its Role names this one Secret, so that the name cannot depend on the cluster: of the clusters of a namespace one
// is rebuilt at a time.
const RecoveryName = "seamount-recovery"

// RecoveryPodName is the name of the pod that reads the store of a mon.
func RecoveryPodName(cluster, mon string) string { return prefix(cluster) + "-recovery-" + mon }

// RecoveryMonOf returns the mon whose store a pod of ComponentRecovery reads.
func RecoveryMonOf(cluster string, pod *corev1.Pod) string {
	return strings.TrimPrefix(pod.Name, RecoveryPodName(cluster, ""))
}

// RecoverySecret is empty: a pod fills it in.
func (c Cluster) RecoverySecret() *corev1.Secret {
	secret := c.secret(RecoveryName, ComponentRecovery, "", nil)
	secret.ObjectMeta = c.owned(RecoveryName, ComponentRecovery, "")
	return secret
}

// RecoveredKey returns the key that a pod has filled in; a zero one when none has yet.
func RecoveredKey(secret *corev1.Secret) ceph.Secret {
	return ceph.NewSecret(string(secret.Data[handover.RecoveredMonKey]))
}

// storeDir is where the pod that reads a mon's store has it.
const storeDir = "/store"

// RecoveryPod reads the key of mon. from the store of a mon, which may run meanwhile, and writes it into the Secret of
// this uid. It may read that one directory, as the user whose it is, and write that one Secret.
func (c Cluster) RecoveryPod(mon handover.Mon, hostname string, secret types.UID) *corev1.Pod {
	volumes := []volume{
		{name: "store", path: storeDir, source: hostPath(handover.MonHostDir(c.FSID, mon.Name), corev1.HostPathDirectory), readOnly: true},
		{name: "run", path: handover.RunDir, source: emptyDir("")},
	}
	container := corev1.Container{
		Name: ComponentRecovery, Image: c.NodeImage,
		Args: []string{"ceph", "recover", "--name=" + mon.Name, "--fsid=" + c.FSID, "--dir=" + storeDir,
			"--namespace=" + c.Namespace, "--secret=" + RecoveryName, "--secret-uid=" + string(secret)},
		Env:                    placeEnv,
		SecurityContext:        restricted(cephUser),
		TerminationMessagePath: handover.TerminationFile,
	}
	pod := &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: c.owned(RecoveryPodName(c.Name, mon.Name), ComponentRecovery, ""),
		Spec: corev1.PodSpec{
			NodeSelector:       map[string]string{corev1.LabelHostname: hostname},
			Tolerations:        []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			PriorityClassName:  priorityCluster,
			RestartPolicy:      corev1.RestartPolicyNever,
			ServiceAccountName: RecoveryName,
			EnableServiceLinks: ptr.To(false),
			SecurityContext:    &corev1.PodSecurityContext{SeccompProfile: runtimeDefault()},
		},
	}
	for _, v := range volumes {
		container.VolumeMounts = append(container.VolumeMounts, v.mount())
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: v.name, VolumeSource: v.source})
	}
	pod.Spec.Containers = []corev1.Container{container}
	for _, name := range c.ImagePullSecrets {
		pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: name})
	}
	return pod
}
