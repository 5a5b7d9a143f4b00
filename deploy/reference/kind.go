package reference

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// kind is one kind of the API with what a page needs of it.
type kind struct {
	name       string
	goType     reflect.Type
	definition apiextensionsv1.CustomResourceDefinition
	guide      string // the page about its use, beside docs/reference; empty for one that is not there yet
}

// kinds are the pages, in the order in which a person meets the kinds.
func kinds() []kind {
	return []kind{
		{name: v1alpha1.KindStorageCluster, goType: reflect.TypeFor[v1alpha1.StorageCluster](), guide: "bring-up.md"},
		{name: v1alpha1.KindStorageDisk, goType: reflect.TypeFor[v1alpha1.StorageDisk](), guide: "disks.md"},
		{name: v1alpha1.KindStoragePool, goType: reflect.TypeFor[v1alpha1.StoragePool](), guide: "pools.md"},
		{name: v1alpha1.KindStorageFilesystem, goType: reflect.TypeFor[v1alpha1.StorageFilesystem](), guide: "filesystems.md"},
		{name: v1alpha1.KindStorageOperation, goType: reflect.TypeFor[v1alpha1.StorageOperation]()},
		{name: v1alpha1.KindObjectStore, goType: reflect.TypeFor[v1alpha1.ObjectStore]()},
		{name: v1alpha1.KindObjectUser, goType: reflect.TypeFor[v1alpha1.ObjectUser]()},
	}
}

// loaded reads the definitions of all kinds from a directory. One that no kind is for is an error.
func loaded(dir string) ([]kind, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		return nil, err
	}
	definitions := map[string]apiextensionsv1.CustomResourceDefinition{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		var definition apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(text, &definition); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		definitions[definition.Spec.Names.Kind] = definition
	}
	all := kinds()
	if len(definitions) != len(all) {
		return nil, fmt.Errorf("%d definitions in %s for %d kinds", len(definitions), dir, len(all))
	}
	for i := range all {
		definition, known := definitions[all[i].name]
		if !known || len(definition.Spec.Versions) != 1 {
			return nil, fmt.Errorf("%s has no definition of one version in %s", all[i].name, dir)
		}
		all[i].definition = definition
	}
	return all, nil
}

func (k kind) version() apiextensionsv1.CustomResourceDefinitionVersion {
	return k.definition.Spec.Versions[0]
}

// fields are those below spec or status.
func (k kind) fields(part string) ([]field, error) {
	member, known := k.goType.FieldByNameFunc(func(name string) bool { return strings.EqualFold(name, part) })
	if !known {
		return nil, fmt.Errorf("%s has no %s", k.name, part)
	}
	found, err := fieldsOf("", k.version().Schema.OpenAPIV3Schema.Properties[part], member.Type)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", k.name, part, err)
	}
	return found, nil
}

// said reads what the comments of constants in Go source say, by the constants' values.
func said(source string) (map[string]string, error) {
	tree, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	ast.Inspect(tree, func(node ast.Node) bool {
		constant, ok := node.(*ast.ValueSpec)
		if !ok || len(constant.Values) != 1 {
			return true
		}
		if literal, ok := constant.Values[0].(*ast.BasicLit); ok && literal.Kind == token.STRING {
			value, _ := strconv.Unquote(literal.Value) // what the parser took is quoted
			found[value] = strings.TrimPrefix(oneLine(constant.Doc.Text()), constant.Names[0].Name+" says ")
		}
		return true
	})
	return found, nil
}
