package builder

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/images/debian"
)

// definitions have one image without packages, which needs no mirror.
func definitions() fstest.MapFS {
	return fstest.MapFS{
		"small/image.yaml": {Data: []byte("description: d\nnames: ['quay.io/a/small:{version}']\nbinaries: [{name: tool, path: /usr/bin/tool}]\n" +
			"files: [{path: /etc/motd, source: motd, mode: \"0640\", uid: 5}, {path: /data, directory: true}]\n" +
			"multicall: [{program: /usr/bin/tool, names: [tool2]}]\nconfig: {user: '1:1', entrypoint: [/usr/bin/tool]}\n")},
		"small/motd":          {Data: []byte("hello")},
		"small/Containerfile": {Data: []byte("FROM scratch")},
	}
}

func newTestBuilder(t *testing.T, cache string, change func(fstest.MapFS, fstest.MapFS, string)) *Builder {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "tool"), []byte("tool"), 0o755); err != nil {
		t.Fatal(err)
	}
	d, source := definitions(), fstest.MapFS{"b.go": {Data: []byte("package b")}, "b_test.go": {Data: []byte("package b")}}
	if change != nil {
		change(d, source, bin)
	}
	b, err := New(Options{Definitions: d, Builder: source, Cache: cache, BinDir: bin, Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func build(t *testing.T, b *Builder) Image {
	t.Helper()
	i, err := b.Build(t.Context(), "small")
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestBuildTwice(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	first := build(t, newTestBuilder(t, cache, nil))
	again := build(t, newTestBuilder(t, cache, nil))
	elsewhere := build(t, newTestBuilder(t, t.TempDir(), nil))
	if first.Cached || !again.Cached || elsewhere.Cached {
		t.Errorf("cached: first %v, again %v, elsewhere %v", first.Cached, again.Cached, elsewhere.Cached)
	}
	if first.Digest != again.Digest || first.Digest != elsewhere.Digest {
		t.Errorf("digests: %s, %s, %s", first.Digest, again.Digest, elsewhere.Digest)
	}
	a, err := os.ReadFile(first.Archive)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(elsewhere.Archive)
	if err != nil {
		t.Fatal(err)
	}
	if string(a) != string(b) {
		t.Error("the archives of two caches differ")
	}
	if link, err := filepath.EvalSymlinks(filepath.Join(cache, "small.tar")); err != nil || filepath.Base(link) != filepath.Base(first.Archive) {
		t.Errorf("small.tar leads to %s, %v", link, err)
	}
}

// TestKey changes each thing that goes into an image, and some that do not.
func TestKey(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	first := build(t, newTestBuilder(t, cache, nil))
	for name, tc := range map[string]struct {
		rebuild bool
		change  func(d, source fstest.MapFS, bin string)
	}{
		"definition": {true, func(d, _ fstest.MapFS, _ string) { d["small/motd"].Data = []byte("bye") }},
		"builder":    {true, func(_, s fstest.MapFS, _ string) { s["b.go"].Data = []byte("package c") }},
		"program": {true, func(_, _ fstest.MapFS, bin string) {
			if err := os.WriteFile(filepath.Join(bin, "tool"), []byte("new"), 0o755); err != nil {
				t.Error(err)
			}
		}},
		"test of builder": {false, func(_, s fstest.MapFS, _ string) { s["b_test.go"].Data = []byte("package c") }},
		"Containerfile":   {false, func(d, _ fstest.MapFS, _ string) { d["small/Containerfile"].Data = []byte("FROM x") }},
		"packages.lock": {false, func(d, _ fstest.MapFS, _ string) {
			d["small/packages.lock"] = &fstest.MapFile{Data: []byte("a 1 all x\n")}
		}},
	} {
		p, err := newTestBuilder(t, cache, tc.change).plan(t.Context(), "small")
		if err != nil {
			t.Fatal(name, err)
		}
		if (p.key != first.Key) != tc.rebuild {
			t.Errorf("%s changed: key %s, first %s, want another: %v", name, p.key, first.Key, tc.rebuild)
		}
	}
}

// TestVersionOfContent: whoever builds the same has the same image, and another one has another name.
func TestVersionOfContent(t *testing.T) {
	t.Parallel()
	var images []Image
	for _, content := range []string{"one", "one", "two"} {
		b := newTestBuilder(t, t.TempDir(), func(d, _ fstest.MapFS, _ string) { d["small/motd"].Data = []byte(content) })
		b.Version = OfContent
		images = append(images, build(t, b))
	}
	if images[0].Digest != images[1].Digest || images[0].Version != images[1].Version {
		t.Errorf("the same twice: %+v, %+v", images[0], images[1])
	}
	if images[0].Version == images[2].Version || images[0].Names[0] == images[2].Names[0] {
		t.Errorf("another one has the same name: %+v, %+v", images[0], images[2])
	}
}

func TestNewBuildReplacesOld(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	first := build(t, newTestBuilder(t, cache, nil))
	second := build(t, newTestBuilder(t, cache, func(d, _ fstest.MapFS, _ string) { d["small/motd"].Data = []byte("bye") }))
	if _, err := os.Stat(first.Archive); !os.IsNotExist(err) {
		t.Errorf("the old archive is there: %v", err)
	}
	images, err := newTestBuilder(t, cache, nil).Index()
	if diff := cmp.Diff([]Image{second}, images); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestBuildAfterKill(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for _, left := range []string{"build/root/usr/x", "index.json.new/x", "small.tar.new/x"} {
		if err := os.MkdirAll(filepath.Join(cache, left), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	build(t, newTestBuilder(t, cache, nil))
	if _, err := os.Stat(filepath.Join(cache, "build")); !os.IsNotExist(err) {
		t.Errorf("the scratch directory is there: %v", err)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	b := newTestBuilder(t, t.TempDir(), func(_, _ fstest.MapFS, bin string) { _ = os.Remove(filepath.Join(bin, "tool")) })
	if _, err := b.Build(t.Context(), "small"); err == nil || !strings.Contains(err.Error(), "--bin-dir") {
		t.Errorf("without its program: %v, want an error with the remedy", err)
	}
	if err := os.WriteFile(b.indexFile(), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Index(); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a broken index: %v, want an error with the remedy", err)
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	all := []debian.Package{{Name: "a"}, {Name: "b"}}
	got, err := without(all, []string{"a"})
	if diff := cmp.Diff([]debian.Package{{Name: "b"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := without(all, []string{"c"}); err == nil {
		t.Error("excluded a package that nothing needs")
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	old := "a 1 all x\nb 1 all x\nc 1 all x\n"
	now := "a 1 all x\nb 2 all y\nd 1 all x\n"
	want := []string{"b 2 was 1", "c 1 is gone", "d 1 is new"}
	if diff := cmp.Diff(want, compare(old, now)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
