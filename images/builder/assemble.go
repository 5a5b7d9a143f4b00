package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/images/debian"
	"github.com/seamount-dev/seamount/images/definition"
	"github.com/seamount-dev/seamount/images/oci"
	"github.com/seamount-dev/seamount/images/rootfs"
)

// trimmed is left out of every image: what only people at a terminal, a
// package manager or an init system read.
var trimmed = rootfs.Patterns{
	"/usr/share/doc/*", "/usr/share/doc-base", "/usr/share/man", "/usr/share/info", "/usr/share/locale", "/usr/share/lintian",
	"/usr/share/bash-completion", "/usr/share/zsh", "/usr/share/fish", "/usr/share/bug", "/usr/share/gdb", "/usr/share/initramfs-tools",
	"/usr/share/polkit-1", "/usr/share/menu", "/usr/share/applications", "/usr/share/icons", "/usr/share/pixmaps", "/usr/share/debconf",
	"/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/lib/sysusers.d", "/usr/lib/modprobe.d", "/usr/lib/sysctl.d",
	"/usr/lib/pkgconfig", "/usr/lib/*/pkgconfig", "/usr/lib/*/gconv", "/usr/lib/*.a", "/usr/lib/*/*.a", "/usr/include",
	"/etc/init.d", "/etc/rc?.d", "/etc/cron.*", "/etc/logrotate.d", "/etc/systemd", "/etc/apparmor.d", "/etc/update-motd.d",
	"/var/cache/*", "/var/backups", "/var/mail", "/var/log/*",
	"/usr/lib/python3*/test", "/usr/lib/python3*/idlelib", "/usr/lib/python3*/ensurepip", "/usr/lib/python3*/pydoc_data",
	"/usr/lib/python3*/lib2to3", "/usr/lib/python3/dist-packages/*/tests", "/usr/lib/python3/dist-packages/*/test",
}

// kept are the exceptions: the licences of what the image holds.
var kept = rootfs.Patterns{"/usr/share/doc/*/copyright"}

// errDownload marks a failed download.
var errDownload = errors.New("packages cannot be downloaded")

func (b *Builder) build(ctx context.Context, p *plan) (Image, error) {
	scratch := filepath.Join(b.Cache, "build")
	if err := os.RemoveAll(scratch); err != nil { // of a build that was killed
		return Image{}, err
	}
	defer func() { _ = os.RemoveAll(scratch) }() // the next build does it otherwise
	a, err := b.assemble(ctx, p, scratch)
	if err != nil {
		return Image{}, err
	}
	return b.write(ctx, p, a)
}

