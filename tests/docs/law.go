package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Tests are the test functions of the repository by package, with the strings in the package's tests: the names of subtests
// are among them.
type Tests map[string]TestPackage

// TestPackage is what one directory tests.
type TestPackage struct{ Functions, Strings map[string]bool }

func (w *World) readTests() error {
	w.tests = Tests{}
	for _, file := range w.repo.Files {
		if !strings.HasSuffix(file, "_test.go") || strings.Contains(file, "testdata/") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), filepath.Join(w.repo.Root, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		dir := path.Dir(file)
		if _, seen := w.tests[dir]; !seen {
			w.tests[dir] = TestPackage{map[string]bool{}, map[string]bool{}}
		}
		w.tests[dir].read(tree)
	}
	return nil
}

func (p TestPackage) read(tree *ast.File) {
	ast.Inspect(tree, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.FuncDecl:
			p.Functions[node.Name.Name] = true
		case *ast.BasicLit:
			if text, err := strconv.Unquote(node.Value); err == nil && node.Kind == token.STRING {
				p.Strings[strings.ReplaceAll(text, " ", "_")] = true
			}
		}
		return true
	})
}

func (t Tests) names() []string {
	var names []string
	for _, tested := range t {
		for name := range tested.Functions {
			names = append(names, name)
		}
	}
	return names
}

// Named is a test that a page names.
type Named struct {
	Line    int
	Package string
	Test    string // with its subtests, as in TestX/Y
}

var (
	namedPackage = regexp.MustCompile("`([a-z][a-z0-9/_-]*)`")
	namedTest    = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*(?:/\w+)*|(?:^|[ ,])/\w+|: (\w+(?:, \w+)*)$`)
)

// NamedTests reads the first column of a page's tables: packages in code, each followed by its tests. A name that begins with
// a slash is a subtest of the test before, and one after a colon is a subtest of all tests before.
func NamedTests(page Page) []Named {
	var found []Named
	for number, line := range page.Prose {
		if cells := strings.Split(line, "|"); len(cells) > 3 && strings.Contains(cells[1], "`") {
			for _, one := range namedIn(strings.TrimSpace(cells[1])) {
				one.Line = number + 1
				found = append(found, one)
			}
		}
	}
	return found
}

func namedIn(cell string) []Named {
	var found []Named
	at := namedPackage.FindAllStringSubmatchIndex(cell, -1)
	for i, match := range at {
		end := len(cell)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		pkg := cell[match[2]:match[3]]
		for _, test := range testsIn(cell[match[1]:end]) {
			found = append(found, Named{Package: pkg, Test: test})
		}
	}
	return found
}

// testsIn reads "TestA, TestB/One, /Two" and "TestA, TestB: One".
func testsIn(text string) []string {
	var tests []string
	for _, match := range namedTest.FindAllStringSubmatch(strings.TrimRight(text, " ;"), -1) {
		switch name := strings.TrimLeft(match[0], " ,"); {
		case match[1] != "":
			tests = withSubtests(tests, strings.Split(match[1], ", "))
		case strings.HasPrefix(name, "/") && len(tests) > 0:
			parent, _, _ := cutLast(tests[len(tests)-1])
			tests = append(tests, parent+name)
		default:
			tests = append(tests, name)
		}
	}
	return tests
}

func cutLast(test string) (parent, last string, found bool) {
	if at := strings.LastIndex(test, "/"); at >= 0 {
		return test[:at], test[at+1:], true
	}
	return test, "", false
}

func withSubtests(tests, subtests []string) []string {
	var all []string
	for _, test := range tests {
		for _, subtest := range subtests {
			all = append(all, test+"/"+subtest)
		}
	}
	return all
}

// Check says whether a named test is there.
func (t Tests) Check(named Named) error {
	tested, known := t[named.Package]
	if !known {
		return fmt.Errorf("%s has no tests", named.Package)
	}
	parts := strings.Split(named.Test, "/")
	if !tested.Functions[parts[0]] {
		return fmt.Errorf("%s has no test %s", named.Package, parts[0])
	}
	for _, part := range parts[1:] {
		if !tested.Strings[part] {
			return fmt.Errorf("%s %s has no part %s", named.Package, parts[0], part)
		}
	}
	return nil
}

// laws are those that hold whatever happens. docs/failure-modes.md says of each which tests show it, or that it is not here.
var laws = strings.Fields("D1 D2 D3 D4 D5 D6 D7 C1 C2 C3 C4 C5 C6 C7 C8 V1 V2 V3 V4 V5 V6 V7 V8 S1 S2 S3")

var lawHeading = regexp.MustCompile(`^### ([DCVS]\d) `)

// LawLines are the lines of the page at which the laws' sections begin, and those of the laws that its last section names
// among what is not here.
func LawLines(page Page) (sections map[string]int, missing map[string]bool) {
	sections, missing = map[string]int{}, map[string]bool{}
	notHere := false
	for number, line := range page.Prose {
		if match := lawHeading.FindStringSubmatch(line); match != nil {
			sections[match[1]] = number + 1
		}
		notHere = notHere || line == "## Not yet"
		if notHere && strings.HasPrefix(line, "| ") {
			cell := strings.Split(line, "|")[1]
			for _, law := range laws {
				if slices.Contains(strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" ,:", r) }), law) {
					missing[law] = true
				}
			}
		}
	}
	return sections, missing
}
