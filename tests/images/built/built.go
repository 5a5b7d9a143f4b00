//go:build e2e

// Package built gives tests the container images of this checkout, built as
// `make images` builds them, and their root file systems.
package built

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Image is a built image.
type Image struct {
	Name    string   `json:"name"`
	Names   []string `json:"names"`   // references, the most exact first
	Version string   `json:"version"` // of what the image is about, such as 20.2.4
	Archive string   `json:"archive"` // the image as a tar file
}

// All builds our programs and with them every image.
func All(t testing.TB) map[string]Image {
	t.Helper()
	return Some(t)
}

// Some builds the images with these names, and the programs of ours that are in them. Without names it is all of them.
func Some(t testing.TB, names ...string) map[string]Image {
	t.Helper()
	root := repository(t)
	programs(t, root, names)
	build(t, root, append([]string{"--bin-dir", filepath.Join(root, "bin"), "--image-version", "content"}, names...)...)
	images := index(t)
	for _, name := range names {
		if _, ok := images[name]; !ok {
			t.Fatalf("the index of built images does not have %s", name)
		}
	}
	return images
}

// One builds an image.
func One(t testing.TB, name string) Image {
	t.Helper()
	return Some(t, name)[name]
}

// programs compiles those of ours that are in the images, as the Makefile does: what is there and current it leaves.
func programs(t testing.TB, root string, names []string) {
	t.Helper()
	var targets []string
	for program, image := range map[string]string{"seamount": "seamount", "seamount-node": "seamount-node", "seamount-block": "seamount-node"} {
		if len(names) == 0 || slices.Contains(names, image) {
			targets = append(targets, filepath.Join("bin", program))
		}
	}
	if len(targets) > 0 {
		run(t, root, "make", targets...)
	}
}

// build runs the builder. What is in its cache, it does not build again.
func build(t testing.TB, root string, args ...string) {
	t.Helper()
	run(t, root, "make", "bin/seamount-images")
	run(t, root, filepath.Join(root, "bin", "seamount-images"), append([]string{"build"}, args...)...)
}

func run(t testing.TB, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "CGO_ENABLED=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}

func repository(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// index reads what the builder has made.
func index(t testing.TB) map[string]Image {
	t.Helper()
	cache := os.Getenv("SEAMOUNT_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "seamount")
	}
	data, err := os.ReadFile(filepath.Join(cache, "images", "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []Image
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	images := map[string]Image{}
	for _, i := range list {
		images[i.Name] = i
	}
	return images
}

// Root unpacks the image's file system into a directory that goes with the test.
// It has the mount points that a container runtime makes.
func (i Image) Root(t testing.TB) string {
	t.Helper()
	root := t.TempDir()
	for _, dir := range []string{"dev", "proc", "sys", "mnt", "tmp"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, layer := range i.layers(t) {
		unpack := exec.CommandContext(t.Context(), "sh", "-c", `tar -xOf "$1" "$2" | tar -xp --numeric-owner -C "$3"`, "sh", i.Archive, layer, root)
		if out, err := unpack.CombinedOutput(); err != nil {
			t.Fatalf("unpack %s of %s: %v\n%s", layer, i.Archive, err, out)
		}
	}
	return root
}

// layers are the names of the layers in the archive, lowest first.
func (i Image) layers(t testing.TB) []string {
	t.Helper()
	data, err := exec.CommandContext(t.Context(), "tar", "-xOf", i.Archive, "manifest.json").Output()
	if err != nil {
		t.Fatalf("read the manifest of %s: %v", i.Archive, err)
	}
	var manifests []struct{ Layers []string }
	if err := json.Unmarshal(data, &manifests); err != nil {
		t.Fatal(err)
	}
	var layers []string
	for _, m := range manifests {
		layers = slices.Concat(layers, m.Layers)
	}
	if len(layers) == 0 {
		t.Fatalf("%s has no layers", i.Archive)
	}
	return layers
}
