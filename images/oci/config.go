package oci

import (
	"maps"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// defaultPath is what a container gets when neither base nor image set PATH.
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// configure lays the image's settings over those of its base.
func configure(config *v1.ConfigFile, img Image) {
	config.OS, config.Architecture = "linux", img.architecture()
	config.Created = v1.Time{Time: img.epoch()}
	if len(img.Entrypoint)+len(img.Cmd) > 0 {
		config.Config.Entrypoint, config.Config.Cmd = img.Entrypoint, img.Cmd
	}
	if img.User != "" {
		config.Config.User = img.User
	}
	if img.WorkDir != "" {
		config.Config.WorkingDir = img.WorkDir
	}
	config.Config.Env = mergeEnv(config.Config.Env, img.Env)
	if len(img.Labels) > 0 {
		labels := maps.Clone(config.Config.Labels)
		if labels == nil {
			labels = map[string]string{}
		}
		maps.Copy(labels, img.Labels)
		config.Config.Labels = labels
	}
}

// mergeEnv lays over on top of base, key by key, in order of appearance.
func mergeEnv(base, over []string) []string {
	var merged []string
	at := map[string]int{}
	for _, pair := range append([]string{defaultPath}, append(base, over...)...) {
		key, _, _ := strings.Cut(pair, "=")
		if i, known := at[key]; known {
			merged[i] = pair
			continue
		}
		at[key] = len(merged)
		merged = append(merged, pair)
	}
	return merged
}
