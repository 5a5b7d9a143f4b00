package cases

import (
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

const (
	oneLayoutMessage     = "exactly one of replicated and erasureCoded"
	layoutChangeMessage  = "a pool cannot change between replicated and erasure coded: make a new pool and move the volumes"
	chunksMessage        = "erasureCoded: dataChunks and codingChunks are fixed when the pool is made"
	chunkSumMessage      = "erasureCoded: dataChunks and codingChunks together are at most 20"
	singleCopyMessage    = "replicated.replicas: 1 loses data with the first disk that fails; if that is meant add singleCopy: Accepted"
	noSingleCopyMessage  = "replicated.singleCopy: goes with replicas: 1 only; take it out"
	metadataMessage      = "metadataPool must be replicated"
	threeCopies          = `{replicated: {replicas: 3}}`
	fourPlusTwo          = `{erasureCoded: {dataChunks: 4, codingChunks: 2}}`
	copiesAndChunks      = `{replicated: {replicas: 3}, erasureCoded: {dataChunks: 4, codingChunks: 2}}`
	singleCopyAccepted   = `{replicated: {replicas: 1, singleCopy: Accepted}}`
	singleCopyOfThree    = `{replicated: {replicas: 3, singleCopy: Accepted}}`
	sixteenPlusFive      = `{erasureCoded: {dataChunks: 16, codingChunks: 5}}`
	sixteenPlusFour      = `{erasureCoded: {dataChunks: 16, codingChunks: 4}}`
	fourPlusThree        = `{erasureCoded: {dataChunks: 4, codingChunks: 3}}`
	otherDomainAndClass  = `{replicated: {replicas: 2}, failureDomain: Zone, deviceClass: nvme, compression: Force}`
	sixPlusTwo           = `{erasureCoded: {dataChunks: 6, codingChunks: 2}}`
	oneChunk             = `{erasureCoded: {dataChunks: 1, codingChunks: 1}}`
	noCodingChunk        = `{erasureCoded: {dataChunks: 2, codingChunks: 0}}`
	tenCopies            = `{replicated: {replicas: 10}}`
	classWithASpace      = `{replicated: {replicas: 3}, deviceClass: "fast ssd"}`
	deviceClassViolation = "should match '^[A-Za-z0-9_.-]+$'"
)

// mount is a place in the API where a PoolLayout stands.
type mount struct {
	name string
	// with returns an object with the layout, a YAML flow mapping, at that place.
	with func(layout string) *unstructured.Unstructured
	// field is the path of that place.
	field string
	// replicatedOnly says that erasure coding has another error there as well, at the place itself.
	replicatedOnly bool
}

// mounts are all the places where a PoolLayout stands.
func mounts() []mount {
	inline := func(layout string) string { return strings.TrimSuffix(strings.TrimPrefix(layout, "{"), "}") }
	return []mount{
		{name: "StoragePool", field: "spec", with: func(layout string) *unstructured.Unstructured {
			return pool(`spec: {replicated: null}`, `spec: `+layout)
		}},
		{name: "StorageFilesystem metadata", field: "spec.metadataPool", replicatedOnly: true,
			with: func(layout string) *unstructured.Unstructured {
				return filesystem(`spec: {metadataPool: ` + layout + `}`)
			}},
		{name: "StorageFilesystem data", field: "spec.dataPools[1]",
			with: func(layout string) *unstructured.Unstructured {
				return filesystem(`spec: {dataPools: [{name: default, replicated: {replicas: 3}}, {name: more, ` + inline(layout) + `}]}`)
			}},
		{name: "ObjectStore metadata", field: "spec.metadataPool", replicatedOnly: true,
			with: func(layout string) *unstructured.Unstructured {
				return objectStore(`spec: {metadataPool: ` + layout + `}`)
			}},
		{name: "ObjectStore data", field: "spec.dataPool", with: func(layout string) *unstructured.Unstructured {
			return objectStore(`spec: {dataPool: null}`, `spec: {dataPool: `+layout+`}`)
		}},
	}
}

// layoutCases are the rules of PoolLayout, at every place where one stands.
func layoutCases() []Case {
	var all []Case
	for _, place := range mounts() {
		all = append(all, place.copyCases()...)
		if place.replicatedOnly {
			all = append(all, place.replicatedOnlyCases()...)
		} else {
			all = append(all, place.chunkCases()...)
		}
	}
	return all
}

func (m mount) copyCases() []Case {
	at := func(field string) string { return m.field + field }
	return []Case{
		accept(m.name+": three copies", m.with(threeCopies)),
		accept(m.name+": single copy accepted", m.with(singleCopyAccepted)),
		reject(m.name+": single copy", m.with(`{replicated: {replicas: 1}}`), at(".replicated"), singleCopyMessage),
		reject(m.name+": single copy of three", m.with(singleCopyOfThree), at(".replicated"), noSingleCopyMessage),
		reject(m.name+": ten copies", m.with(tenCopies), at(".replicated.replicas"), "should be less than or equal to 9"),
		reject(m.name+": neither copies nor chunks", m.with(`{compression: None}`), m.field, oneLayoutMessage),
		reject(m.name+": a class that Ceph does not take", m.with(classWithASpace), at(".deviceClass"), deviceClassViolation),
		acceptChange(m.name+": copies, domain, class and compression change", m.with(threeCopies), m.with(otherDomainAndClass)),
		rejectChange(m.name+": down to a single copy", m.with(threeCopies), m.with(`{replicated: {replicas: 1}}`),
			at(".replicated"), singleCopyMessage),
	}
}

func (m mount) chunkCases() []Case {
	at := func(field string) string { return m.field + field }
	return []Case{
		accept(m.name+": 4+2 chunks", m.with(fourPlusTwo)),
		accept(m.name+": 20 chunks", m.with(sixteenPlusFour)),
		reject(m.name+": 21 chunks", m.with(sixteenPlusFive), at(".erasureCoded"), chunkSumMessage),
		reject(m.name+": one data chunk", m.with(oneChunk), at(".erasureCoded.dataChunks"), "should be greater than or equal to 2"),
		reject(m.name+": no coding chunk", m.with(noCodingChunk), at(".erasureCoded.codingChunks"),
			"should be greater than or equal to 1"),
		reject(m.name+": copies and chunks", m.with(copiesAndChunks), m.field, oneLayoutMessage),
		rejectChange(m.name+": from copies to chunks", m.with(threeCopies), m.with(fourPlusTwo), m.field, layoutChangeMessage),
		rejectChange(m.name+": from chunks to copies", m.with(fourPlusTwo), m.with(threeCopies), m.field, layoutChangeMessage),
		rejectChange(m.name+": more coding chunks", m.with(fourPlusTwo), m.with(fourPlusThree), at(".erasureCoded"), chunksMessage),
		rejectChange(m.name+": more data chunks", m.with(fourPlusTwo), m.with(sixPlusTwo), at(".erasureCoded"), chunksMessage),
	}
}

// replicatedOnlyCases: each rule of chunks stands in the schema there too, and fires together with the one that
// refuses chunks.
func (m mount) replicatedOnlyCases() []Case {
	refused := crdtest.Violation{Field: m.field, Message: metadataMessage}
	both := func(name string, old, obj *unstructured.Unstructured, field, message string) Case {
		return Case{Name: m.name + ": " + name, Old: old, New: obj, Want: []crdtest.Violation{
			refused, {Field: m.field + field, Message: message},
		}}
	}
	return []Case{
		reject(m.name+": chunks", m.with(fourPlusTwo), m.field, metadataMessage),
		both("21 chunks", nil, m.with(sixteenPlusFive), ".erasureCoded", chunkSumMessage),
		both("copies and chunks", nil, m.with(copiesAndChunks), "", oneLayoutMessage),
		both("from copies to chunks", m.with(threeCopies), m.with(fourPlusTwo), "", layoutChangeMessage),
		both("more coding chunks", m.with(fourPlusTwo), m.with(fourPlusThree), ".erasureCoded", chunksMessage),
	}
}
