package v1alpha1

import corev1 "k8s.io/api/core/v1"

// Placement says on which nodes pods may run. How they are spread over those nodes is the operator's business: it
// follows from the topology.
type Placement struct {
	// nodeSelector lists the labels that a node must carry. Empty: any node.
	//
	// +optional
	// +kubebuilder:validation:MaxProperties=16
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations for the taints of those nodes.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
}

// OSDPlacement is the placement of OSDs. An OSD runs where its disk is, so that only taints are left to say.
type OSDPlacement struct {
	// tolerations for the taints of the nodes that the disks are in. They take the place of those in spec.placement.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`
}
