package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// vagueNames say nothing about what is in a file or a package.
var vagueNames = []string{"common", "helper", "helpers", "misc", "util", "utils"}

// CheckNames finds Go files and packages that are named by no topic.
func CheckNames(files []*GoFile) []Finding {
	var found []Finding
	packages := map[string]bool{}
	for _, file := range files {
		if file.Generated {
			continue
		}
		topic := strings.TrimSuffix(strings.TrimSuffix(path.Base(file.Path), ".go"), "_test")
		if slices.Contains(vagueNames, topic) {
			found = append(found, Finding{file.Path, 0, "name the file by its topic"})
		}
		dir := file.Package()
		if !packages[dir] && slices.Contains(vagueNames, path.Base(dir)) {
			found = append(found, Finding{dir, 0, "name the package by what it owns"})
		}
		packages[dir] = true
	}
	return found
}

// CheckPackageDocs finds packages without a doc comment.
func CheckPackageDocs(files []*GoFile) []Finding {
	documented := map[string]bool{}
	var order []string
	for _, file := range files {
		if file.Generated {
			continue
		}
		dir := file.Package()
		if _, seen := documented[dir]; !seen {
			order = append(order, dir)
		}
		documented[dir] = documented[dir] || file.syntax.Doc.Text() != ""
	}
	var found []Finding
	for _, dir := range order {
		if !documented[dir] {
			found = append(found, Finding{dir, 0, fmt.Sprintf(
				"package %s has no doc comment: say what it owns and what it never does", path.Base(dir))})
		}
	}
	return found
}
