package answer

import (
	"fmt"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// What a message that names its own remedy leaves to say.
const asItSays = ""

// remedies are the reasons that wait for a person, with what to do. A reason that is not here ends by itself. {n} is
// the object's namespace, {o} its name.
var remedies = map[string]string{
	v1alpha1.ReasonPausedAll:          `kubectl -n {n} patch storagecluster {o} --type merge -p '{"spec":{"pause":"None"}}'`,
	v1alpha1.ReasonUpgradesPaused:     `kubectl -n {n} patch storagecluster {o} --type merge -p '{"spec":{"pause":"None"}}'`,
	v1alpha1.ReasonNotAvailable:       `kubectl -n {n} edit storagecluster {o}`,
	v1alpha1.ReasonUnsupportedRelease: `kubectl -n {n} edit storagecluster {o} # spec.ceph.image: a release that is supported`,
	v1alpha1.ReasonDowngradeRefused:   `kubectl -n {n} edit storagecluster {o} # spec.ceph.image: the release that runs, or a newer one`,
	v1alpha1.ReasonUpgradeBlocked:     asItSays,
	v1alpha1.ReasonUpgradeHalted:      asItSays,
	v1alpha1.ReasonTopologyDrift:      asItSays,
	v1alpha1.ReasonConfigDrift:        `set it in spec.config, or take it out of Ceph: kubectl seamount ceph -- config rm WHO OPTION`,

	v1alpha1.ReasonQuorumLost:       `bring the nodes of these mons back: kubectl -n {n} get pods -l app.kubernetes.io/component=mon -o wide`,
	v1alpha1.ReasonMonOutOfQuorum:   `bring the node of this mon back: kubectl -n {n} get pods -l app.kubernetes.io/component=mon -o wide`,
	v1alpha1.ReasonMonsUnreachable:  `kubectl -n {n} get pods -l app.kubernetes.io/component=mon -o wide`,
	v1alpha1.ReasonTooFewNodes:      `add nodes, or lower spec.mon.count`,
	v1alpha1.ReasonInconsistent:     `kubectl seamount ceph -n {n} -- health detail`,
	v1alpha1.ReasonDataUnavailable:  `kubectl seamount disks # those that are Down or Missing hold it`,
	v1alpha1.ReasonDependentsExist:  asItSays,
	v1alpha1.ReasonNoRoomToHeal:     `add disks on other hosts, or delete data`,
	v1alpha1.ReasonNearFull:         `add disks, or delete data`,
	v1alpha1.ReasonBackfillFull:     `add disks, or delete data`,
	v1alpha1.ReasonFull:             `add disks, or delete data`,
	v1alpha1.ReasonQuotaReached:     `raise spec.quota of the pool, or delete volumes`,
	v1alpha1.ReasonNoUsableDisks:    `kubectl seamount disks # why of each`,
	v1alpha1.ReasonNoDBSpace:        `add a disk for the rule with use: DB, or lower db.size of the rule`,
	v1alpha1.ReasonAwaitingApproval: `kubectl -n {n} patch storagecluster {o} --type merge -p '{"spec":{"approvals":{"newDisks":"Automatic"}}}'`,
	v1alpha1.ReasonDiskMissing:      replaceDisk,
	v1alpha1.ReasonDiskFailing:      replaceDisk,
	v1alpha1.ReasonDeviceChanged:    asItSays,
	v1alpha1.ReasonPrepareFailed:    asItSays,

	v1alpha1.ReasonUnplaceable:   asItSays,
	v1alpha1.ReasonTooFewDomains: asItSays,
	v1alpha1.ReasonNoSuchClass:   asItSays,
	v1alpha1.ReasonNameTaken:     asItSays,
	v1alpha1.ReasonCephRefused:   asItSays,
}

const replaceDisk = "create a StorageOperation of type Replace that names the disk"

// remedy says what a person can do; needed is false for what ends by itself.
func remedy(o Object, reason string) (do string, needed bool) {
	if o.Kind == v1alpha1.KindStorageOperation || o.Kind == v1alpha1.KindStorageDisk {
		return "", false // operationTask and diskTask know more
	}
	do, needed = remedies[reason]
	return strings.NewReplacer("{n}", o.Namespace, "{o}", o.Name).Replace(do), needed
}

// task makes what waits for a person of a finding; nil: nothing does.
func (f Finding) task() *Task {
	do, needed := remedy(f.Object, f.Reason)
	if !needed {
		return nil
	}
	return &Task{f.Object, f.Reason, f.Message, do}
}

// operationTask says what of an operation waits for a person; nil: nothing does.
func operationTask(o *v1alpha1.StorageOperation) *Task {
	t := Task{Object: objectOfOperation(o), Reason: string(o.Status.State)}
	if IsWhatIf(o) {
		return nil // leftOverTask knows when it is one
	}
	switch o.Status.State {
	case v1alpha1.OperationAwaitingApproval:
		t.Message, t.Do = awaiting(o), command("approve", o)
	case v1alpha1.OperationHeld:
		return heldTask(o, t)
	case v1alpha1.OperationRefused:
		t.Message, t.Do = what(o)+" is refused", "cancel it, or do what its blockers ask for"
		if blockers := deref(o.Status.Plan).Blockers; len(blockers) > 0 {
			t.Reason, t.Message, t.Do = blockers[0].Reason, t.Message+": "+blockers[0].Message, blockers[0].Remedy
		}
	case v1alpha1.OperationFailed:
		t.Message = joinWords(": ", what(o)+" failed", message(o.Status.Conditions, v1alpha1.ConditionFailed))
		t.Do = "put right what it says, and create another"
	default:
		return nil
	}
	return &t
}

// leftOverAfter is how long nobody wonders that an operation asks what if: somebody waits for the answer.
const leftOverAfter = 10 * time.Minute

// leftOverTask says that a question was never taken back; nil: it is none, or somebody may still wait for its answer.
func leftOverTask(s *Snapshot, o *v1alpha1.StorageOperation) *Task {
	if !IsWhatIf(o) || s.Now.Sub(o.CreationTimestamp.Time) < leftOverAfter {
		return nil
	}
	return &Task{objectOfOperation(o), string(o.Status.State), askedOnly(o), deleteQuestion(o)}
}

// heldTask tells a hold that somebody asked for, and one that a person must end, from one that ends by itself.
func heldTask(o *v1alpha1.StorageOperation, t Task) *Task {
	if o.Spec.Intent == v1alpha1.IntentHold {
		t.Message, t.Do = fmt.Sprintf("%s is held by spec.intent: %s", what(o), o.Spec.Intent), command("hold --release", o)
		return &t
	}
	for _, kind := range []string{v1alpha1.ConditionSafe, v1alpha1.ConditionComplete} {
		said := deref(meta.FindStatusCondition(o.Status.Conditions, kind))
		switch said.Reason {
		case v1alpha1.ReasonNoRoom, v1alpha1.ReasonDeviceChanged, v1alpha1.ReasonWouldLoseData, v1alpha1.ReasonWaitingForDisk,
			v1alpha1.ReasonStepFailed:
			t.Message, t.Do = joinWords(": ", what(o)+" is held", said.Message), command("why", o)
			return &t
		}
	}
	return nil
}

// awaiting says what an operation that waits for approval would do.
func awaiting(o *v1alpha1.StorageOperation) string {
	plan := deref(o.Status.Plan)
	text := fmt.Sprintf("%s waits for approval of plan %s", what(o), plan.ID)
	if len(plan.Risks) > 0 {
		text += ", which risks " + strings.Join(enums(plan.Risks), ", ")
	}
	return text
}

// what an operation does, in a few words.
func what(o *v1alpha1.StorageOperation) string {
	return fmt.Sprintf("%s of %s", o.Spec.Type, Targets(o))
}

// Targets of an operation in words: its OSDs where the operator has said them, else its disks or its node.
func Targets(o *v1alpha1.StorageOperation) string {
	if said := deref(o.Status.Summary).Targets; said != "" {
		return said
	}
	if o.Spec.Node != "" {
		return "node " + o.Spec.Node
	}
	return strings.Join(o.Spec.Disks, ",")
}
