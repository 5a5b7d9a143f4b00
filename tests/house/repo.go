package house

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Module is the path of the main module.
const Module = "github.com/seamount-dev/seamount"

// Repo is a checkout: its root, and every file that git tracks or would track.
type Repo struct {
	Root  string
	Files []string // slash-separated, relative to Root, sorted by git
}

// Finding is one breach of a rule.
type Finding struct {
	Path    string // relative to the repository's root, or an import path
	Line    int    // 0 when the finding is about the whole file or package
	Message string
}

// String is what an editor can jump to.
func (f Finding) String() string {
	if f.Line == 0 {
		return f.Path + ": " + f.Message
	}
	return fmt.Sprintf("%s:%d: %s", f.Path, f.Line, f.Message)
}

// OpenRepo finds the checkout around the working directory.
func OpenRepo() (*Repo, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	// The owner of a checkout in CI is often not the user of the build, which git refuses by default.
	cmd := exec.Command("git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the files of %s (this must be a git clone): %w", root, withStderr(err))
	}
	return &Repo{Root: root, Files: existing(root, strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"))}, nil
}

// findRoot walks up to the go.mod of the main module.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module "+Module+"\n")) {
			return dir, nil
		}
		if filepath.Dir(dir) == dir {
			return "", fmt.Errorf("no go.mod of module %s above the working directory", Module)
		}
		dir = filepath.Dir(dir)
	}
}

// existing drops files that are deleted in the work tree but still tracked.
func existing(root string, files []string) []string {
	var kept []string
	for _, file := range files {
		if info, err := os.Lstat(filepath.Join(root, file)); err == nil && info.Mode().IsRegular() {
			kept = append(kept, file)
		}
	}
	return kept
}

// withStderr adds what a failed command said to its exit status.
func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}

// Modules returns the directories of all Go modules, "." first.
func (r *Repo) Modules() []string {
	modules := []string{"."}
	for _, file := range r.Files {
		if path.Base(file) == "go.mod" && file != "go.mod" && !inTestdata(file) {
			modules = append(modules, path.Dir(file))
		}
	}
	return modules
}

// GoFile is one parsed source file.
type GoFile struct {
	Path      string
	Lines     int
	Generated bool
	Test      bool
	fset      *token.FileSet
	syntax    *ast.File
}

// GoFiles parses the Go files of every module. Files below testdata are data, not source.
func (r *Repo) GoFiles() ([]*GoFile, error) {
	return parseFiles(os.DirFS(r.Root), r.Files)
}

func parseFiles(tree fs.FS, names []string) ([]*GoFile, error) {
	var files []*GoFile
	for _, name := range names {
		if path.Ext(name) != ".go" || inTestdata(name) {
			continue
		}
		src, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil, err
		}
		file, err := parseFile(name, src)
		if err != nil {
			return nil, err
		}
		files = append(files, file)
	}
	return files, nil
}

func parseFile(name string, src []byte) (*GoFile, error) {
	fset := token.NewFileSet()
	syntax, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	return &GoFile{
		Path:      name,
		Lines:     bytes.Count(src, []byte("\n")),
		Generated: ast.IsGenerated(syntax),
		Test:      strings.HasSuffix(name, "_test.go"),
		fset:      fset,
		syntax:    syntax,
	}, nil
}

// Package is the directory of the file, which names its package inside the repository.
func (f *GoFile) Package() string { return path.Dir(f.Path) }

func (f *GoFile) line(pos token.Pos) int { return f.fset.Position(pos).Line }

func inTestdata(file string) bool {
	for _, element := range strings.Split(path.Dir(file), "/") {
		if element == "testdata" {
			return true
		}
	}
	return false
}
