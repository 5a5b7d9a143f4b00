package cases

import "github.com/seamount-dev/seamount/tests/validation/policytest"

const (
	approvePolicy      = "seamount-approve"
	approverMessage    = "approval.approver must be your own user name (alice)"
	approveVerbMessage = `you need the verb "approve" on storageoperations in namespace seamount`
)

func approveCases() []PolicyCase {
	permission := policytest.Permission{Verb: "approve", Group: "seamount.dev", Resource: "storageoperations"}
	elsewhere, only, other := permission, permission, permission
	elsewhere.Namespace = "apps"
	only.Namespace, only.Name = "seamount", "remove-osd-12"
	other.Namespace, other.Name = "seamount", "remove-osd-13"
	alice := func(permissions ...policytest.Permission) policytest.User {
		return policytest.User{Name: "alice", Permissions: permissions}
	}
	bob := policytest.User{Name: "bob"}
	fresh, done := operation(planned), operation(planned, approved)
	forBob := operation(planned, approved, `spec: {approval: {approver: bob}}`)
	admit := func(name string, request policytest.Request) PolicyCase {
		return PolicyCase{Name: name, Policy: approvePolicy, Request: request}
	}
	deny := func(name string, request policytest.Request, message string) PolicyCase {
		return PolicyCase{Name: name, Policy: approvePolicy, Request: request, Message: message}
	}
	return []PolicyCase{
		admit("with the verb", update(alice(permission), fresh, done)),
		admit("with the verb for this one", update(alice(only), fresh, done)),
		deny("without the verb", update(alice(), fresh, done), approveVerbMessage),
		deny("with the verb in another namespace", update(alice(elsewhere), fresh, done), approveVerbMessage),
		deny("with the verb for another operation", update(alice(other), fresh, done), approveVerbMessage),
		deny("in another name", update(alice(permission), fresh, forBob), approverMessage),
		deny("a change of somebody else's approval", update(alice(permission), forBob,
			operation(planned, approved, `spec: {approval: {approver: bob, comment: me too}}`)), approverMessage),
		admit("again, in place of somebody else's", update(alice(permission), forBob, done)),
		admit("hold what is approved", update(bob, done, operation(planned, approved, `spec: {intent: Hold}`))),
		admit("hold what is not approved", update(bob, fresh, operation(planned, `spec: {intent: Hold}`))),
		admit("create without approval", create(bob, operation())),
		{Name: "create approved", Policy: approvePolicy, Request: create(alice(), operation(approved)),
			Message: approveVerbMessage, Shadowed: true},
		admit("the status of what is approved", updateStatus(bob, done, operation(replanned, approved))),
	}
}
