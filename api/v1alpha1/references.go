package v1alpha1

// ClusterReference names the StorageCluster that an object belongs to. The cluster is in the object's own namespace.
type ClusterReference struct {
	// name of the StorageCluster, in the namespace of the object that refers to it.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}

// SecretReference names a Secret in the namespace of the object that refers to it.
type SecretReference struct {
	// name of the Secret.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`
}
