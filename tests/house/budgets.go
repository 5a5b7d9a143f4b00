package house

import (
	"fmt"
	"go/ast"
	"slices"
)

// The budgets. Test code has the same ones: a test is read more often than it is written.
const (
	MaxFunctionLines = 80
	MaxFileLines     = 500
)

// Function is the size of one function, or of a function literal outside any function.
type Function struct {
	Path  string
	Line  int
	Name  string
	Lines int // from the word func to the closing brace
}

// CheckBudgets finds the functions and files that are too long. Generated code has no budget.
func CheckBudgets(files []*GoFile) []Finding {
	var found []Finding
	for _, file := range files {
		if file.Generated {
			continue
		}
		if file.Lines > MaxFileLines {
			found = append(found, Finding{file.Path, 0,
				fmt.Sprintf("%d lines, more than %d: split the file by topic", file.Lines, MaxFileLines)})
		}
		for _, fn := range Functions(file) {
			if fn.Lines > MaxFunctionLines {
				found = append(found, Finding{fn.Path, fn.Line,
					fmt.Sprintf("%s has %d lines, more than %d: split the function", fn.Name, fn.Lines, MaxFunctionLines)})
			}
		}
	}
	return found
}

// Functions lists what is written in one file, in its order.
func Functions(file *GoFile) []Function {
	var fns []Function
	add := func(node ast.Node, name string) {
		first, last := file.line(node.Pos()), file.line(node.End())
		fns = append(fns, Function{file.Path, first, name, last - first + 1})
	}
	ast.Inspect(file.syntax, func(node ast.Node) bool {
		switch fn := node.(type) {
		case *ast.FuncDecl:
			add(fn, fn.Name.Name)
			return false
		case *ast.FuncLit:
			add(fn, "function literal")
			return false
		}
		return true
	})
	return fns
}

// Distribution is how long functions are.
type Distribution struct{ Count, Median, P90, Max int }

// Distribute sums up the lengths of the functions that people wrote.
func Distribute(files []*GoFile) Distribution {
	var lengths []int
	for _, file := range files {
		if file.Generated {
			continue
		}
		for _, fn := range Functions(file) {
			lengths = append(lengths, fn.Lines)
		}
	}
	if len(lengths) == 0 {
		return Distribution{}
	}
	slices.Sort(lengths)
	n := len(lengths)
	return Distribution{n, lengths[n/2], lengths[n*9/10], lengths[n-1]}
}
