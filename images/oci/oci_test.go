package oci

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// sample is a small image with every kind of file.
func sample(t *testing.T) Image {
	t.Helper()
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return Image{
		Names: []string{"quay.io/seamount/sample:v1", "quay.io/seamount/sample:latest"},
		Layers: []Layer{{Comment: "files", Files: []File{
			{Path: "/usr/bin/program", Source: program},
			{Path: "/etc/motd", Content: []byte("hello\n")},
			{Path: "/bin", Link: "usr/bin"},
			{Path: "/var/lib/ceph", Mode: fs.ModeDir | 0o750, UID: 167, GID: 167},
			{Path: "/usr/bin/su", Content: []byte{}, Mode: fs.ModeSetuid | 0o755},
			{Path: "/tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		}}},
		Entrypoint:   []string{"/usr/bin/program"},
		Env:          []string{"A=1"},
		User:         "167:167",
		Labels:       map[string]string{"org.opencontainers.image.title": "sample"},
		Architecture: "amd64",
	}
}

func write(t *testing.T, img Image) (path, digest string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "image.tar")
	digest, err := Write(t.Context(), path, img)
	if err != nil {
		t.Fatal(err)
	}
	return path, digest
}

// describe renders all that an archive holds, one line an entry.
func describe(t *testing.T, archive string) string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out strings.Builder
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %d\n", h.Name, h.Size)
		if json.Valid(content) {
			fmt.Fprintf(&out, "  %s\n", content)
			continue
		}
		for lr := tar.NewReader(bytes.NewReader(content)); ; {
			h, err := lr.Next()
			if err != nil {
				break
			}
			fmt.Fprintf(&out, "  %c %#o %d:%d %d %s %s %v\n", h.Typeflag, h.Mode, h.Uid, h.Gid, h.ModTime.Unix(), h.Name, h.Linkname, h.PAXRecords)
		}
	}
}

func TestWriteGolden(t *testing.T) {
	t.Parallel()
	path, digest := write(t, sample(t))
	got := describe(t, path) + "digest " + digest + "\n"
	const golden = "testdata/sample.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("archive differs from %s (-want +got):\n%s", golden, diff)
	}
}

func TestWriteIsReproducible(t *testing.T) {
	t.Parallel()
	img := sample(t)
	first, _ := write(t, img)
	files := img.Layers[0].Files
	for i, j := 0, len(files)-1; i < j; i, j = i+1, j-1 {
		files[i], files[j] = files[j], files[i]
	}
	if err := os.Chtimes(files[len(files)-1].Source, time.Now(), time.Now()); err != nil {
		t.Fatal(err)
	}
	second, _ := write(t, img)
	if !bytes.Equal(read(t, first), read(t, second)) {
		t.Error("the same files in another order and with another time gave another archive")
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestOthersReadIt holds the archive to go-containerregistry's readers of both formats.
func TestOthersReadIt(t *testing.T) {
	t.Parallel()
	path, digest := write(t, sample(t))
	docker, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(docker); err != nil {
		t.Errorf("as a Docker archive: %v", err)
	}
	dir := t.TempDir()
	if err := unpack(dir, path); err != nil {
		t.Fatal(err)
	}
	index, err := layout.ImageIndexFromPath(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Index(index, validate.Fast); err != nil {
		t.Errorf("as an OCI layout: %v", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range manifest.Manifests {
		if m.Digest.String() != digest {
			t.Errorf("Write returned %s, the index says %s", digest, m.Digest)
		}
	}
}

func unpack(dir, archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	for tr := tar.NewReader(f); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		to := filepath.Join(dir, h.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		content, err := io.ReadAll(tr)
		if err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o644); err != nil {
			return err
		}
	}
}

func TestBase(t *testing.T) {
	t.Parallel()
	base, _ := write(t, sample(t))
	path, _ := write(t, Image{
		Names:  []string{"docker.io/library/child:1"},
		Base:   base,
		Layers: []Layer{{Comment: "child", Files: []File{{Path: "/usr/bin/child", Content: []byte("x"), Mode: 0o755}}}},
		Env:    []string{"A=2", "B=3"}, Cmd: []string{"child"}, Architecture: "amd64",
	})
	img, err := tarball.ImageFromPath(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	got := []any{len(config.RootFS.DiffIDs), config.Config.Env, config.Config.User, config.Config.Entrypoint, config.Config.Cmd, config.History[0].Comment, config.History[1].Comment}
	want := []any{2, []string{defaultPath, "A=2", "B=3"}, "167:167", []string(nil), []string{"child"}, "files", "child"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWriteRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(*Image)
		want   string
	}{
		"no name":           {func(i *Image) { i.Names = nil }, "needs a name"},
		"name without tag":  {func(i *Image) { i.Names = []string{"quay.io/a/b"} }, "tag"},
		"layer of nothing":  {func(i *Image) { i.Layers[0].Files = nil }, "exactly one of"},
		"layer of two":      {func(i *Image) { i.Layers[0].Tar = "x" }, "exactly one of"},
		"relative path":     {func(i *Image) { i.Layers[0].Files[0].Path = "usr/x" }, "absolute"},
		"path that climbs":  {func(i *Image) { i.Layers[0].Files[0].Path = "/usr/../x" }, "clean"},
		"file twice":        {func(i *Image) { i.Layers[0].Files[0].Path = "/etc/motd" }, "twice"},
		"file below a file": {func(i *Image) { i.Layers[0].Files[0].Path = "/etc/motd/x" }, "not a directory"},
		"below own link":    {func(i *Image) { i.Layers[0].Files[0].Path = "/bin/x" }, "not a directory"},
		"two kinds":         {func(i *Image) { i.Layers[0].Files[0].Link = "x" }, "at most one of"},
		"device":            {func(i *Image) { i.Layers[0].Files[1].Mode = fs.ModeDevice }, "neither"},
		"missing source":    {func(i *Image) { i.Layers[0].Files[0].Source += "x" }, "no such file"},
		"missing base":      {func(i *Image) { i.Base = "/nonexistent.tar" }, "base image"},
		"not a tar": {func(i *Image) {
			i.Layers[0] = Layer{Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(strings.Repeat("x", 1024))), nil }}
		}, "not a tar stream"},
		"hidden link": {func(i *Image) {
			i.Layers = append(i.Layers, Layer{Files: []File{{Path: "/bin/x"}}})
		}, "name the files below /usr/bin"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			img := sample(t)
			tc.change(&img)
			dir := t.TempDir()
			_, err := Write(t.Context(), filepath.Join(dir, "image.tar"), img)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if left, _ := os.ReadDir(dir); len(left) != 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func TestLayerThatChanges(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][2]int{{10, 10}, {10, 5000}, {5000, 10}} {
		call := 0
		img := Image{Names: []string{"quay.io/a/b:1"}, Layers: []Layer{{Open: func() (io.ReadCloser, error) {
			var b bytes.Buffer
			content := bytes.Repeat([]byte{byte(call)}, sizes[call])
			call++
			err := writeFiles(context.Background(), &b, []File{{Path: "/x", Content: content}}, time.Unix(0, 0))
			return io.NopCloser(&b), err
		}}}}
		_, err := Write(t.Context(), filepath.Join(t.TempDir(), "image.tar"), img)
		if !errors.Is(err, ErrLayerChanged) {
			t.Errorf("sizes %v: error %v, want %v", sizes, err, ErrLayerChanged)
		}
	}
}

func TestWriteStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Write(ctx, filepath.Join(t.TempDir(), "image.tar"), sample(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}
