// Package conditions is the table of the API's conditions: which kind has which, with which reasons, who writes it and
// how to read it. Controllers test what they report against it, and the documentation is made from it. It decides
// nothing and sets no condition.
package conditions

import api "github.com/seamount-dev/seamount/api/v1alpha1"

// Polarity says how to read the status of a condition.
type Polarity string

// How to read the status of a condition.
const (
	// PolarityPositive conditions are well when they are True.
	PolarityPositive Polarity = "Positive"
	// PolarityNegative conditions are well when they are False.
	PolarityNegative Polarity = "Negative"
	// PolarityNeutral conditions tell, and are neither good nor bad.
	PolarityNeutral Polarity = "Neutral"
)

// Spec says which reasons a condition type has on a kind, by status, and who writes it. Every condition also
// has the reason NotObserved with status Unknown.
type Spec struct {
	// Type of the condition.
	Type string
	// Owner is the component that writes it: api.ComponentOperator or api.ComponentDiscover.
	Owner string
	// Polarity says how to read it.
	Polarity Polarity
	// True, False and Unknown list the reasons for each status.
	True, False, Unknown []string
}

// Of returns the conditions of a kind, in the order in which they are shown; nil for a kind without
// conditions. The result is the caller's own.
func Of(kind string) []Spec {
	switch kind {
	case api.KindStorageCluster:
		return clusterConditions()
	case api.KindStorageDisk:
		return diskConditions()
	case api.KindStoragePool:
		return poolConditions()
	case api.KindStorageFilesystem:
		return filesystemConditions()
	case api.KindStorageOperation:
		return operationConditions()
	case api.KindObjectStore:
		return objectStoreConditions()
	case api.KindObjectUser:
		return objectUserConditions()
	}
	return nil
}

func positive(conditionType string, whenTrue, whenFalse []string) Spec {
	return Spec{
		Type: conditionType, Owner: api.ComponentOperator, Polarity: PolarityPositive,
		True: whenTrue, False: whenFalse, Unknown: []string{api.ReasonNotObserved},
	}
}

func neutral(conditionType string, whenTrue, whenFalse []string) Spec {
	c := positive(conditionType, whenTrue, whenFalse)
	c.Polarity = PolarityNeutral
	return c
}

func clusterConditions() []Spec {
	return []Spec{
		positive(api.ConditionReady, []string{api.ReasonServing, api.ReasonServingDegraded}, []string{
			api.ReasonCreating, api.ReasonCephUnreachable, api.ReasonQuorumLost, api.ReasonDataUnavailable,
			api.ReasonFull, api.ReasonNotAvailable, api.ReasonDeleting,
		}),
		positive(api.ConditionReachable, []string{api.ReasonAnswering},
			[]string{api.ReasonMonsUnreachable, api.ReasonAuthenticationFailed, api.ReasonStale}),
		positive(api.ConditionMonQuorum, []string{api.ReasonAllInQuorum},
			[]string{api.ReasonMonOutOfQuorum, api.ReasonFailingOver, api.ReasonTooFewNodes, api.ReasonQuorumLost}),
		positive(api.ConditionDataHealthy, []string{api.ReasonClean}, []string{
			api.ReasonRecovering, api.ReasonDegraded, api.ReasonUndersized, api.ReasonInactive, api.ReasonInconsistent,
			api.ReasonUnplaceable,
		}),
		positive(api.ConditionCapacityOK, []string{api.ReasonRoom},
			[]string{api.ReasonNoRoomToHeal, api.ReasonNearFull, api.ReasonBackfillFull, api.ReasonFull}),
		positive(api.ConditionDisksSettled, []string{api.ReasonNothingToDo}, []string{
			api.ReasonPreparing, api.ReasonAwaitingApproval, api.ReasonNoUsableDisks, api.ReasonNoDBSpace,
			api.ReasonDeviceChanged, api.ReasonPrepareFailed, api.ReasonDiskMissing, api.ReasonDiskFailing,
		}),
		positive(api.ConditionUpToDate, []string{api.ReasonCurrent}, []string{
			api.ReasonUpgrading, api.ReasonAwaitingWindow, api.ReasonUpgradeBlocked, api.ReasonUpgradeHalted,
			api.ReasonDowngradeRefused, api.ReasonUnsupportedRelease, api.ReasonConfigDrift, api.ReasonTopologyDrift,
		}),
		neutral(api.ConditionApprovalRequired, []string{api.ReasonOperationsWaiting},
			[]string{api.ReasonNoneWaiting}),
		neutral(api.ConditionPaused, []string{api.ReasonPausedAll, api.ReasonUpgradesPaused},
			[]string{api.ReasonNotPaused}),
		neutral(api.ConditionNodeDrain, []string{api.ReasonNodeCordoned, api.ReasonNooutSet, api.ReasonNooutEnded},
			[]string{api.ReasonNotDraining}),
		neutral(api.ConditionDeleting, []string{
			api.ReasonDependentsExist, api.ReasonAwaitingApproval, api.ReasonWipingDisks, api.ReasonStoppingDaemons,
		}, []string{api.ReasonNotDeleting}),
	}
}

