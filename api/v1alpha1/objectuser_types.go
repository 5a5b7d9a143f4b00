package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ObjectUser is a user of an ObjectStore. Its access key is in a Secret beside it.
// Not available in this release: an ObjectUser stays Ready=False with reason NotAvailable.
//
// +seamount:next
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=ouser,categories=seamount;storage
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Store",type=string,JSONPath=`.spec.storeRef.name`
// +kubebuilder:printcolumn:name="Secret",type=string,JSONPath=`.status.secretRef.name`
// +kubebuilder:printcolumn:name="Used",type=string,JSONPath=`.status.summary.used`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="(has(self.spec.secretName) ? self.spec.secretName : self.metadata.name + '-s3') == (has(oldSelf.spec.secretName) ? oldSelf.spec.secretName : oldSelf.metadata.name + '-s3')",fieldPath=".spec.secretName",message="secretName cannot change: workloads read the Secret of that name; create another user"
type ObjectUser struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want.
	//
	// +required
	Spec ObjectUserSpec `json:"spec,omitzero"`

	// status is what the operator found and did. It can be deleted and is rebuilt.
	//
	// +optional
	Status ObjectUserStatus `json:"status,omitzero"`
}

// ObjectUserList is a list of ObjectUsers.
//
// +kubebuilder:object:root=true
type ObjectUserList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ObjectUser `json:"items"`
}

// ObjectUserSpec is what people want of a user.
type ObjectUserSpec struct {
	// storeRef names the ObjectStore. It cannot change.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="storeRef cannot change: a user lives in one object store"
	StoreRef ObjectStoreReference `json:"storeRef,omitzero"`

	// displayName of the user in the store. Default: the name of the object.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	DisplayName string `json:"displayName,omitempty"`

	// secretName is the Secret that is made in this namespace, with the keys endpoint, accessKey and secretKey.
	// Default: the name of the object, and -s3. It cannot change.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	SecretName string `json:"secretName,omitempty"`

	// quota of the user. Default: none.
	//
	// +optional
	Quota *ObjectUserQuota `json:"quota,omitempty"`

	// capabilities for the store's admin API. Default: none.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Capabilities []ObjectUserCapability `json:"capabilities,omitempty"`

	// access of the user. Suspended refuses its requests and keeps its buckets. Default: Active.
	//
	// +optional
	Access ObjectUserAccess `json:"access,omitempty"`
}

// ObjectStoreReference names an ObjectStore.
type ObjectStoreReference struct {
	// name of the ObjectStore.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name,omitempty"`

	// namespace of the ObjectStore. Default: the user's own.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Namespace string `json:"namespace,omitempty"`
}

// ObjectUserQuota bounds what a user may store.
type ObjectUserQuota struct {
	// bytes of all objects.
	//
	// +optional
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity('1'))",message="write a size in bytes above zero, such as 200Gi"
	Bytes *resource.Quantity `json:"bytes,omitempty"`

	// objects is the number of objects.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Objects int64 `json:"objects,omitempty"`

	// buckets is the number of buckets.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	Buckets int32 `json:"buckets,omitempty"`
}

// ObjectUserCapability is a right to a part of the store's admin API.
type ObjectUserCapability struct {
	// type of what the right is to.
	//
	// +required
	Type CapabilityType `json:"type,omitempty"`

	// access that is given.
	//
	// +required
	Access CapabilityAccess `json:"access,omitempty"`
}

// ObjectUserStatus is what the operator found and did.
type ObjectUserStatus struct {
	// conditions of the user: Ready and Deleting.
	//
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=32
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// observedGeneration is the generation of the spec that this status speaks of.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// userID in the store.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	UserID string `json:"userID,omitempty"`

	// secretRef names the Secret with the access key.
	//
	// +optional
	SecretRef *SecretReference `json:"secretRef,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *ObjectUserSummary `json:"summary,omitempty"`
}

// ObjectUserSummary is for eyes. It promises nothing to programs.
type ObjectUserSummary struct {
	// used bytes in words, such as 120 GB.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Used string `json:"used,omitempty"`
}

// CapabilityType is a part of the store's admin API.
// See https://docs.ceph.com/en/latest/radosgw/admin/#add-remove-admin-capabilities.
//
// +kubebuilder:validation:Enum=Users;Buckets;Metadata;Usage;Zone
type CapabilityType string

// The parts of the store's admin API.
const (
	CapabilityUsers    CapabilityType = "Users"
	CapabilityBuckets  CapabilityType = "Buckets"
	CapabilityMetadata CapabilityType = "Metadata"
	CapabilityUsage    CapabilityType = "Usage"
	CapabilityZone     CapabilityType = "Zone"
)

// CapabilityAccess is what may be done with a part of the store's admin API.
//
// +kubebuilder:validation:Enum=Read;Write;ReadWrite
type CapabilityAccess string

// What may be done with a part of the store's admin API.
const (
	CapabilityRead      CapabilityAccess = "Read"
	CapabilityWrite     CapabilityAccess = "Write"
	CapabilityReadWrite CapabilityAccess = "ReadWrite"
)

// ObjectUserAccess says whether a user's requests are served.
//
// +kubebuilder:validation:Enum=Active;Suspended
type ObjectUserAccess string

// Whether a user's requests are served.
const (
	AccessActive    ObjectUserAccess = "Active"
	AccessSuspended ObjectUserAccess = "Suspended"
)
