package v1alpha1

// Refusal is a "no" as data: what stands in the way, why, and what to do about it. Conditions, events, the command line
// and the dashboard print the same text.
type Refusal struct {
	// reason in one word, stable across releases.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	Reason string `json:"reason,omitempty"`

	// message says what and why, with Ceph's own words where it is Ceph that refuses.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Message string `json:"message,omitempty"`

	// remedy is what to do about it: a command to run or a field to set.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Remedy string `json:"remedy,omitempty"`
}
