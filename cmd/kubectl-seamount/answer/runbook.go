package answer

import (
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// reasonsAddress is where the pages about reasons are.
const reasonsAddress = "https://github.com/seamount-dev/seamount/blob/main/docs/runbooks/reasons/"

// reasonPages are the pages by the kinds whose reasons they are about.
var reasonPages = map[string]string{
	v1alpha1.KindStorageCluster:    "clusters.md",
	v1alpha1.KindStorageDisk:       "disks.md",
	v1alpha1.KindStorageOperation:  "operations.md",
	v1alpha1.KindStoragePool:       "pools.md",
	v1alpha1.KindStorageFilesystem: "pools.md",
}

// reasonHeadings are the headings of each page: a reason, or several that are one trouble. tests/docs holds them to the pages.
var reasonHeadings = map[string][]string{
	"clusters.md": {
		"CephUnreachable, MonsUnreachable", "QuorumLost", "DataUnavailable, Inactive", "Degraded, Undersized",
		"Inconsistent", "Unplaceable", "NoRoomToHeal", "NearFull, BackfillFull", "Full", "NotAvailable",
		"AuthenticationFailed", "Stale", "MonOutOfQuorum", "TooFewNodes", "AwaitingApproval, OperationsWaiting",
		"NoUsableDisks", "NoDBSpace", "DeviceChanged, PrepareFailed", "DiskMissing, DiskFailing",
		"UpgradeBlocked, UpgradeHalted", "DowngradeRefused", "UnsupportedRelease", "ConfigDrift", "TopologyDrift",
		"PausedAll, UpgradesPaused", "NooutEnded", "WipingDisks", "DependentsExist",
	},
	"disks.md": {
		"InUse", "Mounted, Swap, Holder", "PartitionTable, Filesystem, VolumeManager, RAIDMember, Encrypted, NotEmpty",
		"ForeignOSD", "OrphanOSD", "ReadOnly", "TooSmall, Removable, Zoned", "SeveralNodes", "UnreadableSectors",
		"ReadTimeout", "SourcesDisagree", "NotScanned, VerdictUnknown", "NotReported",
		"SMARTFailing, MediaErrors, WearOut, IOErrors", "ExcludedByDisk", "ExcludedByRule, Excluded", "ExcludedByOperation",
		"ClaimedByOther", "NodeNotSelected", "NoRuleMatches", "Stale, DiscoverSilent", "NodeNotReady", "NodeGone",
		"NoDBSpace", "Paused", "AwaitingApproval", "RuleNoLongerMatches", "PrepareFailed", "DeviceChanged", "OSDDown",
		"Missing", "Drained",
	},
	"operations.md": {
		"UnknownDisk", "NotOfCluster", "InService", "NoTargets", "TooManyDisks", "NothingToDo", "NotSelected",
		"NoReplacement", "WaitingForCluster", "DiskMissing", "NotSealed", "SharedDBDisk", "DeviceChanged",
		"StaleData", "DataNotClean", "SeveralDomains", "TooFewDomains", "NoRoom", "WouldLoseData", "WouldBlockIO",
		"AwaitingApproval", "PlanChanged", "Held", "WaitingForOperation", "WaitingForDisk", "StepFailed",
	},
	"pools.md": {
		"WaitingForCluster", "Unplaceable, TooFewDomains", "NoSuchClass", "CephRefused", "NameTaken", "QuotaReached",
		"NearFull, Full", "Drift", "DependentsExist", "RankFailed", "NoStandby", "Damaged", "CacheOversized",
	},
}

// ReasonHeadings returns the headings of a page about reasons, in its order.
func ReasonHeadings(page string) []string { return slices.Clone(reasonHeadings[page]) }

// Runbook returns the address of what is written about a reason of an object: what it means, where to look, what to do and what
// not to do; empty: nothing is, for it passes without a person.
func Runbook(kind, reason string) string {
	page := reasonPages[kind]
	for _, heading := range reasonHeadings[page] {
		if reason != "" && slices.Contains(strings.Split(heading, ", "), reason) {
			return reasonsAddress + page + "#" + anchor(heading)
		}
	}
	return ""
}

// anchor is how a page is linked at a heading.
func anchor(heading string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(heading), ",", ""), " ", "-")
}
