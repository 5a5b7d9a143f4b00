package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/policytest"
)

const guardPolicy = "seamount-guard"

var admin = policytest.User{Name: "admin"}

func guard(name string, obj *unstructured.Unstructured, message string) PolicyCase {
	return PolicyCase{Name: name, Policy: guardPolicy, Request: remove(admin, obj), Message: message}
}

func guardCases() []PolicyCase {
	return append(guardDependentCases(), guardOtherCases()...)
}

func guardDependentCases() []PolicyCase {
	return []PolicyCase{
		guard("a cluster with volumes", cluster(`status: {dependents: {volumes: 214, first: [pvc-1c2d, pvc-77aa]}}`),
			"main still holds 214 volumes (pvc-1c2d, ...): delete them first"),
		guard("a cluster with everything", cluster(
			`status: {dependents: {pools: 3, filesystems: 1, objectStores: 2, volumes: 214, first: [pool/fast]}}`),
			"main still holds 3 pools, 1 filesystem, 2 object stores, 214 volumes (pool/fast, ...): delete them first"),
		guard("a cluster with one pool", cluster(`status: {dependents: {pools: 1, first: [pool/fast]}}`),
			"main still holds 1 pool (pool/fast): delete them first"),
		guard("a cluster with nothing left", cluster(`status: {dependents: {pools: 0, volumes: 0}}`), ""),
		guard("a cluster that nobody looked at", cluster(), ""),
		guard("a pool with snapshots", pool(`status: {dependents: {volumes: 0, snapshots: 12}}`),
			"fast still holds 12 snapshots: delete them first"),
		guard("an empty pool", pool(`status: {dependents: {volumes: 0, snapshots: 0, first: []}}`), ""),
		guard("a filesystem with subvolumes", filesystem(`status: {dependents: {subvolumes: 31, first: [csi-vol-1]}}`),
			"shared still holds 31 subvolumes (csi-vol-1, ...): delete them first"),
		guard("an object store with buckets", objectStore(`status: {dependents: {buckets: 12, users: 4, first: [logs]}}`),
			"s3 still holds 12 buckets, 4 users (logs, ...): delete them first"),
		guard("an object user", objectUser(), ""),
		guard("an operation", operation(planned), ""),
	}
}

func guardOtherCases() []PolicyCase {
	namespace := func(labels string) *unstructured.Unstructured {
		return object(`{apiVersion: v1, kind: Namespace, metadata: {name: seamount, labels: ` + labels + `}}`)
	}
	definition := func(group, annotations string) *unstructured.Unstructured {
		return object(`
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: storagepools.` + group + `, annotations: ` + annotations + `}
spec: {group: ` + group + `, names: {kind: StoragePool, plural: storagepools}}
`)
	}
	namespaceMessage := "namespace seamount holds the keys of a Ceph cluster (label seamount.dev/guard=data): delete its StorageClusters first"
	definitionMessage := "deleting storagepools.seamount.dev deletes every StoragePool: if that is meant, annotate it with " +
		"seamount.dev/allow-delete=true first"
	return []PolicyCase{
		guard("a claimed disk", disk(),
			"wwn-5000c50093282dee belongs to StorageCluster seamount/main: take it away with a StorageOperation of type Remove first"),
		guard("a disk that nobody claims", disk(`status: {claim: null}`), ""),
		guard("a disk without a status", disk(`status: null`), ""),
		guard("a namespace with data", namespace(`{seamount.dev/guard: data}`), namespaceMessage),
		guard("a namespace with another label", namespace(`{seamount.dev/guard: none}`), ""),
		guard("a namespace without labels", namespace(`null`), ""),
		guard("a definition of ours", definition("seamount.dev", `null`), definitionMessage),
		guard("a definition of ours with another annotation", definition("seamount.dev", `{seamount.dev/allow-delete: "false"}`),
			definitionMessage),
		guard("a definition of ours that may go", definition("seamount.dev", `{seamount.dev/allow-delete: "true"}`), ""),
		guard("somebody else's definition", definition("example.com", `null`), ""),
	}
}
