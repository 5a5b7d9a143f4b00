package house

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strconv"
	"strings"
)

// wallClock are the functions of package time that read or wait for the wall clock.
var wallClock = []string{"After", "AfterFunc", "NewTicker", "NewTimer", "Now", "Since", "Sleep", "Tick", "Until"}

// CheckSleeps finds time.Sleep, in tests too: watch, poll with a deadline, or requeue.
func CheckSleeps(files []*GoFile) []Finding {
	var found []Finding
	for _, file := range files {
		for _, use := range uses(file, "time", []string{"Sleep"}) {
			use.Message += ": wait for what you wait for, with a deadline"
			found = append(found, use)
		}
	}
	return found
}

// CheckClocks finds readers of the wall clock in pure packages, whose answers depend on their arguments alone.
// Tests of a pure package may measure.
func CheckClocks(files []*GoFile) []Finding {
	var found []Finding
	for _, file := range files {
		if file.Test || !matchesAny("./"+file.Package(), purePackages) {
			continue
		}
		for _, use := range uses(file, "time", wallClock) {
			use.Message += " in a pure package: take the time as an argument"
			found = append(found, use)
		}
	}
	return found
}

// CheckCgo finds cgo and go-ceph outside the one package that may have them, whatever a file's build tags.
func CheckCgo(files []*GoFile) []Finding {
	var found []Finding
	for _, file := range files {
		if matchesAny("./"+file.Package(), []string{"./ceph/rados/..."}) {
			continue
		}
		for _, spec := range file.syntax.Imports {
			name, _ := strconv.Unquote(spec.Path.Value)
			if name == "C" || matchesAny(name, []string{"github.com/ceph/go-ceph/..."}) {
				found = append(found, Finding{file.Path, file.line(spec.Pos()),
					fmt.Sprintf("imports %q: cgo and go-ceph live under ceph/rados alone", name)})
			}
		}
	}
	return found
}

// uses finds selections of the named functions of an imported package, called or passed on.
func uses(file *GoFile, importPath string, names []string) []Finding {
	local := importName(file, importPath)
	if local == "" {
		return nil
	}
	var found []Finding
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		sel, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := sel.X.(*ast.Ident); ok && pkg.Name == local && slices.Contains(names, sel.Sel.Name) {
			found = append(found, Finding{file.Path, file.line(sel.Pos()), importPath + "." + sel.Sel.Name})
		}
		return true
	})
	return found
}

// importName is what the file calls an imported package, "" when it does not import it.
func importName(file *GoFile, importPath string) string {
	for _, spec := range file.syntax.Imports {
		if strings.Trim(spec.Path.Value, `"`) != importPath {
			continue
		}
		if spec.Name != nil {
			return spec.Name.Name
		}
		return path.Base(importPath)
	}
	return ""
}
