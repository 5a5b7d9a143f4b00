package crdtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apiextensionsvalidation "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/yaml"
)

// Definitions reads every CustomResourceDefinition in a directory of YAML files, in the order of the file names.
func Definitions(dir string) ([]*apiextensionsv1.CustomResourceDefinition, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no CustomResourceDefinition in %s", dir)
	}
	definitions := make([]*apiextensionsv1.CustomResourceDefinition, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		definition := &apiextensionsv1.CustomResourceDefinition{}
		if err := yaml.UnmarshalStrict(data, definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		definitions = append(definitions, definition)
	}
	return definitions, nil
}

// ValidateDefinition says what the API server says when the definition is created. That includes the estimated cost of
// its CEL rules: a definition whose rules could cost too much is refused as a whole.
func ValidateDefinition(ctx context.Context, definition *apiextensionsv1.CustomResourceDefinition) field.ErrorList {
	internal, err := internalDefinition(definition)
	if err != nil {
		return field.ErrorList{field.InternalError(nil, err)}
	}
	internal.Status.StoredVersions = nil
	for _, version := range internal.Spec.Versions {
		if version.Storage {
			internal.Status.StoredVersions = append(internal.Status.StoredVersions, version.Name)
		}
	}
	return apiextensionsvalidation.ValidateCustomResourceDefinition(ctx, internal)
}

// WithoutRules returns a copy of a definition without its CEL rules. Old objects that break a rule, as older releases
// may have left them, can be created with it.
func WithoutRules(definition *apiextensionsv1.CustomResourceDefinition) *apiextensionsv1.CustomResourceDefinition {
	stripped := definition.DeepCopy()
	for i := range stripped.Spec.Versions {
		if schema := stripped.Spec.Versions[i].Schema; schema != nil {
			stripRules(schema.OpenAPIV3Schema)
		}
	}
	return stripped
}

func stripRules(schema *apiextensionsv1.JSONSchemaProps) {
	if schema == nil {
		return
	}
	schema.XValidations = nil
	for name, property := range schema.Properties {
		stripRules(&property)
		schema.Properties[name] = property
	}
	if schema.Items != nil {
		stripRules(schema.Items.Schema)
	}
	if schema.AdditionalProperties != nil {
		stripRules(schema.AdditionalProperties.Schema)
	}
}

func internalDefinition(definition *apiextensionsv1.CustomResourceDefinition) (
	*apiextensions.CustomResourceDefinition, error,
) {
	defaulted := definition.DeepCopy()
	apiextensionsv1.SetDefaults_CustomResourceDefinition(defaulted)
	apiextensionsv1.SetDefaults_CustomResourceDefinitionSpec(&defaulted.Spec)
	internal := &apiextensions.CustomResourceDefinition{}
	err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(
		defaulted, internal, nil)
	return internal, err
}
