package builder

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
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

// bundledFile is a path in the bundle and the file of the tree it comes from.
type bundledFile struct {
	to, from string
	mode     fs.FileMode
}

func bundleFiles(p *plan, tree *rootfs.Tree) (files []bundledFile, linker string, err error) {
	closure, err := tree.Closure(p.Bundle.Programs, p.Bundle.Libraries)
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
