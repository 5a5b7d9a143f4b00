package docs

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// known decodes Kubernetes' kinds and ours, and refuses fields that they do not have.
var known = func() runtime.Decoder {
	kinds := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{scheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(kinds); err != nil {
			panic(err) // two kinds of one name in one group
		}
	}
	return serializer.NewCodecFactory(kinds, serializer.EnableStrict).UniversalDeserializer()
}()

// CheckObjects holds every object of a YAML text to what an API server takes, and ours to what this release has.
func (w *World) CheckObjects(text string) error {
	documents, err := crdtest.Documents([]byte(text))
	if err != nil {
		return err
	}
	for _, document := range documents {
		if err := w.checkObject(document); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) checkObject(document []byte) error {
	encoded, err := yaml.YAMLToJSON(document)
	if err != nil {
		return err
	}
	obj := &unstructured.Unstructured{}
	if err := obj.UnmarshalJSON(encoded); err != nil {
		return fmt.Errorf("write the whole object, with apiVersion and kind: %w", err)
	}
	if w.server.Schema(obj.GroupVersionKind()) != nil {
		if _, violations := w.server.Create(context.Background(), obj); len(violations) > 0 {
			return fmt.Errorf("%s %s: %v", obj.GetKind(), obj.GetName(), violations)
		}
		if obj.GroupVersionKind().Group != v1alpha1.SchemeGroupVersion.Group {
			return nil
		}
	}
	typed, _, err := known.Decode(document, nil, nil)
	if err != nil {
		return err
	}
	if unavailable := plan.NotAvailable(typed); len(unavailable) > 0 {
		return errors.New(plan.NotAvailableMessage(unavailable))
	}
	return nil
}
