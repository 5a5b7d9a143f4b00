package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/images/debian"
	"github.com/seamount-dev/seamount/images/oci"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func newTree(t *testing.T) *Tree {
	t.Helper()
	tree, err := New(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// packageTar makes what dpkg-deb prints of a package.
func packageTar(t *testing.T, headers ...*tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := []byte(h.Name)
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(content))
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := w.Write(content); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func file(name string) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755}
}

func everything(string) bool { return true }

// listing is the tree, one line a path.
func listing(tree *Tree) string {
	var b strings.Builder
	for _, f := range tree.Files() {
		fmt.Fprintf(&b, "%s %d:%d %s %s\n", f.Mode, f.UID, f.GID, f.Path, f.Link)
	}
	return b.String()
}

// TestTreeGolden puts a small image together and holds its layer's manifest to
// the golden file.
func TestTreeGolden(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	pkg := packageTar(t,
		&tar.Header{Typeflag: tar.TypeSymlink, Name: "./bin", Linkname: "usr/bin"},
		&tar.Header{Typeflag: tar.TypeDir, Name: "./bin/", Mode: 0o755}, // as packages before the merge
		file("./bin/tool"),
		&tar.Header{Typeflag: tar.TypeLink, Name: "./usr/sbin/tool2", Linkname: "./bin/tool"},
		&tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/su", Mode: 0o4755},
		&tar.Header{Typeflag: tar.TypeDir, Name: "./var/lib/tool/", Mode: 0o2770, Uid: 5, Gid: 6},
		file("./usr/share/doc/tool/copyright"), file("./usr/share/doc/tool/README"),
	)
	trim, keep := Patterns{"/usr/share/doc/*"}, Patterns{"/usr/share/doc/*/copyright"}
	if err := tree.unpackTar(pkg, "tool", func(p string) bool { return !trim.Match(p) || keep.Match(p) }); err != nil {
		t.Fatal(err)
	}
	steps := []error{
		tree.AddBase([]User{{Name: "ceph", UID: 167, GID: 167, Home: "/var/lib/ceph"}}),
		tree.Own("/usr/bin/tool", 167, 167, 0o700),
		tree.AddPackageRecords([]debian.Package{{Name: "tool", Version: "1", Architecture: "all", SHA256: "x", Control: "Package: tool\n"}}),
	}
	if err := errors.Join(steps...); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/tree.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(listing(tree)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), listing(tree)); diff != "" {
		t.Errorf("tree differs from %s (-want +got):\n%s", golden, diff)
	}
	if got, err := os.ReadFile(tree.Path("/etc/passwd")); err != nil || !strings.Contains(string(got), "ceph:x:167:167:ceph:/var/lib/ceph:/usr/sbin/nologin\n") {
		t.Errorf("passwd is %q, %v", got, err)
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	if err := tree.unpackTar(packageTar(t, file("./usr/bin/x")), "one", everything); err != nil {
		t.Fatal(err)
	}
	err := tree.unpackTar(packageTar(t, file("./bin/x")), "two", everything)
	if !errors.Is(err, ErrConflict) || !strings.Contains(err.Error(), "one and two") {
		t.Errorf("error %v, want %v between one and two", err, ErrConflict)
	}
}

func TestRetainAndOwners(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	for owner, files := range map[string][]string{"a": {"./usr/bin/a", "./usr/share/doc/a/copyright"}, "b": {"./usr/lib/b/c", "./usr/share/doc/b/copyright"}} {
		for _, f := range files {
			if err := tree.unpackTar(packageTar(t, file(f)), owner, everything); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := tree.Retain(func(p string) bool { return p != "/usr/lib/b/c" }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]bool{"a": true}, tree.Owners()); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if tree.Has("/usr/lib/b/c") || !tree.Has("/usr/share/doc/a/copyright") {
		t.Errorf("left:\n%s", listing(tree))
	}
}

func TestShareCopyrights(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	for _, name := range []string{"a", "b"} {
		if err := tree.Put(oci.File{Path: CopyrightOf(name), Content: []byte("licence")}); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.ShareCopyrights(); err != nil {
		t.Fatal(err)
	}
	if got, err := tree.Target(CopyrightOf("b")); err != nil || got != CopyrightOf("a") {
		t.Errorf("the second licence leads to %s, %v", got, err)
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	ps := Patterns{"/usr/share/doc/*", "/etc/rc?.d"}
	for p, want := range map[string]bool{
		"/usr/share/doc": false, "/usr/share/doc/a": true, "/usr/share/doc/a/b/c": true, "/etc/rc1.d/S": true, "/etc/rc": false, "/": false,
	} {
		if got := ps.Match(p); got != want {
			t.Errorf("Match(%s) = %v", p, got)
		}
	}
	for _, bad := range []string{"usr/x", "/a/../b", "/a/", "/["} {
		if err := (Patterns{bad}).Check(); err == nil {
			t.Errorf("Check accepted %q", bad)
		}
	}
}

// TestClosure takes the test's own machine: any dynamic program of it will do.
func TestClosure(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	libraries, err := filepath.Glob("/lib/*-linux-gnu/libc.so.6")
	linkers, _ := filepath.Glob("/lib*/ld-linux-*.so.*")
	if err != nil || len(libraries) == 0 || len(linkers) == 0 {
		t.Skip("this machine does not keep its C library where Debian does")
	}
	program := oci.File{Path: "/usr/bin/true", Source: "/bin/true"}
	library := oci.File{Path: "/usr" + libraries[0], Source: libraries[0]}
	linker := oci.File{Path: "/usr" + linkers[0], Source: linkers[0]}
	for _, f := range []oci.File{program, linker} {
		if err := tree.Put(f); err != nil {
			t.Fatal(err)
		}
	}
	if missing, err := tree.Unresolved(); err != nil || len(missing) != 1 || missing[0] != "/usr/bin/true needs libc.so.6" {
		t.Errorf("unresolved: %v, %v", missing, err)
	}
	if _, err := tree.Closure([]string{"/bin/true"}, nil); !errors.Is(err, ErrNoLibrary) {
		t.Errorf("closure without the library: %v", err)
	}
	if err := tree.Put(library); err != nil {
		t.Fatal(err)
	}
	c, err := tree.Closure([]string{"/bin/true"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Closure{
		Programs: map[string]string{"/bin/true": program.Path}, Libraries: map[string]string{"libc.so.6": library.Path}, Linker: linkers[0],
		Paths: map[string]bool{program.Path: true, library.Path: true, linker.Path: true},
	}
	if diff := cmp.Diff(want, c); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestSymlinkLoop(t *testing.T) {
	t.Parallel()
	tree := newTree(t)
	for from, to := range map[string]string{"/usr/bin/a": "b", "/usr/bin/b": "a"} {
		if err := tree.Put(oci.File{Path: from, Link: to}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tree.Target("/usr/bin/a"); err == nil {
		t.Error("followed a loop to its end")
	}
}
