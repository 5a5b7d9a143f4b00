package v1alpha1

// ResourceProfile is one word for some twenty settings of the daemons.
//
// +kubebuilder:validation:Enum=Lean;Balanced;Performance
type ResourceProfile string

// The resource profiles.
const (
	ProfileLean        ResourceProfile = "Lean"
	ProfileBalanced    ResourceProfile = "Balanced"
	ProfilePerformance ResourceProfile = "Performance"
)

// PauseMode says what the operator leaves undone.
//
// +kubebuilder:validation:Enum=None;Upgrades;All
type PauseMode string

// What the operator leaves undone.
const (
	PauseNone     PauseMode = "None"
	PauseUpgrades PauseMode = "Upgrades"
	PauseAll      PauseMode = "All"
)

// DeletionPolicy says what becomes of the disks when a StorageCluster is deleted.
//
// +kubebuilder:validation:Enum=Retain;Wipe
type DeletionPolicy string

// What becomes of the disks when a StorageCluster is deleted.
const (
	DeletionRetain DeletionPolicy = "Retain"
	DeletionWipe   DeletionPolicy = "Wipe"
)

// ApprovalMode says whether something waits for a person.
//
// +kubebuilder:validation:Enum=Automatic;Manual
type ApprovalMode string

// Whether something waits for a person.
const (
	ApprovalAutomatic ApprovalMode = "Automatic"
	ApprovalManual    ApprovalMode = "Manual"
)

// OnTrouble says what to do when health falls during an upgrade.
//
// +kubebuilder:validation:Enum=Halt;Continue
type OnTrouble string

// What to do when health falls during an upgrade.
const (
	OnTroubleHalt     OnTrouble = "Halt"
	OnTroubleContinue OnTrouble = "Continue"
)

// Weekday is a day of the week.
//
// +kubebuilder:validation:Enum=Mon;Tue;Wed;Thu;Fri;Sat;Sun
type Weekday string

// The days of the week.
const (
	Monday    Weekday = "Mon"
	Tuesday   Weekday = "Tue"
	Wednesday Weekday = "Wed"
	Thursday  Weekday = "Thu"
	Friday    Weekday = "Fri"
	Saturday  Weekday = "Sat"
	Sunday    Weekday = "Sun"
)

// ServiceMonitorMode says whether a ServiceMonitor is made.
//
// +kubebuilder:validation:Enum=Auto;Disabled
type ServiceMonitorMode string

// Whether a ServiceMonitor is made.
const (
	ServiceMonitorAuto     ServiceMonitorMode = "Auto"
	ServiceMonitorDisabled ServiceMonitorMode = "Disabled"
)

// NetworkMode says which network the daemons use.
//
// +kubebuilder:validation:Enum=Pod;Host;Multus
type NetworkMode string

// The networks that daemons can use.
const (
	NetworkPod    NetworkMode = "Pod"
	NetworkHost   NetworkMode = "Host"
	NetworkMultus NetworkMode = "Multus"
)

// IPFamily says which addresses the daemons listen on.
//
// +kubebuilder:validation:Enum=IPv4;IPv6;DualStack
type IPFamily string

// The addresses that daemons can listen on.
const (
	IPFamilyIPv4      IPFamily = "IPv4"
	IPFamilyIPv6      IPFamily = "IPv6"
	IPFamilyDualStack IPFamily = "DualStack"
)

// EncryptionAtRest says how data is encrypted on disk.
//
// +kubebuilder:validation:Enum=None;LUKS2
type EncryptionAtRest string

// How data is encrypted on disk.
const (
	AtRestNone  EncryptionAtRest = "None"
	AtRestLUKS2 EncryptionAtRest = "LUKS2"
)

// EncryptionInTransit says how data is encrypted on the wire.
//
// +kubebuilder:validation:Enum=None;Msgr2Secure
type EncryptionInTransit string

// How data is encrypted on the wire.
const (
	InTransitNone        EncryptionInTransit = "None"
	InTransitMsgr2Secure EncryptionInTransit = "Msgr2Secure"
)

// KeyStoreProvider says where disk keys are kept.
//
// +kubebuilder:validation:Enum=Kubernetes;Vault
type KeyStoreProvider string

// Where disk keys are kept.
const (
	KeyStoreKubernetes KeyStoreProvider = "Kubernetes"
	KeyStoreVault      KeyStoreProvider = "Vault"
)
