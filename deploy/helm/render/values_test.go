package render

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func theValues(t *testing.T) []Value {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	values, err := Values(text)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestEveryValueIsExplained(t *testing.T) {
	t.Parallel()
	for _, value := range theValues(t) {
		if value.About == "" {
			t.Errorf("values.yaml says nothing about %s", value.Path)
		}
	}
}

// TestSchemaHasNoOtherValues: that it has all of them, helm itself checks when it renders.
func TestSchemaHasNoOtherValues(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(chartDir, "values.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, value := range theValues(t) {
		known = append(known, value.Path)
	}
	for _, path := range schemaPaths(schema, schema, "") {
		if path != "global" && !slices.ContainsFunc(known, func(k string) bool { return k == path || strings.HasPrefix(k, path+".") }) {
			t.Errorf("the schema knows %s, values.yaml does not", path)
		}
	}
}

// schemaPaths are the values that a schema names, except below what values.yaml has as one value.
func schemaPaths(root, schema map[string]any, path string) []string {
	if ref, ok := schema["$ref"].(string); ok {
		definitions, _ := root["definitions"].(map[string]any)
		name := strings.TrimPrefix(ref, "#/definitions/")
		if name != "image" {
			return []string{path}
		}
		schema, _ = definitions[name].(map[string]any)
	}
	properties, _ := schema["properties"].(map[string]any)
	if properties == nil {
		return []string{path}
	}
	var paths []string
	for name, below := range properties {
		object, _ := below.(map[string]any)
		paths = append(paths, schemaPaths(root, object, strings.TrimPrefix(path+"."+name, "."))...)
	}
	return paths
}

func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ values, want string }{
		"an unknown value":      {"operators: {}", "additional properties 'operators' not allowed"},
		"an unknown value deep": {"csi: {controller: {replica: 2}}", "at '/csi/controller': additional properties 'replica' not allowed"},
		"no replica":            {"operator: {replicas: 0}", "at '/operator/replicas': minimum: got 0, want 1"},
		"failover without unit": {`operator: {monFailoverAfter: "600"}`, "at '/operator/monFailoverAfter': '600' does not match pattern"},
		"replicas as text":      {`operator: {replicas: "2"}`, "at '/operator/replicas': got string, want integer"},
		"a pull policy":         {"images: {node: {pullPolicy: Sometimes}}", "at '/images/node/pullPolicy': value must be one of 'Always', 'IfNotPresent', 'Never'"},
		"a digest":              {"images: {seamount: {digest: latest}}", "at '/images/seamount/digest': 'latest' does not match pattern"},
		"a digest in the name":  {"images: {seamount: {repository: a@sha256:0}}", "at '/images/seamount/repository'"},
		"a relative directory":  {"kubeletDir: var/lib/kubelet", "at '/kubeletDir': 'var/lib/kubelet' does not match pattern"},
		"a directory with end":  {"kubeletDir: /var/lib/kubelet/", "at '/kubeletDir'"},
		"memory for Go":         {"agent: {goMemLimit: 96Mi}", "at '/agent/goMemLimit': '96Mi' does not match pattern"},
		"an annotation":         {"discover: {podAnnotations: {a: true}}", "at '/discover/podAnnotations/a': got boolean, want string"},
		"snapshots":             {"crds: {snapshots: Always}", "at '/crds/snapshots': value must be one of 'Absent', 'Never'"},
		"a toleration":          {"agent: {tolerations: [{effect: Never}]}", "at '/agent/tolerations/0/effect'"},
		"everybody, by mistake": {"networkPolicies: {metricsFrom: [{}]}", "at '/networkPolicies/metricsFrom/0': minProperties: got 0, want 1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loaded, err := Load(chartDir)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Chart(loaded, Options{Values: valuesOf(t, tt.values)})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

func TestValues(t *testing.T) {
	t.Parallel()
	const text = `# The whole.

# Of a.
a:
  # Of b,
  # and more.
  b: "x"
  # Of c
  c: {}
d: [1, {e: f}] # Of d
`
	got, err := Values([]byte(text))
	want := []Value{{"a.b", `"x"`, "Of b, and more."}, {"a.c", "{}", "Of c"}, {"d", "[1, {e: f}]", ""}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for name, text := range map[string]string{"no YAML": "{", "a list": "- a", "nothing": ""} {
		if values, err := Values([]byte(text)); err == nil {
			t.Errorf("%s: %v", name, values)
		}
	}
}
