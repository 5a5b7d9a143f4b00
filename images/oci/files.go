package oci

import (
	"archive/tar"
	"cmp"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// writeFiles writes a list of files as a tar stream, sorted, parents first.
func writeFiles(ctx context.Context, w io.Writer, files []File, epoch time.Time) error {
	all, err := withParents(files)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(w)
	for _, f := range all {
		if err := writeFile(ctx, tw, f, epoch); err != nil {
			return fmt.Errorf("file %s: %w", f.Path, err)
		}
	}
	return tw.Close()
}

func withParents(files []File) ([]File, error) {
	byPath := map[string]File{}
	for _, f := range files {
		if err := checkFile(f); err != nil {
			return nil, err
		}
		if _, twice := byPath[f.Path]; twice {
			return nil, invalid("file %s is given twice", f.Path)
		}
		byPath[f.Path] = f
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); dir != "/"; dir = path.Dir(dir) {
			parent, known := byPath[dir]
			if known && !parent.Mode.IsDir() {
				return nil, invalid("file %s lies below %s, which is not a directory", f.Path, dir)
			}
			if !known {
				byPath[dir] = File{Path: dir, Mode: fs.ModeDir | 0o755}
			}
		}
	}
	all := make([]File, 0, len(byPath))
	for _, f := range byPath {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

func checkFile(f File) error {
	if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path || f.Path == "/" {
		return invalid("file %q: the path must be absolute and clean", f.Path)
	}
	kinds := 0
	for _, set := range []bool{f.Content != nil, f.Source != "", f.Link != "", f.Mode.IsDir()} {
		if set {
			kinds++
		}
	}
	if kinds > 1 {
		return invalid("file %s: at most one of Content, Source, Link and a directory mode", f.Path)
	}
	if other := f.Mode.Type() &^ fs.ModeDir; other != 0 {
		return invalid("file %s: mode %s is neither a file nor a directory", f.Path, f.Mode)
	}
	return nil
}

func writeFile(ctx context.Context, w *tar.Writer, f File, epoch time.Time) error {
	h := &tar.Header{Name: strings.TrimPrefix(f.Path, "/"), Uid: f.UID, Gid: f.GID, ModTime: epoch, Mode: tarMode(f.Mode)}
	switch {
	case f.Mode.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, h.Name+"/"
		setPermissions(h, f.Mode, 0o755)
		return w.WriteHeader(h)
	case f.Link != "":
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, f.Link, 0o777
		return w.WriteHeader(h)
	case f.Source != "":
		return writeSource(ctx, w, f, h)
	}
	h.Typeflag, h.Size = tar.TypeReg, int64(len(f.Content))
	setPermissions(h, f.Mode, 0o644)
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err := w.Write(f.Content)
	return err
}

func writeSource(ctx context.Context, w *tar.Writer, f File, h *tar.Header) error {
	info, err := os.Stat(f.Source)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return invalid("source %s is not a regular file", f.Source)
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	setPermissions(h, f.Mode, info.Mode().Perm())
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	return copyFile(ctx, w, f.Source)
}

func setPermissions(h *tar.Header, mode, otherwise fs.FileMode) {
	if mode.Perm() == 0 {
		h.Mode |= tarMode(otherwise)
	}
}
