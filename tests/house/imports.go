package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Package is one package as `go list -json` prints it.
type Package struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path, Version, Dir string }
}

// Graph is the packages of one build configuration, by import path.
type Graph map[string]*Package

// ListConfig is what `go list` answers for.
type ListConfig struct {
	Dir      string // the module's directory
	CGO      string // CGO_ENABLED: "0" or "1"
	Tags     string
	Packages []string
}

// List asks the go command for packages and everything they import. A package that cannot be loaded
// is in the graph without imports: that is for the compiler to report.
func List(config ListConfig) (Graph, error) {
	args := []string{"list", "-e", "-deps", "-tags=" + config.Tags,
		"-json=ImportPath,Dir,Standard,Imports,TestImports,XTestImports,Module", "--"}
	cmd := exec.Command("go", append(args, config.Packages...)...)
	cmd.Dir = config.Dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED="+config.CGO)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list in %s: %w", config.Dir, withStderr(err))
	}
	return decodeGraph(bytes.NewReader(out))
}

func decodeGraph(stream io.Reader) (Graph, error) {
	graph := Graph{}
	for decoder := json.NewDecoder(stream); ; {
		var pkg Package
		if err := decoder.Decode(&pkg); errors.Is(err, io.EOF) {
			return graph, nil
		} else if err != nil {
			return nil, fmt.Errorf("decode the answer of go list: %w", err)
		}
		graph[pkg.ImportPath] = &pkg
	}
}

// Rule is one line of the import law. Patterns are import paths, where "./" stands for the main module,
// a trailing "/..." for the package and all below it, and "..." for everything outside the standard library.
type Rule struct {
	Name   string
	Why    string
	From   []string // the packages that the rule binds
	Except []string // packages of From that it does not bind
	Forbid []string // what they may not import
	Allow  []string // what of Forbid they may import
	Direct bool     // only what they import themselves; otherwise what they import through others too
	Tests  bool     // their tests as well
}

// Check finds the breaches of a rule in a graph. Through other people's packages only other people's packages
// are followed: everything reaches "os" through fmt, and what matters is whether our code uses it.
func (r Rule) Check(graph Graph) []Finding {
	var found []Finding
	for _, name := range graph.sorted() {
		if matchesAny(relative(name), r.From) && !matchesAny(relative(name), r.Except) {
			found = append(found, r.checkPackage(graph, name)...)
		}
	}
	return found
}

func (r Rule) checkPackage(graph Graph, from string) []Finding {
	var found []Finding
	via := map[string]string{from: ""} // how each package was reached
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		pkg := graph[queue[0]]
		for _, imported := range r.importsOf(pkg, pkg.ImportPath == from) {
			if _, seen := via[imported]; seen || foreign(pkg) && isStandard(graph, imported) {
				continue
			}
			via[imported] = pkg.ImportPath
			switch {
			case r.forbids(graph, imported):
				found = append(found, Finding{relative(from), 0, fmt.Sprintf(
					"imports %s (%s): %s", relative(imported), chain(via, imported), r.Why)})
			case !r.Direct && graph[imported] != nil && !isStandard(graph, imported):
				queue = append(queue, imported)
			}
		}
	}
	return found
}

func (r Rule) importsOf(pkg *Package, bound bool) []string {
	if !r.Tests || !bound {
		return pkg.Imports
	}
	return slices.Concat(pkg.Imports, pkg.TestImports, pkg.XTestImports)
}

func (r Rule) forbids(graph Graph, name string) bool {
	matches := func(patterns []string) bool {
		return matchesAny(relative(name), patterns) || !isStandard(graph, name) && slices.Contains(patterns, "...")
	}
	return matches(r.Forbid) && !matches(r.Allow)
}

// chain is the way from the bound package to an import, for the message.
func chain(via map[string]string, name string) string {
	var steps []string
	for ; name != ""; name = via[name] {
		steps = append(steps, relative(name))
	}
	slices.Reverse(steps)
	return strings.Join(steps, " -> ")
}

func (g Graph) sorted() []string {
	var names []string
	for name := range g {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// isStandard says whether a package is of the standard library. "C" is nobody's.
func isStandard(graph Graph, name string) bool {
	if pkg := graph[name]; pkg != nil {
		return pkg.Standard
	}
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".") && name != "C"
}

func foreign(pkg *Package) bool { return !strings.HasPrefix(relative(pkg.ImportPath), "./") }

// relative writes a package of the main module as "./path", and leaves others alone.
func relative(name string) string {
	if rest, ok := strings.CutPrefix(name, Module+"/"); ok {
		return "./" + rest
	}
	return name
}

func matchesAny(name string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		tree, below := strings.CutSuffix(pattern, "/...")
		return name == tree || below && (tree == "." && strings.HasPrefix(name, "./") || strings.HasPrefix(name, tree+"/"))
	})
}
