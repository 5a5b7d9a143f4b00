package definition_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/images"
	"github.com/seamount-dev/seamount/images/definition"
)

const good = "description: d\nnames: ['quay.io/a/b:{version}', 'quay.io/a/b:{minor}', 'quay.io/a/b:{major}']\nconfig: {}\n"

func load(content string) (*definition.Definition, error) {
	return definition.Load(fstest.MapFS{"x/image.yaml": {Data: []byte(content)}}, "x")
}

func TestReferences(t *testing.T) {
	t.Parallel()
	d, err := load(good)
	if err != nil {
		t.Fatal(err)
	}
	for version, want := range map[string][]string{
		"20.2.4": {"quay.io/a/b:20.2.4", "quay.io/a/b:20.2", "quay.io/a/b:20"},
		"dev":    {"quay.io/a/b:dev", "quay.io/a/b:dev", "quay.io/a/b:dev"},
	} {
		if diff := cmp.Diff(want, d.References(version)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", version, diff)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for content, want := range map[string]string{
		"names: [a]":            "description",
		"description: d":        "names",
		good + "packages: [a]":  "suite",
		good + "nonsense: 1":    "nonsense",
		good + "trim: [usr]":    "absolute",
		good + "versionFrom: a": "versionFrom",
		good + "only: {}\nbundle: {path: /b, programs: []}":        "exclude each other",
		good + "bundle: {path: /b, programs: [], binaries: [a/b]}": "without a path",
		good + "files: [{path: /x, source: none}]":                 "none",
		good + "files: [{path: /x, directory: true, mode: \"9\"}]": "octal",
		good + "files: [{path: /x, mode: \"0755x\"}]":              "octal",
	} {
		if _, err := load(content); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want one with %q", content, err, want)
		}
	}
	if _, err := definition.Load(images.Definitions, "none"); err == nil || !strings.Contains(err.Error(), "ceph-20") {
		t.Errorf("unknown image: error %v, want one that names those there are", err)
	}
}

// TestContainerfiles holds each image's Containerfile to its definition: the
// same suite, packages, user and files.
func TestContainerfiles(t *testing.T) {
	t.Parallel()
	names, err := definition.List(images.Definitions)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := definition.Load(images.Definitions, name)
			if err != nil {
				t.Fatal(err)
			}
			content, err := fs.ReadFile(d.Folder, "Containerfile")
			if err != nil {
				t.Fatal(err)
			}
			words := strings.FieldsFunc(string(content), func(r rune) bool { return strings.ContainsRune(" \n\t\"[],", r) })
			wanted := append(slices.Clone(d.Packages), "docker.io/library/debian:"+d.Suite+"-slim")
			for _, b := range d.Binaries {
				wanted = append(wanted, "bin/"+b.Name, b.Path)
			}
			if d.Bundle != nil {
				wanted = append(wanted, d.Bundle.Programs...)
				for _, name := range d.Bundle.Binaries {
					wanted = append(wanted, "bin/"+name, "/usr/bin/"+name)
				}
			}
			for _, f := range d.Files {
				if f.Directory || f.Source != "" {
					wanted = append(wanted, f.Path)
				}
			}
			wanted = append(append(wanted, d.Config.Entrypoint...), d.Config.Cmd...)
			if d.Config.User != "" {
				wanted = append(wanted, "USER", d.Config.User)
			}
			for _, w := range wanted {
				if !slices.Contains(words, w) {
					t.Errorf("the Containerfile lacks %s of image.yaml", w)
				}
			}
		})
	}
}
