package render

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/v2/lint"
	"helm.sh/helm/v4/pkg/chart/v2/lint/support"
)

// cases are values that users may give: none, everything that can be switched on, and as little as there can be.
func cases(t *testing.T) map[string]map[string]any {
	t.Helper()
	return map[string]map[string]any{
		"default":    nil,
		"everything": valuesOf(t, testdata(t, "everything.values.yaml")),
		"minimal":    valuesOf(t, testdata(t, "minimal.values.yaml")),
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	oldest, err := common.ParseKubeVersion(oldestKubernetes)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range cases(t) {
		for _, message := range lint.RunAll(chartDir, values, "seamount", lint.WithKubeVersion(oldest)).Messages {
			if message.Severity > support.InfoSev {
				t.Errorf("%s: %v", name, message)
			}
		}
	}
}

// What is a copy of a file, and what deploy/manifests has, is no part of the golden files.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, values := range cases(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			for file, text := range sorted(rendered(t, Options{Values: values})) {
				if inDeploy := slices.Contains(parts, strings.Split(file, "/")[0]); values == nil && inDeploy {
					continue
				}
				switch {
				case strings.HasPrefix(file, "cluster/crds") || file == "cluster/policies.yaml":
					text = ""
				case strings.HasSuffix(file, ".yaml"):
					text = tidy(text)
				}
				fmt.Fprintf(&b, "#### %s\n%s", file, text)
			}
			golden(t, name+".golden", b.String())
		})
	}
}

func sorted(files map[string]string) func(func(string, string) bool) {
	return func(yield func(string, string) bool) {
		for _, name := range Names(files) {
			if !yield(name, files[name]) {
				return
			}
		}
	}
}

// TestGenerated makes everything again in a copy, which must stay as it is.
func TestGenerated(t *testing.T) {
	t.Parallel()
	fresh := t.TempDir()
	for _, tree := range []string{"crds", "crds-snapshot", "policies", "helm/seamount"} {
		if err := os.CopyFS(filepath.Join(fresh, tree), os.DirFS(filepath.Join(deployDir, tree))); err != nil {
			t.Fatal(err)
		}
	}
	if err := All(fresh); err != nil {
		t.Fatal(err)
	}
	for _, tree := range []string{"manifests", "helm/seamount"} {
		if diff := cmp.Diff(read(t, filepath.Join(deployDir, tree)), read(t, filepath.Join(fresh, tree))); diff != "" {
			t.Errorf("deploy/%s is stale: run 'make generate' (-is +would be):\n%s", tree, diff)
		}
	}
}

func read(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	if err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(dir, name))
		files[name] = string(text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestReleaseFits: helm keeps the chart and what it rendered in one Secret, compressed and written in base64.
func TestReleaseFits(t *testing.T) {
	t.Parallel()
	const limit, halfOfIt = 1 << 20, 2
	var b bytes.Buffer
	compressed := gzip.NewWriter(&b)
	for _, files := range []map[string]string{read(t, chartDir), rendered(t, Options{})} {
		for _, text := range sorted(files) {
			if _, err := compressed.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := compressed.Close(); err != nil {
		t.Fatal(err)
	}
	if size := b.Len() * 4 / 3; size > limit/halfOfIt {
		t.Errorf("a release takes %d bytes, more than half of what a Secret can hold", size)
	}
}
