package house

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const mit = `Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all
copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
SOFTWARE.
`

// gnu is the notice that a program under one of the GNU licences carries.
func gnu(licence, version string) string {
	return "This program is free software; you can redistribute it and/or modify it under the terms of the GNU " +
		licence + " as published by the Free Software Foundation, either version " + version +
		" of the License, or (at your option) any later version.\n"
}

// linkedFixture is a graph of one package whose module has the given licence files.
func linkedFixture(t *testing.T, files map[string]string) Graph {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pkg := &Package{ImportPath: "example.org/m/sub", Dir: filepath.Join(root, "sub")}
	pkg.Module = &struct{ Path, Version, Dir string }{"example.org/m", "v1.2.3", root}
	return Graph{pkg.ImportPath: pkg}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	const sub = "package sub\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string // part of the refusal, "" when the module may be linked
	}{
		{"permissive", map[string]string{"LICENSE": mit, "sub/a.go": sub}, ""},
		{"copyleft", map[string]string{"COPYING": gnu("General Public License", "3"), "sub/a.go": sub}, "COPYING is GPL-3.0"},
		{"network copyleft", map[string]string{"LICENSE.txt": gnu("Affero General Public License", "3"), "sub/a.go": sub}, "LICENSE.txt is AGPL-3.0"},
		{"lesser copyleft, linked statically", map[string]string{"LICENCE": gnu("Lesser General Public License", "2.1"), "sub/a.go": sub}, "LICENCE is LGPL-2.1"},
		{"none", map[string]string{"sub/a.go": sub}, "example.org/m v1.2.3 has no licence file"},
		{"own words", map[string]string{"LICENSE": "You may use this on Sundays.", "sub/a.go": sub}, "LICENSE is not a known licence"},
		{"own words added", map[string]string{"LICENSE": mit + strings.Repeat("Not by competitors. ", 60), "sub/a.go": sub}, "not a known licence"},
		{"copyleft in the package", map[string]string{"LICENSE": mit, "sub/LICENSE": gnu("General Public License", "3"), "sub/a.go": sub}, "sub/LICENSE is GPL-3.0"},
		{"copyleft in a package that is not linked", map[string]string{"LICENSE": mit, "cmd/LICENSE": gnu("General Public License", "3"), "sub/a.go": sub}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			linked, err := LinkedModules(linkedFixture(t, c.files))
			if err != nil || len(linked) != 1 {
				t.Fatalf("linked %v, error %v", linked, err)
			}
			got := linked[0].Verdict()
			if (got == nil) != (c.want == "") || got != nil && !strings.Contains(got.Error(), c.want) {
				t.Errorf("verdict %v, want %q", got, c.want)
			}
		})
	}
}

func TestOurOwnModulesAreNotDependencies(t *testing.T) {
	t.Parallel()
	graph := linkedFixture(t, map[string]string{"sub/a.go": "package sub\n"})
	graph["example.org/m/sub"].Module.Path = Module + "/images"
	if linked, err := LinkedModules(graph); err != nil || len(linked) != 0 {
		t.Errorf("linked %v, error %v", linked, err)
	}
}
