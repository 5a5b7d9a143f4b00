package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Builder compiles what a cluster needs.
type Builder struct {
	// Components is the directory components of the repository.
	Components string
	// Cache is where the results are kept.
	Cache string
	// Report shows what is compiled.
	Report *progress.Reporter
}

// plan is what there must be in the cache.
type plan struct {
	toolchain string
	hashes    []string // of components, in the same order
	set       string
}

func (b Builder) plan(ctx context.Context) (plan, error) {
	tools, err := toolchain(ctx)
	if err != nil {
		return plan{}, fmt.Errorf("find the Go toolchain: %w", err)
	}
	p := plan{toolchain: tools}
	for _, c := range components {
		hash, err := componentHash(c, os.DirFS(filepath.Join(b.Components, c.Module)), tools)
		if err != nil {
			return plan{}, err
		}
		p.hashes = append(p.hashes, hash)
	}
	p.set = setHash(p.hashes)
	return p, nil
}

// Missing are the components that would have to be compiled now.
func (b Builder) Missing(ctx context.Context) ([]string, error) {
	p, err := b.plan(ctx)
	if err != nil {
		return nil, err
	}
	if exists(b.setDir(p)) {
		return nil, nil
	}
	var missing []string
	for i, c := range components {
		if !exists(b.componentDir(p, i)) {
			missing = append(missing, c.Name)
		}
	}
	return missing, nil
}

// Build compiles what is not in the cache yet and returns where everything is.
// It is idempotent, resumes after an interruption, and two builds in the same
// cache wait for each other.
func (b Builder) Build(ctx context.Context) (Artifacts, error) {
	p, err := b.plan(ctx)
	if err != nil {
		return Artifacts{}, err
	}
	if exists(b.setDir(p)) {
		return artifacts(b.setDir(p)), nil
	}
	if err := b.buildLocked(ctx, p); err != nil {
		return Artifacts{}, err
	}
	return artifacts(b.setDir(p)), nil
}

func (b Builder) buildLocked(ctx context.Context, p plan) error {
	lock, err := state.AcquireFile(ctx, filepath.Join(b.Cache, "lock"), "build", func(holder string) {
		b.Report.Note("waiting for another build (%s)", holder)
	})
	if err != nil {
		return err
	}
	defer lock.Release() //nolint:errcheck // the kernel frees it in any case
	if exists(b.setDir(p)) {
		return nil // by the build that held the lock
	}
	for i, c := range components {
		if err := b.ensure(ctx, p, i, c); err != nil {
			return err
		}
	}
	return b.Report.Do(ctx, "write images of pause and CoreDNS", func(ctx context.Context, _ *progress.Step) error {
		return b.assemble(ctx, p)
	})
}

func (b Builder) ensure(ctx context.Context, p plan, i int, c component) error {
	dir := b.componentDir(p, i)
	if exists(dir) {
		return nil
	}
	return b.Report.Do(ctx, "compile "+c.Name, func(ctx context.Context, step *progress.Step) error {
		return compile(ctx, c, filepath.Join(b.Components, c.Module), dir, b.Log(c.Name), p.toolchain, step)
	})
}

// Log is the log file of the last time that a component was compiled.
func (b Builder) Log(component string) string {
	return filepath.Join(b.Cache, "logs", component+".log")
}

func (b Builder) componentDir(p plan, i int) string {
	return filepath.Join(b.Cache, "components", components[i].Name+"-"+p.hashes[i])
}

func (b Builder) setDir(p plan) string { return filepath.Join(b.Cache, "sets", p.set) }

func artifacts(set string) Artifacts {
	return Artifacts{
		BinDir:   filepath.Join(set, binDir),
		CNIDir:   filepath.Join(set, cniDir),
		ImageDir: filepath.Join(set, imageDir),
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
