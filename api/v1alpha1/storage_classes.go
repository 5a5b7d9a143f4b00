package v1alpha1

// StorageClassSettings are the settings of a Kubernetes StorageClass that block and file storage share. Kubernetes
// does not let a StorageClass change: the operator deletes it and makes it again; volumes do not depend on it.
type StorageClassSettings struct {
	// clusterDefault says, with Enabled, that claims that name no class get this one. Default: Disabled.
	//
	// +optional
	ClusterDefault ClusterDefault `json:"clusterDefault,omitempty"`

	// reclaimPolicy says what becomes of a volume when its claim is deleted. Default: Delete.
	//
	// +optional
	ReclaimPolicy ReclaimPolicy `json:"reclaimPolicy,omitempty"`

	// mountOptions handed to mount as they are, such as noatime.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	MountOptions []string `json:"mountOptions,omitempty"`
}

// ClusterDefault says whether a StorageClass is the Kubernetes cluster's default.
//
// +kubebuilder:validation:Enum=Disabled;Enabled
type ClusterDefault string

// Whether a StorageClass is the Kubernetes cluster's default.
const (
	ClusterDefaultDisabled ClusterDefault = "Disabled"
	ClusterDefaultEnabled  ClusterDefault = "Enabled"
)

// ReclaimPolicy says what becomes of a volume when its claim is deleted.
//
// +kubebuilder:validation:Enum=Delete;Retain
type ReclaimPolicy string

// The reclaim policies, as Kubernetes has them.
const (
	ReclaimDelete ReclaimPolicy = "Delete"
	ReclaimRetain ReclaimPolicy = "Retain"
)
