package reference

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// field is one line of a page's tables.
type field struct {
	path     string // below spec or status; [] for each element of a list
	schema   apiextensionsv1.JSONSchemaProps
	goType   reflect.Type
	required bool
}

// ours is the package whose structs are taken apart. Those of Kubernetes are known, and stay whole.
var ours = reflect.TypeFor[v1alpha1.StorageCluster]().PkgPath()

// fieldsOf lists the fields below a schema in the order of the Go type, depth first. A schema and a type that do not have the
// same fields are an error: one of them is stale.
func fieldsOf(path string, schema apiextensionsv1.JSONSchemaProps, goType reflect.Type) ([]field, error) {
	var found []field
	seen := map[string]bool{}
	for _, member := range members(goType) {
		name := jsonName(member)
		property, known := schema.Properties[name]
		if !known {
			return nil, fmt.Errorf("field %s of type %s is not in the definition", join(path, name), goType.Name())
		}
		seen[name] = true
		one := field{join(path, name), property, member.Type, slices.Contains(schema.Required, name)}
		below, err := one.below()
		if err != nil {
			return nil, err
		}
		found = append(append(found, one), below...)
	}
	for name := range schema.Properties {
		if !seen[name] {
			return nil, fmt.Errorf("field %s of the definition is not in type %s", join(path, name), goType.Name())
		}
	}
	return found, nil
}

// below lists the fields inside of one, if it is an object of ours or a list of them.
func (f field) below() ([]field, error) {
	path, schema, goType := f.path, f.schema, pointee(f.goType)
	if goType.Kind() == reflect.Slice && schema.Items != nil {
		path, schema, goType = path+"[]", *schema.Items.Schema, pointee(goType.Elem())
	}
	if goType.Kind() != reflect.Struct || goType.PkgPath() != ours {
		return nil, nil
	}
	return fieldsOf(path, schema, goType)
}

// members are the fields of a struct as they stand in JSON: those of an embedded one in its place.
func members(goType reflect.Type) []reflect.StructField {
	var found []reflect.StructField
	for i := range goType.NumField() {
		member := goType.Field(i)
		if jsonName(member) == "" {
			found = append(found, members(pointee(member.Type))...)
			continue
		}
		found = append(found, member)
	}
	return found
}

func jsonName(member reflect.StructField) string {
	name, _, _ := strings.Cut(member.Tag.Get("json"), ",")
	return name
}

func pointee(goType reflect.Type) reflect.Type {
	if goType.Kind() == reflect.Pointer {
		return goType.Elem()
	}
	return goType
}

func join(path, name string) string { return strings.Trim(path+"."+name, ".") }

// typeText says what is written in a field.
func (f field) typeText() string {
	goType := pointee(f.goType)
	if goType.Kind() == reflect.Slice {
		if element := f.element(); element.isObject() {
			return "list of objects" + element.kubernetesType()
		} else if f.schema.Items != nil {
			return "list of " + element.plural()
		}
	}
	return f.singular()
}

// element is what a list is of.
func (f field) element() field {
	element := field{goType: pointee(pointee(f.goType).Elem())}
	if f.schema.Items != nil {
		element.schema = *f.schema.Items.Schema
	}
	return element
}

func (f field) isObject() bool {
	return pointee(f.goType).Kind() == reflect.Struct && f.schema.Type == "object"
}

// kubernetesType names a type that is not ours.
func (f field) kubernetesType() string {
	goType := pointee(f.goType)
	if goType.PkgPath() == ours {
		return ""
	}
	return ", Kubernetes' `" + goType.Name() + "`"
}

func (f field) singular() string {
	switch {
	case f.schema.XIntOrString:
		return "size"
	case f.isObject():
		return "object" + f.kubernetesType()
	case f.schema.Type == "object":
		return "map of strings"
	case len(f.schema.Enum) == 1:
		return f.values()
	case len(f.schema.Enum) > 1:
		return "one of " + f.values()
	case f.schema.Format == "date-time":
		return "time"
	case f.schema.Format == "cidr":
		return "CIDR"
	case f.schema.Type == "integer":
		return "number"
	}
	return f.schema.Type
}

func (f field) plural() string {
	if len(f.schema.Enum) > 0 {
		return f.values()
	}
	return f.singular() + "s"
}

func (f field) values() string {
	var values []string
	for _, value := range f.schema.Enum {
		values = append(values, "`"+strings.Trim(string(value.Raw), `"`)+"`")
	}
	return strings.Join(values, ", ")
}

// computed finds the default that a comment tells: those are computed, and stand in no schema.
var computed = regexp.MustCompile(`(?:^|\s)Default: (.+?)\.(?:\s|$)`)

// defaultText is the value of a field that is left out.
func (f field) defaultText() string {
	switch {
	case f.required:
		return "required"
	case f.schema.Default != nil && !f.isObject():
		return "`" + strings.Trim(string(f.schema.Default.Raw), `"`) + "`"
	}
	if match := computed.FindStringSubmatch(f.comment()); match != nil {
		return match[1]
	}
	return ""
}

// comment is what the type's source says, in one line.
func (f field) comment() string { return oneLine(f.schema.Description) }

// aboutText is the comment without the default that has a column of its own.
func (f field) aboutText() string {
	if f.schema.Default == nil && !f.required {
		return strings.TrimSpace(computed.ReplaceAllString(f.comment(), " "))
	}
	return f.comment()
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }
