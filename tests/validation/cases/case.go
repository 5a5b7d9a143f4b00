package cases

import (
	"fmt"

	jsonpatch "github.com/evanphx/json-patch/v5"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// Case is a request for a custom resource and its answer.
type Case struct {
	// Name of the case, unique within its kind.
	Name string
	// Old is the object before an update; nil for a create.
	Old *unstructured.Unstructured
	// New is the object that is sent.
	New *unstructured.Unstructured
	// Status says that the status subresource is asked.
	Status bool
	// Want is everything that is wrong with New; nil when it is accepted.
	Want []crdtest.Violation
}

// Kind of the object.
func (c Case) Kind() string { return c.New.GetKind() }

// All returns every case.
func All() []Case {
	var all []Case
	for _, table := range [][]Case{
		clusterCases(), diskRuleCases(), networkCases(), configCases(), diskCases(), poolCases(), filesystemCases(),
		operationCases(), approvalCases(), objectStoreCases(), objectUserCases(), layoutCases(),
	} {
		all = append(all, table...)
	}
	return all
}

// accept is a create that must succeed.
func accept(name string, obj *unstructured.Unstructured) Case {
	return Case{Name: name, New: obj}
}

// reject is a create that must fail for one reason.
func reject(name string, obj *unstructured.Unstructured, field, message string) Case {
	return Case{Name: name, New: obj, Want: []crdtest.Violation{{Field: field, Message: message}}}
}

// acceptChange is an update that must succeed.
func acceptChange(name string, old, obj *unstructured.Unstructured) Case {
	return Case{Name: name, Old: old, New: obj}
}

// rejectChange is an update that must fail for one reason.
func rejectChange(name string, old, obj *unstructured.Unstructured, field, message string) Case {
	return Case{Name: name, Old: old, New: obj, Want: []crdtest.Violation{{Field: field, Message: message}}}
}

// object returns the object that base describes in YAML, changed by merge patches in YAML, in their order.
func object(base string, patches ...string) *unstructured.Unstructured {
	document := must(yaml.YAMLToJSON([]byte(base)))
	for _, patch := range patches {
		document = must(jsonpatch.MergePatch(document, must(yaml.YAMLToJSON([]byte(patch)))))
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(document); err != nil {
		panic(fmt.Sprintf("a case is no object: %v\n%s", err, document))
	}
	return obj
}

// must returns the value; the tables are constant, so that an error is a mistake in them.
func must[T any](value T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("a case does not parse: %v", err))
	}
	return value
}