func diskConditions() []Spec {
	usable := positive(api.ConditionUsable, []string{api.ReasonEmpty}, append(api.RejectedReasons(), api.ReasonInUse))
	usable.Owner = api.ComponentDiscover
	usable.Unknown = append(api.UnknownReasons(), api.ReasonNotObserved)
	healthy := positive(api.ConditionHealthy, []string{api.ReasonNoErrors},
		[]string{api.ReasonSMARTFailing, api.ReasonMediaErrors, api.ReasonWearOut, api.ReasonIOErrors})
	healthy.Owner = api.ComponentDiscover
	healthy.Unknown = []string{api.ReasonNotReported, api.ReasonNotObserved}
	return []Spec{
		usable,
		healthy,
		positive(api.ConditionFresh, []string{api.ReasonNodeReporting},
			[]string{api.ReasonDiscoverSilent, api.ReasonNodeGone}),
		positive(api.ConditionInService, []string{api.ReasonOSDUp, api.ReasonProvidesDB}, []string{
			api.ReasonAvailable, api.ReasonExcluded, api.ReasonPlanned, api.ReasonAwaitingApproval, api.ReasonPreparing,
			api.ReasonPrepareFailed, api.ReasonDeviceChanged, api.ReasonOSDDown, api.ReasonDraining, api.ReasonDrained,
			api.ReasonWiping, api.ReasonMissing,
		}),
	}
}

func poolConditions() []Spec {
	return []Spec{
		positive(api.ConditionReady, []string{api.ReasonAvailable},
			[]string{api.ReasonCreating, api.ReasonWaitingForCluster, api.ReasonUnplaceable, api.ReasonCephRefused}),
		placeable(),
		positive(api.ConditionCapacityOK, []string{api.ReasonRoom},
			[]string{api.ReasonQuotaReached, api.ReasonNearFull, api.ReasonFull}),
		positive(api.ConditionStorageClassesReady, []string{api.ReasonMade}, []string{api.ReasonNameTaken}),
		poolUpToDate(),
		neutral(api.ConditionDeleting, []string{api.ReasonDependentsExist, api.ReasonRemoving},
			[]string{api.ReasonNotDeleting}),
	}
}

func filesystemConditions() []Spec {
	all := poolConditions()
	ready := &all[0]
	ready.False = append(ready.False, api.ReasonRankFailed)
	return append(all, positive(api.ConditionMDSHealthy, []string{api.ReasonAllRanksActive},
		[]string{api.ReasonRankFailed, api.ReasonNoStandby, api.ReasonDamaged, api.ReasonCacheOversized}))
}

func operationConditions() []Spec {
	failed := positive(api.ConditionFailed, []string{api.ReasonStepFailed}, []string{api.ReasonNotFailed})
	failed.Polarity = PolarityNegative
	return []Spec{
		positive(api.ConditionApproved, []string{api.ReasonByUser, api.ReasonByPolicy},
			[]string{api.ReasonAwaitingApproval, api.ReasonPlanChanged}),
		positive(api.ConditionSafe, []string{api.ReasonSafeToProceed}, []string{
			api.ReasonWouldLoseData, api.ReasonWouldBlockIO, api.ReasonNoRoom, api.ReasonDataNotClean,
			api.ReasonStaleData, api.ReasonDeviceChanged,
		}),
		positive(api.ConditionComplete, []string{api.ReasonSucceeded, api.ReasonCancelled, api.ReasonSuperseded},
			[]string{
				api.ReasonRunning, api.ReasonHeld, api.ReasonWaitingForDisk, api.ReasonWaitingForOperation, api.ReasonWaitingForCluster,
				api.ReasonStepFailed,
			}),
		failed,
	}
}

func objectStoreConditions() []Spec {
	return []Spec{
		positive(api.ConditionReady, []string{api.ReasonServing}, []string{
			api.ReasonCreating, api.ReasonWaitingForCluster, api.ReasonNoGateway, api.ReasonCertificateInvalid,
			api.ReasonNotAvailable,
		}),
		placeable(),
		poolUpToDate(),
		neutral(api.ConditionDeleting, []string{api.ReasonBucketsExist}, []string{api.ReasonNotDeleting}),
	}
}

func objectUserConditions() []Spec {
	return []Spec{
		positive(api.ConditionReady, []string{api.ReasonCreated}, []string{
			api.ReasonStoreNotReady, api.ReasonNamespaceNotAllowed, api.ReasonNameTaken, api.ReasonNotAvailable,
		}),
		neutral(api.ConditionDeleting, []string{api.ReasonBucketsExist}, []string{api.ReasonNotDeleting}),
	}
}

func placeable() Spec {
	return positive(api.ConditionPlaceable, []string{api.ReasonPlaceable}, []string{api.ReasonTooFewDomains,
		api.ReasonNoSuchClass})
}

func poolUpToDate() Spec {
	return positive(api.ConditionUpToDate, []string{api.ReasonCurrent}, []string{api.ReasonRebalancing,
		api.ReasonDrift})
}
