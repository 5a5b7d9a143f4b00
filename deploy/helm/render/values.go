package render

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Value is one value of the chart, with its default and what is said of it.
type Value struct{ Path, Default, About string }

// Values lists the values in a values.yaml, in its order. Lists, and maps that users fill in, count as one.
func Values(text []byte) ([]Value, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("parse the values: %w", err)
	}
	if len(document.Content) != 1 || document.Content[0].Kind != yaml.MappingNode {
		return nil, errors.New("the values are no map")
	}
	return valuesBelow("", document.Content[0])
}

// filledIn are the maps with defaults whose keys are not ours: what users give replaces or adds to them.
var filledIn = []string{"labels", "podAnnotations", "resources"}

func valuesBelow(path string, parent *yaml.Node) ([]Value, error) {
	var values []Value
	for i := 0; i+1 < len(parent.Content); i += 2 {
		key, value := parent.Content[i], parent.Content[i+1]
		name, about := path+key.Value, comment(key.HeadComment)
		if nested(key.Value, value) {
			below, err := valuesBelow(name+".", value)
			if err != nil {
				return nil, err
			}
			if about != "" && path != "" {
				values = append(values, Value{Path: name, About: about})
			}
			values = append(values, below...)
			continue
		}
		text, err := inline(value)
		if err != nil {
			return nil, err
		}
		values = append(values, Value{name, text, about})
	}
	return values, nil
}

func nested(key string, value *yaml.Node) bool {
	if value.Kind != yaml.MappingNode || len(value.Content) == 0 {
		return false
	}
	for _, name := range filledIn {
		if key == name {
			return false
		}
	}
	return true
}

// comment is the text right above a key. What is separated by an empty line speaks of more than the key.
func comment(text string) string {
	if i := strings.LastIndex(text, "\n\n"); i >= 0 {
		text = text[i+2:]
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(line), "#")))
	}
	return strings.Join(lines, " ")
}

// inline writes a value on one line, as it may stand in values.yaml.
func inline(value *yaml.Node) (string, error) {
	flat := *value
	flatten(&flat)
	text, err := yaml.Marshal(&flat)
	return strings.Join(strings.Fields(string(text)), " "), err
}

func flatten(node *yaml.Node) {
	node.HeadComment, node.LineComment, node.FootComment = "", "", ""
	if node.Kind == yaml.MappingNode || node.Kind == yaml.SequenceNode {
		node.Style = yaml.FlowStyle
	}
	for i, child := range node.Content {
		copied := *child
		flatten(&copied)
		node.Content[i] = &copied
	}
}

// The table stands between these lines of the README.
const tableBegin, tableEnd = "<!-- values: written by 'make generate' from values.yaml -->\n", "<!-- end of values -->\n"

func writeReadme(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "values.yaml"))
	if err != nil {
		return err
	}
	values, err := Values(text)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "README.md")
	readme, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, found := strings.Cut(string(readme), tableBegin)
	_, after, closed := strings.Cut(rest, tableEnd)
	if !found || !closed {
		return fmt.Errorf("%s has no place for the table", file)
	}
	return write(file, before+tableBegin+table(values)+tableEnd+after)
}

func table(values []Value) string {
	var b strings.Builder
	b.WriteString("\n| value | default | |\n|---|---|---|\n")
	for _, v := range values {
		code := ""
		if v.Default != "" {
			code = "`" + strings.ReplaceAll(v.Default, "|", "\\|") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", v.Path, code, strings.ReplaceAll(v.About, "|", "\\|"))
	}
	b.WriteString("\n")
	return b.String()
}
