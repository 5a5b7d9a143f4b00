package rootfs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// ErrNoPython says that byte-compiling was asked for but the tree has no Python.
var ErrNoPython = errors.New("the tree has no /usr/bin/python3 to compile with")

// CompilePython byte-compiles the modules below dirs with the tree's own
// Python, run by the tree's own dynamic linker. The files name no time: they
// are tied to their sources by hash and taken unchecked, so that they stay
// valid whatever time the sources get, and are the same at each build.
func (t *Tree) CompilePython(ctx context.Context, dirs []string) error {
	python, err := t.Target("/usr/bin/python3")
	if err != nil {
		return ErrNoPython
	}
	o, err := t.readObject(python)
	if err != nil {
		return err
	}
	if o == nil || o.interpreter == "" {
		return fmt.Errorf("%w: %s is no dynamic program", ErrNoPython, python)
	}
	linker, err := t.Target(o.interpreter)
	if err != nil {
		return err
	}
	args := []string{"--library-path", t.Path(multiarch[o.machine]), t.Path(python), "-I", "-B", "-m", "compileall",
		"-q", "--invalidation-mode", "unchecked-hash", "-s", t.dir, "-p", "/"}
	for _, d := range dirs {
		args = append(args, t.Path(d))
	}
	cmd := exec.CommandContext(ctx, t.Path(linker), args...)
	cmd.Env = []string{"LC_ALL=C.UTF-8", "PYTHONHASHSEED=0"}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("byte-compile Python: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return t.addCompiled(dirs)
}

// addCompiled takes the byte-compiled files into the tree.
func (t *Tree) addCompiled(dirs []string) error {
	for _, d := range dirs {
		err := filepath.WalkDir(t.Path(d), func(p string, info fs.DirEntry, err error) error {
			if err != nil || !slices.Contains([]string{path.Base(p), path.Base(path.Dir(p))}, "__pycache__") {
				return err
			}
			rel, err := filepath.Rel(t.dir, p)
			if err != nil {
				return err
			}
			e := entry{mode: 0o644}
			if info.IsDir() {
				e.mode = fs.ModeDir | 0o755
			}
			t.entries["/"+rel] = e
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
