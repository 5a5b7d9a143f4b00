package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// run runs the program with arguments and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := newCommand()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	err := cmd.ExecuteContext(t.Context())
	return strings.TrimSpace(out.String()), err
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if out, err := run(t, "version"); err != nil || !strings.HasPrefix(out, "seamount-node dev ") {
		t.Errorf("version printed %q, %v", out, err)
	}
}

func TestBundleCommands(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(from, "ld.so"), []byte("linker"), 0o755); err != nil {
		t.Fatal(err)
	}
	digest, err := run(t, "bundle", "seal", "--release", "20.2.4", "--linker", "ld.so", from)
	if err != nil {
		t.Fatal(err)
	}
	if dir, err := run(t, "bundle", "lay", "--from", from, "--to", to); err != nil || dir != filepath.Join(to, digest) {
		t.Fatalf("laid in %q, %v", dir, err)
	}
	out, err := run(t, "bundle", "prune", "--dir", to, "--proc", t.TempDir(), "--keep", strings.Repeat("0", 64))
	if err != nil {
		t.Fatal(err)
	}
	var pruned struct {
		Removed []string `json:"removed"`
	}
	if err := json.Unmarshal([]byte(out), &pruned); err != nil || len(pruned.Removed) != 1 || pruned.Removed[0] != digest {
		t.Errorf("prune printed %q, %v; want %s removed", out, err, digest)
	}
}

func TestMissingFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"bundle", "lay"}, {"bundle", "prune", "--dir", "x"}, {"bundle", "seal", "x"}, {"nonsense"}} {
		if _, err := run(t, args...); err == nil {
			t.Errorf("%v was accepted", args)
		}
	}
}
