package docs

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

	"github.com/seamount-dev/seamount/tests/house"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// World is what pages speak of, as it is in the repository.
type World struct {
	repo        *house.Repo
	rules       map[string]Rule
	makefile    makefile
	definitions []*apiextensionsv1.CustomResourceDefinition
	server      *crdtest.Server
	values      map[string]any // the schema of the chart's values
	selectable  map[string]bool
	tests       Tests
	source      string // what programs and manifests say
}

type makefile struct{ targets, variables map[string]bool }

// Open reads the repository around the working directory.
func Open() (*World, error) {
	repo, err := house.OpenRepo()
	if err != nil {
		return nil, err
	}
	w := &World{repo: repo, rules: Rules()}
	for _, read := range []func() error{w.readMakefile, w.readDefinitions, w.readValues, w.readSource, w.readTests} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// Pages of the repository.
func (w *World) Pages() ([]Page, error) { return Pages(w.repo) }

var (
	target   = regexp.MustCompile(`(?m)^([a-z][a-z-]*):`)
	variable = regexp.MustCompile(`(?m)^([A-Z_]+) \?=`)
)

func (w *World) readMakefile() error {
	text, err := os.ReadFile(filepath.Join(w.repo.Root, "Makefile"))
	if err != nil {
		return err
	}
	w.makefile = makefile{map[string]bool{}, map[string]bool{}}
	for _, match := range target.FindAllStringSubmatch(string(text), -1) {
		w.makefile.targets[match[1]] = true
	}
	for _, match := range variable.FindAllStringSubmatch(string(text), -1) {
		w.makefile.variables[match[1]] = true
	}
	return nil
}

func (w *World) readDefinitions() error {
	// The fields of Kubernetes' kinds that pages select by.
	w.selectable = map[string]bool{"metadata.name": true, "reason": true, "involvedObject.kind": true, "spec.nodeName": true}
	for _, dir := range []string{"crds", "crds-snapshot"} {
		definitions, err := crdtest.Definitions(filepath.Join(w.repo.Root, "deploy", dir))
		if err != nil {
			return err
		}
		w.definitions = append(w.definitions, definitions...)
	}
	for _, definition := range w.definitions {
		for _, field := range definition.Spec.Versions[0].SelectableFields {
			w.selectable[strings.TrimPrefix(field.JSONPath, ".")] = true
		}
	}
	var err error
	w.server, err = crdtest.NewServer(w.definitions)
	return err
}

func (w *World) readValues() error {
	text, err := os.ReadFile(filepath.Join(w.repo.Root, "deploy", "helm", "seamount", "values.schema.json"))
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &w.values)
}

// readSource reads what writes labels, names of objects and variables: programs and manifests, without their tests.
func (w *World) readSource() error {
	var source strings.Builder
	for _, file := range w.repo.Files {
		isTest := strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") || strings.HasPrefix(file, "tests/docs/")
		if isTest || !slices.Contains([]string{".go", ".yaml", ".sh", ".tpl"}, path.Ext(file)) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(w.repo.Root, file))
		if err != nil {
			return err
		}
		source.Write(text)
	}
	w.source = source.String()
	return nil
}

func (w *World) sourceSays(text string) bool { return strings.Contains(w.source, text) }

// exists says whether the repository has a file or a directory, or what a pattern stands for.
func (w *World) exists(name string) bool {
	found, err := filepath.Glob(filepath.Join(w.repo.Root, name))
	return err == nil && len(found) > 0
}

// ourKind is the definition that kubectl knows by a name.
func (w *World) ourKind(name string) *apiextensionsv1.CustomResourceDefinition {
	for _, definition := range w.definitions {
		names := definition.Spec.Names
		if slices.Contains(append([]string{names.Plural, names.Singular}, names.ShortNames...), name) {
			return definition
		}
	}
	return nil
}
