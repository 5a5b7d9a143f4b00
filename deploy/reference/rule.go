package reference

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

// rules are the CEL rules of a definition, as they concern fields.
type rules struct {
	// always are the rules that look at an object by itself.
	always []rule
	// creation are those that look at new objects only.
	creation []rule
	// changes are the messages of the rules that compare an object with the one before, by the path of the field.
	changes map[string][]string
	// whole are the paths whose values are compared as a whole, so that no field below may change by itself.
	whole map[string]bool
}

// rule is one refusal: where it stands, and what the API server says.
type rule struct{ path, message string }

// rulesOf collects the rules of a schema and of all below it.
func rulesOf(schema *apiextensionsv1.JSONSchemaProps) rules {
	found := rules{changes: map[string][]string{}, whole: map[string]bool{}}
	found.collect("", schema)
	for _, list := range [][]rule{found.always, found.creation} {
		slices.SortStableFunc(list, func(a, b rule) int { return cmp.Compare(a.path, b.path) })
	}
	return found
}

func (r *rules) collect(path string, schema *apiextensionsv1.JSONSchemaProps) {
	for _, validation := range schema.XValidations {
		r.add(path, validation)
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		r.collect(join(path, name), &property)
	}
	if schema.Items != nil {
		r.collect(path+"[]", schema.Items.Schema)
	}
}

func (r *rules) add(path string, validation apiextensionsv1.ValidationRule) {
	refused := rule{strings.TrimPrefix(path+validation.FieldPath, "."), validation.Message}
	switch {
	case !strings.Contains(validation.Rule, "oldSelf"):
		r.always = append(r.always, refused)
	case validation.OptionalOldSelf != nil && *validation.OptionalOldSelf:
		r.creation = append(r.creation, refused)
	default:
		named, compared := comparedBy(validation.Rule)
		for _, below := range named {
			r.changes[join(path, below)] = append(r.changes[join(path, below)], validation.Message)
		}
		for _, below := range compared {
			r.whole[join(path, below)] = true
		}
	}
}

var (
	// whether finds the questions whether a field of the old object is there.
	whether = regexp.MustCompile(`has\(oldSelf((?:\.\w+)*)\)`)
	// before finds what a rule takes of the old object.
	before = regexp.MustCompile(`oldSelf((?:\.\w+)*)`)
	// called finds what is no field but a function of CEL.
	called = regexp.MustCompile(`\.(orValue|hasValue|size)\b`)
	// itself is a rule by which a value stays as it is.
	itself = regexp.MustCompile(`^self == oldSelf$`)
)

// comparedBy says which fields of the old object a rule names, the innermost alone, and which of them it compares as a whole. A
// rule that names none is about the value where it stands.
func comparedBy(expression string) (named, compared []string) {
	expression = called.ReplaceAllString(strings.ReplaceAll(expression, ".?", "."), " ")
	values := pathsIn(before, whether.ReplaceAllString(expression, " "))
	named = innermost(append(pathsIn(whether, expression), values...))
	if len(named) == 0 {
		named = []string{""}
	}
	if itself.MatchString(expression) {
		return named, []string{""}
	}
	return named, values
}

func pathsIn(pattern *regexp.Regexp, expression string) []string {
	var paths []string
	for _, match := range pattern.FindAllStringSubmatch(expression, -1) {
		path := strings.TrimPrefix(match[1], ".")
		if path != "" && path != "metadata.name" {
			paths = append(paths, path)
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

// innermost leaves out the paths that others lead through.
func innermost(paths []string) []string {
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return slices.ContainsFunc(paths, func(other string) bool { return strings.HasPrefix(other, path+".") })
	})
}

// change says whether a field may change: "yes", or what the API server says when that is tried.
func (r rules) change(path string) string {
	if messages := r.changes[path]; len(messages) > 0 {
		return strings.Join(messages, "; ")
	}
	for parent := path; ; {
		cut := strings.LastIndex(parent, ".")
		if cut < 0 {
			return "yes"
		}
		parent = strings.TrimSuffix(parent[:cut], "[]")
		if r.whole[parent] {
			return "no, as `" + strings.TrimPrefix(parent, "spec.") + "`"
		}
	}
}
