package plan

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// ClusterFacts are what the defaults of a StorageCluster depend on. They must have been observed: a caller that has not
// seen the nodes yet does not know how many there are, which is not the same as none.
type ClusterFacts struct {
	// Nodes that mons and mgrs may run on: selected by placement, and neither cordoned nor being deleted.
	Nodes int32
	// Mons in the monmap, or wanted before (status.resolved.monCount), whichever are more; 0 for a cluster that is new.
	Mons int32
	// Mgrs that were wanted before (status.resolved.mgrCount); 0 for a cluster that is new.
	Mgrs int32
}

// The defaults that depend on nothing.
const (
	defaultMons               = 3
	defaultMonsOnFewNodes     = 1
	fewNodes                  = 2
	maxMons                   = 7
	defaultMgrs               = 2
	defaultMgrsOnOneNode      = 1
	defaultMaxAutomaticPerDay = 2
	defaultOSDsPerDisk        = 1
	defaultTimeZone           = "UTC"
)

// Cluster is a StorageClusterSpec with every default filled in. Controllers work on it and never on the spec, so that
// another version of the API is another function that returns one.
//
// Where a Resources field is nil, the resource profile decides.
type Cluster struct {
	Image             string
	ImagePullSecrets  []v1alpha1.SecretReference
	ResourceProfile   v1alpha1.ResourceProfile
	Pause             v1alpha1.PauseMode
	DeletionPolicy    v1alpha1.DeletionPolicy
	FailureDomain     v1alpha1.FailureDomain
	Placement         v1alpha1.Placement
	Mon               Mon
	Mgr               Mgr
	OSD               OSD
	Storage           Storage
	Approvals         Approvals
	Upgrade           Upgrade
	Network           Network
	Encryption        Encryption
	ServiceMonitor    v1alpha1.ServiceMonitorMode
	MutedHealthChecks []string
	Config            []v1alpha1.ConfigOption
}

// Mon is how many mons a cluster has, and where.
type Mon struct {
	Count     int32
	Volume    *v1alpha1.MonVolume // nil: a directory on the host
	Placement v1alpha1.Placement
	Resources *corev1.ResourceRequirements
}

// Mgr is how many mgrs a cluster has, and where.
type Mgr struct {
	Count     int32
	Modules   []string // beyond those of the resource profile
	Placement v1alpha1.Placement
	Resources *corev1.ResourceRequirements
}

// OSD is what all OSDs of a cluster have in common.
type OSD struct {
	Tolerations []corev1.Toleration
	Resources   *corev1.ResourceRequirements
}

// Storage says which disks a cluster takes.
type Storage struct {
	NodeSelector map[string]string // empty: every node that discover runs on
	Rules        []Rule
}

// Rule is a DiskRule with every default filled in.
type Rule struct {
	Name         string
	NodeSelector map[string]string
	Match        v1alpha1.DiskMatch
	Use          v1alpha1.RuleUse
	DeviceClass  string // empty: after the media of each disk, see ClassOf
	OSDsPerDisk  int32
	DB           *v1alpha1.DBPlacement
	DBSpace      int64                        // bytes; 0: none
	Resources    *corev1.ResourceRequirements // the rule's own, else those of all OSDs
}

// ClassOf returns the device class that an OSD on a disk of the rule gets.
func (r Rule) ClassOf(media v1alpha1.Media) string {
	if r.DeviceClass != "" {
		return r.DeviceClass
	}
	switch media {
	case v1alpha1.MediaNVMe:
		return "nvme"
	case v1alpha1.MediaSSD:
		return "ssd"
	default:
		return "hdd"
	}
}

// Approvals says what may be done without asking a person.
type Approvals struct {
	NewDisks, FailedDisks, Removals v1alpha1.ApprovalMode
	MaxAutomaticPerDay              int32
}

// Upgrade says when and how daemons move to a new image.
type Upgrade struct {
	Windows     []v1alpha1.UpgradeWindow // with their time zone; empty: any time
	SoakSeconds int32
	OnTrouble   v1alpha1.OnTrouble
}

