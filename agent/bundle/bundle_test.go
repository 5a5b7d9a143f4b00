package bundle

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sample makes a sealed bundle and returns its directory and digest.
func sample(t *testing.T) (dir, digest string) {
	t.Helper()
	dir = t.TempDir()
	for name, mode := range map[string]fs.FileMode{"ld.so": 0o755, "bin/a": 0o755, "lib/libx.so.1": 0o644, "etc/a.conf": 0o644} {
		p := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(name), mode), os.Chmod(p, mode)); err != nil {
			t.Fatal(err)
		}
	}
	digest, err := Seal(dir, "20.2.4", "ld.so")
	if err != nil {
		t.Fatal(err)
	}
	return dir, digest
}

func lay1(t *testing.T, from, to string) string {
	t.Helper()
	dir, err := Lay(t.Context(), from, to)
	if err != nil {
		t.Fatal(err)
	}
	laid, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := laid.Verify(t.Context()); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestSealIsReproducible(t *testing.T) {
	t.Parallel()
	dir, first := sample(t)
	again, err := Seal(dir, "20.2.4", "ld.so")
	if err != nil || again != first {
		t.Errorf("sealed again: %s, %v; the first time %s", again, err, first)
	}
	if _, other := sample(t); other != first {
		t.Errorf("the same files elsewhere: %s, want %s", other, first)
	}
}

func TestSealRefuses(t *testing.T) {
	t.Parallel()
	dir, _ := sample(t)
	if _, err := Seal(dir, "20.2.4", "ld-missing.so"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a linker that is not there: %v", err)
	}
	if err := os.Symlink("a", filepath.Join(dir, "bin/b")); err != nil {
		t.Fatal(err)
	}
	if _, err := Seal(dir, "20.2.4", "ld.so"); !errors.Is(err, ErrInvalid) {
		t.Errorf("a symbolic link: %v", err)
	}
}

func TestLay(t *testing.T) {
	t.Parallel()
	from, digest := sample(t)
	to := filepath.Join(t.TempDir(), "host")
	dir := lay1(t, from, to)
	if dir != filepath.Join(to, digest) {
		t.Errorf("laid in %s", dir)
	}
	before, err := os.Stat(filepath.Join(dir, "bin/a"))
	if err != nil {
		t.Fatal(err)
	}
	lay1(t, from, to)
	after, err := os.Stat(filepath.Join(dir, "bin/a"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("a bundle that was whole was laid again (%v)", err)
	}
	command, err := mustOpen(t, dir).Command("/host/x", "a", "-f")
	want := []string{"/host/x/ld.so", "--library-path", "/host/x/lib", "--argv0", "a", "/host/x/bin/a", "-f"}
	if diff := cmp.Diff(want, command); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := mustOpen(t, dir).Command("/host/x", "../ld.so"); !errors.Is(err, ErrNoProgram) {
		t.Errorf("a program that is none: %v", err)
	}
}

func mustOpen(t *testing.T, dir string) *Bundle {
	t.Helper()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLayAfterInterruption leaves what a kill at each moment leaves: some files,
// a file cut short, a whole copy that was not renamed.
func TestLayAfterInterruption(t *testing.T) {
	t.Parallel()
	from, digest := sample(t)
	for name, damage := range map[string]func(partial string) error{
		"nothing copied": func(p string) error { return os.MkdirAll(p, 0o755) },
		"file cut short": func(p string) error {
			return errors.Join(os.MkdirAll(filepath.Join(p, "bin"), 0o755), os.WriteFile(filepath.Join(p, "bin/a"), []byte("b"), 0o755))
		},
		"wrong mode": func(p string) error {
			return errors.Join(os.MkdirAll(filepath.Join(p, "bin"), 0o755), os.WriteFile(filepath.Join(p, "bin/a"), []byte("bin/a"), 0o600))
		},
		"directory for a file": func(p string) error { return os.MkdirAll(filepath.Join(p, "ld.so/x"), 0o755) },
		"whole":                func(p string) error { return os.CopyFS(p, os.DirFS(from)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := t.TempDir()
			if err := damage(partialOf(to, digest)); err != nil {
				t.Fatal(err)
			}
			lay1(t, from, to)
			if _, err := os.Stat(partialOf(to, digest)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the partial copy is left: %v", err)
			}
		})
	}
}

func TestLayMendsADamagedBundle(t *testing.T) {
	t.Parallel()
	from, _ := sample(t)
	to := t.TempDir()
	dir := lay1(t, from, to)
	for name, damage := range map[string]func() error{
		"changed content": func() error { return os.WriteFile(filepath.Join(dir, "bin/a"), []byte("evil!"), 0o755) },
		"missing file":    func() error { return os.Remove(filepath.Join(dir, "lib/libx.so.1")) },
		"no manifest":     func() error { return os.Remove(filepath.Join(dir, ManifestName)) },
	} {
		if err := damage(); err != nil {
			t.Fatal(name, err)
		}
		lay1(t, from, to)
	}
}

func TestLayRefusesADamagedSource(t *testing.T) {
	t.Parallel()
	from, digest := sample(t)
	if err := os.WriteFile(filepath.Join(from, "bin/a"), []byte("other"), 0o755); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if _, err := Lay(t.Context(), from, to); !errors.Is(err, ErrInvalid) {
		t.Errorf("error %v, want %v", err, ErrInvalid)
	}
	if _, err := os.Stat(filepath.Join(to, digest)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a bundle was laid: %v", err)
	}
}

func TestLayStopsWithItsContext(t *testing.T) {
	t.Parallel()
	from, _ := sample(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Lay(ctx, from, t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
}

// proc makes a /proc with one process for each maps file.
func proc(t *testing.T, maps ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i, m := range maps {
		p := filepath.Join(dir, fmt.Sprint(i+1))
		if err := errors.Join(os.Mkdir(p, 0o755), os.WriteFile(filepath.Join(p, "maps"), []byte(m), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "99"), 0o755); err != nil { // a process that has just ended
		t.Fatal(err)
	}
	return dir
}

func TestPrune(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	keep, used, unused := strings.Repeat("a", 64), strings.Repeat("b", 64), strings.Repeat("c", 64)
	partial := partialPrefix + strings.Repeat("d", 64)
	for _, name := range []string{keep, used, unused, partial, "other"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "lib"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	maps := "7f00-7f01 r-xp 0 fd:01 12 /var/lib/elsewhere/" + used + "/lib/libx.so.1 (deleted)\n"
	got, err := Prune(dir, proc(t, "", maps), []string{keep})
	if err != nil {
		t.Fatal(err)
	}
	want := Pruned{Removed: []string{partial, unused}, InUse: []string{used}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, there := range map[string]bool{keep: true, used: true, "other": true, unused: false, partial: false} {
		if _, err := os.Stat(filepath.Join(dir, name)); (err == nil) != there {
			t.Errorf("%s: %v, want it there: %v", name, err, there)
		}
	}
}

func TestPruneRefusesWhatItCannotKnow(t *testing.T) {
	t.Parallel()
	dir, unused := t.TempDir(), strings.Repeat("c", 64)
	if err := os.Mkdir(filepath.Join(dir, unused), 0o755); err != nil {
		t.Fatal(err)
	}
	unreadable := t.TempDir()
	if err := os.MkdirAll(filepath.Join(unreadable, "1", "maps"), 0o755); err != nil { // reading it fails
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		proc string
		keep []string
	}{
		"no proc": {filepath.Join(unreadable, "none"), nil}, "unreadable process": {unreadable, nil}, "short digest": {proc(t), []string{"ccc"}},
	} {
		if _, err := Prune(dir, tc.proc, tc.keep); err == nil {
			t.Errorf("%s: pruned", name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, unused)); err != nil {
		t.Error(err)
	}
}

func FuzzParseManifest(f *testing.F) {
	sum := strings.Repeat("0", 64)
	f.Add(`{"version":1,"release":"20","linker":"ld.so","files":[{"path":"ld.so","mode":"0755","size":1,"sha256":"` + sum + `"}]}`)
	f.Add(`{"version":1,"linker":"../x","files":[{"path":"../x","mode":"0755","size":1,"sha256":"` + sum + `"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		m, err := ParseManifest([]byte(text))
		if err != nil {
			return
		}
		for _, file := range m.Files {
			if !filepath.IsLocal(filepath.FromSlash(file.Path)) || file.Path == ManifestName {
				t.Fatalf("accepted the path %q", file.Path)
			}
		}
	})
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	dir, _ := sample(t)
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := Programs{Bundle: b, Dir: "/host/b"}
	want := []string{"/host/b/ld.so", "--library-path", "/host/b/lib", "--argv0", "a", "/host/b/bin/a", "-x"}
	got, err := p.Command("a", "-x")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	if _, err := p.Command("none"); !errors.Is(err, ErrNoProgram) {
		t.Errorf("a program that is not there: %v", err)
	}
	if has, none := p.File("etc/a.conf"), p.File("etc/b.conf"); has != "/host/b/etc/a.conf" || none != "" {
		t.Errorf("files %q and %q", has, none)
	}
}
