package plan

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// marker begins the comment line that marks a field, a value or a kind that is not available yet.
const marker = "// +seamount:next"

// marked is what the API's source marks: by type and Go field name, the value that is marked; empty for the field as a
// whole. A type itself is marked under the field name "".
type marked map[string]map[string]string

// readMarkers reads the markers in the source of the API.
func readMarkers(t *testing.T) marked {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "api", "v1alpha1", "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no source of the API: %v", err)
	}
	found := marked{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declaration := range tree.Decls {
			if types, ok := declaration.(*ast.GenDecl); ok && types.Tok == token.TYPE {
				found.readType(types)
			}
		}
	}
	return found
}

func (m marked) readType(declaration *ast.GenDecl) {
	spec := declaration.Specs[0].(*ast.TypeSpec)
	m.read(declaration.Doc, spec.Name.Name, "")
	fields, ok := spec.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range fields.Fields.List {
		for _, name := range field.Names {
			m.read(field.Doc, spec.Name.Name, name.Name)
		}
	}
}

func (m marked) read(doc *ast.CommentGroup, typeName, fieldName string) {
	if doc == nil {
		return
	}
	for _, line := range doc.List {
		if rest, isMarker := strings.CutPrefix(line.Text, marker); isMarker {
			if m[typeName] == nil {
				m[typeName] = map[string]string{}
			}
			m[typeName][fieldName] = strings.TrimPrefix(rest, "=")
		}
	}
}

// uses returns, by path, an object for each mark below a type that uses just what is marked.
func (m marked) uses(root reflect.Type, prefix string, build func(set func(reflect.Value)) runtime.Object) map[string]runtime.Object {
	found := map[string]runtime.Object{}
	for i := range root.NumField() {
		field := root.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		path := prefix + "." + name
		if name == "" {
			path = prefix
		}
		into := func(set func(reflect.Value)) runtime.Object {
			return build(func(parent reflect.Value) { set(reach(parent.Field(i))) })
		}
		if value, isMarked := m[root.Name()][field.Name]; isMarked {
			found[path] = into(func(target reflect.Value) { use(target, value) })
		}
		if inner := structBehind(field.Type); inner != nil {
			for innerPath, obj := range m.uses(inner, path, into) {
				found[innerPath] = obj
			}
		}
	}
	return found
}

// structBehind returns the struct of the API that a field holds; nil for anything else.
func structBehind(fieldType reflect.Type) reflect.Type {
	for fieldType.Kind() == reflect.Pointer || fieldType.Kind() == reflect.Slice {
		fieldType = fieldType.Elem()
	}
	if fieldType.Kind() == reflect.Struct && fieldType.PkgPath() == reflect.TypeFor[v1alpha1.StorageCluster]().PkgPath() {
		return fieldType
	}
	return nil
}

// reach returns what a field holds, making it where it is absent.
func reach(field reflect.Value) reflect.Value {
	switch field.Kind() {
	case reflect.Pointer:
		if field.IsNil() {
			field.Set(reflect.New(field.Type().Elem()))
		}
		return field.Elem()
	case reflect.Slice:
		if field.Len() == 0 {
			field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		}
		return reach(field.Index(0))
	default:
		return field
	}
}

// use sets a string to the value that is marked, or to anything. Other kinds are used by being there.
func use(target reflect.Value, value string) {
	if target.Kind() == reflect.String {
		target.SetString(cmp.Or(value, "anything"))
	}
}

// Whatever the API marks as not available is reported when it is used, alone, with its path; and nothing else is.
func TestNotAvailableReportsEveryMark(t *testing.T) {
	t.Parallel()
	markers := readMarkers(t)
	cluster := func(set func(reflect.Value)) runtime.Object {
		obj := &v1alpha1.StorageCluster{}
		set(reflect.ValueOf(&obj.Spec).Elem())
		return obj
	}
	used := markers.uses(reflect.TypeFor[v1alpha1.StorageClusterSpec](), "spec", cluster)
	if len(used) == 0 {
		t.Fatal("nothing is marked in StorageClusterSpec")
	}
	var paths []string
	for path, obj := range used {
		paths = append(paths, path)
		got := NotAvailable(obj)
		if len(got) != 1 || got[0].Path != path || !strings.HasPrefix(got[0].Message, path) {
			t.Errorf("an object that uses %s: reported %+v", path, got)
		}
	}
	slices.Sort(paths)
	t.Logf("marked: %v", paths)
	all := &v1alpha1.StorageCluster{}
	for _, path := range paths {
		merge(reflect.ValueOf(&all.Spec).Elem(), reflect.ValueOf(used[path].(*v1alpha1.StorageCluster).Spec))
	}
	if got := NotAvailable(all); len(got) != len(paths) {
		t.Errorf("an object that uses all %d: reported %+v", len(paths), got)
	}
}

