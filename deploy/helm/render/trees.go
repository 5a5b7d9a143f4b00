package render

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// parts are the directories of templates that are also manifests for kubectl. Definitions and policies are files of their own,
// and what depends on other people's kinds or on helm itself is helm's alone.
var parts = []string{"agent", "csi", "discover", "namespace", "operator"}

// manifestValues say what the manifests have beyond the defaults: kubectl does not make the namespace by itself.
var manifestValues = map[string]any{"namespace": map[string]any{"create": true}}

// copies are the trees that the chart has a copy of: helm takes no file from outside a chart.
var copies = map[string]string{"crds": "crds", "crds-snapshot": "crds-snapshot", "policies": "policies"}

// All writes everything that follows from what is in deploy/: the chart's copies, deploy/manifests, and the table of values in
// the chart's README.
func All(deploy string) error {
	dir := filepath.Join(deploy, "helm", "seamount")
	for from, to := range copies {
		if err := copyTree(filepath.Join(deploy, from), filepath.Join(dir, "files", to)); err != nil {
			return fmt.Errorf("copy %s: %w", from, err)
		}
	}
	if err := writeManifests(dir, filepath.Join(deploy, "manifests")); err != nil {
		return fmt.Errorf("write the manifests: %w", err)
	}
	if err := writeReadme(dir); err != nil {
		return fmt.Errorf("write the table of values: %w", err)
	}
	return nil
}

// copyTree replaces a directory by the YAML files of another.
func copyTree(from, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.yaml"))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		return errors.New("there is nothing to copy")
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := write(filepath.Join(to, filepath.Base(file)), string(text)); err != nil {
			return err
		}
	}
	return nil
}

// Manifests are the manifests for kubectl by their path below deploy/manifests.
func Manifests(dir string) (map[string]string, error) {
	loaded, err := Load(dir)
	if err != nil {
		return nil, err
	}
	files, err := Chart(loaded, Options{Values: manifestValues})
	if err != nil {
		return nil, err
	}
	manifests := map[string]string{}
	for name, text := range files {
		for _, part := range parts {
			if strings.HasPrefix(name, part+"/") {
				manifests[name] = fmt.Sprintf("# Rendered by 'make generate' from deploy/helm/seamount/templates/%s: change it there.\n%s", name, tidy(text))
			}
		}
	}
	return manifests, nil
}

// tidy takes away what templates leave behind: empty lines, and blanks at the end of lines.
func tidy(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func writeManifests(dir, to string) error {
	manifests, err := Manifests(dir)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	for _, name := range Names(manifests) {
		if err := write(filepath.Join(to, name), manifests[name]); err != nil {
			return err
		}
	}
	return nil
}

func write(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
