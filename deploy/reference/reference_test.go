package reference

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/seamount-dev/seamount/api/conditions"
)

var update = flag.Bool("update", false, "write docs/reference anew")

const root = "../.."

// TestPagesAreCurrent holds docs/reference to what would be written; with -update it is written.
func TestPagesAreCurrent(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(root, "docs", "reference")
	if *update {
		if err := Write(root, dir); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := Pages(root)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var there []string
	for _, entry := range entries {
		there = append(there, entry.Name())
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(pages[entry.Name()], string(text)); diff != "" {
			t.Errorf("%s is stale: run 'make generate' (-want +got):\n%s", entry.Name(), diff)
		}
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(pages)), there); diff != "" {
		t.Errorf("pages (-want +got):\n%s", diff)
	}
}

// TestWrite shows that a page of before does not stay.
func TestWrite(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "reference")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	stale := filepath.Join(dir, "gone.md")
	if err := os.WriteFile(stale, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := Write(root, dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(stale); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", stale, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "storagepool.md")); err != nil {
		t.Error(err)
	}
}

// TestEveryConditionHasAMeaning: the comments of the constants are what a page says of a condition.
func TestEveryConditionHasAMeaning(t *testing.T) {
	t.Parallel()
	meanings, err := said(filepath.Join(root, "api", "v1alpha1", "conditions.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range kinds() {
		for _, condition := range conditions.Of(k.name) {
			if !strings.HasPrefix(meanings[condition.Type], "that ") {
				t.Errorf("%s of %s means %q", condition.Type, k.name, meanings[condition.Type])
			}
		}
	}
}

// sample has one field of each sort.
type sample struct {
	Name   string            `json:"name"`
	Count  int32             `json:"count"`
	Labels map[string]string `json:"labels,omitempty"`
	inlined
	Words []string `json:"words,omitempty"`
}

type inlined struct {
	Mode string `json:"mode,omitempty"`
}

func sampleSchema() apiextensionsv1.JSONSchemaProps {
	text := apiextensionsv1.JSONSchemaProps{Type: "string"}
	return apiextensionsv1.JSONSchemaProps{Required: []string{"name"}, Properties: map[string]apiextensionsv1.JSONSchemaProps{
		"name": text, "mode": text, "count": {Type: "integer"}, "labels": {Type: "object"},
		"words": {Type: "array", Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &text}},
	}}
}

