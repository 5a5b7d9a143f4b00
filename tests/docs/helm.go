package docs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// helmFlags are the flags of helm that pages use; those with a value are true.
var helmFlags = map[string]bool{
	"--namespace": true, "-n": true, "--set": true, "-f": true, "--no-hooks": false, "--take-ownership": false, "--create-namespace": false,
	"--wait": false, "--timeout": true, "--version": true, "-d": true,
}

func (w *World) checkHelm(command Command) error {
	if len(command.Words) < 2 || !slices.Contains([]string{"install", "upgrade", "uninstall", "template", "rollback", "package", "push"}, command.Words[1]) {
		return errors.New("pages use helm install, upgrade, uninstall, template, rollback, package and push only; what is more goes into tests/docs/helm.go")
	}
	words := command.Words[2:]
	for at := 0; at < len(words); at++ {
		if !strings.HasPrefix(words[at], "-") {
			if err := w.checkChart(words[at]); err != nil {
				return err
			}
			continue
		}
		name, value, given := strings.Cut(words[at], "=")
		takesValue, known := helmFlags[name]
		if !known {
			return fmt.Errorf("no rule knows the flag %s of helm: add it to helmFlags in tests/docs/helm.go", name)
		}
		if takesValue && !given {
			at++
			if at == len(words) {
				return fmt.Errorf("the flag %s needs a value", name)
			}
			value = words[at]
		}
		if name == "--set" {
			if err := w.CheckValue(value); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkChart takes a chart of the repository, an address, and the name of a release.
func (w *World) checkChart(word string) error {
	if strings.Contains(word, "/") && !strings.Contains(word, "://") && !w.exists(word+"/Chart.yaml") {
		return fmt.Errorf("there is no chart %s", word)
	}
	return nil
}

var index = regexp.MustCompile(`\[\d+\]`)

// CheckValue holds key=value to the schema of the chart's values.
func (w *World) CheckValue(setting string) error {
	key, _, given := strings.Cut(setting, "=")
	if !given {
		return fmt.Errorf("--set takes key=value, and not %q", setting)
	}
	schema := w.values
	for _, name := range strings.Split(index.ReplaceAllString(key, ".[]"), ".") {
		var next any
		if name == "[]" {
			next = schema["items"]
		} else if properties, ok := schema["properties"].(map[string]any); ok {
			next = properties[name]
		}
		inner, known := next.(map[string]any)
		if !known {
			return fmt.Errorf("the chart has no value %s", key)
		}
		schema = w.resolved(inner)
	}
	return nil
}

// resolved follows a reference within the schema.
func (w *World) resolved(schema map[string]any) map[string]any {
	reference, isReference := schema["$ref"].(string)
	if !isReference {
		return schema
	}
	var at any = w.values
	for _, name := range strings.Split(strings.TrimPrefix(reference, "#/"), "/") {
		object, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = object[name]
	}
	object, _ := at.(map[string]any) // nil where the schema has no such thing, which is then unknown
	return object
}
