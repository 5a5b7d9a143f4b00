package cases

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/policytest"
)

const (
	ownNodePolicy      = "seamount-own-node"
	unboundMessage     = "this token is bound to no node (authentication.kubernetes.io/node-name): discover and agent write with the token that kubelet gave their own pod"
	specMessage        = "spec belongs to people: discover and agent do not write it"
	metadataOwnMessage = "metadata: discover and agent write the labels seamount.dev/node and seamount.dev/media, and nothing else"
	otherNodesMessage  = "status.otherNodes: each node writes only its own entry"
	wrongNodeMessage   = "node n3 writes a StorageDisk only with status.node: n3"
	notMineMessage     = "this StorageDisk is in node n3: node n4 may add itself to status.otherNodes, and write the rest once n3 says presence: Missing"
	reportMessage      = "the agent of node n3 writes only status.targets[].report, of targets in that node"
)

func discover(node string) policytest.User {
	return policytest.User{Name: "system:serviceaccount:storage:seamount-discover", Node: node}
}

func agent(node string) policytest.User {
	return policytest.User{Name: "system:serviceaccount:storage:seamount-agent", Node: node}
}

var operator = policytest.User{Name: "system:serviceaccount:storage:seamount-operator", Node: "n1"}

func notTheirs(request string) string {
	return "discover of a node writes StorageDisks, and the agent their status and that of StorageOperations: not " + request
}

func othersFields(names string) string {
	return "these fields of status belong to others: " + names
}

func ownNode(name string, request policytest.Request, message string) PolicyCase {
	return PolicyCase{Name: name, Policy: ownNodePolicy, Request: request, Message: message}
}

// ownNodeDiskCases are about the status of a StorageDisk; the one of disk() is in node n3.
func ownNodeDiskCases() []PolicyCase {
	return slices.Concat(ownDiskCases(), takeOverCases(), operatorsFieldCases(), agentDiskCases())
}

func ownDiskCases() []PolicyCase {
	bare := disk(`status: null`)
	found := disk(`status: {claim: null, osds: null, plan: null, state: null, summary: null, conditions: [
		{type: Usable, status: "True", reason: Empty, message: empty, lastTransitionTime: "2026-01-05T10:00:00Z"}]}`)
	rejected := disk(`status: {verdict: {result: Rejected, reasons: null}, content: null, presence: Missing, conditions: [
		{type: Usable, status: "False", reason: Mounted, message: mounted, lastTransitionTime: "2026-01-06T10:00:00Z"},
		{type: Healthy, status: "True", reason: NoErrors, message: fine, lastTransitionTime: "2026-01-06T10:00:00Z"},
		{type: Fresh, status: "True", reason: NodeReporting, message: n3 reports, lastTransitionTime: "2026-01-05T10:00:00Z"}]}`)
	unbound := discover("")
	elsewhere := policytest.User{Name: "system:serviceaccount:kube-system:seamount-discover", Node: "n4"}
	stranger := policytest.User{Name: "system:serviceaccount:storage:seamount-discoverer", Node: "n4"}
	return []PolicyCase{
		ownNode("the first status of a disk", updateStatus(discover("n3"), bare, found), ""),
		ownNode("everything of discover's", updateStatus(discover("n3"), disk(), rejected), ""),
		ownNode("the agent of the same node", updateStatus(agent("n3"), disk(), rejected), othersFields("conditions, presence, content, verdict")),
		ownNode("nothing changes", updateStatus(discover("n4"), disk(), disk()), ""),
		ownNode("another node", updateStatus(discover("n4"), disk(), rejected), notMineMessage),
		ownNode("another namespace's discover in another node", updateStatus(elsewhere, disk(), rejected), notMineMessage),
		ownNode("a token that is bound to no node", updateStatus(unbound, disk(), rejected), unboundMessage),
		ownNode("the operator, from any node", updateStatus(operator, disk(), rejected), ""),
		ownNode("somebody with a name like theirs", updateStatus(stranger, disk(), rejected), ""),
	}
}

