package validation

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/seamount-dev/seamount/tests/validation/cases"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// installed returns the definitions in deploy/crds and a server that has them.
func installed(t *testing.T) ([]*apiextensionsv1.CustomResourceDefinition, *crdtest.Server) {
	t.Helper()
	definitions, err := crdtest.Definitions(filepath.Join(root(t), "deploy", "crds"))
	if err != nil {
		t.Fatal(err)
	}
	server, err := crdtest.NewServer(definitions)
	if err != nil {
		t.Fatal(err)
	}
	return definitions, server
}

func root(t *testing.T) string {
	t.Helper()
	dir, err := crdtest.Root()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The API server takes every definition, with the cost of its CEL rules.
func TestDefinitionsAreAccepted(t *testing.T) {
	t.Parallel()
	definitions, server := installed(t)
	if got := len(server.Kinds()); got != 7 {
		t.Errorf("%d kinds are installed, want 7", got)
	}
	for _, definition := range definitions {
		for _, err := range crdtest.ValidateDefinition(t.Context(), definition) {
			t.Errorf("%s: %v", definition.Name, err)
		}
	}
}

func TestCases(t *testing.T) {
	t.Parallel()
	_, server := installed(t)
	names := map[string]bool{}
	for _, c := range cases.All() {
		name := c.Kind() + "/" + c.Name
		if names[name] {
			t.Errorf("two cases are named %q", name)
		}
		names[name] = true
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := answer(t, server, c)
			if diff := cmp.Diff(c.Want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

func answer(t *testing.T, server *crdtest.Server, c cases.Case) []crdtest.Violation {
	t.Helper()
	var violations []crdtest.Violation
	switch {
	case c.Old == nil:
		_, violations = server.Create(t.Context(), c.New)
	case c.Status:
		_, violations = server.UpdateStatus(t.Context(), c.Old, c.New)
	default:
		_, violations = server.Update(t.Context(), c.Old, c.New)
	}
	slices.SortFunc(violations, compareViolations)
	slices.SortFunc(c.Want, compareViolations)
	return violations
}

func compareViolations(a, b crdtest.Violation) int { return strings.Compare(a.String(), b.String()) }

var index = regexp.MustCompile(`\[\d+\]`)

// refuses says whether a case is refused by a rule.
func refuses(c cases.Case, rule crdtest.Rule) bool {
	return c.Kind() == rule.Kind && slices.ContainsFunc(c.Want, func(v crdtest.Violation) bool {
		return v.Message == rule.Message && index.ReplaceAllString(v.Field, "[*]") == rule.Field
	})
}

// Every CEL rule, at every place where it stands, has a case that it refuses; one that looks at creates has one for
// a create. A create has no status, so a rule on the status has one for an update.
func TestEveryRuleHasACase(t *testing.T) {
	t.Parallel()
	definitions, _ := installed(t)
	all := cases.All()
	var rules int
	for _, definition := range definitions {
		for _, rule := range crdtest.Rules(definition) {
			rules++
			if rule.Message == "" {
				t.Errorf("%s %s: the rule %s has no message", rule.Kind, rule.Field, rule.Expression)
			}
			create := rule.Create && !strings.HasPrefix(rule.Field, "status.")
			covered := slices.ContainsFunc(all, func(c cases.Case) bool {
				return refuses(c, rule) && (c.Old == nil) == create
			})
			if !covered {
				t.Errorf("%s %s: no case (create: %t) is refused with %q", rule.Kind, rule.Field, create, rule.Message)
			}
		}
	}
	t.Logf("%d rules, %d cases", rules, len(all))
}

// elsewhere is a change of spec that concerns no rule, for each kind.
var elsewhere = map[string][]string{
	"StorageCluster":    {"spec", "pause"},
	"StoragePool":       {"spec", "targetPercent"},
	"StorageFilesystem": {"spec", "mds"},
	"StorageOperation":  {"spec", "intent"},
	"ObjectStore":       {"spec", "hostnames"},
	"ObjectUser":        {"spec", "displayName"},
}

var elsewhereValue = map[string]any{
	"StorageCluster":    "All",
	"StoragePool":       int64(41),
	"StorageFilesystem": map[string]any{"active": int64(2)},
	"StorageOperation":  "Hold",
	"ObjectStore":       []any{"s3.example.org"},
	"ObjectUser":        "somebody",
}

// An object that breaks a rule, as one of an older release may, can be updated where the rule does not look: its
// metadata and status always, the rest of its spec when the rule does not stand on the spec as a whole.
func TestRatcheting(t *testing.T) {
	t.Parallel()
	definitions, server := installed(t)
	all := cases.All()
	for _, definition := range definitions {
		for _, rule := range crdtest.Rules(definition) {
			for _, c := range all {
				if !rule.Create || c.Old != nil || !refuses(c, rule) {
					continue
				}
				t.Run(c.Kind()+"/"+c.Name, func(t *testing.T) {
					t.Parallel()
					ratchet(t, server, rule, c.New)
				})
			}
		}
	}
}

func ratchet(t *testing.T, server *crdtest.Server, rule crdtest.Rule, old *unstructured.Unstructured) {
	labelled := old.DeepCopy()
	labelled.SetLabels(map[string]string{"changed": "yes"})
	if _, violations := server.Update(t.Context(), old, labelled); len(violations) > 0 {
		t.Errorf("a label cannot change: %v", violations)
	}
	observed := old.DeepCopy()
	if err := unstructured.SetNestedField(observed.Object, int64(2), "status", "observedGeneration"); err != nil {
		t.Fatal(err)
	}
	if _, violations := server.UpdateStatus(t.Context(), old, observed); len(violations) > 0 {
		t.Errorf("the status cannot change: %v", violations)
	}
	if rule.Path == "spec" {
		return
	}
	changed := old.DeepCopy()
	if err := unstructured.SetNestedField(changed.Object, elsewhereValue[old.GetKind()], elsewhere[old.GetKind()]...); err != nil {
		t.Fatal(err)
	}
	if _, violations := server.Update(t.Context(), old, changed); len(violations) > 0 {
		t.Errorf("the rest of the spec cannot change: %v", violations)
	}
}
