package conditions

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	api "github.com/seamount-dev/seamount/api/v1alpha1"
)

var kinds = []string{
	api.KindStorageCluster, api.KindStorageDisk, api.KindStoragePool, api.KindStorageFilesystem,
	api.KindStorageOperation, api.KindObjectStore, api.KindObjectUser,
}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		var types []string
		for _, c := range Of(kind) {
			types = append(types, c.Type)
			if len(c.True) == 0 || len(c.False) == 0 || !slices.Contains(c.Unknown, api.ReasonNotObserved) {
				t.Errorf("%s %s: a status has no reason: %+v", kind, c.Type, c)
			}
			all := slices.Sorted(slices.Values(slices.Concat(c.True, c.False, c.Unknown)))
			if len(slices.Compact(all)) != len(c.True)+len(c.False)+len(c.Unknown) {
				t.Errorf("%s %s: a reason stands twice", kind, c.Type)
			}
			if c.Owner == "" || c.Polarity == "" {
				t.Errorf("%s %s: no owner or no polarity", kind, c.Type)
			}
		}
		if len(types) == 0 || len(slices.Compact(slices.Sorted(slices.Values(types)))) != len(types) {
			t.Errorf("%s has the conditions %v", kind, types)
		}
	}
	if Of("Pod") != nil {
		t.Error("a kind of somebody else has conditions")
	}
}

// Whatever the API has a constant for is in the table, and the other way round it would not compile.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, kind := range kinds {
		for _, c := range Of(kind) {
			used[c.Type] = true
			for _, reason := range slices.Concat(c.True, c.False, c.Unknown) {
				used[reason] = true
			}
		}
	}
	var checked int
	for _, file := range []string{"conditions.go", "reasons.go"} {
		for name, value := range constants(t, filepath.Join("..", "v1alpha1", file)) {
			if strings.HasPrefix(name, "PlanReason") {
				continue
			}
			checked++
			if !used[value] {
				t.Errorf("%s is in no condition", name)
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d constants found", checked)
	}
}

func constants(t *testing.T, path string) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = value
		}
		return true
	})
	return found
}
