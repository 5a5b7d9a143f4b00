package build

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/seamount-dev/seamount/images/oci"
)

// assemble puts the programs of all components together under the names that
// they are called by, and writes the images.
func (b Builder) assemble(ctx context.Context, p plan) error {
	set := b.setDir(p)
	tmp := set + ".part"
	if err := os.RemoveAll(tmp); err != nil {
		return fmt.Errorf("remove an interrupted build: %w", err)
	}
	for _, sub := range []string{binDir, cniDir, imageDir, partDir} {
		if err := os.MkdirAll(filepath.Join(tmp, sub), 0o755); err != nil {
			return fmt.Errorf("create the directory of programs: %w", err)
		}
	}
	for i, c := range components {
		if err := link(b.componentDir(p, i), filepath.Join(tmp, c.Out), c.Links); err != nil {
			return fmt.Errorf("collect the programs of %s: %w", c.Name, err)
		}
	}
	if err := writeImages(ctx, filepath.Join(tmp, partDir), filepath.Join(tmp, imageDir)); err != nil {
		return err
	}
	return os.Rename(tmp, set)
}

// link makes hard links of the programs in from: unlike symbolic ones they hold
// wherever the directory is bind-mounted. With names it links the only program
// under each of them.
func link(from, to string, names []string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() == recordFile {
			continue
		}
		as := names
		if len(as) == 0 {
			as = []string{e.Name()}
		}
		for _, name := range as {
			if err := os.Link(filepath.Join(from, e.Name()), filepath.Join(to, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeImages(ctx context.Context, parts, to string) error {
	for _, image := range []struct{ name, program, user string }{
		{PauseImage, "pause", "65535:65535"},
		{CoreDNSImage, "coredns", ""},
	} {
		path := "/" + image.program
		_, err := oci.Write(ctx, filepath.Join(to, image.program+".tar"), oci.Image{
			Names:      []string{image.name},
			Entrypoint: []string{path},
			User:       image.user,
			Layers: []oci.Layer{{
				Files: []oci.File{{Path: path, Mode: 0o755, Source: filepath.Join(parts, image.program)}},
			}},
		})
		if err != nil {
			return fmt.Errorf("write image %s: %w", image.name, err)
		}
	}
	return nil
}
