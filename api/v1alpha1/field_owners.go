package v1alpha1

// The components that write to the API.
const (
	// ComponentOperator decides.
	ComponentOperator = "operator"
	// ComponentDiscover reports the disks of a node.
	ComponentDiscover = "discover"
	// ComponentAgent does privileged work on a node.
	ComponentAgent = "agent"
)

// The service accounts of the components that run on every node. The policy seamount-own-node knows them by these
// names, in whatever namespace Seamount is installed.
const (
	ServiceAccountDiscover = "seamount-discover"
	ServiceAccountAgent    = "seamount-agent"
)

// FieldOwnerOperator is the operator's owner of fields in server-side apply.
const FieldOwnerOperator = "seamount-operator"

// FieldOwnerDiscover returns the owner of fields of discover on a node.
func FieldOwnerDiscover(node string) string {
	return shorten(ServiceAccountDiscover+"/"+node, maxFieldOwner)
}

// FieldOwnerAgent returns the owner of fields of the agent on a node.
func FieldOwnerAgent(node string) string {
	return shorten(ServiceAccountAgent+"/"+node, maxFieldOwner)
}

// FieldOwnerCluster returns the operator's owner of fields, for what it writes of one StorageCluster into an object that
// all clusters of a namespace share.
func FieldOwnerCluster(cluster string) string {
	return shorten(FieldOwnerOperator+"/"+cluster, maxFieldOwner)
}
