package v1alpha1

// ReasonNotObserved goes with status Unknown of every condition: nothing is known yet, or no longer.
const ReasonNotObserved = "NotObserved"

// Reasons of conditions. A reason is stable across releases; new ones may be added, and a client treats one that it
// does not know as "other". Package api/conditions says which belong to which condition.
const (
	ReasonAllInQuorum          = "AllInQuorum"
	ReasonAllRanksActive       = "AllRanksActive"
	ReasonAnswering            = "Answering"
	ReasonAuthenticationFailed = "AuthenticationFailed"
	ReasonAvailable            = "Available"
	ReasonAwaitingApproval     = "AwaitingApproval"
	ReasonAwaitingWindow       = "AwaitingWindow"
	ReasonBackfillFull         = "BackfillFull"
	ReasonBucketsExist         = "BucketsExist"
	ReasonByPolicy             = "ByPolicy"
	ReasonByUser               = "ByUser"
	ReasonCacheOversized       = "CacheOversized"
	ReasonCancelled            = "Cancelled"
	ReasonCephRefused          = "CephRefused"
	ReasonCephUnreachable      = "CephUnreachable"
	ReasonCertificateInvalid   = "CertificateInvalid"
	ReasonClean                = "Clean"
	ReasonConfigDrift          = "ConfigDrift"
	ReasonCreated              = "Created"
	ReasonCreating             = "Creating"
	ReasonCurrent              = "Current"
	ReasonDamaged              = "Damaged"
	ReasonDataNotClean         = "DataNotClean"
	ReasonDataUnavailable      = "DataUnavailable"
	ReasonDegraded             = "Degraded"
	ReasonDeleting             = "Deleting"
	ReasonDependentsExist      = "DependentsExist"
	ReasonDeviceChanged        = "DeviceChanged"
	ReasonDiscoverSilent       = "DiscoverSilent"
	ReasonDiskFailing          = "DiskFailing"
	ReasonDiskMissing          = "DiskMissing"
	ReasonDowngradeRefused     = "DowngradeRefused"
	ReasonDrained              = "Drained"
	ReasonDraining             = "Draining"
	ReasonDrift                = "Drift"
	ReasonEmpty                = "Empty"
	ReasonExcluded             = "Excluded"
	ReasonFailingOver          = "FailingOver"
	ReasonFull                 = "Full"
	ReasonHeld                 = "Held"
	ReasonIOErrors             = "IOErrors"
	ReasonInactive             = "Inactive"
	ReasonInconsistent         = "Inconsistent"
	ReasonMade                 = "Made"
	ReasonMediaErrors          = "MediaErrors"
	ReasonMissing              = "Missing"
	ReasonMonOutOfQuorum       = "MonOutOfQuorum"
	ReasonMonsUnreachable      = "MonsUnreachable"
	ReasonNameTaken            = "NameTaken"
	ReasonNamespaceNotAllowed  = "NamespaceNotAllowed"
	ReasonNearFull             = "NearFull"
	ReasonNoDBSpace            = "NoDBSpace"
	ReasonNoErrors             = "NoErrors"
	ReasonNoGateway            = "NoGateway"
	ReasonNoRoom               = "NoRoom"
	ReasonNoRoomToHeal         = "NoRoomToHeal"
	ReasonNoStandby            = "NoStandby"
	ReasonNoSuchClass          = "NoSuchClass"
	ReasonNoUsableDisks        = "NoUsableDisks"
	ReasonNodeGone             = "NodeGone"
	ReasonNodeReporting        = "NodeReporting"
	ReasonNodeCordoned         = "NodeCordoned"
	ReasonNoneWaiting          = "NoneWaiting"
	ReasonNooutEnded           = "NooutEnded"
	ReasonNooutSet             = "NooutSet"
	ReasonNotAvailable         = "NotAvailable"
	ReasonNotDeleting          = "NotDeleting"
	ReasonNotDraining          = "NotDraining"
	ReasonNotFailed            = "NotFailed"
	ReasonNotPaused            = "NotPaused"
	ReasonNotReported          = "NotReported"
	ReasonNothingToDo          = "NothingToDo"
	ReasonOSDDown              = "OSDDown"
	ReasonOSDUp                = "OSDUp"
	ReasonOperationsWaiting    = "OperationsWaiting"
	ReasonPausedAll            = "PausedAll"
	ReasonPlaceable            = "Placeable"
	ReasonPlanChanged          = "PlanChanged"
	ReasonPlanned              = "Planned"
	ReasonPrepareFailed        = "PrepareFailed"
	ReasonPreparing            = "Preparing"
	ReasonProvidesDB           = "ProvidesDB"
	ReasonQuorumLost           = "QuorumLost"
	ReasonQuotaReached         = "QuotaReached"
	ReasonRankFailed           = "RankFailed"
	ReasonRebalancing          = "Rebalancing"
	ReasonRecovering           = "Recovering"
	ReasonRemoving             = "Removing"
	ReasonRoom                 = "Room"
	ReasonRunning              = "Running"
	ReasonSMARTFailing         = "SMARTFailing"
	ReasonSafeToProceed        = "SafeToProceed"
	ReasonServing              = "Serving"
	ReasonServingDegraded      = "ServingDegraded"
	ReasonStale                = "Stale"
	ReasonStaleData            = "StaleData"
	ReasonStepFailed           = "StepFailed"
	ReasonStoppingDaemons      = "StoppingDaemons"
	ReasonStoreNotReady        = "StoreNotReady"
	ReasonSucceeded            = "Succeeded"
	ReasonSuperseded           = "Superseded"
	ReasonTooFewDomains        = "TooFewDomains"
	ReasonTooFewNodes          = "TooFewNodes"
	ReasonTopologyDrift        = "TopologyDrift"
	ReasonUndersized           = "Undersized"
	ReasonUnplaceable          = "Unplaceable"
	ReasonUnsupportedRelease   = "UnsupportedRelease"
	ReasonUpgradeBlocked       = "UpgradeBlocked"
	ReasonUpgradeHalted        = "UpgradeHalted"
	ReasonUpgradesPaused       = "UpgradesPaused"
	ReasonUpgrading            = "Upgrading"
	ReasonWaitingForCluster    = "WaitingForCluster"
	ReasonWaitingForDisk       = "WaitingForDisk"
	ReasonWaitingForOperation  = "WaitingForOperation"
	ReasonWearOut              = "WearOut"
	ReasonWipingDisks          = "WipingDisks"
	ReasonWiping               = "Wiping"
	ReasonWouldBlockIO         = "WouldBlockIO"
	ReasonWouldLoseData        = "WouldLoseData"
)

