package validation

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// documents returns the documents of every example, by file.
func documents(t *testing.T) map[string][][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root(t), "deploy", "examples", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	found := map[string][][]byte{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if found[filepath.Base(file)], err = crdtest.Documents(data); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}
	return found
}

// strictCodec decodes the API's kinds and refuses what they do not have.
func strictCodec(t *testing.T) runtime.Decoder {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
}

// Every example is what the API server takes and what the Go types know, and each kind has one.
func TestExamples(t *testing.T) {
	t.Parallel()
	_, server := installed(t)
	decoder := strictCodec(t)
	kinds := map[string]bool{}
	for file, list := range documents(t) {
		for _, document := range list {
			if _, kind, err := decoder.Decode(document, nil, nil); err != nil {
				t.Errorf("%s: %v", file, err)
			} else {
				kinds[kind.Kind] = true
			}
			obj := &unstructured.Unstructured{}
			if err := yaml.Unmarshal(document, &obj.Object); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if _, violations := server.Create(t.Context(), asDecoded(t, obj)); len(violations) > 0 {
				t.Errorf("%s: %s %s: %v", file, obj.GetKind(), obj.GetName(), violations)
			}
		}
	}
	for _, kind := range server.Kinds() {
		if !kinds[kind.Kind] {
			t.Errorf("%s has no example", kind.Kind)
		}
	}
}

// asDecoded returns an object with the number types that the API server decodes to.
func asDecoded(t *testing.T, obj *unstructured.Unstructured) *unstructured.Unstructured {
	t.Helper()
	data, err := obj.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	decoded := &unstructured.Unstructured{}
	if err := decoded.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// An example whose text says that something is not available uses just that; the others run today.
func TestExamplesSayWhatIsNotAvailable(t *testing.T) {
	t.Parallel()
	want := map[string][]string{
		"production.yaml": {
			"spec.upgrade", "spec.encryption.atRest", "spec.encryption.inTransit", "spec.encryption.keyStore",
		},
		"object-store.yaml": {"", ""},
	}
	decoder := strictCodec(t)
	for file, list := range documents(t) {
		var got []string
		for _, document := range list {
			obj, _, err := decoder.Decode(document, nil, nil)
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			for _, unavailable := range plan.NotAvailable(obj) {
				got = append(got, unavailable.Path)
			}
		}
		if !slices.Equal(got, want[file]) {
			t.Errorf("%s uses %q that is not available, want %q", file, got, want[file])
		}
	}
}