// Network says which network the daemons use.
type Network struct {
	Mode            v1alpha1.NetworkMode
	IPFamily        v1alpha1.IPFamily
	Public, Cluster v1alpha1.NetworkRange
}

// Encryption says how data is encrypted.
type Encryption struct {
	AtRest    v1alpha1.EncryptionAtRest
	InTransit v1alpha1.EncryptionInTransit
	KeyStore  v1alpha1.KeyStoreProvider
	Vault     *v1alpha1.VaultSpec // exactly with KeyStoreVault
}

// Resolve fills in the defaults of a StorageCluster. The result shares no memory with spec.
//
// It fills in fields that are not available too: whoever acts on a cluster asks NotAvailable first.
func Resolve(spec *v1alpha1.StorageClusterSpec, facts ClusterFacts) Cluster {
	spec = spec.DeepCopy()
	general := deref(spec.Placement)
	return Cluster{
		Image:             spec.Ceph.Image,
		ImagePullSecrets:  spec.Ceph.ImagePullSecrets,
		ResourceProfile:   cmp.Or(spec.ResourceProfile, v1alpha1.ProfileBalanced),
		Pause:             cmp.Or(spec.Pause, v1alpha1.PauseNone),
		DeletionPolicy:    cmp.Or(spec.DeletionPolicy, v1alpha1.DeletionRetain),
		FailureDomain:     cmp.Or(deref(spec.Topology).FailureDomain, v1alpha1.FailureDomainHost),
		Placement:         general,
		Mon:               resolveMon(deref(spec.Mon), general, facts),
		Mgr:               resolveMgr(deref(spec.Mgr), general, facts),
		OSD:               resolveOSD(deref(spec.OSD), general),
		Storage:           resolveStorage(spec.Storage, deref(spec.OSD).Resources),
		Approvals:         resolveApprovals(deref(spec.Approvals)),
		Upgrade:           resolveUpgrade(deref(spec.Upgrade)),
		Network:           resolveNetwork(deref(spec.Network)),
		Encryption:        resolveEncryption(deref(spec.Encryption)),
		ServiceMonitor:    cmp.Or(deref(spec.Monitoring).ServiceMonitor, v1alpha1.ServiceMonitorAuto),
		MutedHealthChecks: spec.MutedHealthChecks,
		Config:            spec.Config,
	}
}

// Defaults returns what status.resolved shows.
func (c Cluster) Defaults() v1alpha1.ClusterDefaults {
	return v1alpha1.ClusterDefaults{
		MonCount:           c.Mon.Count,
		MgrCount:           c.Mgr.Count,
		FailureDomain:      c.FailureDomain,
		ResourceProfile:    c.ResourceProfile,
		NetworkMode:        c.Network.Mode,
		IPFamily:           c.Network.IPFamily,
		NewDisks:           c.Approvals.NewDisks,
		FailedDisks:        c.Approvals.FailedDisks,
		Removals:           c.Approvals.Removals,
		MaxAutomaticPerDay: c.Approvals.MaxAutomaticPerDay,
	}
}

// resolveMon never lowers the number of mons by itself: when nodes leave, the quorum that exists is kept. While a mon
// is replaced their number is even for a moment; the number wanted never is.
func resolveMon(spec v1alpha1.MonSpec, general v1alpha1.Placement, facts ClusterFacts) Mon {
	count := int32(defaultMons)
	if facts.Nodes <= fewNodes {
		count = defaultMonsOnFewNodes
	}
	return Mon{
		Count:     cmp.Or(spec.Count, min(max(count, facts.Mons|1), maxMons)),
		Volume:    spec.Volume,
		Placement: override(general, spec.Placement),
		Resources: spec.Resources,
	}
}

// resolveMgr lowers the number of mgrs no more than that of mons: nodes that are cordoned for a while come back.
func resolveMgr(spec v1alpha1.MgrSpec, general v1alpha1.Placement, facts ClusterFacts) Mgr {
	count := int32(defaultMgrs)
	if facts.Nodes <= 1 {
		count = defaultMgrsOnOneNode
	}
	return Mgr{
		Count:     cmp.Or(spec.Count, max(count, min(facts.Mgrs, defaultMgrs))),
		Modules:   spec.Modules,
		Placement: override(general, spec.Placement),
		Resources: spec.Resources,
	}
}

