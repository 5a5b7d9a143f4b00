package house

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// allowedLicences may be linked into a binary that is given away under Apache-2.0. MPL-2.0 asks for the source
// of its own files, which the Go module proxy serves; nothing here asks for the source of ours.
var allowedLicences = []string{
	"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "ISC", "MIT", "MIT-0",
	"MPL-2.0", "MPL-2.0-no-copyleft-exception", "Unlicense", "Zlib",
}

// minCoverage is how much of a licence file must be a known licence, in percent. The rest is
// names, years and notes; a clause that somebody added shows as less.
const minCoverage = 75

var (
	// licenceFile matches the names that the Go documentation site takes for licences.
	licenceFile = regexp.MustCompile(`(?i)^(un)?licen[cs]e([-.].*)?$|^copying([-.].*)?$`)
	// notOfCode matches the licences of what is never linked.
	notOfCode = regexp.MustCompile(`(?i)[-.](docs|go)$`)
)

// LinkedModule is a module whose code is linked into a binary, and what its licence files say.
type LinkedModule struct {
	Path, Version string
	Files         map[string][]string // licences found, by licence file; empty for a text that is none we know
}

// LinkedModules are the modules behind the packages of a graph, except our own and the standard library.
func LinkedModules(graph Graph) ([]LinkedModule, error) {
	modules := map[string]*LinkedModule{}
	for _, name := range graph.sorted() {
		pkg := graph[name]
		if pkg.Module == nil || pkg.Module.Path == Module || strings.HasPrefix(pkg.Module.Path, Module+"/") {
			continue
		}
		module := modules[pkg.Module.Path]
		if module == nil {
			module = &LinkedModule{pkg.Module.Path, pkg.Module.Version, map[string][]string{}}
			modules[pkg.Module.Path] = module
		}
		if err := module.addLicences(pkg.Module.Dir, pkg.Dir); err != nil {
			return nil, err
		}
	}
	var list []LinkedModule
	for _, module := range modules {
		list = append(list, *module)
	}
	slices.SortFunc(list, func(a, b LinkedModule) int { return cmp.Compare(a.Path, b.Path) })
	return list, nil
}

// addLicences reads the licence files from a package's directory up to its module's root.
func (m *LinkedModule) addLicences(root, dir string) error {
	if root == "" || dir == "" {
		return fmt.Errorf("module %s is not in the module cache: run go mod download", m.Path)
	}
	for ; len(dir) >= len(root); dir = filepath.Dir(dir) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			name := entry.Name()
			if !entry.Type().IsRegular() || !licenceFile.MatchString(name) || notOfCode.MatchString(name) {
				continue
			}
			if err := m.addFile(root, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *LinkedModule) addFile(root, file string) error {
	name, err := filepath.Rel(root, file)
	if err != nil {
		return err
	}
	if _, known := m.Files[name]; known {
		return nil
	}
	text, err := os.ReadFile(file)
	m.Files[name] = classify(text)
	return err
}

// classify names the licences of a text, none when too little of it is a licence text.
func classify(text []byte) []string {
	coverage := licensecheck.Scan(text)
	if coverage.Percent < minCoverage {
		return nil
	}
	var names []string
	for _, match := range coverage.Match {
		if !slices.Contains(names, match.ID) {
			names = append(names, match.ID)
		}
	}
	return names
}

// Verdict says why a module may not be linked, or nil.
func (m *LinkedModule) Verdict() error {
	if len(m.Files) == 0 {
		return fmt.Errorf("%s %s has no licence file", m.Path, m.Version)
	}
	var refused []error
	for file, licences := range m.Files {
		if len(licences) == 0 {
			refused = append(refused, fmt.Errorf("%s %s: %s is not a known licence", m.Path, m.Version, file))
		}
		for _, licence := range licences {
			if !slices.Contains(allowedLicences, licence) {
				refused = append(refused, fmt.Errorf("%s %s: %s is %s, which is not on the allowed list", m.Path, m.Version, file, licence))
			}
		}
	}
	return errors.Join(refused...)
}
