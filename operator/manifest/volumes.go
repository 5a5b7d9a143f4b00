package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

const programVolume = "program"

// volume of a pod, and where it is mounted.
type volume struct {
	name, path string
	source     corev1.VolumeSource
	readOnly   bool
	install    bool // the init container needs it too
}

func (v volume) mount() corev1.VolumeMount {
	return corev1.VolumeMount{Name: v.name, MountPath: v.path, ReadOnly: v.readOnly}
}

// commonVolumes are those of every daemon.
func (c Cluster) commonVolumes() []volume {
	return []volume{
		{name: programVolume, path: handover.ProgramDir, source: emptyDir(""), readOnly: true},
		{name: "conf", path: handover.ConfDir, source: configMap(ConfigName(c.Name)), readOnly: true},
		{name: "run", path: handover.RunDir, source: emptyDir("")},
		{name: "data", path: handover.DataDir, source: emptyDir("")},
		{name: "tmp", path: "/tmp", source: emptyDir("")},
	}
}

func emptyDir(medium corev1.StorageMedium) corev1.VolumeSource {
	return corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{Medium: medium}}
}

func configMap(name string) corev1.VolumeSource {
	return corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
}

// secretVolume is a Secret that only the daemon may read: root, and the group of the pod's files.
func secretVolume(name string) volume {
	return volume{name: "secret", path: handover.SecretDir, readOnly: true, source: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: ptr.To[int32](0o440)},
	}}
}

func hostPath(path string, kind corev1.HostPathType) corev1.VolumeSource {
	return corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: path, Type: ptr.To(kind)}}
}
