package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	operationClusterMessage = "clusterRef cannot change: an operation belongs to one cluster"
	operationFixedMessage   = "type, disks, node, erase and replacement cannot change: cancel this operation and create another"
	disksOrNodeMessage      = "name either disks or a node, and a node only for Drain or Remove"
	replacementMessage      = "replacement goes with Replace of a single disk"
	cancelMessage           = "a cancelled operation cannot be resumed: create another"
	createdApprovedMessage  = "an operation cannot be created approved: its plan is computed first; read it, then approve its ID"
	approvalStaysMessage    = "an approval cannot be taken back; set intent: Hold or Cancel"
	planIDMessage           = "approval.planID is not the current plan (status.plan.id): something changed since you read it; read it again"
	risksMessage            = "approval.acceptedRisks must name every risk in status.plan.risks"
)

// operation returns the removal of a disk with patches applied to it.
func operation(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: StorageOperation
metadata: {name: remove-osd-12, namespace: seamount}
spec:
  clusterRef: {name: main}
  type: Remove
  disks: [wwn-5000c50093282dee]
`, patches...)
}

const (
	nodeInstead = `spec: {disks: null, node: n3}`
	replaceOne  = `spec: {type: Replace, replacement: wwn-5000c500a1b2c3d4}`
)

func operationCases() []Case {
	return append(append(targetCases(), operationChangeCases()...), operationStatusCases()...)
}

func targetCases() []Case {
	cases := []Case{
		accept("one disk", operation()),
		accept("two disks", operation(`spec: {disks: [a, b]}`)),
		accept("a node", operation(nodeInstead)),
		accept("drain of a node", operation(nodeInstead, `spec: {type: Drain}`)),
		reject("disks and a node", operation(`spec: {node: n3}`), "spec", disksOrNodeMessage),
		reject("neither disks nor a node", operation(`spec: {disks: null}`), "spec", disksOrNodeMessage),
		{Name: "an empty list of disks", New: operation(`spec: {disks: []}`), Want: []crdtest.Violation{
			{Field: "spec.disks", Message: "should have at least 1 items"},
		}},
		{Name: "a disk twice", New: operation(`spec: {disks: [a, a]}`), Want: []crdtest.Violation{
			{Field: "spec.disks[1]", Message: `Duplicate value: "a"`},
		}},
		accept("replacement of one disk", operation(replaceOne)),
		accept("replace without a replacement", operation(`spec: {type: Replace}`)),
		reject("replacement of two disks", operation(replaceOne, `spec: {disks: [a, b]}`), "spec", replacementMessage),
		reject("replacement for a removal", operation(`spec: {replacement: b}`), "spec", replacementMessage),
		{Name: "an unknown type", New: operation(`spec: {type: Purge}`), Want: []crdtest.Violation{
			{Field: "spec.type", Message: `supported values: "Add", "Drain", "Remove", "Replace", "Wipe"`}, notChecked,
		}},
	}
	for _, kind := range []string{"Add", "Replace", "Wipe"} {
		cases = append(cases, reject(kind+" of a node", operation(nodeInstead, `spec: {type: `+kind+`}`),
			"spec", disksOrNodeMessage))
	}
	return cases
}

func operationChangeCases() []Case {
	fixed := func(name string, old, obj *unstructured.Unstructured) Case {
		return rejectChange(name, old, obj, "spec", operationFixedMessage)
	}
	held, cancelled := operation(`spec: {intent: Hold}`), operation(`spec: {intent: Cancel}`)
	return []Case{
		rejectChange("to another cluster", operation(), operation(`spec: {clusterRef: {name: other}}`),
			"spec.clusterRef", operationClusterMessage),
		fixed("to another type", operation(), operation(`spec: {type: Wipe}`)),
		fixed("a disk more", operation(), operation(`spec: {disks: [wwn-5000c50093282dee, b]}`)),
		fixed("a disk less", operation(`spec: {disks: [a, b]}`), operation(`spec: {disks: [a]}`)),
		fixed("from disks to a node", operation(), operation(nodeInstead)),
		fixed("to another node", operation(nodeInstead), operation(nodeInstead, `spec: {node: n4}`)),
		fixed("more is erased", operation(), operation(`spec: {erase: Full}`)),
		fixed("a replacement is named", operation(`spec: {type: Replace}`), operation(replaceOne)),
		fixed("another replacement", operation(replaceOne), operation(replaceOne, `spec: {replacement: c}`)),
		acceptChange("the default of erase is written down", operation(), operation(`spec: {erase: Signatures}`)),
		acceptChange("disks in another order", operation(`spec: {disks: [a, b]}`), operation(`spec: {disks: [b, a]}`)),
		acceptChange("hold", operation(), held),
		acceptChange("proceed", held, operation(`spec: {intent: Proceed}`)),
		acceptChange("cancel", operation(), cancelled),
		acceptChange("cancel what is held", held, cancelled),
		acceptChange("a cancelled operation keeps its intent", cancelled, operation(`{metadata: {labels: {a: b}}, spec: {intent: Cancel}}`)),
		rejectChange("resume what was cancelled", cancelled, operation(), "spec.intent", cancelMessage),
		rejectChange("hold what was cancelled", cancelled, held, "spec.intent", cancelMessage),
	}
}

func operationStatusCases() []Case {
	return []Case{
		{Name: "a whole status", Old: operation(), New: operation(planned, `
status:
  conditions: [{type: Approved, status: "False", reason: AwaitingApproval, message: waits, lastTransitionTime: "2026-01-05T10:00:00Z"}]
  plan:
    steps: [{name: Drain, effect: Reversible, why: its data moves}, {name: Purge, effect: Final}]
    outcome: {bytesToMove: 7.4T, etaSeconds: 9200, fullestPercentAfter: 71, redundancyDuring: one more host may fail}
    blockers: [{reason: NoRoom, message: "osd.31 would reach 92%", remedy: add disks}]
  targets: [{disk: wwn-5000c50093282dee, node: n3, osds: [12], seal: "sha256:1f0c", step: Drain, message: 17 of 41 PGs left,
    report: {result: Verified, erasedBytes: 1.1G}}]
  progress: {percent: 55, pgsLeft: 17, bytesLeft: 3.1T, etaSeconds: 4100}
  startTime: "2026-01-05T10:00:00Z"
  summary: {targets: osd.12, step: Drain, progress: 55%, eta: 1h8m}
`), Status: true},
		{Name: "progress beyond the end", Old: operation(), New: operation(`status: {progress: {percent: 101}}`), Status: true,
			Want: []crdtest.Violation{{Field: "status.progress.percent", Message: "should be less than or equal to 100"}}},
	}
}
