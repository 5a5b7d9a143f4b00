package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// StorageCluster is one Ceph cluster: what it runs, which disks it takes, and what it may do without asking.
//
// The disks are selected by rules and never un-selected: taking a disk away is a StorageOperation. To see what would be
// done with the disks before anything is, create the cluster with spec.pause: All.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:scope=Namespaced,shortName=scl,categories=seamount;storage
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Health",type=string,JSONPath=`.status.summary.health`
// +kubebuilder:printcolumn:name="Version",type=string,JSONPath=`.status.summary.version`
// +kubebuilder:printcolumn:name="Mons",type=string,JSONPath=`.status.summary.mons`
// +kubebuilder:printcolumn:name="OSDs",type=string,JSONPath=`.status.summary.osds`
// +kubebuilder:printcolumn:name="Used",type=string,JSONPath=`.status.summary.used`
// +kubebuilder:printcolumn:name="Pending",type=string,JSONPath=`.status.summary.pending`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Data",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="DataHealthy")].reason`
// +kubebuilder:printcolumn:name="Capacity",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="CapacityOK")].reason`
// +kubebuilder:printcolumn:name="Disks",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="DisksSettled")].reason`
// +kubebuilder:printcolumn:name="UpToDate",type=string,priority=1,JSONPath=`.status.conditions[?(@.type=="UpToDate")].reason`
// +kubebuilder:printcolumn:name="Pause",type=string,priority=1,JSONPath=`.spec.pause`
// +kubebuilder:printcolumn:name="FSID",type=string,priority=1,JSONPath=`.status.fsid`
// +kubebuilder:validation:XValidation:rule="oldSelf.hasValue() || (size(self.metadata.name) <= 40 && !self.metadata.name.contains('.'))",optionalOldSelf=true,message="metadata.name: at most 40 characters and no dots; Services, Secrets and Deployments are named after it"
type StorageCluster struct {
	metav1.TypeMeta `json:",inline"`

	// metadata of the object. The name is at most 40 characters, without dots.
	//
	// +optional
	metav1.ObjectMeta `json:"metadata,omitzero"`

	// spec is what people want.
	//
	// +required
	Spec StorageClusterSpec `json:"spec,omitzero"`

	// status is what the operator found and did. It can be deleted and is rebuilt.
	//
	// +optional
	Status StorageClusterStatus `json:"status,omitzero"`
}

// StorageClusterList is a list of StorageClusters.
//
// +kubebuilder:object:root=true
type StorageClusterList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []StorageCluster `json:"items"`
}

