package render

import (
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

var update = flag.Bool("update", false, "write the golden files")

const (
	chartDir  = "../seamount"
	deployDir = "../.."
)

// rendered renders the chart of this repository.
func rendered(t *testing.T, options Options) map[string]string {
	t.Helper()
	loaded, err := Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := Chart(loaded, options)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// valuesOf reads values as a user writes them.
func valuesOf(t *testing.T, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// objects parses all that is rendered, except the notes.
func objects(t *testing.T, files map[string]string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, name := range Names(files) {
		if strings.HasSuffix(name, ".yaml") {
			all = append(all, parse(t, name, files[name])...)
		}
	}
	return all
}

func parse(t *testing.T, name, text string) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 4096); ; {
		object := &unstructured.Unstructured{}
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(object.Object) > 0 {
			all = append(all, object)
		}
	}
}

// ofKind are the objects of some kinds.
func ofKind(all []*unstructured.Unstructured, kinds ...string) []*unstructured.Unstructured {
	var found []*unstructured.Unstructured
	for _, object := range all {
		for _, kind := range kinds {
			if object.GetKind() == kind {
				found = append(found, object)
			}
		}
	}
	return found
}

// as fills a typed value from a field of an object; a field that is not there leaves it as it is.
func as[T any](t *testing.T, object *unstructured.Unstructured, fields ...string) T {
	t.Helper()
	var value T
	found, ok, err := unstructured.NestedMap(object.Object, fields...)
	if err == nil && ok {
		err = runtime.DefaultUnstructuredConverter.FromUnstructured(found, &value)
	}
	if err != nil {
		t.Fatalf("%s: %v", title(object), err)
	}
	return value
}

func title(object *unstructured.Unstructured) string {
	return strings.TrimPrefix(strings.Join([]string{object.GetKind(), object.GetNamespace(), object.GetName()}, " "), " ")
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := write(filepath.Join("testdata", name), got); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(testdata(t, name), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}
