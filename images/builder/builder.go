// Package builder builds images from their definitions. It resolves packages,
// keys the image by all that goes into it, and builds only what the cache does
// not have. It needs no registry, no container daemon and no privileges.
package builder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/seamount-dev/seamount/images/debian"
	"github.com/seamount-dev/seamount/images/definition"
	"github.com/seamount-dev/seamount/images/rootfs"
)

// OfContent as Options.Version gives images that differ names that differ, so that Kubernetes replaces what runs them.
const OfContent = "content"

// Options says what to build from and where to.
type Options struct {
	// Definitions has one folder an image; Builder is the source of the
	// builder itself, part of every image's key.
	Definitions, Builder fs.FS
	// Cache is the directory of archives, package files and indexes.
	Cache string
	// BinDir has our own programs.
	BinDir string
	// Version is the version of images of our own programs. OfContent: each has one that follows from all that is in it.
	Version string
	// Mirror replaces the machine's own Debian mirror, Keyring its key.
	Mirror, Keyring string
	// MaxAge is how old package indexes may be before they are fetched again.
	MaxAge time.Duration
	// Progress is told what happens.
	Progress func(image, message string)
}

// Image is a built image, as the index of the cache has it.
type Image struct {
	Name    string   `json:"name"`
	Names   []string `json:"names"`
	Version string   `json:"version"`
	// Key identifies all that went into the image.
	Key string `json:"key"`
	// Digest is that of the image's manifest, as container runtimes show it.
	Digest string `json:"digest"`
	// Archive is the path of the archive, Size its length in bytes.
	Archive string `json:"archive"`
	Size    int64  `json:"size"`

	// Cached says that nothing was built; Differences how the packages differ
	// from the definition's packages.lock.
	Cached      bool     `json:"-"`
	Differences []string `json:"-"`
}

// Builder builds images into one cache.
type Builder struct {
	Options
	suites map[string]*debian.Suite
}

// New checks the options and prepares the cache.
func New(o Options) (*Builder, error) {
	if o.Progress == nil {
		o.Progress = func(string, string) {}
	}
	cache, err := filepath.Abs(o.Cache)
	if err != nil {
		return nil, err
	}
	o.Cache = cache
	b := &Builder{Options: o, suites: map[string]*debian.Suite{}}
	return b, os.MkdirAll(b.archives(), 0o755)
}

// plan is a definition with everything resolved.
type plan struct {
	*definition.Definition
	version  string
	packages []debian.Package
	key      string
}

// Build makes the image unless the cache has it. One build at a time runs in a
// cache; another waits.
func (b *Builder) Build(ctx context.Context, name string) (Image, error) {
	unlock, err := b.lock(ctx)
	if err != nil {
		return Image{}, err
	}
	defer unlock()
	p, err := b.plan(ctx, name)
	if err != nil {
		return Image{}, err
	}
	image, found, err := b.cached(p)
	if err != nil || found {
		return image, err
	}
	image, err = b.build(ctx, p)
	if errors.Is(err, errDownload) { // the mirror may have moved on since its index was fetched
		b.Progress(name, "fetch the package index again, because "+err.Error())
		if image, err = b.buildAfresh(ctx, p); err != nil {
			return Image{}, err
		}
	}
	if err != nil {
		return Image{}, fmt.Errorf("build image %s: %w", name, err)
	}
	return image, b.record(image)
}

func (b *Builder) buildAfresh(ctx context.Context, p *plan) (Image, error) {
	if err := b.suites[p.Suite].Update(ctx); err != nil {
		return Image{}, err
	}
	again, err := b.plan(ctx, p.Name)
	if err != nil {
		return Image{}, err
	}
	return b.build(ctx, again)
}

// Packages resolves the packages of an image without building it.
func (b *Builder) Packages(ctx context.Context, name string) ([]debian.Package, error) {
	unlock, err := b.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	d, err := definition.Load(b.Definitions, name)
	if err != nil || len(d.Packages) == 0 {
		return nil, err
	}
	return b.resolve(ctx, d)
}

func (b *Builder) plan(ctx context.Context, name string) (*plan, error) {
	d, err := definition.Load(b.Definitions, name)
	if err != nil {
		return nil, err
	}
	p := &plan{Definition: d, version: b.Version}
	if len(d.Packages) > 0 {
		if p.packages, err = b.resolve(ctx, d); err != nil {
			return nil, fmt.Errorf("image %s: %w", name, err)
		}
	}
	for _, pkg := range p.packages {
		if pkg.Name == d.VersionFrom {
			p.version = debian.Upstream(pkg.Version)
		}
	}
	if p.key, err = b.key(p); err == nil && p.version == OfContent {
		const digits = 12
		p.version = "local-" + p.key[:digits]
	}
	return p, err
}

func (b *Builder) resolve(ctx context.Context, d *definition.Definition) ([]debian.Package, error) {
	suite, err := b.suite(ctx, d.Name, d.Suite)
	if err != nil {
		return nil, err
	}
	all, err := suite.Resolve(ctx, d.Packages)
	if err != nil {
		return nil, err
	}
	return without(all, d.Exclude)
}

// without drops packages by name. One that is not there is a mistake in the
// definition, or no longer needed in it.
func without(packages []debian.Package, names []string) ([]debian.Package, error) {
	drop := map[string]bool{}
	for _, n := range names {
		drop[n] = true
	}
	var rest []debian.Package
	for _, p := range packages {
		if !drop[p.Name] {
			rest = append(rest, p)
		}
		delete(drop, p.Name)
	}
	for n := range drop {
		return nil, fmt.Errorf("exclude: no package needs %s", n)
	}
	return rest, nil
}

// suite prepares a suite once, with indexes no older than MaxAge.
func (b *Builder) suite(ctx context.Context, image, name string) (*debian.Suite, error) {
	if s, ok := b.suites[name]; ok {
		return s, nil
	}
	sources, err := b.sources(name)
	if err != nil {
		return nil, err
	}
	s, err := debian.NewSuite(ctx, filepath.Join(b.Cache, "debian", name), name, sources)
	if err != nil {
		return nil, err
	}
	age, fetched := s.Age(time.Now())
	if !fetched || age > b.MaxAge {
		b.Progress(image, "fetch the package index of Debian "+name)
		err = s.Update(ctx)
	}
	if err != nil && !fetched {
		return nil, err
	}
	if err != nil {
		b.Progress(image, fmt.Sprintf("go on with the package index of %s ago: %v", age.Round(time.Minute), err))
	}
	b.suites[name] = s
	return s, nil
}

func (b *Builder) sources(suite string) ([]debian.Source, error) {
	if b.Mirror != "" {
		return debian.ForMirror(b.Mirror, suite, b.Keyring), nil
	}
	root := os.DirFS("/")
	sources, err := debian.ReadSources(root)
	if err != nil {
		return nil, err
	}
	codename, err := debian.Codename(root)
	if err != nil {
		return nil, err
	}
	return debian.ForSuite(sources, codename, suite)
}

// assembled is a file system that is ready to become an image.
type assembled struct {
	tree     *rootfs.Tree
	binaries map[string]bool  // paths of our own programs
	packages []debian.Package // of which the tree holds something
}

// architecture is the machine's; images are built for the machine they are built on.
const architecture = runtime.GOARCH
