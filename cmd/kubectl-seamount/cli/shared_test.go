package cli

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// media are two pods on two nodes that share a file volume.
func media() []client.Object {
	const name = "pvc-0a1b2c3d-0000-4000-8000-000000000002"
	shared := volume(name, "shared", "1Ti", &corev1.ObjectReference{Namespace: "shop", Name: "media"})
	shared.Spec.CSI.Driver, shared.Spec.CSI.VolumeHandle = v1alpha1.ProvisionerCephFS, "seamount/main/home/shared/"+name
	shared.Spec.AccessModes = []corev1.PersistentVolumeAccessMode{corev1.ReadWriteMany}
	c := claim("shop", "media", "shared", "1Ti", name)
	c.Spec.AccessModes = shared.Spec.AccessModes
	all := []client.Object{shared, c, workload("shop", "media-0", "n1", true, "media"), workload("shop", "media-1", "n2", true, "media")}
	for _, node := range []string{"n1", "n2"} {
		a := attached(name, node, true)
		a.Name += "-" + node
		a.Spec.Attacher = v1alpha1.ProvisionerCephFS
		all = append(all, a)
	}
	return all
}