// StorageClusterSpec is what people want of a cluster. Each field that may not change says so.
//
// The rules of such fields stand here, where a parent that is left out is seen too, and compare with the default, so
// that writing the default down later is no change. They spell has() out: the API server cannot bound the cost of
// comparing what orValue() returns, and refuses the definition.
//
// +kubebuilder:validation:XValidation:rule="(has(self.topology) && has(self.topology.failureDomain) ? self.topology.failureDomain : 'Host') == (has(oldSelf.topology) && has(oldSelf.topology.failureDomain) ? oldSelf.topology.failureDomain : 'Host')",fieldPath=".topology",message="topology.failureDomain cannot change: pools that name none rely on it; set failureDomain on the pool"
// +kubebuilder:validation:XValidation:rule="has(self.mon) && has(self.mon.volume) ? (has(oldSelf.mon) && has(oldSelf.mon.volume) && self.mon.volume == oldSelf.mon.volume) : !(has(oldSelf.mon) && has(oldSelf.mon.volume))",fieldPath=".mon",message="mon.volume is chosen once: a mon's store does not move by itself"
// +kubebuilder:validation:XValidation:rule="(has(self.network) && has(self.network.mode) ? self.network.mode : 'Pod') == (has(oldSelf.network) && has(oldSelf.network.mode) ? oldSelf.network.mode : 'Pod') && (has(self.network) && has(self.network.ipFamily) ? self.network.ipFamily : 'IPv4') == (has(oldSelf.network) && has(oldSelf.network.ipFamily) ? oldSelf.network.ipFamily : 'IPv4')",fieldPath=".network",message="network.mode and ipFamily cannot change: a mon is known by its address"
// +kubebuilder:validation:XValidation:rule="(has(self.encryption) && has(self.encryption.atRest) ? self.encryption.atRest : 'None') == (has(oldSelf.encryption) && has(oldSelf.encryption.atRest) ? oldSelf.encryption.atRest : 'None') && (has(self.encryption) && has(self.encryption.keyStore) && has(self.encryption.keyStore.provider) ? self.encryption.keyStore.provider : 'Kubernetes') == (has(oldSelf.encryption) && has(oldSelf.encryption.keyStore) && has(oldSelf.encryption.keyStore.provider) ? oldSelf.encryption.keyStore.provider : 'Kubernetes') && (has(self.encryption) && has(self.encryption.keyStore) && has(self.encryption.keyStore.vault) ? (has(oldSelf.encryption) && has(oldSelf.encryption.keyStore) && has(oldSelf.encryption.keyStore.vault) && self.encryption.keyStore.vault == oldSelf.encryption.keyStore.vault) : !(has(oldSelf.encryption) && has(oldSelf.encryption.keyStore) && has(oldSelf.encryption.keyStore.vault)))",fieldPath=".encryption",message="encryption.atRest and keyStore are chosen once: they decide how every disk is prepared"
type StorageClusterSpec struct {
	// ceph says which Ceph to run.
	//
	// +required
	Ceph CephSpec `json:"ceph,omitzero"`

	// resourceProfile is one word for some twenty settings of the daemons. Lean: the smallest daemons, for edge
	// machines. Performance: large caches and more threads. Default: Balanced. spec.config overrides single settings.
	//
	// +optional
	ResourceProfile ResourceProfile `json:"resourceProfile,omitempty"`

	// pause stops the operator from acting on its own. All: it observes, plans and reports, and changes nothing.
	// Upgrades: it does everything but move daemons to another image. Default: None. There is no need to scale the
	// operator to zero.
	//
	// +optional
	Pause PauseMode `json:"pause,omitempty"`

	// deletionPolicy says what becomes of the disks when the StorageCluster is deleted. Retain: daemons stop; disks and
	// keys stay, and applying the same object again brings the cluster back. Wipe: the disks are
	// erased by StorageOperations of at most 64 disks each, which the deletion itself approves; the object stays until that
	// is done, and the keys go with it.
	//
	// +optional
	// +default="Retain"
	DeletionPolicy DeletionPolicy `json:"deletionPolicy,omitempty"`

	// topology of the cluster.
	//
	// +optional
	Topology *TopologySpec `json:"topology,omitempty"`

	// placement of all daemons. The placement of a single kind of daemon takes its place field by field.
	//
	// +optional
	Placement *Placement `json:"placement,omitempty"`

	// mon describes the monitors, which hold the cluster's maps and vote on them.
	//
	// +optional
	Mon *MonSpec `json:"mon,omitempty"`

	// mgr describes the managers, of which one is active.
	//
	// +optional
	Mgr *MgrSpec `json:"mgr,omitempty"`

	// osd describes the daemons that hold the data, one or more a disk.
	//
	// +optional
	OSD *OSDSpec `json:"osd,omitempty"`

	// storage says which disks the cluster takes.
	//
	// +required
	Storage StorageSpec `json:"storage,omitzero"`

	// approvals says what may be done with disks without asking a person.
	//
	// +optional
	Approvals *ApprovalsSpec `json:"approvals,omitempty"`

	// upgrade says when and how daemons move to a new image.
	// Not available in this release: a cluster that sets it is not brought up (Ready=False, NotAvailable).
	//
	// +optional
	// +seamount:next
	Upgrade *UpgradeSpec `json:"upgrade,omitempty"`

	// network that the daemons use.
	//
	// +optional
	Network *NetworkSpec `json:"network,omitempty"`

	// encryption on disk and on the wire.
	//
	// +optional
	Encryption *EncryptionSpec `json:"encryption,omitempty"`

	// monitoring by Prometheus.
	//
	// +optional
	Monitoring *MonitoringSpec `json:"monitoring,omitempty"`

	// mutedHealthChecks are Ceph's health checks that do not count against Ready, by Ceph's codes, such as
	// AUTH_INSECURE_CLIENT_KEY_TYPE. Status goes on listing them, as muted.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=16
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=253
	// +kubebuilder:validation:items:Pattern=`^[A-Z][A-Z0-9_]*$`
	MutedHealthChecks []string `json:"mutedHealthChecks,omitempty"`

	// config is Ceph's central configuration, exactly: an option that is taken out here is taken out of Ceph, and one
	// that is set by hand in Ceph is reported as drift.
	//
	// +optional
	// +listType=map
	// +listMapKey=who
	// +listMapKey=option
	// +kubebuilder:validation:MaxItems=128
	Config []ConfigOption `json:"config,omitempty"`
}

// CephSpec says which Ceph to run.
type CephSpec struct {
	// image of Ceph, with a tag or a digest, such as quay.io/ceph/ceph:v20.2.4. Changing it is the upgrade.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^[^@]+@sha256:[0-9a-f]{64}$') || (self.matches('^([^@]*/)?[^/:@]+:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$') && !self.endsWith(':latest'))",message="ceph.image: name a release by tag or digest, such as quay.io/ceph/ceph:v20.2.4; \"latest\" would upgrade Ceph whenever a pod restarts"
	Image string `json:"image,omitempty"`

	// imagePullSecrets name Secrets with the credentials of a private registry, in the cluster's namespace.
	//
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=8
	ImagePullSecrets []SecretReference `json:"imagePullSecrets,omitempty"`
}