func takeOverCases() []PolicyCase {
	status := func(patch string) *unstructured.Unstructured { return disk(`status: ` + patch) }
	missing := status(`{presence: Missing}`)
	shared := status(`{otherNodes: [n4, n5]}`)
	return []PolicyCase{
		ownNode("seen here too", updateStatus(discover("n4"), disk(), status(`{otherNodes: [n4]}`)), ""),
		ownNode("seen here no longer", updateStatus(discover("n4"), shared, status(`{otherNodes: [n5]}`)), ""),
		ownNode("the last entry goes", updateStatus(discover("n4"), status(`{otherNodes: [n4]}`), disk()), ""),
		ownNode("another node's entry is added", updateStatus(discover("n4"), disk(), status(`{otherNodes: [n4, n5]}`)),
			otherNodesMessage),
		ownNode("another node's entry is taken away", updateStatus(discover("n4"), shared, status(`{otherNodes: [n4]}`)),
			otherNodesMessage),
		ownNode("the holder takes another's entry away", updateStatus(discover("n3"), shared, status(`{otherNodes: [n4]}`)),
			otherNodesMessage),
		ownNode("take over what is missing", updateStatus(discover("n4"), missing, status(`{node: n4, presence: Present}`)), ""),
		ownNode("take over and leave otherNodes", updateStatus(discover("n4"), status(`{presence: Missing, otherNodes: [n4, n5]}`),
			status(`{node: n4, presence: Present, otherNodes: [n5]}`)), ""),
		ownNode("take over what is present", updateStatus(discover("n4"), disk(), status(`{node: n4}`)), notMineMessage),
		ownNode("say of another's disk that it is missing", updateStatus(discover("n4"), disk(), missing), notMineMessage),
		ownNode("change what is missing and not take it over", updateStatus(discover("n4"), missing,
			status(`{presence: Missing, device: {name: sdx}}`)), strings.ReplaceAll(wrongNodeMessage, "n3", "n4")),
		ownNode("give a disk to another node", updateStatus(discover("n3"), disk(), status(`{node: n4}`)), wrongNodeMessage),
		ownNode("a disk without a node", updateStatus(discover("n3"), disk(), status(`{node: null}`)), wrongNodeMessage),
		ownNode("the first status in another's name", updateStatus(discover("n3"), disk(`status: null`), status(
			`{node: n4, claim: null, osds: null, plan: null, state: null, summary: null, conditions: null}`)), wrongNodeMessage),
	}
}

