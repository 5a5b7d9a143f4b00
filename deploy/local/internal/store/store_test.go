package store

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/build"
	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func archive(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Mode: 0o644, Size: int64(len(files[i+1]))})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestIdentify(t *testing.T) {
	t.Parallel()
	docker := archive(t, "layer.tar", "data", "manifest.json", `[{"Config":"a.json"}]`)
	id := func(data []byte) string {
		got, err := identify(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if first, again := id(docker), id(docker); first != again {
		t.Errorf("the same archive has the identities %s and %s", first, again)
	}
	if id(docker) == id(archive(t, "manifest.json", `[{"Config":"b.json"}]`)) {
		t.Error("another image has the same identity")
	}
	if id(archive(t, "index.json", "{}")) == "" {
		t.Error("an OCI layout has no identity")
	}
	for name, data := range map[string][]byte{
		"no index": archive(t, "etc/passwd", "root"), "no archive": []byte(strings.Repeat("text ", 300)), "cut off": docker[:700], "empty": {},
	} {
		if got, err := identify(bytes.NewReader(data)); err == nil {
			t.Errorf("%s: identity %s", name, got)
		}
	}
	file := filepath.Join(t.TempDir(), "x.tar")
	if _, err := Identify(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

func FuzzIdentify(f *testing.F) {
	f.Add(archive(f, "manifest.json", "[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if id, err := identify(bytes.NewReader(data)); (err == nil) != (len(id) == 64) {
			t.Errorf("identity %q besides error %v", id, err)
		}
	})
}

func TestList(t *testing.T) {
	t.Parallel()
	a, b, newer := Archive{"a.tar", "1"}, Archive{"b.tar", "2"}, Archive{"a.tar", "3"}
	l := List{}.With(a).With(b)
	if diff := cmp.Diff(List{b, newer}, l.With(newer)); diff != "" {
		t.Errorf("a newer archive of the same path: %s", diff)
	}
	if (List{a, b}).key() != (List{b, a}).key() || l.key() == l.With(newer).key() {
		t.Error("the key must follow from the contents alone")
	}
	if !extends(List{a}, l) || extends(l, List{a}) || !extends(nil, l) {
		t.Error("extends is confused")
	}
	if diff := cmp.Diff(List{b}, without(l, List{{"elsewhere.tar", "1"}})); diff != "" {
		t.Errorf("the same content at another path: %s", diff)
	}
}

func TestCloneTree(t *testing.T) {
	t.Parallel()
	from, to := filepath.Join(t.TempDir(), "from"), filepath.Join(t.TempDir(), "to")
	if err := os.MkdirAll(filepath.Join(from, "snapshots/1/fs"), 0o711); err != nil {
		t.Fatal(err)
	}
	blob, database, link := "snapshots/1/fs/blob", "meta.db", "snapshots/1/fs/link"
	for _, name := range []string{blob, database} {
		if err := os.WriteFile(filepath.Join(from, name), []byte("content"), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/nowhere", filepath.Join(from, link)); err != nil {
		t.Fatal(err)
	}
	if err := cloneTree(from, to); err != nil {
		t.Fatal(err)
	}
	for name, shared := range map[string]bool{blob: true, database: false, link: true} {
		if got := inode(t, from, name) == inode(t, to, name); got != shared {
			t.Errorf("%s is shared: %v, want %v", name, got, shared)
		}
	}
	for _, name := range []string{"snapshots", database, blob} {
		a, err1 := os.Stat(filepath.Join(from, name))
		b, err2 := os.Stat(filepath.Join(to, name))
		if err := errors.Join(err1, err2); err != nil || a.Mode() != b.Mode() {
			t.Errorf("%s: mode %v, want %v (%v)", name, b.Mode(), a.Mode(), err)
		}
	}
}

func inode(t *testing.T, dir, name string) uint64 {
	t.Helper()
	info, err := os.Lstat(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Ino
}

// TestEnsureKeeps: a store that holds more than what is asked for stays, with all of it.
func TestEnsureKeeps(t *testing.T) {
	t.Parallel()
	dir := state.Dir(t.TempDir())
	g := New(dir, build.Artifacts{}, nil, progress.New(io.Discard, nil))
	var held List
	for _, name := range []string{"system.tar", "product.tar"} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, archive(t, "manifest.json", name), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := Identify(path)
		if err != nil {
			t.Fatal(err)
		}
		held = held.With(a)
	}
	want := current{Root: filepath.Join(dir.Store(), held.key()), Archives: held}
	if err := errors.Join(os.MkdirAll(want.Root, 0o700), state.WriteJSON(g.currentFile(), want)); err != nil {
		t.Fatal(err)
	}
	if err := g.Ensure(t.Context(), []string{held[0].Path}); err != nil {
		t.Fatal(err)
	}
	got, err := g.current()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("the store is another (%v): %s", err, diff)
	}
	if _, err := os.Stat(want.Root); err != nil {
		t.Error(err)
	}
}
