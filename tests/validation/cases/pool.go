package cases

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	poolNameMessage       = "metadata.name: at most 50 characters; it is the pool's name in Ceph"
	poolClusterMessage    = "clusterRef cannot change: a pool lives in one cluster"
	imageMetadataMessage  = "imageMetadata goes with erasureCoded: a replicated pool holds its own image headers"
	clusterDefaultMessage = "storageClasses: only one can be clusterDefault"
)

// pool returns a replicated StoragePool with patches applied to it.
func pool(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: StoragePool
metadata: {name: fast, namespace: seamount}
spec:
  clusterRef: {name: main}
  replicated: {replicas: 3}
`, patches...)
}

const toErasureCoded = `spec: {replicated: null, erasureCoded: {dataChunks: 4, codingChunks: 2}}`

func poolCases() []Case {
	named := func(name string) *unstructured.Unstructured { return pool(`metadata: {name: "` + name + `"}`) }
	elsewhere := pool(`spec: {clusterRef: {name: other}}`)
	cases := []Case{
		accept("name of 50 characters", named(strings.Repeat("a", 50))),
		reject("name of 51 characters", named(strings.Repeat("a", 51)), "", poolNameMessage),
		rejectChange("to another cluster", pool(), elsewhere, "spec.clusterRef", poolClusterMessage),
		{Name: "no cluster", New: pool(`spec: {clusterRef: null}`), Want: []crdtest.Violation{
			{Field: "spec.clusterRef", Message: "Required value"}, notChecked,
		}},
		accept("image metadata beside chunks", pool(toErasureCoded, `spec: {imageMetadata: {replicas: 3, deviceClass: nvme}}`)),
		reject("image metadata beside copies", pool(`spec: {imageMetadata: {}}`), "spec.imageMetadata", imageMetadataMessage),
		rejectChange("image metadata is added to copies", pool(), pool(`spec: {imageMetadata: {}}`),
			"spec.imageMetadata", imageMetadataMessage),
		reject("image metadata in a single copy", pool(toErasureCoded, `spec: {imageMetadata: {replicas: 1}}`),
			"spec.imageMetadata.replicas", "should be greater than or equal to 2"),
		accept("quota", pool(`spec: {quota: {bytes: 50Ti, objects: 1000000}}`)),
		reject("quota of no bytes", pool(`spec: {quota: {bytes: 0}}`), "spec.quota.bytes", sizeMessage),
		reject("a target above the whole", pool(`spec: {targetPercent: 101}`),
			"spec.targetPercent", "should be less than or equal to 100"),
	}
	return append(cases, storageClassCases("StoragePool", pool)...)
}

// storageClassCases are those that StoragePool and StorageFilesystem share.
func storageClassCases(kind string, owner func(...string) *unstructured.Unstructured) []Case {
	one := `spec: {storageClasses: [{name: a, clusterDefault: Enabled, mountOptions: [noatime]}, {name: b}]}`
	two := `spec: {storageClasses: [{name: a, clusterDefault: Enabled}, {name: b, clusterDefault: Enabled}]}`
	return []Case{
		accept(kind+": one default class", owner(one)),
		reject(kind+": two default classes", owner(two), "spec.storageClasses", clusterDefaultMessage),
		acceptChange(kind+": the default moves", owner(one),
			owner(`spec: {storageClasses: [{name: a}, {name: b, clusterDefault: Enabled}]}`)),
		rejectChange(kind+": a second default", owner(one), owner(two), "spec.storageClasses", clusterDefaultMessage),
		{Name: kind + ": a class twice", New: owner(`spec: {storageClasses: [{name: a}, {name: a}]}`),
			Want: []crdtest.Violation{{Field: "spec.storageClasses[1]", Message: `Duplicate value: {"name":"a"}`}}},
	}
}
