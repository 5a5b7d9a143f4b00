package validation

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with the golden file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v; run with -update to write it", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s changed, which others rely on (-want +got); if that is meant, run with -update:\n%s", name, diff)
	}
}

// Reasons are stable: scripts, alerts and people know them.
func TestGoldenReasons(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for _, kind := range kinds() {
		fmt.Fprintf(&text, "%s\n", kind)
		for _, condition := range conditions.Of(kind) {
			fmt.Fprintf(&text, "  %s (%s, %s)\n", condition.Type, condition.Owner, strings.ToLower(string(condition.Polarity)))
			fmt.Fprintf(&text, "    True:    %s\n", strings.Join(condition.True, ", "))
			fmt.Fprintf(&text, "    False:   %s\n", strings.Join(condition.False, ", "))
			fmt.Fprintf(&text, "    Unknown: %s\n", strings.Join(condition.Unknown, ", "))
		}
	}
	fmt.Fprintf(&text, "StorageDisk status.verdict.reasons\n")
	fmt.Fprintf(&text, "  InUse:    %s\n", v1alpha1.ReasonInUse)
	fmt.Fprintf(&text, "  Rejected: %s\n", strings.Join(v1alpha1.RejectedReasons(), ", "))
	fmt.Fprintf(&text, "  Unknown:  %s\n", strings.Join(v1alpha1.UnknownReasons(), ", "))
	fmt.Fprintf(&text, "StorageDisk status.plan\n")
	for _, action := range []v1alpha1.PlanAction{
		v1alpha1.PlanAdd, v1alpha1.PlanProvide, v1alpha1.PlanKeep, v1alpha1.PlanWait, v1alpha1.PlanSkip,
	} {
		fmt.Fprintf(&text, "  %-8s %s\n", string(action)+":", strings.Join(v1alpha1.PlanReasons(action), ", "))
	}
	golden(t, "reasons.txt", text.String())
}

func kinds() []string {
	return []string{
		v1alpha1.KindStorageCluster, v1alpha1.KindStorageDisk, v1alpha1.KindStoragePool, v1alpha1.KindStorageFilesystem,
		v1alpha1.KindStorageOperation, v1alpha1.KindObjectStore, v1alpha1.KindObjectUser,
	}
}

// Names, columns and selectable fields are what people type and see.
func TestGoldenColumns(t *testing.T) {
	t.Parallel()
	definitions, _ := installed(t)
	var text strings.Builder
	for _, definition := range definitions {
		names, version := definition.Spec.Names, definition.Spec.Versions[0]
		fmt.Fprintf(&text, "%s (%s, %s)\n  short: %s\n  categories: %s\n", names.Kind, definition.Spec.Scope, version.Name,
			strings.Join(names.ShortNames, ", "), strings.Join(names.Categories, ", "))
		for _, field := range version.SelectableFields {
			fmt.Fprintf(&text, "  select: %s\n", field.JSONPath)
		}
		if scale := version.Subresources.Scale; scale != nil {
			fmt.Fprintf(&text, "  scale: %s %s\n", scale.SpecReplicasPath, scale.StatusReplicasPath)
		}
		for _, column := range version.AdditionalPrinterColumns {
			wide := ""
			if column.Priority > 0 {
				wide = " wide"
			}
			fmt.Fprintf(&text, "  column: %-12s %s %s%s\n", column.Name, column.Type, column.JSONPath, wide)
		}
	}
	golden(t, "columns.txt", text.String())
}

// The schema of each kind, one line a field.
func TestGoldenSchemas(t *testing.T) {
	t.Parallel()
	definitions, _ := installed(t)
	for _, definition := range definitions {
		var text strings.Builder
		schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
		writeRules(&text, schema)
		for _, part := range []string{"spec", "status"} {
			property := schema.Properties[part]
			writeSchema(&text, part, &property, slices.Contains(schema.Required, part))
		}
		golden(t, filepath.Join("schema", definition.Spec.Names.Kind+".txt"), text.String())
	}
}

// foreign are schemas of Kubernetes itself: they are named and not spelled out.
var foreign = map[string]bool{"resources": true, "tolerations": true, "conditions": true, "selector": true}

func writeSchema(text *strings.Builder, path string, schema *apiextensionsv1.JSONSchemaProps, required bool) {
	marks := describe(schema)
	if required {
		marks = append([]string{"required"}, marks...)
	}
	fmt.Fprintf(text, "%s: %s\n", path, strings.Join(marks, " "))
	writeRules(text, schema)
	if foreign[path[strings.LastIndex(path, ".")+1:]] && schema.Type != "string" {
		return
	}
	if schema.Items != nil && schema.Items.Schema.Type == "object" {
		schema, path = schema.Items.Schema, path+"[]"
		writeRules(text, schema)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		writeSchema(text, path+"."+name, &property, slices.Contains(schema.Required, name))
	}
}

func writeRules(text *strings.Builder, schema *apiextensionsv1.JSONSchemaProps) {
	for _, rule := range schema.XValidations {
		fmt.Fprintf(text, "    ! %s\n      %s\n", rule.Message, rule.Rule)
	}
}

// describe returns the type of a schema and what bounds it.
func describe(schema *apiextensionsv1.JSONSchemaProps) []string {
	kind := schema.Type
	switch {
	case schema.XIntOrString:
		kind = "quantity"
	case schema.Format != "":
		kind = schema.Format
	case schema.AdditionalProperties != nil:
		kind = "map"
	}
	marks := []string{kind}
	if schema.XListType != nil {
		marks = append(marks, strings.TrimSpace(*schema.XListType+" "+strings.Join(schema.XListMapKeys, ",")))
	}
	for _, value := range schema.Enum {
		marks = append(marks, string(value.Raw))
	}
	if schema.Default != nil {
		marks = append(marks, "="+string(schema.Default.Raw))
	}
	marks = append(marks, bounds(schema)...)
	if schema.Items != nil && schema.Items.Schema.Type != "object" {
		marks = append(marks, "of")
		marks = append(marks, describe(schema.Items.Schema)...)
	}
	return marks
}

func bounds(schema *apiextensionsv1.JSONSchemaProps) []string {
	var marks []string
	if schema.Minimum != nil {
		marks = append(marks, fmt.Sprintf(">=%v", *schema.Minimum))
	}
	if schema.Maximum != nil {
		marks = append(marks, fmt.Sprintf("<=%v", *schema.Maximum))
	}
	for _, bound := range []struct {
		name     string
		min, max *int64
	}{
		{"length", schema.MinLength, schema.MaxLength},
		{"items", schema.MinItems, schema.MaxItems},
		{"keys", schema.MinProperties, schema.MaxProperties},
	} {
		if bound.min != nil || bound.max != nil {
			marks = append(marks, bound.name+" "+limit(bound.min)+".."+limit(bound.max))
		}
	}
	if schema.Pattern != "" && !schema.XIntOrString {
		marks = append(marks, "~"+schema.Pattern)
	}
	return marks
}

func limit(value *int64) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(*value)
}