// agentDiskCases are about the report of what was asked for with a disk.
func agentDiskCases() []PolicyCase {
	status := func(patch string) *unstructured.Unstructured { return disk(`status: ` + patch) }
	const request = `request: {id: r1, action: Partition, node: n3}`
	asked := status(`{` + request + `}`)
	done := status(`{` + request + `, report: {id: r1, node: n3, result: Done}}`)
	unknown := disk(`status: null`)
	return []PolicyCase{
		ownNode("an agent reports", updateStatus(agent("n3"), asked, done), ""),
		ownNode("an agent reports again", updateStatus(agent("n3"), done, status(`{`+request+`, report: {id: r2, node: n3, result: Failed}}`)), ""),
		ownNode("an agent takes its report back", updateStatus(agent("n3"), done, asked), ""),
		ownNode("an agent changes nothing of another's disk", updateStatus(agent("n4"), done, done), ""),
		ownNode("an agent reports on another's disk", updateStatus(agent("n4"), asked,
			status(`{`+request+`, report: {id: r1, node: n4, result: Done}}`)), agentReportMessage("n4", "; this one is in node n3")),
		ownNode("an agent reports in another's name", updateStatus(agent("n3"), asked,
			status(`{`+request+`, report: {id: r1, node: n4, result: Done}}`)), agentReportMessage("n3", "; this one is in node n3")),
		ownNode("an agent reports on a disk in no node", updateStatus(agent("n3"), unknown,
			disk(`status: null`, `status: {report: {id: r1, node: n3, result: Done}}`)), agentReportMessage("n3", "")),
		ownNode("an agent reports on what is missing elsewhere", updateStatus(agent("n4"), status(`{presence: Missing}`),
			status(`{presence: Missing, report: {id: r1, node: n4, result: Done}}`)), agentReportMessage("n4", "; this one is in node n3")),
		ownNode("an agent asks itself", updateStatus(agent("n3"), disk(), asked), othersFields("request")),
		ownNode("an agent takes a request back and reports", updateStatus(agent("n3"), asked,
			status(`{report: {id: r1, node: n3, result: Done}}`)), othersFields("request")),
		ownNode("an agent takes a disk over", updateStatus(agent("n4"), status(`{presence: Missing}`), status(`{node: n4}`)),
			othersFields("node, presence")),
		ownNode("an agent enters itself", updateStatus(agent("n4"), disk(), status(`{otherNodes: [n4]}`)), othersFields("otherNodes")),
		ownNode("discover reports what was asked for", updateStatus(discover("n3"), asked, done), othersFields("report")),
		ownNode("discover asks", updateStatus(discover("n3"), disk(), asked), othersFields("request")),
		ownNode("the operator asks", updateStatus(operator, disk(), asked), ""),
		ownNode("an agent labels", update(agent("n3"), disk(), disk(`metadata: {labels: {seamount.dev/media: SSD}}`)),
			notTheirs("UPDATE storagedisks")),
		ownNode("an agent makes a disk", create(agent("n3"), disk(`{spec: null, status: null}`)), notTheirs("CREATE storagedisks")),
	}
}

func agentReportMessage(node, holder string) string {
	return "the agent of node " + node + " reports in its own name, and only on the disks of its node" + holder
}

func operatorsFieldCases() []PolicyCase {
	refuse := func(name, patch, message string) PolicyCase {
		return ownNode(name, updateStatus(discover("n3"), disk(), disk(`status: `+patch)), message)
	}
	return []PolicyCase{
		refuse("the claim goes", `{claim: null}`, othersFields("claim")),
		refuse("the claim changes", `{claim: {name: other}}`, othersFields("claim")),
		refuse("an OSD goes", `{osds: null}`, othersFields("osds")),
		refuse("the plan changes", `{plan: {action: Add}}`, othersFields("plan")),
		refuse("state and summary change", `{state: Usable, summary: {reason: Matched}}`, othersFields("state, summary")),
		refuse("a generation was observed", `{observedGeneration: 7}`, othersFields("observedGeneration")),
		{Name: "a field that the policy does not know", Policy: ownNodePolicy, Message: othersFields("surprise"),
			Request: updateStatus(discover("n3"), disk(), disk(`status: {surprise: 1}`)), Shadowed: true},
		refuse("all that is the operator's goes",
			`{observedGeneration: 7, claim: null, osds: null, plan: null, state: null, summary: null}`,
			othersFields("observedGeneration, claim, osds, plan, state, summary")),
		refuse("Fresh goes", `{conditions: [
			{type: Usable, status: "False", reason: InUse, message: holds osd.12, lastTransitionTime: "2026-01-05T10:00:00Z"}]}`,
			"these conditions belong to the operator: Fresh"),
		refuse("all conditions go", `{conditions: null}`, "these conditions belong to the operator: Fresh"),
		refuse("Fresh changes", `{conditions: [
			{type: Usable, status: "False", reason: InUse, message: holds osd.12, lastTransitionTime: "2026-01-05T10:00:00Z"},
			{type: Fresh, status: "False", reason: NodeGone, message: gone, lastTransitionTime: "2026-01-05T10:00:00Z"}]}`,
			"these conditions belong to the operator: Fresh"),
		refuse("InService appears", `{conditions: [
			{type: Usable, status: "False", reason: InUse, message: holds osd.12, lastTransitionTime: "2026-01-05T10:00:00Z"},
			{type: Fresh, status: "True", reason: NodeReporting, message: n3 reports, lastTransitionTime: "2026-01-05T10:00:00Z"},
			{type: InService, status: "True", reason: OSDUp, message: up, lastTransitionTime: "2026-01-05T10:00:00Z"}]}`,
			"these conditions belong to the operator: InService"),
	}
}

