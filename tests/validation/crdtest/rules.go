package crdtest

import (
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// Rule is a CEL rule of a definition.
type Rule struct {
	// Kind of the objects that it is for.
	Kind string
	// Path is where it stands in the schema, with [*] for the index of a list.
	Path string
	// Field is the path that a violation of it names, with [*] for the index of a list.
	Field string
	// Message of a violation.
	Message string
	// Expression is the rule itself.
	Expression string
	// Create says that it applies to creates as well; without, it compares an object with the one before.
	Create bool
}

// Rules returns every CEL rule of a definition, by path.
func Rules(definition *apiextensionsv1.CustomResourceDefinition) []Rule {
	var rules []Rule
	for _, version := range definition.Spec.Versions {
		walkRules(version.Schema.OpenAPIV3Schema, "", func(path string, rule apiextensionsv1.ValidationRule) {
			rules = append(rules, Rule{
				Kind:       definition.Spec.Names.Kind,
				Path:       strings.TrimPrefix(path, "."),
				Field:      strings.TrimPrefix(path+rule.FieldPath, "."),
				Message:    rule.Message,
				Expression: rule.Rule,
				Create:     !strings.Contains(rule.Rule, "oldSelf") || (rule.OptionalOldSelf != nil && *rule.OptionalOldSelf),
			})
		})
	}
	slices.SortFunc(rules, func(a, b Rule) int {
		return strings.Compare(a.Field+"\x00"+a.Message, b.Field+"\x00"+b.Message)
	})
	return rules
}

func walkRules(
	schema *apiextensionsv1.JSONSchemaProps, path string, visit func(string, apiextensionsv1.ValidationRule),
) {
	if schema == nil {
		return
	}
	for _, rule := range schema.XValidations {
		visit(path, rule)
	}
	for name, property := range schema.Properties {
		walkRules(&property, path+"."+name, visit)
	}
	if schema.Items != nil {
		walkRules(schema.Items.Schema, path+"[*]", visit)
	}
	if schema.AdditionalProperties != nil {
		walkRules(schema.AdditionalProperties.Schema, path+"[*]", visit)
	}
}
