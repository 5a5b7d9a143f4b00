package validation

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	kjson "sigs.k8s.io/json"
	"sigs.k8s.io/randfill"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// rounds of random objects for each kind.
const rounds = 50

// filler fills objects with anything that their types can hold and JSON keeps.
func filler(seed int64) *randfill.Filler {
	return randfill.NewWithSeed(seed).NilChance(0.2).NumElements(1, 3).Funcs(
		func(*metav1.TypeMeta, randfill.Continue) {},
		func(meta *metav1.ObjectMeta, c randfill.Continue) {
			*meta = metav1.ObjectMeta{Name: c.String(20), Namespace: c.String(20), Generation: 1}
		},
		func(quantity *resource.Quantity, c randfill.Continue) {
			*quantity = *resource.NewQuantity(1+c.Int63n(1<<50), resource.BinarySI)
		},
		func(moment *metav1.Time, c randfill.Continue) { moment.Time = time.Unix(c.Int63n(1<<32), 0) },
		func(list *corev1.ResourceList, c randfill.Continue) {
			*list = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(1+c.Int63n(1<<40), resource.BinarySI)}
		},
		func(selector *metav1.LabelSelector, c randfill.Continue) {
			*selector = metav1.LabelSelector{MatchLabels: map[string]string{c.String(5): c.String(5)}}
		},
	)
}

// What the Go types hold survives JSON and unstructured objects, and the schema knows every field of it.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	_, server := installed(t)
	for _, kind := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			gvk := v1alpha1.SchemeGroupVersion.WithKind(kind)
			scheme := runtime.NewScheme()
			if err := v1alpha1.AddToScheme(scheme); err != nil {
				t.Fatal(err)
			}
			for seed := range int64(rounds) {
				obj, err := scheme.New(gvk)
				if err != nil {
					t.Fatal(err)
				}
				filler(seed).Fill(obj)
				obj.GetObjectKind().SetGroupVersionKind(gvk)
				back, err := scheme.New(gvk)
				if err != nil {
					t.Fatal(err)
				}
				roundTrip(t, obj, back, server.Schema(gvk))
			}
		})
	}
}

func roundTrip(t *testing.T, obj, back runtime.Object, schema *structuralschema.Structural) {
	t.Helper()
	data, err := json.Marshal(obj)
	if err != nil {
		t.Fatal(err)
	}
	if strict, err := kjson.UnmarshalStrict(data, back); err != nil || len(strict) > 0 {
		t.Fatalf("%v %v in %s", err, strict, data)
	}
	if !apiequality.Semantic.DeepEqual(obj, back) {
		t.Fatalf("through JSON (-before +after):\n%s", cmp.Diff(obj, back))
	}
	if !apiequality.Semantic.DeepEqual(obj, obj.DeepCopyObject()) {
		t.Fatal("the deep copy is another object")
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(obj)
	if err != nil {
		t.Fatal(err)
	}
	parsed := &unstructured.Unstructured{}
	if err := parsed.UnmarshalJSON(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(parsed.Object, content); diff != "" {
		t.Fatalf("unstructured (-JSON +converted):\n%s", diff)
	}
	options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	if unknown := pruning.PruneWithOptions(content, schema, true, options); len(unknown) > 0 {
		t.Fatalf("the schema does not know %v", unknown)
	}
}
