package build

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func TestComponentHashCoversEverything(t *testing.T) {
	t.Parallel()
	base := component{Name: "x", Module: "m", Packages: []string{"."}, LDFlags: "-s"}
	module := fstest.MapFS{"go.mod": file("module x"), "cmd/main.go": file("package main")}
	hash := func(c component, m fstest.MapFS, toolchain string) string {
		h, err := componentHash(c, m, toolchain)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := hash(base, module, "go1.26.8 linux amd64")
	if again := hash(base, module, "go1.26.8 linux amd64"); again != want || len(want) != hashLength {
		t.Errorf("hashes of the same: %s and %s", want, again)
	}
	changed := base
	changed.LDFlags = "-w"
	others := map[string]string{
		"toolchain": hash(base, module, "go1.26.9 linux amd64"),
		"recipe":    hash(changed, module, "go1.26.8 linux amd64"),
		"content":   hash(base, fstest.MapFS{"go.mod": file("module y"), "cmd/main.go": file("package main")}, "go1.26.8 linux amd64"),
		"name":      hash(base, fstest.MapFS{"go.mod": file("module x"), "cmd/mains.go": file("package main")}, "go1.26.8 linux amd64"),
		"extra":     hash(base, fstest.MapFS{"go.mod": file("module x"), "cmd/main.go": file("package main"), "a": file("")}, "go1.26.8 linux amd64"),
		"boundary":  hash(base, fstest.MapFS{"go.mod": file("module xpackage"), "cmd/main.go": file(" main")}, "go1.26.8 linux amd64"),
	}
	for what, other := range others {
		if other == want {
			t.Errorf("another %s gives the same hash", what)
		}
	}
}

func TestLDFlags(t *testing.T) {
	t.Parallel()
	c := component{LDFlags: "-s -X a.v={k8s.io/kubernetes} -X a.major={k8s.io/kubernetes#major} -X a.minor={k8s.io/kubernetes#minor} -X b.v={example.org/b/v2} -X c="}
	if diff := cmp.Diff([]string{"example.org/b/v2", "k8s.io/kubernetes"}, c.linkedModules()); diff != "" {
		t.Errorf("modules (-want +got):\n%s", diff)
	}
	got := c.ldflags(map[string]string{"k8s.io/kubernetes": "v1.37.1", "example.org/b/v2": "v2.4.2"})
	if want := "-s -X a.v=v1.37.1 -X a.major=1 -X a.minor=37 -X b.v=v2.4.2 -X c="; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestComponentsAreConsistent(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, c := range components {
		if seen[c.Name] {
			t.Errorf("two components are called %s", c.Name)
		}
		seen[c.Name] = true
		if (len(c.Packages) == 0) == (c.Source == "") {
			t.Errorf("%s needs either packages or a source", c.Name)
		}
		if !slices.Contains([]string{binDir, cniDir, partDir}, c.Out) {
			t.Errorf("%s goes to %q", c.Name, c.Out)
		}
		for _, sub := range []string{"go.mod", c.Source} {
			if c.Source != "" && sub == "go.mod" {
				continue
			}
			if _, err := os.Stat(filepath.Join("../../components", c.Module, sub)); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
		}
	}
}

func TestIsPackage(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]bool{
		"k8s.io/api/core/v1":                 true,
		"runtime":                            true,
		"":                                   false,
		"go: downloading k8s.io/api v0.37.1": false,
		"# k8s.io/api/core/v1":               false,
		"main.go:3:1: syntax error":          false,
		"command-line-arguments":             true,
		"github.com/opencontainers/runc/libcontainer": true,
	} {
		if got := isPackage(line); got != want {
			t.Errorf("%q: %v, want %v", line, got, want)
		}
	}
}

func TestLocateComponents(t *testing.T) {
	real, err := filepath.Abs("../../components")
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(ComponentsEnv, "")
	if got, err := LocateComponents(); err != nil || got != real {
		t.Errorf("from the working directory: %q, %v, want %q", got, err, real)
	}
	t.Setenv(ComponentsEnv, t.TempDir())
	if got, err := LocateComponents(); err == nil || !strings.Contains(err.Error(), ComponentsEnv) {
		t.Errorf("an empty directory was taken: %q, %v", got, err)
	}
	t.Setenv(ComponentsEnv, "../../components")
	if got, err := LocateComponents(); err != nil || got != real {
		t.Errorf("from the environment: %q, %v, want %q", got, err, real)
	}
	t.Setenv(ComponentsEnv, "")
	t.Chdir("/")
	if got, err := LocateComponents(); err == nil {
		t.Errorf("found %q outside of the repository", got)
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv(CacheEnv, "/c")
	if got, err := CacheDir(); err != nil || got != "/c/local" {
		t.Errorf("%q, %v", got, err)
	}
	t.Setenv(CacheEnv, "c")
	if got, err := CacheDir(); err == nil {
		t.Errorf("a relative directory was taken: %q", got)
	}
	t.Setenv(CacheEnv, "")
	t.Setenv("HOME", "/h")
	if got, err := CacheDir(); err != nil || got != "/h/.cache/seamount/local" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestLinkGivesEveryName(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	for _, name := range []string{"kubernetes", recordFile} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := link(from, to, []string{"kubectl", "kubelet"}); err != nil {
		t.Fatal(err)
	}
	if err := link(from, to, nil); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(to)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff([]string{"kubectl", "kubelet", "kubernetes"}, got); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
}

// tinyModule is a module that compiles in a second, standing in for a component.
func tinyModule(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/tiny\n\ngo 1.24\n", "main.go": source} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func compileTiny(t *testing.T, module, out string) (string, error) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "tiny.log")
	report := progress.New(io.Discard, nil)
	c := component{Name: "tiny", Packages: []string{"."}, LDFlags: "-s -w"}
	return log, report.Do(t.Context(), "compile tiny", func(ctx context.Context, step *progress.Step) error {
		return compile(ctx, c, module, out, log, "go", step)
	})
}

func TestCompileIsAllOrNothing(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "tiny-1")
	// Of a build that was killed.
	if err := os.MkdirAll(out+".part/rubbish", 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := compileTiny(t, tinyModule(t, "package main\n\nfunc main() { undefined() }\n"), out)
	var step *progress.Error
	if !errors.As(err, &step) || step.Log != log || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("error %v, want the compiler's words and the log %s", err, log)
	}
	if exists(out) {
		t.Error("a failed build is there")
	}
	if _, err := compileTiny(t, tinyModule(t, "package main\n\nfunc main() {}\n"), out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"tiny": true, recordFile: true, "rubbish": false} {
		if exists(filepath.Join(out, name)) != want {
			t.Errorf("%s is there: %v, want %v", name, !want, want)
		}
	}
	if exists(out + ".part") {
		t.Error("the unfinished directory is still there")
	}
}
