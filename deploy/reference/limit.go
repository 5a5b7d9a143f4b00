package reference

import (
	"fmt"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// limits says what the schema allows of a field, beyond its type.
func (f field) limits() string {
	schema := f.schema
	said := append(ofValue(schema), ofList(schema)...)
	if schema.Items != nil && !f.element().isObject() {
		if each := ofValue(*schema.Items.Schema); len(each) > 0 {
			said = append(said, "each "+strings.Join(each, ", "))
		}
	}
	if schema.MaxProperties != nil {
		said = append(said, fmt.Sprintf("at most %d", *schema.MaxProperties))
	}
	return strings.Join(said, "; ")
}

func ofValue(schema apiextensionsv1.JSONSchemaProps) []string {
	var said []string
	if text := between(whole(schema.Minimum), whole(schema.Maximum), ""); text != "" {
		said = append(said, text)
	}
	least := schema.MinLength
	if least != nil && *least <= 1 {
		least = nil // that a word is not empty goes without saying
	}
	if schema.XIntOrString {
		return said // a size has a length only to bound the cost of comparing it, and the pattern of all sizes
	}
	if text := between(least, schema.MaxLength, " characters"); text != "" {
		said = append(said, text)
	}
	if schema.Pattern != "" {
		said = append(said, "`"+schema.Pattern+"`")
	}
	return said
}

func ofList(schema apiextensionsv1.JSONSchemaProps) []string {
	var said []string
	if text := between(schema.MinItems, schema.MaxItems, ""); text != "" {
		said = append(said, text)
	}
	switch {
	case schema.XListType == nil:
	case *schema.XListType == "set":
		said = append(said, "each once")
	case *schema.XListType == "map":
		said = append(said, "each `"+strings.Join(schema.XListMapKeys, "` and `")+"` once")
	}
	return said
}

func whole(bound *float64) *int64 {
	if bound == nil {
		return nil
	}
	number := int64(*bound)
	return &number
}

func between(least, most *int64, unit string) string {
	switch {
	case least != nil && most != nil && *least == *most:
		return fmt.Sprintf("%d%s", *least, unit)
	case least != nil && most != nil:
		return fmt.Sprintf("%d to %d%s", *least, *most, unit)
	case least != nil:
		return fmt.Sprintf("at least %d%s", *least, unit)
	case most != nil:
		return fmt.Sprintf("at most %d%s", *most, unit)
	}
	return ""
}