// ownNodeMetadataCases are about creating and labelling StorageDisks.
func ownNodeMetadataCases() []PolicyCase {
	bare := func(patches ...string) *unstructured.Unstructured {
		labels := `metadata: {labels: {seamount.dev/cluster: null, osd.seamount.dev/12: null}}`
		return disk(append([]string{`{spec: null, status: null}`, labels}, patches...)...)
	}
	long := strings.Repeat("node", 20)
	missing := disk(`status: {presence: Missing}`)
	labelled := func(node string) string { return `metadata: {labels: {seamount.dev/node: ` + node + `}}` }
	return []PolicyCase{
		ownNode("create", create(discover("n3"), bare()), ""),
		ownNode("create with the spec that the schema fills in", create(discover("n3"), bare(`spec: {use: Allowed}`)), ""),
		ownNode("create excluded", create(discover("n3"), bare(`spec: {use: Never}`)), specMessage),
		ownNode("create for another node", create(discover("n4"), bare()), "node n4 labels only its own disks, with its own name"),
		ownNode("create for a node with a long name", create(discover(long), bare(labelled(long[:54]+"-0123abcd"))), ""),
		ownNode("create with a finalizer", create(discover("n3"), bare(`metadata: {finalizers: [seamount.dev/osd]}`)), metadataOwnMessage),
		ownNode("create with an owner", create(discover("n3"), bare(
			`metadata: {ownerReferences: [{apiVersion: v1, kind: Node, name: n3, uid: "1"}]}`)), metadataOwnMessage),
		ownNode("create with another label", create(discover("n3"), disk(`{spec: null, status: null}`)), metadataOwnMessage),
		ownNode("nothing of another's disk changes", update(discover("n4"), disk(), disk()), ""),
		ownNode("exclude", update(discover("n3"), disk(), disk(`spec: {use: Never}`)), specMessage),
		ownNode("include", update(discover("n3"), disk(`spec: {use: Never}`), disk()), specMessage),
		ownNode("another medium", update(discover("n3"), disk(), disk(`metadata: {labels: {seamount.dev/media: SSD}}`)), ""),
		ownNode("label what was taken over", update(discover("n4"), missing, disk(`status: {presence: Missing}`, labelled("n4"))), ""),
		ownNode("label another's disk", update(discover("n4"), disk(), disk(labelled("n4"))),
			"node n4 labels only its own disks, with its own name; this one is in node n3"),
		ownNode("label its own disk as another's", update(discover("n3"), disk(), disk(labelled("n4"))),
			"node n3 labels only its own disks, with its own name; this one is in node n3"),
		ownNode("the label of an OSD", update(discover("n3"), disk(), disk(`metadata: {labels: {osd.seamount.dev/13: data}}`)),
			metadataOwnMessage),
		ownNode("the label of a cluster goes", update(discover("n3"), disk(), disk(`metadata: {labels: {seamount.dev/cluster: null}}`)),
			metadataOwnMessage),
		ownNode("the finalizer goes", update(discover("n3"), disk(`metadata: {finalizers: [seamount.dev/osd]}`), disk()), metadataOwnMessage),
		ownNode("an annotation", update(discover("n3"), disk(), disk(`metadata: {annotations: {a: b}}`)), metadataOwnMessage),
		ownNode("delete", remove(discover("n3"), bare()), notTheirs("DELETE storagedisks")),
		ownNode("the operator writes labels and finalizer", update(operator, disk(),
			disk(`metadata: {finalizers: [seamount.dev/osd], labels: {osd.seamount.dev/13: db}}`)), ""),
		ownNode("a person excludes", update(policytest.User{Name: "alice"}, disk(), disk(`spec: {use: Never}`)), ""),
		ownNode("a pool", create(discover("n3"), pool()), notTheirs("CREATE storagepools")),
		ownNode("the status of a cluster", updateStatus(agent("n3"), cluster(), cluster(`status: {fsid: a}`)),
			notTheirs("UPDATE storageclusters/status")),
	}
}