// Reasons of a disk's verdict (status.verdict.reasons), which are those of its condition Usable as well.
const (
	// ReasonInUse: the disk holds an OSD or a DB of a cluster of this Kubernetes cluster.
	ReasonInUse = "InUse"

	// ReasonMounted: the disk or a partition of it is mounted.
	ReasonMounted = "Mounted"
	// ReasonSwap: the disk or a partition of it is swap space.
	ReasonSwap = "Swap"
	// ReasonHolder: another block device is built on the disk.
	ReasonHolder = "Holder"
	// ReasonPartitionTable: the disk has a partition table.
	ReasonPartitionTable = "PartitionTable"
	// ReasonFilesystem: the disk holds a filesystem.
	ReasonFilesystem = "Filesystem"
	// ReasonVolumeManager: the disk belongs to a volume manager, such as LVM or ZFS.
	ReasonVolumeManager = "VolumeManager"
	// ReasonRAIDMember: the disk is a member of a RAID.
	ReasonRAIDMember = "RAIDMember"
	// ReasonEncrypted: the disk is encrypted by somebody else.
	ReasonEncrypted = "Encrypted"
	// ReasonForeignOSD: the disk holds an OSD of another Ceph cluster.
	ReasonForeignOSD = "ForeignOSD"
	// ReasonOrphanOSD: the disk holds an OSD of a cluster here that does not know such an OSD.
	ReasonOrphanOSD = "OrphanOSD"
	// ReasonReadOnly: the disk cannot be written.
	ReasonReadOnly = "ReadOnly"
	// ReasonTooSmall: the disk is too small for an OSD.
	ReasonTooSmall = "TooSmall"
	// ReasonRemovable: the disk is a removable medium.
	ReasonRemovable = "Removable"
	// ReasonSeveralNodes: several nodes see the disk.
	ReasonSeveralNodes = "SeveralNodes"
	// ReasonZoned: the disk is zoned (SMR), which BlueStore does not support.
	ReasonZoned = "Zoned"
	// ReasonUnreadableSectors: a part of the disk could not be read.
	ReasonUnreadableSectors = "UnreadableSectors"
	// ReasonNotEmpty: the disk holds data that nobody recognises.
	ReasonNotEmpty = "NotEmpty"

	// ReasonReadTimeout: the disk did not answer in time.
	ReasonReadTimeout = "ReadTimeout"
	// ReasonSourcesDisagree: two independent readers do not agree on what the disk holds.
	ReasonSourcesDisagree = "SourcesDisagree"
	// ReasonNotScanned: the disk was not read yet.
	ReasonNotScanned = "NotScanned"
)