func TestFieldsAreInTheOrderOfTheType(t *testing.T) {
	t.Parallel()
	fields, err := fieldsOf("spec", sampleSchema(), reflect.TypeFor[sample]())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range fields {
		got = append(got, f.path+": "+f.typeText())
	}
	want := []string{"spec.name: string", "spec.count: number", "spec.labels: map of strings", "spec.mode: string", "spec.words: list of strings"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	if !fields[0].required || fields[1].required {
		t.Errorf("required: %t, %t", fields[0].required, fields[1].required)
	}
}

func TestStaleDefinitionIsAnError(t *testing.T) {
	t.Parallel()
	missing, extra := sampleSchema(), sampleSchema()
	delete(missing.Properties, "mode")
	extra.Properties["size"] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	for want, schema := range map[string]apiextensionsv1.JSONSchemaProps{
		"field spec.mode of type sample is not in the definition": missing,
		"field spec.size of the definition is not in type sample": extra,
	} {
		if _, err := fieldsOf("spec", schema, reflect.TypeFor[sample]()); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	if _, err := loaded(t.TempDir()); err == nil {
		t.Error("a directory without definitions is taken")
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	one, nine, long := 1.0, 9.0, int64(253)
	set, list := "set", "map"
	for want, schema := range map[string]apiextensionsv1.JSONSchemaProps{
		"":                            {Type: "string"},
		"1 to 9":                      {Type: "integer", Minimum: &one, Maximum: &nine},
		"at least 1":                  {Type: "integer", Minimum: &one},
		"at most 253 characters; `x`": {Type: "string", MaxLength: &long, Pattern: "x"},
		"at most 253; each once; each at most 253 characters": {Type: "array", MaxItems: &long, XListType: &set,
			Items: &apiextensionsv1.JSONSchemaPropsOrArray{Schema: &apiextensionsv1.JSONSchemaProps{Type: "string", MaxLength: &long}}},
		"each `who` and `option` once": {Type: "array", XListType: &list, XListMapKeys: []string{"who", "option"}},
		"at most 253":                  {Type: "object", MaxProperties: &long},
	} {
		goType := reflect.TypeFor[string]()
		if schema.Type == "array" {
			goType = reflect.TypeFor[[]string]()
		}
		if got := (field{schema: schema, goType: goType}).limits(); got != want {
			t.Errorf("limits %q, want %q", got, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	written := &apiextensionsv1.JSON{Raw: []byte(`"Retain"`)}
	for _, c := range []struct {
		field              field
		wantText, wantRest string
	}{
		{field{schema: apiextensionsv1.JSONSchemaProps{Description: "x of y. Default: Host. It cannot\nchange."}, goType: reflect.TypeFor[string]()}, "Host", "x of y. It cannot change."},
		{field{schema: apiextensionsv1.JSONSchemaProps{Description: "x.", Default: written}, goType: reflect.TypeFor[string]()}, "`Retain`", "x."},
		{field{schema: apiextensionsv1.JSONSchemaProps{Description: "x."}, goType: reflect.TypeFor[string](), required: true}, "required", "x."},
		{field{schema: apiextensionsv1.JSONSchemaProps{Description: "x."}, goType: reflect.TypeFor[string]()}, "", "x."},
	} {
		if text, rest := c.field.defaultText(), c.field.aboutText(); text != c.wantText || rest != c.wantRest {
			t.Errorf("%q gives %q and %q, want %q and %q", c.field.schema.Description, text, rest, c.wantText, c.wantRest)
		}
	}
}

func TestChange(t *testing.T) {
	t.Parallel()
	always := apiextensionsv1.ValidationRule{Rule: "has(self.a)", Message: "a is missing", FieldPath: ".a"}
	same := apiextensionsv1.ValidationRule{Rule: "self == oldSelf", Message: "ref cannot change"}
	optional := true
	creation := apiextensionsv1.ValidationRule{Rule: "oldSelf.hasValue() || size(self.x) < 5", Message: "x is too long", OptionalOldSelf: &optional}
	deep := apiextensionsv1.ValidationRule{Message: "net.mode cannot change",
		Rule: "(has(self.net) && has(self.net.mode) ? self.net.mode : 'Pod') == (has(oldSelf.net) && has(oldSelf.net.mode) ? oldSelf.net.mode : 'Pod')"}
	either := apiextensionsv1.ValidationRule{Rule: "has(self.one) == has(oldSelf.one)", Message: "one stays"}
	spec := apiextensionsv1.JSONSchemaProps{
		XValidations: []apiextensionsv1.ValidationRule{deep, either, always},
		Properties:   map[string]apiextensionsv1.JSONSchemaProps{"ref": {XValidations: []apiextensionsv1.ValidationRule{same}}},
	}
	found := rulesOf(&apiextensionsv1.JSONSchemaProps{
		XValidations: []apiextensionsv1.ValidationRule{creation},
		Properties:   map[string]apiextensionsv1.JSONSchemaProps{"spec": spec},
	})
	for path, want := range map[string]string{
		"spec.ref": "ref cannot change", "spec.ref.name": "no, as `ref`", "spec.net": "yes", "spec.net.mode": "net.mode cannot change",
		"spec.one": "one stays", "spec.one.replicas": "yes", "spec.other": "yes",
	} {
		if got := found.change(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	if diff := cmp.Diff([]rule{{"spec.a", "a is missing"}}, found.always, cmp.AllowUnexported(rule{})); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]rule{{"", "x is too long"}}, found.creation, cmp.AllowUnexported(rule{})); diff != "" {
		t.Errorf("rules for new objects (-want +got):\n%s", diff)
	}
}

// TestEveryImmutableFieldSaysSo: what a comment calls unchangeable, the column calls so too.
func TestEveryImmutableFieldSaysSo(t *testing.T) {
	t.Parallel()
	all, err := loaded(filepath.Join(root, "deploy", "crds"))
	if err != nil {
		t.Fatal(err)
	}
	said := 0
	for _, k := range all {
		fields, err := k.fields("spec")
		if err != nil {
			t.Fatal(err)
		}
		constraints := rulesOf(k.version().Schema.OpenAPIV3Schema)
		for _, f := range fields {
			if !strings.Contains(f.comment(), "t cannot change") {
				continue
			}
			said++
			if below := f.path + "."; constraints.change("spec."+f.path) == "yes" && !constraints.anyBelow("spec."+below) {
				t.Errorf("%s %s: the comment says that it cannot change, and no rule holds that", k.name, f.path)
			}
		}
	}
	if said < 8 {
		t.Errorf("only %d comments say that a field cannot change", said)
	}
}

// anyBelow says whether a rule bounds the change of a field inside of one.
func (r rules) anyBelow(prefix string) bool {
	for path := range r.changes {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func TestCell(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a | b": `a \| b`, "the <name>": "the &lt;name>", "`(a|b)<c>`": "`(a\\|b)<c>`", "a < b": "a < b",
	} {
		if got := cell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