// TopologySpec describes the failure domains of the cluster. Where a node is, is said by its labels:
// topology.kubernetes.io/zone and region, and topology.seamount.dev/rack and so on for the levels between.
type TopologySpec struct {
	// failureDomain of every pool that names none. Default: Host. It cannot change.
	//
	// +optional
	FailureDomain FailureDomain `json:"failureDomain,omitempty"`
}

// ApprovalsSpec says what may be done with disks without asking a person. What may not waits as a StorageOperation.
type ApprovalsSpec struct {
	// newDisks is about disks that match a rule and are provably empty. Default: Automatic. Manual holds them in an operation of
	// type Add.
	//
	// +optional
	NewDisks ApprovalMode `json:"newDisks,omitempty"`

	// failedDisks is about replacing the disk of an OSD that is down and out and whose data has recovered elsewhere.
	// Default: Manual.
	//
	// +optional
	FailedDisks ApprovalMode `json:"failedDisks,omitempty"`

	// removals is about operations of type Drain, Remove and Wipe that somebody created. Default: Manual.
	//
	// +optional
	Removals ApprovalMode `json:"removals,omitempty"`

	// maxAutomaticPerDay bounds the disks that failedDisks and removals take in 24 hours when they are Automatic.
	// Default: 2.
	//
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=64
	MaxAutomaticPerDay int32 `json:"maxAutomaticPerDay,omitempty"`
}

// UpgradeSpec says when and how daemons move to a new image.
type UpgradeSpec struct {
	// windows in which daemons may be restarted for an upgrade. Empty: any time.
	//
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Windows []UpgradeWindow `json:"windows,omitempty"`

	// soakSeconds to rest after each failure domain, once all PGs are clean. Default: 0.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=604800
	SoakSeconds *int32 `json:"soakSeconds,omitempty"`

	// onTrouble says what to do when health falls after a batch of daemons. Default: Halt.
	//
	// +optional
	OnTrouble OnTrouble `json:"onTrouble,omitempty"`
}

// UpgradeWindow is a time of the week in which daemons may be restarted.
type UpgradeWindow struct {
	// days on which the window opens. Empty: every day.
	//
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=7
	Days []Weekday `json:"days,omitempty"`

	// start of the window, as HH:MM on a 24-hour clock.
	//
	// +required
	// +kubebuilder:validation:MinLength=5
	// +kubebuilder:validation:MaxLength=5
	// +kubebuilder:validation:Pattern=`^([01][0-9]|2[0-3]):[0-5][0-9]$`
	Start string `json:"start,omitempty"`

	// durationMinutes that the window stays open.
	//
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10080
	DurationMinutes int32 `json:"durationMinutes,omitempty"`

	// timeZone of start, by its name in the IANA time zone database, such as Europe/Berlin. Default: UTC.
	//
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*$`
	TimeZone string `json:"timeZone,omitempty"`
}

// MonitoringSpec says how Prometheus finds the cluster.
type MonitoringSpec struct {
	// serviceMonitor says, with Auto, to make a ServiceMonitor where that kind exists. Default: Auto.
	//
	// +optional
	ServiceMonitor ServiceMonitorMode `json:"serviceMonitor,omitempty"`
}

// ConfigOption is one entry of Ceph's central configuration.
type ConfigOption struct {
	// who the option is for: global, a daemon type or a daemon (osd.3), with an optional mask (osd/class:hdd,
	// osd/host:n3).
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^(global|(mon|mgr|osd|mds|client)([.][A-Za-z0-9_.-]+)?)(/(class|osd|host|chassis|rack|row|pdu|pod|room|datacenter|zone|region|root):[A-Za-z0-9_.-]+){0,2}$')",message="config.who: global, a daemon type or a daemon (osd.3), with an optional mask such as osd/class:hdd or osd/host:n3"
	Who string `json:"who,omitempty"`

	// option is Ceph's name of the option, with underscores, such as osd_max_backfills; for an option of a mgr module
	// its full name, such as mgr/balancer/mode.
	//
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^([a-z][a-z0-9_]*|mgr/[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+)$`
	// +kubebuilder:validation:XValidation:rule="!(self in ['fsid', 'host', 'mon_host', 'mon_host_override', 'mon_initial_members', 'mon_dns_srv_name', 'monmap', 'key', 'keyfile', 'keyring', 'public_addr', 'public_addrv', 'public_bind_addr', 'public_network', 'public_network_interface', 'cluster_addr', 'cluster_addrv', 'cluster_network', 'cluster_network_interface', 'ms_bind_ipv4', 'ms_bind_ipv6', 'crush_location', 'crush_location_hook', 'osd_uuid', 'osd_data', 'mon_data', 'mgr_data', 'mds_data'])",message="config: this option is identity, address, key or CRUSH location and is set by Seamount"
	Option string `json:"option,omitempty"`

	// value as Ceph takes it, such as "2", "true" or "4G". It may be empty. It is no place for secrets.
	//
	// +required
	// +kubebuilder:validation:MinLength=0
	// +kubebuilder:validation:MaxLength=4096
	Value string `json:"value"`
}
