package oci

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// layerPart is a layer before its digest is known.
type layerPart struct {
	source  source
	comment string
	// base marks a layer of a base image, which is taken as it is.
	base bool
}

// measuredLayer is a layer whose digest and size are known.
type measuredLayer struct {
	layerPart
	descriptor v1.Descriptor
}

// ErrLayerChanged says that a layer's content differed between the two times it was read.
var ErrLayerChanged = errors.New("layer changed while the image was written")

// measure reads each layer once, bottom first.
func measure(ctx context.Context, layers []layerPart) ([]measuredLayer, error) {
	below := symlinks{}
	measured := make([]measuredLayer, 0, len(layers))
	for i, l := range layers {
		m, err := measureLayer(ctx, l, below)
		if err != nil {
			return nil, fmt.Errorf("layer %d (%s): %w", i+1, l.comment, err)
		}
		measured = append(measured, m)
	}
	return measured, nil
}

func measureLayer(ctx context.Context, l layerPart, below symlinks) (measuredLayer, error) {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := below.scan(r, !l.base)
		_ = r.CloseWithError(err) // never fails; unblocks the writer
		done <- err
	}()
	hash := sha256.New()
	counter := &countingWriter{w: io.MultiWriter(hash, w)}
	writeErr := l.source(ctx, counter)
	_ = w.CloseWithError(writeErr) // never fails
	scanErr := <-done
	if writeErr == nil {
		writeErr = scanErr
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(hash.Sum(nil))}
	return measuredLayer{l, v1.Descriptor{MediaType: types.OCIUncompressedLayer, Size: counter.n, Digest: digest}}, writeErr
}

// copyTo writes the layer again and checks that it is what was measured.
func (l measuredLayer) copyTo(ctx context.Context, w io.Writer) error {
	hash := sha256.New()
	err := l.source(ctx, io.MultiWriter(w, hash))
	if errors.Is(err, tar.ErrWriteTooLong) {
		return fmt.Errorf("layer %s: %w", l.comment, ErrLayerChanged)
	}
	if err != nil {
		return err
	}
	if hex.EncodeToString(hash.Sum(nil)) != l.descriptor.Digest.Hex {
		return fmt.Errorf("layer %s: %w", l.comment, ErrLayerChanged)
	}
	return nil
}

type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// symlinks holds the symbolic links of the layers read so far. A layer must not
// put a directory over one: on a merged /usr, a file /bin/x would hide the link
// /bin, and with it every program.
type symlinks map[string]string

// scan reads a layer, checks it against the links below if asked to, and adds
// its own.
func (s symlinks) scan(r io.Reader, check bool) error {
	own := symlinks{}
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("not a tar stream: %w", err)
		}
		p := path.Clean("/" + h.Name)
		if h.Typeflag == tar.TypeSymlink {
			own[p] = h.Linkname
		}
		if check && h.Typeflag == tar.TypeDir && s[p] != "" {
			return s.hidden(p)
		}
	}
	maps.Copy(s, own)
	_, err := io.Copy(io.Discard, r) // padding after the end marker
	return err
}

func (s symlinks) hidden(p string) error {
	target := s[p]
	if !path.IsAbs(target) {
		target = path.Join(path.Dir(p), target)
	}
	return invalid("directory %s hides a symbolic link to %s in a layer below; name the files below %s instead", p, s[p], target)
}
