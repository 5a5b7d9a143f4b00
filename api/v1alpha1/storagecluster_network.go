package v1alpha1

// NetworkSpec says which network the daemons use.
//
// +kubebuilder:validation:XValidation:rule="self.?mode.orValue('Pod') == 'Multus' ? self.?public.?attachment.hasValue() : !self.?public.?attachment.hasValue() && !self.?cluster.?attachment.hasValue()",message="network: attachment goes with mode: Multus, and Multus needs public.attachment"
type NetworkSpec struct {
	// mode of the network. Pod uses the pod network, Host the node's own addresses. Default: Pod. It cannot change.
	// Multus is not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next=Multus
	Mode NetworkMode `json:"mode,omitempty"`

	// ipFamily of the addresses that the daemons listen on. Default: IPv4. It cannot change.
	//
	// +optional
	IPFamily IPFamily `json:"ipFamily,omitempty"`

	// public is the network between clients and daemons.
	//
	// +optional
	Public *NetworkRange `json:"public,omitempty"`

	// cluster is the network between OSDs, for replication on its own wire. Default: the public one.
	//
	// +optional
	Cluster *NetworkRange `json:"cluster,omitempty"`
}

// NetworkRange says which of a pod's or node's addresses belong to a network.
type NetworkRange struct {
	// cidrs of the network, such as 10.10.0.0/16.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Format=cidr
	CIDRs []string `json:"cidrs,omitempty"`

	// attachment is the NetworkAttachmentDefinition, as name or namespace/name. With mode: Multus only.
	// Not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z0-9]([-a-z0-9]*[a-z0-9])?/)?[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`
	Attachment string `json:"attachment,omitempty"`
}

// EncryptionSpec says how data is encrypted.
type EncryptionSpec struct {
	// atRest says how the disks are encrypted. Default: None. It cannot change: it decides how every disk is prepared.
	// LUKS2 is not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next=LUKS2
	AtRest EncryptionAtRest `json:"atRest,omitempty"`

	// inTransit says how the wire is encrypted. Default: None. With Msgr2Secure, kernel clients need Linux 5.11.
	// Msgr2Secure is not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next=Msgr2Secure
	InTransit EncryptionInTransit `json:"inTransit,omitempty"`

	// keyStore says where the keys of encrypted disks are kept. It cannot change.
	// Not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next
	KeyStore *KeyStoreSpec `json:"keyStore,omitempty"`
}

// KeyStoreSpec says where the keys of encrypted disks are kept.
//
// +kubebuilder:validation:XValidation:rule="has(self.vault) == (self.?provider.orValue('Kubernetes') == 'Vault')",message="keyStore: set vault exactly when provider is Vault"
type KeyStoreSpec struct {
	// provider of the store. Kubernetes keeps a Secret for each disk, Vault keeps them in HashiCorp Vault. Default: Kubernetes.
	//
	// +optional
	Provider KeyStoreProvider `json:"provider,omitempty"`

	// vault to use. Exactly when provider is Vault.
	//
	// +optional
	Vault *VaultSpec `json:"vault,omitempty"`
}

// VaultSpec says how to reach HashiCorp Vault.
type VaultSpec struct {
	// address of Vault, such as https://vault:8200. Only https.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^https://[^/\s]+(/\S*)?$`
	Address string `json:"address,omitempty"`

	// path under which the keys are kept.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Path string `json:"path,omitempty"`

	// role to log in with through Vault's Kubernetes auth method.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Role string `json:"role,omitempty"`

	// caSecretRef names a Secret with the certificate authority of Vault, key ca.crt. Default: the system's authorities.
	//
	// +optional
	CASecretRef *SecretReference `json:"caSecretRef,omitempty"`
}
