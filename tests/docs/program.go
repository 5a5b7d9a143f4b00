package docs

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// programs are those of ours whose commands cannot be asked here, because they are in another module or link Ceph: by the
// directories that define their commands.
var programs = map[string]string{
	"seamount": "cmd/seamount", "seamount-node": "cmd/seamount-node", "seamount-block": "cmd/seamount-block",
	"seamount-local": "deploy/local/internal/cli", "seamount-images": "images/cmd/seamount-images",
}

// isArgument finds words that name a thing of the reader's, such as node2, and no command.
var isArgument = regexp.MustCompile(`^[A-Z]|\d|/`)

// checkProgram compares the commands and flags with the words that the source of a program has for them.
func (w *World) checkProgram(command Command) error {
	known, err := w.literals(programs[command.Words[0]])
	if err != nil {
		return err
	}
	commands := true // until the first word that is an argument
	for _, word := range command.Words[1:] {
		flag, isFlag := strings.CutPrefix(word, "--")
		flag, _, _ = strings.Cut(flag, "=")
		switch {
		case word == "--":
			return nil
		case isFlag && !known[flag]:
			return fmt.Errorf("%s has no flag --%s", command.Words[0], flag)
		case strings.HasPrefix(word, "-"):
			commands = false
		case isArgument.MatchString(word):
			commands = false
		case commands && !known[word]:
			return fmt.Errorf("%s has no command %s", command.Words[0], word)
		}
	}
	return nil
}

// literals are the first words of all strings in the Go files of a directory, tests left out: among them the names of
// commands and flags.
func (w *World) literals(dir string) (map[string]bool, error) {
	files, err := filepath.Glob(filepath.Join(w.repo.Root, dir, "*.go"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no source of a program in %s: %w", dir, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return nil, err
		}
		ast.Inspect(tree, func(node ast.Node) bool {
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text, _ := strconv.Unquote(literal.Value) // what the parser took is quoted
				first, _, _ := strings.Cut(text, " ")
				found[first] = true
			}
			return true
		})
	}
	return found, nil
}
