package manifest

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"
)

func runtimeDefault() *corev1.SeccompProfile {
	return &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
}

// restricted is a container that may do nothing but compute, as a user of its own.
func restricted(user int64) *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:                ptr.To(user),
		RunAsGroup:               ptr.To(user),
		RunAsNonRoot:             ptr.To(true),
		AllowPrivilegeEscalation: ptr.To(false),
		ReadOnlyRootFilesystem:   ptr.To(true),
		Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
	}
}

// handsOver is the init container of a mon: kubelet makes the directory of the store as root, and it becomes the
// daemon's own.
func handsOver() *corev1.SecurityContext {
	context := restricted(0)
	context.RunAsNonRoot = ptr.To(false)
	context.Capabilities.Add = []corev1.Capability{"CHOWN"}
	return context
}

// opensDisks is an OSD's container. Kubernetes lets a pod open a block device that is not one of its volumes only when
// it is privileged.
func opensDisks() *corev1.SecurityContext {
	return &corev1.SecurityContext{
		RunAsUser:              ptr.To[int64](0),
		RunAsGroup:             ptr.To[int64](0),
		Privileged:             ptr.To(true),
		ReadOnlyRootFilesystem: ptr.To(true),
	}
}
