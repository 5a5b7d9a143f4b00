package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ObjectStore is an S3 object store: its pools and its gateways.
// Not available in this release: an ObjectStore stays Ready=False with reason NotAvailable.
//
// +seamount:next
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:subresource:scale:specpath=.spec.gateway.count,statuspath=.status.readyGateways,selectorpath=.status.selector
// +kubebuilder:resource:scope=Namespaced,shortName=ostore,categories=seamount;storage
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Cluster",type=string,JSONPath=`.spec.clusterRef.name`
// +kubebuilder:printcolumn:name="Gateways",type=string,JSONPath=`.status.summary.gateways`
// +kubebuilder:printcolumn:name="Endpoint",type=string,JSONPath=`.status.endpoints[0]`
// +kubebuilder:printcolumn:name="Users",type=integer,JSONPath=`.status.dependents.users`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type ObjectStore struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want.
	//
	// +required
	Spec ObjectStoreSpec `json:"spec,omitzero"`

	// status is what the operator found and did. It can be deleted and is rebuilt.
	//
	// +optional
	Status ObjectStoreStatus `json:"status,omitzero"`
}

// ObjectStoreList is a list of ObjectStores.
//
// +kubebuilder:object:root=true
type ObjectStoreList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []ObjectStore `json:"items"`
}

// ObjectStoreSpec is what people want of an object store.
type ObjectStoreSpec struct {
	// clusterRef names the StorageCluster that the object store lives in. It cannot change.
	//
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="clusterRef cannot change: an object store lives in one cluster"
	ClusterRef ClusterReference `json:"clusterRef,omitzero"`

	// metadataPool holds indexes and users; put it on fast disks. It must be replicated. Default: 3 replicas.
	//
	// +optional
	// +kubebuilder:validation:XValidation:rule="!has(self.erasureCoded)",message="metadataPool must be replicated"
	MetadataPool *PoolLayout `json:"metadataPool,omitempty"`

	// dataPool holds the objects.
	//
	// +required
	DataPool PoolLayout `json:"dataPool,omitzero"`

	// gateway describes the servers that speak S3.
	//
	// +optional
	Gateway *GatewaySpec `json:"gateway,omitempty"`

	// hostnames under which buckets are virtual hosts, such as s3.example.com.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`
	Hostnames []string `json:"hostnames,omitempty"`

	// allowedNamespaces are those whose ObjectUsers the store serves.
	//
	// +optional
	AllowedNamespaces *AllowedNamespaces `json:"allowedNamespaces,omitempty"`
}

// GatewaySpec describes the servers that speak S3.
type GatewaySpec struct {
	// count of gateways. Default: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=1000
	Count *int32 `json:"count,omitempty"`

	// port of the Service. Default: 443 with tls, else 80.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port,omitempty"`

	// tls of the gateways. Default: none.
	//
	// +optional
	TLS *GatewayTLS `json:"tls,omitempty"`

	// placement of the gateways, in place of the cluster's.
	//
	// +optional
	Placement *Placement `json:"placement,omitempty"`

	// resources of each gateway, as in a pod. Default: after the cluster's resourceProfile.
	//
	// +optional
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// GatewayTLS says which certificate the gateways show.
type GatewayTLS struct {
	// secretRef names a Secret of type kubernetes.io/tls.
	//
	// +required
	SecretRef SecretReference `json:"secretRef,omitzero"`
}

// AllowedNamespaces says whose ObjectUsers a store serves.
//
// +kubebuilder:validation:XValidation:rule="has(self.selector) == (self.?from.orValue('Same') == 'Selector')",message="selector goes with from: Selector"
type AllowedNamespaces struct {
	// from says which namespaces: Same is the store's own, All is every one, Selector those whose labels match selector.
	// Default: Same.
	//
	// +optional
	From NamespacesFrom `json:"from,omitempty"`

	// selector of namespaces by their labels. Exactly with from: Selector.
	//
	// +optional
	Selector *metav1.LabelSelector `json:"selector,omitempty"`
}

// ObjectStoreStatus is what the operator found and did.
type ObjectStoreStatus struct {
	// conditions of the store: Ready, Placeable, UpToDate and Deleting.
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

	// endpoints at which the store answers.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	Endpoints []string `json:"endpoints,omitempty"`

	// readyGateways is how many gateways answer; the scale subresource reports it.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	ReadyGateways *int32 `json:"readyGateways,omitempty"`

	// selector of the gateways' pods; the scale subresource reports it to autoscalers.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	Selector string `json:"selector,omitempty"`

	// summary is for eyes, as shown by kubectl get. It promises nothing to programs.
	//
	// +optional
	Summary *ObjectStoreSummary `json:"summary,omitempty"`

	// dependents are what keeps the store from being deleted.
	//
	// +optional
	Dependents *ObjectStoreDependents `json:"dependents,omitempty"`
}

// ObjectStoreSummary is for eyes. It promises nothing to programs.
type ObjectStoreSummary struct {
	// gateways that answer, of all.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Gateways string `json:"gateways,omitempty"`
}

// ObjectStoreDependents counts what lives in a store.
type ObjectStoreDependents struct {
	// buckets in the store.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Buckets *int32 `json:"buckets,omitempty"`

	// users are ObjectUsers.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	Users *int32 `json:"users,omitempty"`

	// first ten of them.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=10
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	First []string `json:"first,omitempty"`
}

// NamespacesFrom says where ObjectUsers may be.
//
// +kubebuilder:validation:Enum=Same;All;Selector
type NamespacesFrom string

// Where ObjectUsers may be.
const (
	NamespacesSame     NamespacesFrom = "Same"
	NamespacesAll      NamespacesFrom = "All"
	NamespacesSelector NamespacesFrom = "Selector"
)