// assemble puts the file system together.
func (b *Builder) assemble(ctx context.Context, p *plan, scratch string) (*assembled, error) {
	tree, err := rootfs.New(filepath.Join(scratch, "root"))
	if err != nil {
		return nil, err
	}
	a := &assembled{tree: tree, binaries: map[string]bool{}}
	for _, step := range []func() error{
		func() error { return b.unpack(ctx, p, tree) },
		func() error { return tree.AddBase(p.Users) },
		tree.AddCertificateBundle,
		func() error { return b.addBinaries(p, a) },
		func() error { return b.reduce(ctx, p, a, scratch) },
		func() error { return addFiles(p.Definition, tree) },
		func() error { return b.compile(ctx, p, tree) },
		tree.ShareCopyrights,
		func() error { return tree.AddPackageRecords(a.packages) },
		func() error { return checkLibraries(p.Definition, tree) },
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (b *Builder) unpack(ctx context.Context, p *plan, tree *rootfs.Tree) error {
	if len(p.packages) == 0 {
		return nil
	}
	b.Progress(p.Name, fmt.Sprintf("download %d packages, as far as they are not cached", len(p.packages)))
	debs, err := b.suites[p.Suite].Download(ctx, p.packages)
	if err != nil {
		return fmt.Errorf("%w: %w", errDownload, err)
	}
	b.Progress(p.Name, fmt.Sprintf("unpack %d packages", len(debs)))
	trim, keep := slices.Concat(trimmed, p.Trim), slices.Concat(kept, p.Keep)
	for _, deb := range debs {
		err := tree.Unpack(ctx, deb, func(path string) bool { return !trim.Match(path) || keep.Match(path) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (b *Builder) addBinaries(p *plan, a *assembled) error {
	for _, binary := range p.Binaries {
		f := oci.File{Path: binary.Path, Source: filepath.Join(b.BinDir, binary.Name), Mode: 0o755}
		if err := a.tree.Put(f); err != nil {
			return err
		}
		a.binaries[binary.Path] = true
	}
	return nil
}

// reduce drops what the image does not need of its packages.
func (b *Builder) reduce(ctx context.Context, p *plan, a *assembled, scratch string) error {
	var err error
	switch {
	case p.Bundle != nil:
		return b.bundle(ctx, p, a, filepath.Join(scratch, "bundle"))
	case p.Only != nil:
		err = keepOnly(p.Definition, a.tree)
	}
	a.packages = used(p, a.tree.Owners())
	return err
}

func keepOnly(d *definition.Definition, tree *rootfs.Tree) error {
	programs := slices.Clone(d.Only.Programs)
	for _, binary := range d.Binaries {
		programs = append(programs, binary.Path)
	}
	closure, err := tree.Closure(programs, d.Only.Libraries)
	if err != nil {
		return err
	}
	return retain(tree, func(p string) bool { return closure.Paths[p] || d.Only.Files.Match(p) })
}

// retain keeps what is wanted, what no package brought, and the licences of
// the packages that bring something that is kept.
func retain(tree *rootfs.Tree, wanted func(p string) bool) error {
	keep := map[string]bool{}
	for _, p := range tree.Paths() {
		if owner := tree.Owner(p); owner == "" || wanted(p) {
			keep[p], keep[rootfs.CopyrightOf(owner)] = true, true
		}
	}
	return tree.Retain(func(p string) bool { return keep[p] })
}

func addFiles(d *definition.Definition, tree *rootfs.Tree) error {
	for _, f := range d.Files {
		if err := addFile(d, f, tree); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	for _, m := range d.Multicall {
		for _, name := range m.Names {
			link := oci.File{Path: path.Join(path.Dir(m.Program), name), Link: path.Base(m.Program)}
			if err := tree.Put(link); err != nil {
				return err
			}
		}
	}
	return nil
}

func addFile(d *definition.Definition, f definition.File, tree *rootfs.Tree) error {
	mode, err := f.Permissions()
	if err != nil {
		return err
	}
	file := oci.File{Path: f.Path, Mode: mode, UID: f.UID, GID: f.GID, Link: f.Link}
	switch {
	case f.Directory:
		file.Mode |= fs.ModeDir
	case f.Source != "":
		if file.Content, err = fs.ReadFile(d.Folder, f.Source); err != nil {
			return err
		}
	case f.Link == "":
		return tree.Own(f.Path, f.UID, f.GID, mode)
	}
	return tree.Put(file)
}

func (b *Builder) compile(ctx context.Context, p *plan, tree *rootfs.Tree) error {
	if len(p.Python) == 0 {
		return nil
	}
	b.Progress(p.Name, "byte-compile Python modules")
	return tree.CompilePython(ctx, p.Python)
}

// used are the packages of which the image holds something.
func used(p *plan, owners map[string]bool) []debian.Package {
	return slices.DeleteFunc(slices.Clone(p.packages), func(pkg debian.Package) bool { return !owners[pkg.Name] })
}

// ErrTrimmedTooMuch says that programs of an image lack a library.
var ErrTrimmedTooMuch = errors.New("trimmed too much")

func checkLibraries(d *definition.Definition, tree *rootfs.Tree) error {
	missing, err := tree.Unresolved()
	if err != nil {
		return err
	}
	missing = slices.DeleteFunc(missing, func(m string) bool {
		file, library, _ := strings.Cut(m, " needs ")
		bundled := d.Bundle != nil && strings.HasPrefix(file, d.Bundle.Path+"/")
		return bundled || slices.Contains(d.Unresolved, library)
	})
	if len(missing) > 0 {
		return fmt.Errorf("%w: %s", ErrTrimmedTooMuch, strings.Join(missing, ", "))
	}
	return nil
}

// write makes the archive: one layer of packages, and one of our own programs,
// which change more often.
func (b *Builder) write(ctx context.Context, p *plan, a *assembled) (Image, error) {
	b.Progress(p.Name, "write the archive")
	var below, ours []oci.File
	for _, f := range a.tree.Files() {
		if a.binaries[f.Path] {
			ours = append(ours, f)
		} else {
			below = append(below, f)
		}
	}
	layers := []oci.Layer{{Files: below, Comment: "packages and files of " + p.Name}}
	if len(ours) > 0 {
		layers = append(layers, oci.Layer{Files: ours, Comment: "programs of Seamount"})
	}
	image := Image{Name: p.Name, Names: p.References(p.version), Version: p.version, Key: p.key, Differences: p.differences()}
	image.Archive = filepath.Join(b.archives(), p.Name+"-"+p.key+".tar")
	var err error
	image.Digest, err = oci.Write(ctx, image.Archive, oci.Image{
		Names: image.Names, Layers: layers,
		Entrypoint: p.Config.Entrypoint, Cmd: p.Config.Cmd, Env: p.Config.Env, User: p.Config.User, WorkDir: p.Config.WorkDir,
		Labels: labels(p), Architecture: architecture,
	})
	if err != nil {
		return Image{}, err
	}
	info, err := os.Stat(image.Archive)
	if err != nil {
		return Image{}, err
	}
	image.Size = info.Size()
	return image, nil
}

func labels(p *plan) map[string]string {
	all := map[string]string{
		"org.opencontainers.image.title":       p.Name,
		"org.opencontainers.image.description": p.Description,
		"org.opencontainers.image.version":     p.version,
	}
	for k, v := range p.Config.Labels {
		all[k] = v
	}
	return all
}
