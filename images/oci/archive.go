package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Annotations containerd and Docker take an image's names from.
const (
	containerdName = "io.containerd.image.name"
	ociRefName     = "org.opencontainers.image.ref.name"
)

// Write writes the image to path and returns the digest of its manifest, which
// is what containerd shows for it. The archive appears at path complete or not
// at all. Layers are streamed, twice: once for their digests and once into the
// archive; a layer that changed in between is an error.
func Write(ctx context.Context, path string, img Image) (string, error) {
	c, err := compose(ctx, img)
	if err != nil {
		return "", err
	}
	if err := replaceFile(path, func(w io.Writer) error { return c.writeTo(ctx, w) }); err != nil {
		return "", fmt.Errorf("write image archive %s: %w", path, err)
	}
	return c.manifest.descriptor.Digest.String(), nil
}

// composition is an image whose digests are known.
type composition struct {
	names    []string
	epoch    time.Time
	layers   []measuredLayer
	config   blob
	manifest blob
}

// blob is a small content-addressed file of the archive.
type blob struct {
	descriptor v1.Descriptor
	content    []byte
}

func compose(ctx context.Context, img Image) (*composition, error) {
	names, err := checkNames(img.Names)
	if err != nil {
		return nil, err
	}
	config, layers, err := baseOf(img)
	if err != nil {
		return nil, err
	}
	for _, l := range img.Layers {
		s, err := l.source(img.epoch())
		if err != nil {
			return nil, err
		}
		layers = append(layers, layerPart{source: s, comment: l.Comment})
	}
	c := &composition{names: names, epoch: img.epoch()}
	if c.layers, err = measure(ctx, layers); err != nil {
		return nil, err
	}
	return c, c.seal(img, config)
}

func checkNames(names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, invalid("an image needs a name")
	}
	full := make([]string, 0, len(names))
	for _, n := range names {
		tag, err := name.NewTag(n, name.StrictValidation)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrInvalidImage, err)
		}
		full = append(full, fullName(tag))
	}
	slices.Sort(full)
	return slices.Compact(full), nil
}

// fullName spells Docker's registry as container runtimes do.
func fullName(tag name.Tag) string {
	if tag.RegistryStr() == name.DefaultRegistry {
		return "docker.io/" + tag.RepositoryStr() + ":" + tag.TagStr()
	}
	return tag.Name()
}

// baseOf reads the base's configuration and layers.
func baseOf(img Image) (*v1.ConfigFile, []layerPart, error) {
	if img.Base == "" {
		return &v1.ConfigFile{}, nil, nil
	}
	base, err := tarball.ImageFromPath(img.Base, nil)
	if err != nil {
		return nil, nil, fmt.Errorf("read base image %s: %w", img.Base, err)
	}
	config, err := base.ConfigFile()
	if err != nil {
		return nil, nil, fmt.Errorf("read base image %s: %w", img.Base, err)
	}
	layers, err := base.Layers()
	if err != nil {
		return nil, nil, fmt.Errorf("read base image %s: %w", img.Base, err)
	}
	parts := make([]layerPart, 0, len(layers))
	comments := layerComments(config)
	for i, l := range layers {
		parts = append(parts, layerPart{source: openSource(l.Uncompressed), comment: comments[i], base: true})
	}
	return config.DeepCopy(), parts, nil
}

// layerComments finds each layer's line in the history.
func layerComments(config *v1.ConfigFile) []string {
	comments := make([]string, 0, len(config.RootFS.DiffIDs))
	for _, h := range config.History {
		if !h.EmptyLayer {
			comments = append(comments, h.Comment)
		}
	}
	for len(comments) < len(config.RootFS.DiffIDs) {
		comments = append(comments, "")
	}
	return comments
}

// seal makes the configuration and the manifest.
func (c *composition) seal(img Image, config *v1.ConfigFile) error {
	configure(config, img)
	config.RootFS = v1.RootFS{Type: "layers"}
	config.History = nil
	manifest := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	for _, l := range c.layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.descriptor.Digest)
		config.History = append(config.History, v1.History{Created: v1.Time{Time: c.epoch}, Comment: l.comment})
		manifest.Layers = append(manifest.Layers, l.descriptor)
	}
	var err error
	if c.config, err = newBlob(types.OCIConfigJSON, config); err != nil {
		return err
	}
	manifest.Config = c.config.descriptor
	c.manifest, err = newBlob(types.OCIManifestSchema1, manifest)
	c.manifest.descriptor.Platform = &v1.Platform{OS: "linux", Architecture: img.architecture()}
	return err
}

func newBlob(mediaType types.MediaType, v any) (blob, error) {
	content, err := json.Marshal(v)
	if err != nil {
		return blob{}, err
	}
	digest, size, err := v1.SHA256(bytes.NewReader(content))
	return blob{v1.Descriptor{MediaType: mediaType, Size: size, Digest: digest}, content}, err
}

// writeTo writes the archive: blobs first, so that a reader that streams has
// seen them when it comes to the indexes.
func (c *composition) writeTo(ctx context.Context, w io.Writer) error {
	tw := tar.NewWriter(w)
	a := archiveWriter{tw: tw, epoch: c.epoch, written: map[v1.Hash]bool{}}
	for _, l := range c.layers {
		if err := a.layer(ctx, l); err != nil {
			return err
		}
	}
	for _, b := range []blob{c.config, c.manifest} {
		if err := a.file(blobPath(b.descriptor.Digest), b.content); err != nil {
			return err
		}
	}
	for _, f := range []struct {
		name    string
		content any
	}{{"index.json", c.index()}, {"manifest.json", c.dockerManifest()}, {"oci-layout", map[string]string{"imageLayoutVersion": "1.0.0"}}} {
		if err := a.json(f.name, f.content); err != nil {
			return err
		}
	}
	return tw.Close()
}

func (c *composition) index() v1.IndexManifest {
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	for _, n := range c.names {
		d := c.manifest.descriptor
		d.Annotations = map[string]string{containerdName: n, ociRefName: n[strings.LastIndex(n, ":")+1:]}
		index.Manifests = append(index.Manifests, d)
	}
	return index
}

func (c *composition) dockerManifest() tarball.Manifest {
	d := tarball.Descriptor{Config: blobPath(c.config.descriptor.Digest), RepoTags: c.names}
	for _, l := range c.layers {
		d.Layers = append(d.Layers, blobPath(l.descriptor.Digest))
	}
	return tarball.Manifest{d}
}

func blobPath(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// archiveWriter adds files to an archive, each content once.
type archiveWriter struct {
	tw      *tar.Writer
	epoch   time.Time
	written map[v1.Hash]bool
}

func (a *archiveWriter) header(name string, size int64) error {
	return a.tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: a.epoch})
}

func (a *archiveWriter) layer(ctx context.Context, l measuredLayer) error {
	if a.written[l.descriptor.Digest] {
		return nil
	}
	a.written[l.descriptor.Digest] = true
	if err := a.header(blobPath(l.descriptor.Digest), l.descriptor.Size); err != nil {
		return err
	}
	return l.copyTo(ctx, a.tw)
}

func (a *archiveWriter) file(name string, content []byte) error {
	if err := a.header(name, int64(len(content))); err != nil {
		return err
	}
	_, err := a.tw.Write(content)
	return err
}

func (a *archiveWriter) json(name string, v any) error {
	content, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return a.file(name, content)
}

// replaceFile writes a file beside path and renames it when it is complete.
func replaceFile(path string, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // fails after the rename, and must
	if err := write(f); err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	if err := f.Chmod(0o644); err != nil {
		_ = f.Close() // the first error is the one to tell
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