// merge copies what from says into an object that says nothing of it.
func merge(into, from reflect.Value) {
	for i := range from.NumField() {
		source, target := from.Field(i), into.Field(i)
		switch {
		case source.IsZero():
		case source.Kind() == reflect.Pointer && source.Elem().Kind() == reflect.Struct && !target.IsNil():
			merge(target.Elem(), source.Elem())
		case target.IsZero():
			target.Set(source)
		}
	}
}

func TestNotAvailableKinds(t *testing.T) {
	t.Parallel()
	markers := readMarkers(t)
	objects := map[string]runtime.Object{
		"StorageCluster": &v1alpha1.StorageCluster{}, "StorageDisk": &v1alpha1.StorageDisk{},
		"StoragePool": &v1alpha1.StoragePool{}, "StorageFilesystem": &v1alpha1.StorageFilesystem{},
		"StorageOperation": &v1alpha1.StorageOperation{}, "ObjectStore": &v1alpha1.ObjectStore{},
		"ObjectUser": &v1alpha1.ObjectUser{},
	}
	for kind, obj := range objects {
		_, wholeKindMarked := markers[kind][""]
		got := NotAvailable(obj)
		if wholeKindMarked != (len(got) == 1 && got[0].Path == "" && strings.HasPrefix(got[0].Message, kind+" is not available")) {
			t.Errorf("%s (marked: %t): reported %+v", kind, wholeKindMarked, got)
		}
	}
	for kind := range markers {
		if _, known := objects[kind]; !known && structIsOutsideCluster(kind) {
			t.Errorf("%s is marked and belongs to no kind that is checked", kind)
		}
	}
}

// structIsOutsideCluster says of a type with a mark that StorageClusterSpec does not reach it.
func structIsOutsideCluster(name string) bool {
	var reached func(reflect.Type) bool
	reached = func(from reflect.Type) bool {
		if from.Name() == name {
			return true
		}
		for i := range from.NumField() {
			if inner := structBehind(from.Field(i).Type); inner != nil && reached(inner) {
				return true
			}
		}
		return false
	}
	return !reached(reflect.TypeFor[v1alpha1.StorageClusterSpec]())
}

func TestAvailable(t *testing.T) {
	t.Parallel()
	spec := minimalSpec()
	spec.Mon = &v1alpha1.MonSpec{Count: 3}
	spec.Network = &v1alpha1.NetworkSpec{Mode: v1alpha1.NetworkHost, Public: &v1alpha1.NetworkRange{CIDRs: []string{"10.0.0.0/8"}}}
	spec.Encryption = &v1alpha1.EncryptionSpec{AtRest: v1alpha1.AtRestNone, InTransit: v1alpha1.InTransitNone}
	if got := NotAvailable(&v1alpha1.StorageCluster{Spec: *spec}); len(got) != 0 {
		t.Errorf("reported %+v", got)
	}
}

func TestNotAvailableMessage(t *testing.T) {
	t.Parallel()
	obj := &v1alpha1.StorageCluster{Spec: v1alpha1.StorageClusterSpec{
		Mon:     &v1alpha1.MonSpec{Volume: &v1alpha1.MonVolume{}},
		Network: &v1alpha1.NetworkSpec{Mode: v1alpha1.NetworkMultus},
	}}
	want := "spec.mon.volume is not available in this release: take it out, and mons keep their store on the host; " +
		"spec.network.mode: Multus is not available in this release: write Pod or Host"
	if got := NotAvailableMessage(NotAvailable(obj)); got != want {
		t.Errorf("message\n%s\nwant\n%s", got, want)
	}
	if got := NotAvailableMessage(nil); got != "" {
		t.Errorf("message of nothing: %q", got)
	}
}
