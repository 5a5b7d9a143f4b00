package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	storeClusterMessage = "clusterRef cannot change: an object store lives in one cluster"
	selectorMessage     = "selector goes with from: Selector"
	storeRefMessage     = "storeRef cannot change: a user lives in one object store"
	secretNameMessage   = "secretName cannot change: workloads read the Secret of that name; create another user"
)

// objectStore returns an ObjectStore with patches applied to it.
func objectStore(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: ObjectStore
metadata: {name: s3, namespace: seamount}
spec:
  clusterRef: {name: main}
  dataPool: {replicated: {replicas: 3}}
`, patches...)
}

// objectUser returns an ObjectUser with patches applied to it.
func objectUser(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: ObjectUser
metadata: {name: billing, namespace: apps}
spec:
  storeRef: {name: s3, namespace: seamount}
`, patches...)
}

func objectStoreCases() []Case {
	allowed := func(spec string) *unstructured.Unstructured {
		return objectStore(`spec: {allowedNamespaces: ` + spec + `}`)
	}
	return []Case{
		accept("minimal", objectStore()),
		accept("everything", objectStore(`spec: {gateway: {count: 2, port: 8080, tls: {secretRef: {name: s3-tls}}, placement: {},
			resources: {}}, hostnames: [s3.example.com], allowedNamespaces: {from: Same}}`)),
		accept("scaled to nothing", objectStore(`spec: {gateway: {count: 0}}`)),
		rejectChange("to another cluster", objectStore(), objectStore(`spec: {clusterRef: {name: other}}`),
			"spec.clusterRef", storeClusterMessage),
		accept("namespaces by selector", allowed(`{from: Selector, selector: {matchLabels: {s3: "yes"}}}`)),
		reject("a selector without from", allowed(`{selector: {}}`), "spec.allowedNamespaces", selectorMessage),
		reject("a selector with All", allowed(`{from: All, selector: {}}`), "spec.allowedNamespaces", selectorMessage),
		reject("Selector without a selector", allowed(`{from: Selector}`), "spec.allowedNamespaces", selectorMessage),
		reject("a port out of range", objectStore(`spec: {gateway: {port: 70000}}`),
			"spec.gateway.port", "should be less than or equal to 65535"),
		{Name: "no data pool", New: objectStore(`spec: {dataPool: null}`), Want: []crdtest.Violation{
			{Field: "spec.dataPool", Message: "Required value"}, notChecked,
		}},
	}
}

func objectUserCases() []Case {
	named := func(secret string) *unstructured.Unstructured {
		return objectUser(`spec: {secretName: ` + secret + `}`)
	}
	return []Case{
		accept("minimal", objectUser()),
		accept("everything", objectUser(`spec: {displayName: billing, secretName: keys, quota: {bytes: 1Ti, objects: 1000000,
			buckets: 100}, capabilities: [{type: Buckets, access: Read}], access: Suspended}`)),
		rejectChange("to another store", objectUser(), objectUser(`spec: {storeRef: {name: other}}`), "spec.storeRef", storeRefMessage),
		rejectChange("to a store in another namespace", objectUser(), objectUser(`spec: {storeRef: {namespace: other}}`),
			"spec.storeRef", storeRefMessage),
		acceptChange("the default secretName is written down", objectUser(), named("billing-s3")),
		acceptChange("the default secretName is left out again", named("billing-s3"), objectUser()),
		rejectChange("from the default secretName to another", objectUser(), named("keys"), "spec.secretName", secretNameMessage),
		rejectChange("from one secretName to another", named("keys"), named("more-keys"), "spec.secretName", secretNameMessage),
		reject("quota of no bytes", objectUser(`spec: {quota: {bytes: 0}}`), "spec.quota.bytes", sizeMessage),
		{Name: "a capability twice", New: objectUser(`spec: {capabilities: [{type: Users, access: Read}, {type: Users, access: Write}]}`),
			Want: []crdtest.Violation{{Field: "spec.capabilities[1]", Message: `Duplicate value: {"type":"Users"}`}}},
	}
}
