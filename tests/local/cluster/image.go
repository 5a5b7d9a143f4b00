//go:build e2e

package cluster

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// ProbeImage is the image of the tests' workload, see package probe.
const ProbeImage = "seamount.local/probe:1"

// LoadProbe builds the image of the tests' workload and loads it into every node.
func (c *Cluster) LoadProbe(t testing.TB) {
	t.Helper()
	program := buildIn(t, repository(t), "./tests/local/probe")
	content, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "probe.tar")
	if err := os.WriteFile(archive, dockerArchive(t, ProbeImage, "/probe", content), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Local(t, "load", archive)
}

type file struct {
	name    string
	content []byte
}

// dockerArchive is an image with one file in it, in the format of `docker save`.
func dockerArchive(t testing.TB, name, path string, content []byte) []byte {
	t.Helper()
	layer := tarball(t, file{path[1:], content})
	config := marshal(t, map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Entrypoint": []string{path}, "Env": []string{"PATH=/"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + digest(layer)}},
	})
	configName, layerName := digest(config)+".json", digest(layer)+".tar"
	manifest := marshal(t, []map[string]any{{"Config": configName, "RepoTags": []string{name}, "Layers": []string{layerName}}})
	return tarball(t, file{configName, config}, file{layerName, layer}, file{"manifest.json", manifest})
}

func tarball(t testing.TB, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		if err := w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
