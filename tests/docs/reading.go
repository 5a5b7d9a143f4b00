package docs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// reading are the commands that change nothing and end by themselves: of kubectl, of our plugin, and what stands behind a pipe.
var (
	reading       = []string{"api-resources", "describe", "explain", "get", "logs", "seamount"}
	readingPlugin = []string{"disks", "operations", "plan", "status", "version", "volumes", "why"}
	filters       = []string{"grep", "uname"}
)

// endless are flags that make a command go on.
var endless = []string{"-w", "--watch", "--follow"}

// onlyReads says that a line may be run as it stands wherever there is a cluster.
func (w *World) onlyReads(line Line) bool {
	commands, err := line.Commands()
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(commands, func(command Command) bool { return !onlyReads(command.Words) })
}

func onlyReads(words []string) bool {
	if slices.ContainsFunc(words, func(word string) bool { return slices.Contains(endless, word) }) {
		return false
	}
	if words[0] != "kubectl" {
		return slices.Contains(filters, words[0])
	}
	parsed, rest, err := parseKubectl(words[1:])
	switch {
	case err != nil:
		return false
	case parsed.command == "seamount":
		return len(rest) > 0 && slices.Contains(readingPlugin, rest[0])
	case parsed.command == "rollout":
		return slices.Contains(parsed.words, "status")
	}
	return slices.Contains(reading, parsed.command)
}

// printedByUp are the lines that make up ends with, which the test of the trial runs.
func (w *World) printedByUp() (map[string]bool, error) {
	text, err := os.ReadFile(filepath.Join(w.repo.Root, "deploy", "local", "internal", "trial", "summary.txt"))
	if err != nil {
		return nil, err
	}
	printed := map[string]bool{}
	for _, line := range strings.Split(strings.ReplaceAll(string(text), "{{.Checkout}}/", ""), "\n") {
		if command, indented := strings.CutPrefix(line, "  "); indented {
			printed[command] = true
		}
	}
	return printed, nil
}
