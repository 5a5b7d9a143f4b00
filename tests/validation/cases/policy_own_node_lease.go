package cases

import "k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

// ownNodeLeaseCases are about the Lease that says that what discover wrote of a node's disks is fresh.
func ownNodeLeaseCases() []PolicyCase {
	lease := func(node string, patches ...string) *unstructured.Unstructured {
		return object(`{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: seamount-discover-`+node+`, namespace: seamount},
			spec: {holderIdentity: `+node+`, leaseDurationSeconds: 40, renewTime: "2026-01-05T10:00:00.000000Z"}}`, patches...)
	}
	later := `spec: {renewTime: "2026-01-05T10:00:10.000000Z"}`
	const message = "discover of node n4 renews the Lease seamount-discover-n4 alone, and holds it as n4"
	return []PolicyCase{
		ownNode("the first Lease", create(discover("n3"), lease("n3")), ""),
		ownNode("renew", update(discover("n3"), lease("n3"), lease("n3", later)), ""),
		ownNode("renew another node's", update(discover("n4"), lease("n3"), lease("n3", later)), message),
		ownNode("create another node's", create(discover("n4"), lease("n3")), message),
		ownNode("hold its own as another", update(discover("n4"), lease("n4"), lease("n4", `spec: {holderIdentity: n3}`)), message),
		ownNode("hold another's as its own", create(discover("n4"), lease("n3", `spec: {holderIdentity: n4}`)), message),
		ownNode("a token that is bound to no node renews", update(discover(""), lease("n3"), lease("n3", later)), unboundMessage),
		ownNode("delete its Lease", remove(discover("n3"), lease("n3")), notTheirs("DELETE leases")),
		ownNode("the agent renews", update(agent("n3"), lease("n3"), lease("n3", later)), notTheirs("UPDATE leases")),
		ownNode("somebody else's Lease is not its business", update(operator, lease("n3"), lease("n3", later)), ""),
	}
}
