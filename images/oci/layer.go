package oci

import (
	"archive/tar"
	"context"
	"io"
	"io/fs"
	"os"
	"time"
)

// source writes one layer's tar stream.
type source func(ctx context.Context, w io.Writer) error

func (l Layer) source(epoch time.Time) (source, error) {
	set := 0
	var s source
	if l.Tar != "" {
		set++
		s = openSource(func() (io.ReadCloser, error) { return os.Open(l.Tar) })
	}
	if l.Open != nil {
		set++
		s = openSource(l.Open)
	}
	if len(l.Files) > 0 {
		set++
		s = func(ctx context.Context, w io.Writer) error { return writeFiles(ctx, w, l.Files, epoch) }
	}
	if set != 1 {
		return nil, invalid("a layer needs exactly one of Tar, Open and Files, this one (%q) has %d", l.Comment, set)
	}
	return s, nil
}

func openSource(open func() (io.ReadCloser, error)) source {
	return func(ctx context.Context, w io.Writer) error {
		r, err := open()
		if err != nil {
			return err
		}
		defer r.Close() // read only: a failed close loses nothing
		_, err = io.Copy(w, contextReader{ctx, r})
		return err
	}
}

// contextReader stops a copy when its context ends.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

// tarMode turns Go's mode bits into those of a tar header.
func tarMode(m fs.FileMode) int64 {
	mode := int64(m.Perm())
	for bit, value := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&bit != 0 {
			mode |= value
		}
	}
	return mode
}

// copyFile appends the content of a file whose header has just been written.
func copyFile(ctx context.Context, w *tar.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // read only: a failed close loses nothing
	_, err = io.Copy(w, contextReader{ctx, f})
	return err
}