func resolveOSD(spec v1alpha1.OSDSpec, general v1alpha1.Placement) OSD {
	tolerations := general.Tolerations
	if spec.Placement != nil && spec.Placement.Tolerations != nil {
		tolerations = spec.Placement.Tolerations
	}
	return OSD{Tolerations: tolerations, Resources: spec.Resources}
}

func resolveStorage(spec v1alpha1.StorageSpec, resources *corev1.ResourceRequirements) Storage {
	storage := Storage{NodeSelector: spec.NodeSelector}
	for _, rule := range spec.Rules {
		storage.Rules = append(storage.Rules, resolveRule(rule, resources))
	}
	return storage
}

func resolveRule(spec v1alpha1.DiskRule, resources *corev1.ResourceRequirements) Rule {
	rule := Rule{
		Name:         spec.Name,
		NodeSelector: spec.NodeSelector,
		Match:        spec.Match,
		Use:          cmp.Or(spec.Use, v1alpha1.RuleUseOSD),
		DeviceClass:  spec.DeviceClass,
		OSDsPerDisk:  cmp.Or(spec.OSDsPerDisk, defaultOSDsPerDisk),
		DB:           spec.DB,
		Resources:    spec.Resources,
	}
	if spec.DBSpace != nil {
		rule.DBSpace = spec.DBSpace.Value()
	}
	if rule.Resources == nil && resources != nil {
		rule.Resources = resources.DeepCopy()
	}
	return rule
}

func resolveApprovals(spec v1alpha1.ApprovalsSpec) Approvals {
	return Approvals{
		NewDisks:           cmp.Or(spec.NewDisks, v1alpha1.ApprovalAutomatic),
		FailedDisks:        cmp.Or(spec.FailedDisks, v1alpha1.ApprovalManual),
		Removals:           cmp.Or(spec.Removals, v1alpha1.ApprovalManual),
		MaxAutomaticPerDay: cmp.Or(spec.MaxAutomaticPerDay, defaultMaxAutomaticPerDay),
	}
}

func resolveUpgrade(spec v1alpha1.UpgradeSpec) Upgrade {
	for i := range spec.Windows {
		spec.Windows[i].TimeZone = cmp.Or(spec.Windows[i].TimeZone, defaultTimeZone)
	}
	return Upgrade{
		Windows:     spec.Windows,
		SoakSeconds: deref(spec.SoakSeconds),
		OnTrouble:   cmp.Or(spec.OnTrouble, v1alpha1.OnTroubleHalt),
	}
}

func resolveNetwork(spec v1alpha1.NetworkSpec) Network {
	return Network{
		Mode:     cmp.Or(spec.Mode, v1alpha1.NetworkPod),
		IPFamily: cmp.Or(spec.IPFamily, v1alpha1.IPFamilyIPv4),
		Public:   deref(spec.Public),
		Cluster:  deref(spec.Cluster),
	}
}

func resolveEncryption(spec v1alpha1.EncryptionSpec) Encryption {
	keyStore := deref(spec.KeyStore)
	return Encryption{
		AtRest:    cmp.Or(spec.AtRest, v1alpha1.AtRestNone),
		InTransit: cmp.Or(spec.InTransit, v1alpha1.InTransitNone),
		KeyStore:  cmp.Or(keyStore.Provider, v1alpha1.KeyStoreKubernetes),
		Vault:     keyStore.Vault,
	}
}

// override returns the general placement with those fields of own that are said in their place. A field that is said
// to be empty takes the general one away.
func override(general v1alpha1.Placement, own *v1alpha1.Placement) v1alpha1.Placement {
	result := *general.DeepCopy()
	if own == nil {
		return result
	}
	if own.NodeSelector != nil {
		result.NodeSelector = own.NodeSelector
	}
	if own.Tolerations != nil {
		result.Tolerations = own.Tolerations
	}
	return result
}

// deref returns what pointer points to, or the zero value.
func deref[T any](pointer *T) T {
	if pointer == nil {
		var zero T
		return zero
	}
	return *pointer
}
