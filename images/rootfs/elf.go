package rootfs

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
)

// object is what the dynamic linker reads of a program or library.
type object struct {
	interpreter string
	needed      []string
	runPath     []string
	machine     elf.Machine
}

// readObject reads the object at a path of the tree; nil if it is no ELF file.
func (t *Tree) readObject(p string) (*object, error) {
	f, err := os.Open(t.Path(p))
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only: a failed close loses nothing
	magic := make([]byte, 4)
	if _, err := io.ReadFull(f, magic); err != nil || string(magic) != elf.ELFMAG {
		return nil, nil //nolint:nilnil // too short to be one
	}
	o, err := parseObject(f)
	if err != nil {
		return nil, fmt.Errorf("read ELF file %s: %w", p, err)
	}
	for i, dir := range o.runPath {
		o.runPath[i] = canonical(strings.NewReplacer("$ORIGIN", path.Dir(p), "${ORIGIN}", path.Dir(p)).Replace(dir))
	}
	return o, nil
}

func parseObject(r io.ReaderAt) (*object, error) {
	f, err := elf.NewFile(r)
	if err != nil {
		return nil, err
	}
	o := object{machine: f.Machine}
	if f.Type != elf.ET_EXEC && f.Type != elf.ET_DYN {
		return &o, nil
	}
	if o.needed, err = f.ImportedLibraries(); err != nil {
		return nil, err
	}
	for _, tag := range []elf.DynTag{elf.DT_RPATH, elf.DT_RUNPATH} {
		values, err := f.DynString(tag)
		if err != nil {
			return nil, err
		}
		for _, v := range values {
			o.runPath = append(o.runPath, strings.Split(v, ":")...)
		}
	}
	o.interpreter, err = interpreter(f)
	return &o, err
}

// maxPath bounds the interpreter's path, as Linux does.
const maxPath = 4096

func interpreter(f *elf.File) (string, error) {
	for _, p := range f.Progs {
		if p.Type != elf.PT_INTERP {
			continue
		}
		b, err := io.ReadAll(io.LimitReader(p.Open(), maxPath))
		return strings.TrimRight(string(b), "\x00"), err
	}
	return "", nil
}

// multiarch is Debian's library directory of each machine it is built for here.
var multiarch = map[elf.Machine]string{
	elf.EM_X86_64:  "/usr/lib/x86_64-linux-gnu",
	elf.EM_AARCH64: "/usr/lib/aarch64-linux-gnu",
}

// ErrNoLibrary says that a library a program needs is not in the tree.
var ErrNoLibrary = errors.New("library not found")

// library finds a library as the dynamic linker would, without its cache.
func (t *Tree) library(name string, user *object) (string, error) {
	dirs := append(slices.Clone(user.runPath), multiarch[user.machine], "/usr/lib", "/usr/lib64")
	for _, dir := range dirs {
		if p := path.Join("/", dir, name); dir != "" && t.Has(p) {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrNoLibrary, name)
}

// Library finds a library by its name in the usual directories.
func (t *Tree) Library(name string) (string, error) {
	for _, machine := range []elf.Machine{elf.EM_X86_64, elf.EM_AARCH64} {
		if p, err := t.library(name, &object{machine: machine}); err == nil {
			return p, nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrNoLibrary, name)
}

// Target follows symbolic links to the file at their end.
func (t *Tree) Target(p string) (string, error) {
	trail, err := t.trail(p)
	if err != nil {
		return "", err
	}
	return trail[len(trail)-1], nil
}

// trail is the path itself, each link it leads over, and the file at the end.
func (t *Tree) trail(p string) ([]string, error) {
	const maxLinks = 40 // as Linux
	trail := []string{canonical(p)}
	for range maxLinks {
		at := trail[len(trail)-1]
		e, ok := t.entries[at]
		if !ok {
			return nil, fmt.Errorf("%s: %w", p, fs.ErrNotExist)
		}
		if e.link == "" {
			return trail, nil
		}
		next := e.link
		if !path.IsAbs(next) {
			next = path.Join(path.Dir(at), next)
		}
		trail = append(trail, canonical(next))
	}
	return nil, fmt.Errorf("%s: too many symbolic links", p)
}

// Closure is a set of programs and libraries with all that they link to.
type Closure struct {
	// Programs maps the path each program was named by to its file.
	Programs map[string]string
	// Libraries maps the name each library is linked by to its file, without
	// the dynamic linker.
	Libraries map[string]string
	// Linker is the dynamic linker's path as programs name it, empty if all
	// are static.
	Linker string
	// Paths are all files and the links that lead to them.
	Paths map[string]bool
}

// Closure finds all libraries that the programs and the named libraries link
// to, and their dynamic linker.
func (t *Tree) Closure(programs, libraries []string) (Closure, error) {
	c := Closure{Programs: map[string]string{}, Libraries: map[string]string{}, Paths: map[string]bool{}}
	for _, p := range programs {
		file, err := t.include(&c, p)
		if err != nil {
			return c, fmt.Errorf("%s: %w", p, err)
		}
		c.Programs[p] = file
	}
	for _, name := range libraries {
		p, err := t.Library(name)
		if err != nil {
			return c, err
		}
		if c.Libraries[name], err = t.include(&c, p); err != nil {
			return c, fmt.Errorf("%s: %w", p, err)
		}
	}
	if c.Linker != "" {
		delete(c.Libraries, path.Base(c.Linker))
	}
	return c, nil
}

// include adds the object at a path and what it links to; returns its file.
func (t *Tree) include(c *Closure, p string) (string, error) {
	trail, err := t.trail(p)
	if err != nil {
		return "", err
	}
	file := trail[len(trail)-1]
	known := c.Paths[file]
	for _, step := range trail {
		c.Paths[step] = true
	}
	if known {
		return file, nil
	}
	o, err := t.readObject(file)
	if err != nil || o == nil {
		return file, err
	}
	return file, t.includeNeeded(c, file, o)
}

func (t *Tree) includeNeeded(c *Closure, file string, o *object) error {
	if o.interpreter != "" {
		c.Linker = o.interpreter
		if _, err := t.include(c, o.interpreter); err != nil {
			return fmt.Errorf("%s needs its dynamic linker: %w", path.Base(file), err)
		}
	}
	for _, name := range o.needed {
		p, err := t.library(name, o)
		if err != nil {
			return fmt.Errorf("%s needs %w", path.Base(file), err)
		}
		if c.Libraries[name], err = t.include(c, p); err != nil {
			return err
		}
	}
	return nil
}

// Unresolved lists, for each ELF file of the tree, the libraries it needs that
// the tree does not have: what was trimmed too much.
func (t *Tree) Unresolved() ([]string, error) {
	var missing []string
	for _, p := range t.Paths() {
		if !t.entries[p].mode.IsRegular() {
			continue
		}
		o, err := t.readObject(p)
		if err != nil {
			return nil, err
		}
		if o == nil {
			continue
		}
		for _, needed := range o.needed {
			if _, err := t.library(needed, o); err != nil {
				missing = append(missing, p+" needs "+needed)
			}
		}
	}
	return missing, nil
}
