package crdtest

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	apiservervalidation "k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// strategy is what the API server's registry has for a resource or a subresource of it.
type strategy interface {
	PrepareForUpdate(ctx context.Context, obj, old runtime.Object)
	ValidateUpdate(ctx context.Context, obj, old runtime.Object) field.ErrorList
}

// createStrategy is what the API server's registry has for a resource.
type createStrategy interface {
	strategy
	PrepareForCreate(ctx context.Context, obj runtime.Object)
	Validate(ctx context.Context, obj runtime.Object) field.ErrorList
}

// resource is one version of one custom resource.
type resource struct {
	structural *structuralschema.Structural
	main       createStrategy
	status     strategy
}

// storedVersion is the resource version of every object that a request finds stored.
const storedVersion = "1"

// Server answers requests for custom resources. It is safe for concurrent use.
type Server struct {
	resources map[schema.GroupVersionKind]*resource
}

// NewServer returns a server with the definitions installed, every served version of them.
func NewServer(definitions []*apiextensionsv1.CustomResourceDefinition) (*Server, error) {
	server := &Server{resources: map[schema.GroupVersionKind]*resource{}}
	for _, definition := range definitions {
		internal, err := internalDefinition(definition)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", definition.Name, err)
		}
		for i := range internal.Spec.Versions {
			if err := server.install(internal, &internal.Spec.Versions[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", definition.Name, err)
			}
		}
	}
	return server, nil
}

func (s *Server) install(
	definition *apiextensions.CustomResourceDefinition, version *apiextensions.CustomResourceDefinitionVersion,
) error {
	validation, err := apiextensions.GetSchemaForVersion(definition, version.Name)
	if err != nil {
		return err
	}
	structural, err := structuralschema.NewStructural(validation.OpenAPIV3Schema)
	if err != nil {
		return err
	}
	subresources, err := apiextensions.GetSubresourcesForVersion(definition, version.Name)
	if err != nil {
		return err
	}
	validator, _, err := apiservervalidation.NewSchemaValidator(validation.OpenAPIV3Schema)
	if err != nil {
		return err
	}
	status := validation.OpenAPIV3Schema.Properties["status"]
	statusValidator, _, err := apiservervalidation.NewSchemaValidator(&status)
	if err != nil {
		return err
	}
	kind := schema.GroupVersionKind{
		Group: definition.Spec.Group, Version: version.Name, Kind: definition.Spec.Names.Kind,
	}
	namespaced := definition.Spec.Scope == apiextensions.NamespaceScoped
	main := customresource.NewStrategy(unstructuredTyper{}, namespaced, kind, validator, statusValidator, structural,
		subresources.Status, subresources.Scale, nil)
	s.resources[kind] = &resource{structural: structural, main: main, status: customresource.NewStatusStrategy(main)}
	return nil
}

// Kinds returns the kinds that the server knows, sorted.
func (s *Server) Kinds() []schema.GroupVersionKind {
	kinds := make([]schema.GroupVersionKind, 0, len(s.resources))
	for kind := range s.resources {
		kinds = append(kinds, kind)
	}
	slices.SortFunc(kinds, func(a, b schema.GroupVersionKind) int { return strings.Compare(a.String(), b.String()) })
	return kinds
}

// Schema returns the structural schema of a kind; nil for one that the server does not know.
func (s *Server) Schema(kind schema.GroupVersionKind) *structuralschema.Structural {
	if known := s.resources[kind]; known != nil {
		return known.structural
	}
	return nil
}

// Create answers a request to create obj: the object as it would be stored, and what is wrong with it. Its status is
// dropped. obj is not changed.
func (s *Server) Create(ctx context.Context, obj *unstructured.Unstructured) (*unstructured.Unstructured, []Violation) {
	known, stored, violations := s.decode(obj)
	if known == nil {
		return nil, violations
	}
	known.main.PrepareForCreate(ctx, stored)
	return stored, append(violations, fromErrors(known.main.Validate(ctx, stored))...)
}

// Update answers a request to replace old by obj. The status stays that of old.
func (s *Server) Update(
	ctx context.Context, old, obj *unstructured.Unstructured,
) (*unstructured.Unstructured, []Violation) {
	return s.update(ctx, old, obj, func(known *resource) strategy { return known.main })
}

// UpdateStatus answers a request to replace the status of old by that of obj. All else stays that of old.
func (s *Server) UpdateStatus(
	ctx context.Context, old, obj *unstructured.Unstructured,
) (*unstructured.Unstructured, []Violation) {
	return s.update(ctx, old, obj, func(known *resource) strategy { return known.status })
}

func (s *Server) update(
	ctx context.Context, old, obj *unstructured.Unstructured, subresource func(*resource) strategy,
) (*unstructured.Unstructured, []Violation) {
	known, before, violations := s.decode(old)
	if known == nil || len(violations) > 0 {
		return nil, append(violations, Violation{Message: "the old object does not fit the schema"})
	}
	_, stored, violations := s.decode(obj)
	if stored == nil {
		return nil, violations
	}
	before.SetResourceVersion(storedVersion)
	stored.SetResourceVersion(storedVersion)
	handler := subresource(known)
	handler.PrepareForUpdate(ctx, stored, before)
	return stored, append(violations, fromErrors(handler.ValidateUpdate(ctx, stored, before))...)
}

// decode does what the API server does before it validates: prune what the schema does not know and fill in its
// defaults. What was pruned is reported, as kubectl has the API server do (fieldValidation=Strict).
func (s *Server) decode(obj *unstructured.Unstructured) (*resource, *unstructured.Unstructured, []Violation) {
	kind := obj.GroupVersionKind()
	known := s.resources[kind]
	if known == nil {
		return nil, nil, []Violation{{Message: fmt.Sprintf("no matches for kind %q in version %q",
			kind.Kind, kind.GroupVersion())}}
	}
	decoded := obj.DeepCopy()
	unknown := pruning.PruneWithOptions(decoded.Object, known.structural, true,
		structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})
	defaulting.PruneNonNullableNullsWithoutDefaults(decoded.Object, known.structural)
	defaulting.Default(decoded.Object, known.structural)
	var violations []Violation
	for _, path := range unknown {
		violations = append(violations, Violation{Field: path, Message: UnknownField})
	}
	return known, decoded, violations
}

// unstructuredTyper says of every object that it is what it says it is.
type unstructuredTyper struct{}

// ObjectKinds implements runtime.ObjectTyper.
func (unstructuredTyper) ObjectKinds(obj runtime.Object) ([]schema.GroupVersionKind, bool, error) {
	return []schema.GroupVersionKind{obj.GetObjectKind().GroupVersionKind()}, false, nil
}

// Recognizes implements runtime.ObjectTyper.
func (unstructuredTyper) Recognizes(schema.GroupVersionKind) bool { return true }
