package cases

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	filesystemClusterMessage = "clusterRef cannot change: a filesystem lives in one cluster"
	firstDataPoolMessage     = "dataPools[0] must be replicated: CephFS keeps every file's backtrace in its first data pool"
	dataPoolsMessage         = "dataPools: a data pool cannot be taken away or moved; its files would be lost"
	classDataPoolMessage     = "storageClasses.dataPool must be one of dataPools"
)

// filesystem returns a StorageFilesystem with one data pool, with patches applied to it.
func filesystem(patches ...string) *unstructured.Unstructured {
	return object(`
apiVersion: seamount.dev/v1alpha1
kind: StorageFilesystem
metadata: {name: shared, namespace: seamount}
spec:
  clusterRef: {name: main}
  dataPools: [{name: default, replicated: {replicas: 3}}]
`, patches...)
}

func dataPools(list string) *unstructured.Unstructured {
	return filesystem(`spec: {dataPools: [` + list + `]}`)
}

func filesystemCases() []Case {
	cases := []Case{
		accept("minimal", filesystem()),
		accept("everything", filesystem(`spec: {metadataPool: {replicated: {replicas: 3}, deviceClass: nvme},
			mds: {active: 2, standby: Shared, placement: {}, resources: {limits: {memory: 4Gi}}},
			storageClasses: [{name: shared, dataPool: default, mounter: Kernel, mountOptions: []}]}`)),
		rejectChange("to another cluster", filesystem(), filesystem(`spec: {clusterRef: {name: other}}`),
			"spec.clusterRef", filesystemClusterMessage),
		acceptChange("the metadata pool is written down", filesystem(),
			filesystem(`spec: {metadataPool: {replicated: {replicas: 3}}}`)),
		reject("17 ranks", filesystem(`spec: {mds: {active: 17}}`), "spec.mds.active", "should be less than or equal to 16"),
		reject("a class on no pool", filesystem(`spec: {storageClasses: [{name: a, dataPool: archive}]}`),
			"spec.storageClasses", classDataPoolMessage),
		accept("a class on the default pool", filesystem(`spec: {storageClasses: [{name: a}]}`)),
		rejectChange("a class moves to no pool", filesystem(`spec: {storageClasses: [{name: a}]}`),
			filesystem(`spec: {storageClasses: [{name: a, dataPool: archive}]}`), "spec.storageClasses", classDataPoolMessage),
	}
	return append(append(cases, dataPoolCases()...), storageClassCases("StorageFilesystem", filesystem)...)
}

func dataPoolCases() []Case {
	first, archive := `{name: default, replicated: {replicas: 3}}`, `{name: archive, erasureCoded: {dataChunks: 4, codingChunks: 2}}`
	third := `{name: third, replicated: {replicas: 2}}`
	refuseChange := func(name string, from, to string) Case {
		return rejectChange(name, dataPools(from), dataPools(to), "spec.dataPools", dataPoolsMessage)
	}
	return []Case{
		accept("two data pools", dataPools(first+", "+archive)),
		reject("the first data pool in chunks", dataPools(archive), "spec.dataPools", firstDataPoolMessage),
		{Name: "the first data pool turns to chunks", Old: dataPools(archive + ", " + first), New: dataPools(
			archive + ", " + first + ", " + third), Want: []crdtest.Violation{
			{Field: "spec.dataPools", Message: firstDataPoolMessage},
		}},
		reject("no data pool", dataPools(""), "spec.dataPools", "should have at least 1 items"),
		acceptChange("a data pool is added", dataPools(first), dataPools(first+", "+archive)),
		refuseChange("a data pool is put first", first, third+", "+first),
		refuseChange("the last data pool is taken away", first+", "+archive, first),
		refuseChange("the first data pool is taken away", first+", "+third, third),
		refuseChange("data pools swap", first+", "+third, third+", "+first),
		refuseChange("a data pool is renamed", first, `{name: other, replicated: {replicas: 3}}`),
	}
}
