package rootfs

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// Unpack adds the files of a package that want wants. Of a conflict between
// two packages only directories may be the subject.
func (t *Tree) Unpack(ctx context.Context, deb string, want func(p string) bool) error {
	name, _, _ := strings.Cut(filepath.Base(deb), "_")
	cmd := exec.CommandContext(ctx, "dpkg-deb", "--fsys-tarfile", deb)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("unpack %s: dpkg-deb must be installed: %w", name, err)
	}
	unpackErr := t.unpackTar(out, name, want)
	if unpackErr != nil {
		_ = out.Close() // dpkg-deb ends when nobody reads
	}
	if err := cmd.Wait(); err != nil {
		unpackErr = errors.Join(unpackErr, fmt.Errorf("dpkg-deb: %w: %s", err, strings.TrimSpace(stderr.String())))
	}
	if unpackErr != nil {
		return fmt.Errorf("unpack %s: %w", name, unpackErr)
	}
	return nil
}

func (t *Tree) unpackTar(r io.Reader, owner string, want func(p string) bool) error {
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, r) // padding, so that dpkg-deb can end
			return err
		}
		if err != nil {
			return err
		}
		p := canonical(h.Name)
		if p == "/" || aliased(path.Clean("/"+h.Name)) || !want(p) {
			continue
		}
		if err := t.unpackEntry(tr, h, p, owner); err != nil {
			return fmt.Errorf("%s: %w", p, err)
		}
	}
}

func (t *Tree) unpackEntry(r io.Reader, h *tar.Header, p, owner string) error {
	mode := h.FileInfo().Mode()
	e := entry{mode: mode.Perm() | mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky), uid: h.Uid, gid: h.Gid, owner: owner}
	old, exists := t.entries[p]
	if exists && !(old.mode.IsDir() && h.Typeflag == tar.TypeDir) {
		return fmt.Errorf("%w: %s and %s", ErrConflict, old.owner, owner)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		if exists {
			return nil
		}
		e.mode |= fs.ModeDir
		return t.putDir(p, e)
	case tar.TypeReg:
		return t.putContent(p, e, r)
	case tar.TypeSymlink:
		e.mode, e.link = fs.ModeSymlink|0o777, h.Linkname
		return t.putLink(p, e)
	case tar.TypeLink:
		// A second name of a file becomes a symbolic link: the same for
		// every program, and simpler to reason about when one is removed.
		e.mode, e.link = fs.ModeSymlink|0o777, relative(p, canonical(h.Linkname))
		return t.putLink(p, e)
	}
	return fmt.Errorf("a package brings an entry of type %q", h.Typeflag)
}

// relative is the target of a symbolic link at from that shows to.
func relative(from, to string) string {
	rel, err := filepath.Rel(path.Dir(from), to)
	if err != nil {
		return to
	}
	return rel
}
