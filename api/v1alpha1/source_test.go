package v1alpha1

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// declarations returns the constant and type declarations of the package's own source.
func declarations(t *testing.T) []*ast.GenDecl {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var found []*ast.GenDecl
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "zz_") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range file.Decls {
			if general, ok := declaration.(*ast.GenDecl); ok {
				found = append(found, general)
			}
		}
	}
	return found
}

// Every enum has a constant for each of its values, in the order of the schema, and no other.
func TestEnumsHaveTheirConstants(t *testing.T) {
	t.Parallel()
	const marker = "// +kubebuilder:validation:Enum="
	schema, constants := map[string][]string{}, map[string][]string{}
	for _, declaration := range declarations(t) {
		switch declaration.Tok {
		case token.TYPE:
			name := declaration.Specs[0].(*ast.TypeSpec).Name.Name
			for _, line := range declaration.Doc.List {
				if values, ok := strings.CutPrefix(line.Text, marker); ok {
					schema[name] = strings.Split(values, ";")
				}
			}
		case token.CONST:
			readConstants(t, declaration, constants)
		}
	}
	if len(schema) < 30 {
		t.Fatalf("only %d enums found", len(schema))
	}
	for name, values := range schema {
		if diff := cmp.Diff(values, constants[name]); diff != "" {
			t.Errorf("%s (-schema +constants):\n%s", name, diff)
		}
	}
}

func readConstants(t *testing.T, declaration *ast.GenDecl, into map[string][]string) {
	t.Helper()
	for _, spec := range declaration.Specs {
		constant := spec.(*ast.ValueSpec)
		typeName, typed := constant.Type.(*ast.Ident)
		literal, isLiteral := constant.Values[0].(*ast.BasicLit)
		if !typed || !isLiteral || literal.Kind != token.STRING {
			continue
		}
		value, err := strconv.Unquote(literal.Value)
		if err != nil {
			t.Fatal(err)
		}
		into[typeName.Name] = append(into[typeName.Name], value)
	}
}

// Reasons and condition types are CamelCase, as Kubernetes has them, and named after their value.
func TestReasonsAreNamedAfterTheirValue(t *testing.T) {
	t.Parallel()
	var checked int
	for _, declaration := range declarations(t) {
		for _, spec := range declaration.Specs {
			constant, ok := spec.(*ast.ValueSpec)
			if !ok || len(constant.Values) == 0 {
				continue
			}
			literal, ok := constant.Values[0].(*ast.BasicLit)
			if !ok {
				continue
			}
			name := constant.Names[0].Name
			for _, prefix := range []string{"Reason", "PlanReason", "Condition"} {
				if rest, ok := strings.CutPrefix(name, prefix); ok && rest != "" {
					checked++
					if literal.Value != strconv.Quote(rest) {
						t.Errorf("%s is %s", name, literal.Value)
					}
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d names checked", checked)
	}
}

func TestReasonsAreDistinct(t *testing.T) {
	t.Parallel()
	for name, reasons := range map[string][]string{
		"verdict": slices.Concat([]string{ReasonInUse}, RejectedReasons(), UnknownReasons()),
		"plan": slices.Concat(PlanReasons(PlanKeep), PlanReasons(PlanSkip), PlanReasons(PlanWait), PlanReasons(PlanAdd),
			RejectedReasons()),
	} {
		sorted := slices.Sorted(slices.Values(reasons))
		if len(slices.Compact(sorted)) != len(reasons) {
			t.Errorf("%s: a reason stands twice in %v", name, reasons)
		}
	}
	if got := PlanReasons("Other"); got != nil {
		t.Errorf("an unknown action has the reasons %v", got)
	}
}