// ownNodeOperationCases are about the reports of an operation's targets.
func ownNodeOperationCases() []PolicyCase {
	targets := func(list string) *unstructured.Unstructured {
		return operation(planned, `status: {targets: [`+list+`]}`)
	}
	a, b := `{disk: a, node: n3, step: Erase}`, `{disk: b, node: n4, step: Erase, report: {result: Failed}}`
	reported := `{disk: a, node: n3, step: Erase, report: {result: Verified, erasedBytes: 1.1G}}`
	both := targets(a + "," + b)
	refuse := func(name, list string) PolicyCase {
		return ownNode(name, updateStatus(agent("n3"), both, targets(list)), reportMessage)
	}
	return []PolicyCase{
		ownNode("report", updateStatus(agent("n3"), both, targets(reported+","+b)), ""),
		ownNode("report again", updateStatus(agent("n3"), targets(reported), targets(
			`{disk: a, node: n3, step: Erase, report: {result: Refused, message: another seal}}`)), ""),
		ownNode("take a report back", updateStatus(agent("n3"), targets(reported), targets(a)), ""),
		ownNode("no report changes", updateStatus(agent("n3"), both, both), ""),
		ownNode("discover reports", updateStatus(discover("n3"), both, targets(reported+","+b)),
			notTheirs("UPDATE storageoperations/status")),
		refuse("report for another node", a+`, {disk: b, node: n4, step: Erase, report: {result: Verified}}`),
		refuse("another node's report goes", a+`, {disk: b, node: n4, step: Erase}`),
		refuse("move a target and report", a+`, {disk: b, node: n3, step: Erase, report: {result: Verified}}`),
		refuse("another step", `{disk: a, node: n3, step: Done},`+b),
		refuse("no step", `{disk: a, node: n3},`+b),
		refuse("another seal", `{disk: a, node: n3, step: Erase, seal: "sha256:0"},`+b),
		refuse("a target goes", a),
		refuse("a target comes", a+","+b+`, {disk: c, node: n3}`),
		refuse("a target in place of another", `{disk: c, node: n3, step: Erase},`+b),
		refuse("all targets go", ""),
		ownNode("report and finish", updateStatus(agent("n3"), both, operation(planned, `status: {state: Succeeded, targets: [`+reported+","+b+`]}`)),
			othersFields("state")),
		ownNode("forge everything", updateStatus(agent("n3"), operation(), operation(planned, `status: {conditions: [],
			progress: {percent: 5}, startTime: "2026-01-05T10:00:00Z", completionTime: "2026-01-05T10:00:00Z", summary: {step: a}}`)),
			othersFields("conditions, plan, state, progress, startTime, completionTime, summary")),
		ownNode("forge a plan", updateStatus(agent("n3"), operation(), operation(planned)), othersFields("plan, state")),
		ownNode("create an operation", create(agent("n3"), operation()), notTheirs("CREATE storageoperations")),
		ownNode("change the spec", update(agent("n3"), operation(), operation(`spec: {intent: Cancel}`)), notTheirs("UPDATE storageoperations")),
		ownNode("delete an operation", remove(agent("n3"), operation()), notTheirs("DELETE storageoperations")),
	}
}