// Reasons of a disk's plan entry (status.plan.reason). A disk that is skipped for its verdict has the verdict's reason.
const (
	// PlanReasonInService (Keep): the disk is in service.
	PlanReasonInService = "InService"
	// PlanReasonRuleNoLongerMatches (Keep): the disk is in service, and no rule or another one would take it now.
	PlanReasonRuleNoLongerMatches = "RuleNoLongerMatches"
	// PlanReasonExcludedByDisk (Skip): spec.use of the StorageDisk is Never.
	PlanReasonExcludedByDisk = "ExcludedByDisk"
	// PlanReasonClaimedByOther (Skip): another cluster holds the disk.
	PlanReasonClaimedByOther = "ClaimedByOther"
	// PlanReasonNodeNotSelected (Skip): storage.nodeSelector leaves the node out.
	PlanReasonNodeNotSelected = "NodeNotSelected"
	// PlanReasonNoRuleMatches (Skip): no rule matches; the message names the nearest miss.
	PlanReasonNoRuleMatches = "NoRuleMatches"
	// PlanReasonExcludedByRule (Skip): the first rule that matches says use: Never.
	PlanReasonExcludedByRule = "ExcludedByRule"
	// PlanReasonExcludedByOperation (Skip): a StorageOperation is about the disk, and has not ended.
	PlanReasonExcludedByOperation = "ExcludedByOperation"
	// PlanReasonVerdictUnknown (Wait): the verdict is Unknown, which is not empty.
	PlanReasonVerdictUnknown = "VerdictUnknown"
	// PlanReasonStale (Wait): discover on the disk's node is silent.
	PlanReasonStale = ReasonStale
	// PlanReasonNodeNotReady (Wait): the node is cordoned or not ready.
	PlanReasonNodeNotReady = "NodeNotReady"
	// PlanReasonNoDBSpace (Wait): no DB disk of the node has room.
	PlanReasonNoDBSpace = ReasonNoDBSpace
	// PlanReasonPaused (Add, Provide): spec.pause holds it.
	PlanReasonPaused = "Paused"
	// PlanReasonAwaitingApproval (Add, Provide): approvals.newDisks is Manual and nobody approved yet.
	PlanReasonAwaitingApproval = ReasonAwaitingApproval
	// PlanReasonMatched (Add, Provide): a rule matches and nothing stands in the way.
	PlanReasonMatched = "Matched"
)

// RejectedReasons returns the reasons of verdicts with result Rejected, the heaviest first.
func RejectedReasons() []string {
	return []string{
		ReasonMounted, ReasonSwap, ReasonHolder, ReasonPartitionTable, ReasonFilesystem, ReasonVolumeManager,
		ReasonRAIDMember, ReasonEncrypted, ReasonForeignOSD, ReasonOrphanOSD, ReasonReadOnly, ReasonTooSmall,
		ReasonRemovable, ReasonSeveralNodes, ReasonZoned, ReasonUnreadableSectors, ReasonNotEmpty,
	}
}

// UnknownReasons returns the reasons of verdicts with result Unknown, the heaviest first.
func UnknownReasons() []string {
	return []string{ReasonReadTimeout, ReasonSourcesDisagree, ReasonNotScanned}
}

// PlanReasons returns the reasons of plan entries with an action, in the order in which they are looked for. Skip also
// has every reason of RejectedReasons.
func PlanReasons(action PlanAction) []string {
	switch action {
	case PlanKeep:
		return []string{PlanReasonInService, PlanReasonRuleNoLongerMatches}
	case PlanSkip:
		return []string{
			PlanReasonExcludedByDisk, PlanReasonClaimedByOther, PlanReasonNodeNotSelected, PlanReasonNoRuleMatches,
			PlanReasonExcludedByRule, PlanReasonExcludedByOperation,
		}
	case PlanWait:
		return []string{PlanReasonVerdictUnknown, PlanReasonStale, PlanReasonNodeNotReady, PlanReasonNoDBSpace}
	case PlanAdd, PlanProvide:
		return []string{PlanReasonPaused, PlanReasonAwaitingApproval, PlanReasonMatched}
	}
	return nil
}
