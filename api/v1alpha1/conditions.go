package v1alpha1

// Condition types. A type that stands on several kinds means the same on each.
const (
	// ConditionReady says that the object serves those who use it.
	ConditionReady = "Ready"
	// ConditionReachable says that Ceph answers and the snapshot of it is fresh.
	ConditionReachable = "Reachable"
	// ConditionMonQuorum says that all mons are in quorum.
	ConditionMonQuorum = "MonQuorum"
	// ConditionDataHealthy says that all PGs are active and clean.
	ConditionDataHealthy = "DataHealthy"
	// ConditionCapacityOK says that there is room, also to heal.
	ConditionCapacityOK = "CapacityOK"
	// ConditionDisksSettled says that nothing is left to do with disks.
	ConditionDisksSettled = "DisksSettled"
	// ConditionUpToDate says that what runs is what spec says.
	ConditionUpToDate = "UpToDate"
	// ConditionApprovalRequired says that operations wait for a person.
	ConditionApprovalRequired = "ApprovalRequired"
	// ConditionPaused says that the operator holds back because spec.pause says so.
	ConditionPaused = "Paused"
	// ConditionNodeDrain says that nodes with OSDs are cordoned, and until when Ceph waits for them.
	ConditionNodeDrain = "NodeDrain"
	// ConditionDeleting says that the object is being deleted, and what that waits for.
	ConditionDeleting = "Deleting"
	// ConditionUsable says that a disk may be written.
	ConditionUsable = "Usable"
	// ConditionHealthy says that a disk reports no errors of its own.
	ConditionHealthy = "Healthy"
	// ConditionFresh says that what is known of a disk is not stale.
	ConditionFresh = "Fresh"
	// ConditionInService says that a disk serves a cluster.
	ConditionInService = "InService"
	// ConditionPlaceable says that there are enough failure domains and disks for a layout.
	ConditionPlaceable = "Placeable"
	// ConditionStorageClassesReady says that the StorageClasses exist.
	ConditionStorageClassesReady = "StorageClassesReady"
	// ConditionMDSHealthy says that all ranks of a filesystem are held.
	ConditionMDSHealthy = "MDSHealthy"
	// ConditionApproved says that the plan of an operation is approved.
	ConditionApproved = "Approved"
	// ConditionSafe says that the next step of an operation was checked live and costs nothing that was not accepted.
	ConditionSafe = "Safe"
	// ConditionComplete says that an operation has ended.
	ConditionComplete = "Complete"
	// ConditionFailed says that a step of an operation failed for good.
	ConditionFailed = "Failed"
)
