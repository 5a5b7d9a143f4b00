package builder

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/images/oci"
	"github.com/seamount-dev/seamount/images/rootfs"
)

// sealer is the program that knows the format of a bundle's manifest.
const sealer = "seamount-node"

// bundle replaces all that came from packages by a bundle: the dynamic linker
// at its top, programs in bin, libraries in lib.
func (b *Builder) bundle(ctx context.Context, p *plan, a *assembled, dir string) error {
	b.Progress(p.Name, "collect the bundle of programs and libraries")
	if err := b.lend(p, a); err != nil {
		return err
	}
	bundled, linker, err := bundleFiles(p, a.tree)
	if err != nil {
		return err
	}
	owners := map[string]bool{}
	for _, f := range bundled {
		owners[a.tree.Owner(f.from)] = true
		if err := copyFile(filepath.Join(dir, f.to), a.tree.Path(f.from), f.mode); err != nil {
			return err
		}
	}
	if err := takeBack(p, a.tree); err != nil {
		return err
	}
	seal := exec.CommandContext(ctx, filepath.Join(b.BinDir, sealer), "bundle", "seal", "--release", p.version, "--linker", linker, dir)
	if out, err := seal.CombinedOutput(); err != nil {
		return fmt.Errorf("seal the bundle: %w: %s", err, strings.TrimSpace(string(out)))
	}
	a.packages = used(p, owners)
	licence := func(path string) bool {
		return owners[a.tree.Owner(path)] && path == rootfs.CopyrightOf(a.tree.Owner(path))
	}
	if err := retain(a.tree, licence); err != nil {
		return err
	}
	return addDirectory(a.tree, p.Bundle.Path, dir)
}

// lent is where one of our own programs lies while its libraries are looked for.
func lent(name string) string { return path.Join("/usr/bin", name) }

// lend puts our own programs of the bundle where the packages' libraries are.
func (b *Builder) lend(p *plan, a *assembled) error {
	for _, name := range p.Bundle.Binaries {
		f := oci.File{Path: lent(name), Source: filepath.Join(b.BinDir, name), Mode: 0o755}
		if err := a.tree.Put(f); err != nil {
			return err
		}
		a.binaries[path.Join(p.Bundle.Path, "bin", name)] = true
	}
	return nil
}

func takeBack(p *plan, tree *rootfs.Tree) error {
	for _, name := range p.Bundle.Binaries {
		if err := tree.Remove(lent(name)); err != nil {
			return err
		}
	}
	return nil
}

// bundledFile is a path in the bundle and the file of the tree it comes from.
type bundledFile struct {
	to, from string
	mode     fs.FileMode
}

func bundleFiles(p *plan, tree *rootfs.Tree) (files []bundledFile, linker string, err error) {
	programs := slices.Clone(p.Bundle.Programs)
	for _, name := range p.Bundle.Binaries {
		programs = append(programs, lent(name))
	}
	closure, err := tree.Closure(programs, p.Bundle.Libraries)
	if err != nil {
		return nil, "", err
	}
	for name, file := range closure.Programs {
		files = append(files, bundledFile{path.Join("/bin", path.Base(name)), file, 0o755})
	}
	for name, file := range closure.Libraries {
		files = append(files, bundledFile{path.Join("/lib", name), file, 0o644})
	}
	for _, name := range p.Bundle.Files {
		file, err := tree.Target(name)
		if err != nil {
			return nil, "", err
		}
		files = append(files, bundledFile{name, file, 0o644})
	}
	file, err := tree.Target(closure.Linker)
	if err != nil {
		return nil, "", fmt.Errorf("the bundle's programs name no dynamic linker: %w", err)
	}
	linker = path.Base(closure.Linker)
	return append(files, bundledFile{"/" + linker, file, 0o755}), linker, nil
}

func copyFile(to, from string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, content, mode); err != nil {
		return err
	}
	return os.Chmod(to, mode) // whatever the umask
}

// addDirectory puts a directory of this machine into the tree.
func addDirectory(tree *rootfs.Tree, to, dir string) error {
	return filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		return tree.Put(oci.File{Path: path.Join(to, rel), Source: p})
	})
}
