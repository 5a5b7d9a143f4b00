package manifest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// sharedByClusters is the value of v1alpha1.LabelCluster on what belongs to all clusters of a namespace. The value of no
// single cluster is without a dot.
const sharedByClusters = "all"

// CSISecret is the part of one cluster of what the CSI controller is handed; with a nil value it has none. Each cluster
// applies its part as an owner of its own (v1alpha1.FieldOwnerCluster).
func (c Cluster) CSISecret(value []byte) *corev1.Secret {
	secret := &corev1.Secret{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: handover.CSISecretName,
			Labels: map[string]string{v1alpha1.LabelCluster: sharedByClusters, LabelComponent: ComponentCSI},
		},
	}
	if value != nil {
		secret.Data = map[string][]byte{c.Name: value}
	}
	return secret
}
