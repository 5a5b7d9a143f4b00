// Package oci writes container images to local archives. The same input gives
// the same bytes: entries are sorted, times are one fixed time, nothing of the
// building machine gets in. An archive is an OCI layout with Docker's
// manifest.json beside it, so `ctr images import`, `podman load`, `docker load`
// and go-containerregistry's tarball package all read it. Layers are not
// compressed: the archives are local files and are unpacked at once.
//
// The package never talks to a registry or a daemon, and needs no privileges.
package oci

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"time"
)

// Image says what Write puts into an archive.
type Image struct {
	// Names are the full references the image gets when it is loaded, such as
	// "quay.io/ceph/ceph:v20.2.4". At least one.
	Names []string
	// Base is the path of another archive whose layers, environment, labels
	// and user come first. Empty starts from nothing.
	Base string
	// Layers are put on top of the base in this order.
	Layers []Layer

	// Entrypoint and Cmd replace the base's when either is set, as in a
	// Containerfile.
	Entrypoint []string
	Cmd        []string
	// Env holds KEY=value pairs; a key of the base is overridden.
	Env []string
	// User and WorkDir replace the base's when set.
	User    string
	WorkDir string
	// Labels are added to the base's.
	Labels map[string]string

	// Epoch is the time of every file and of the image. Zero is 1970-01-01.
	Epoch time.Time
	// Architecture is Go's name of it; empty is that of this program.
	Architecture string
}

// Layer is one layer; exactly one of Tar, Open and Files is set.
type Layer struct {
	// Tar is the path of an uncompressed tar file, taken byte for byte.
	Tar string
	// Open opens an uncompressed tar stream, taken byte for byte. It is called
	// twice and must give the same bytes.
	Open func() (io.ReadCloser, error)
	// Files is a list of files. Missing parent directories are added, owned
	// by root with mode 0755.
	Files []File

	// Comment is shown in the image's history.
	Comment string
}

// File is one entry of Layer.Files. With neither Content, Source nor Link it
// is an empty file, or a directory if Mode has fs.ModeDir.
type File struct {
	// Path is the absolute path in the image.
	Path string
	// Mode holds the permission bits, fs.ModeSetuid, fs.ModeSetgid,
	// fs.ModeSticky and fs.ModeDir. Zero permissions mean 0644, 0755 for a
	// directory, and for a Source the permissions of that file.
	Mode     fs.FileMode
	UID, GID int
	// Content is the content of a small file.
	Content []byte
	// Source is a file on this machine that is read when the image is written.
	Source string
	// Link makes a symbolic link with this target.
	Link string
}

// ErrInvalidImage is wrapped by every error about the description of an image.
var ErrInvalidImage = errors.New("invalid image")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidImage, fmt.Sprintf(format, args...))
}

func (i Image) architecture() string {
	if i.Architecture == "" {
		return runtime.GOARCH
	}
	return i.Architecture
}

func (i Image) epoch() time.Time {
	if i.Epoch.IsZero() {
		return time.Unix(0, 0).UTC()
	}
	return i.Epoch.UTC().Truncate(time.Second)
}
