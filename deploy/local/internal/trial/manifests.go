package trial

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
)

// parts of Seamount, by their directory below deploy/manifests.
var parts = []string{"discover", "agent", "operator", "csi"}

// workloads are what runs when all parts are installed.
var workloads = []string{
	"daemonset/seamount-discover", "daemonset/seamount-agent", "deployment/seamount-operator",
	"daemonset/seamount-csi-node", "deployment/seamount-csi-controller",
}

// ourImages are the images of Seamount's own programs in its manifests, wherever they are named.
var ourImages = regexp.MustCompile(`ghcr\.io/seamount-dev/([a-z-]+)(:[^\s",\]}@]+)?`)

// Manifests is all that Seamount consists of beside its CRDs, with the given images in the place of those of the release.
func (c Checkout) Manifests(images Images) (string, error) {
	return manifests(os.DirFS(c.Root), images)
}

func manifests(root fs.FS, images Images) (string, error) {
	documents := []string{fmt.Sprintf("{apiVersion: v1, kind: Namespace, metadata: {name: %s}}\n", Namespace)}
	directories := []string{"deploy/policies"}
	for _, part := range parts {
		directories = append(directories, path.Join("deploy/manifests", part))
	}
	for _, directory := range directories {
		files, err := fs.Glob(root, path.Join(directory, "*.yaml"))
		if err != nil || len(files) == 0 {
			return "", errors.Join(fmt.Errorf("no manifests in %s: is the checkout whole?", directory), err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(root, file)
			if err == nil {
				text, err = inPlace(text, images)
			}
			if err != nil {
				return "", fmt.Errorf("%s: %w", file, err)
			}
			documents = append(documents, string(text))
		}
	}
	return strings.Join(documents, "\n---\n"), nil
}

// inPlace puts the names of images that the nodes have in the place of those of a release.
func inPlace(text []byte, images Images) ([]byte, error) {
	var unknown []string
	text = ourImages.ReplaceAllFunc(text, func(reference []byte) []byte {
		name := string(ourImages.FindSubmatch(reference)[1])
		if images[name] == "" && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
		return []byte(images[name])
	})
	if len(unknown) > 0 {
		return nil, fmt.Errorf("it names images that are not built: %s", strings.Join(unknown, ", "))
	}
	return text, nil
}
