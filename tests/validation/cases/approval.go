package cases

import "github.com/seamount-dev/seamount/tests/validation/crdtest"

const (
	planned   = `status: {state: AwaitingApproval, plan: {id: 7f3a9c, risks: [RedundancyLoss, SharedDB]}}`
	riskless  = `status: {state: AwaitingApproval, plan: {id: 7f3a9c}}`
	replanned = `status: {state: AwaitingApproval, plan: {id: 8b1c00, risks: [RedundancyLoss, SharedDB]}}`
	approved  = `spec: {approval: {planID: 7f3a9c, approver: alice, acceptedRisks: [SharedDB, RedundancyLoss]}}`
)

func approvalCases() []Case {
	fresh := operation(planned)
	done := operation(planned, approved)
	renewed := `spec: {approval: {planID: 8b1c00}}`
	return []Case{
		reject("created approved", operation(approved), "", createdApprovedMessage),
		acceptChange("approve", fresh, done),
		acceptChange("approve with one risk more", fresh, operation(planned, approved,
			`spec: {approval: {acceptedRisks: [DataLoss, SharedDB, RedundancyLoss], comment: ticket 4711}}`)),
		acceptChange("approve a plan without risks", operation(riskless),
			operation(riskless, `spec: {approval: {planID: 7f3a9c, approver: alice}}`)),
		rejectChange("approve another plan", fresh, operation(planned, approved, `spec: {approval: {planID: 8b1c00}}`),
			"", planIDMessage),
		rejectChange("approve before there is a plan", operation(),
			operation(`spec: {approval: {planID: 7f3a9c, approver: alice}}`), "", planIDMessage),
		rejectChange("approve with one risk less", fresh,
			operation(planned, approved, `spec: {approval: {acceptedRisks: [SharedDB]}}`), "", risksMessage),
		rejectChange("approve without the risks", fresh,
			operation(planned, approved, `spec: {approval: {acceptedRisks: null}}`), "", risksMessage),
		rejectChange("the approval is taken back", done, fresh, "spec", approvalStaysMessage),
		rejectChange("an accepted risk is taken back", done,
			operation(planned, approved, `spec: {approval: {acceptedRisks: [SharedDB]}}`), "", risksMessage),
		acceptChange("hold what is approved", done, operation(planned, approved, `spec: {intent: Hold}`)),
		acceptChange("hold after the plan changed", operation(replanned, approved), operation(replanned, approved, `spec: {intent: Hold}`)),
		acceptChange("approve again after the plan changed", operation(replanned, approved), operation(replanned, approved, renewed)),
		rejectChange("approve the old plan again", operation(replanned, approved),
			operation(replanned, approved, `spec: {approval: {comment: once more}}`), "", planIDMessage),
		{Name: "the plan changes under an approval", Old: done, New: operation(replanned, approved), Status: true},
		{Name: "the status is deleted under an approval", Old: done, New: operation(approved), Status: true},
		{Name: "approve and turn to another disk", Old: fresh, New: operation(planned, approved, `spec: {disks: [b]}`),
			Want: []crdtest.Violation{{Field: "spec", Message: operationFixedMessage}}},
	}
}
