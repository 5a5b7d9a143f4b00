package docs

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/cli"
)

// Rule reads the words of one command, without its program, and says what of them is not so.
type Rule func(w *World, command Command) error

// Rules know the programs of the pages. A program that a page names for the first time gets its rule here.
func Rules() map[string]Rule {
	rules := map[string]Rule{
		"make": (*World).checkMake, "kubectl": (*World).checkKubectl, "helm": (*World).checkHelm, "go": (*World).checkGo,
		"git": oneOf("clone", "commit"), "ctr": oneOf("-n"), "docker": oneOf("load", "tag", "push"), "podman": oneOf("load", "tag", "push"),
		"skopeo": oneOf("copy"), "ceph": (*World).checkCeph, "rbd": oneOf("bench", "info", "ls", "object-map", "status"),
		"export": (*World).checkExport, "cd": anything, "chmod": anything, "install": anything, "uname": anything,
		"grep": anything, "dmesg": anything,
	}
	for name := range programs {
		rules[name] = (*World).checkProgram
	}
	return rules
}

// anything is for what every machine has, and no page could get wrong in a way that is ours.
func anything(*World, Command) error { return nil }

func oneOf(allowed ...string) Rule {
	return func(_ *World, command Command) error {
		if len(command.Words) > 1 && slices.Contains(allowed, command.Words[1]) {
			return nil
		}
		return fmt.Errorf("pages use %s with %s only; what is more goes into tests/docs/rules.go", command.Words[0], strings.Join(allowed, ", "))
	}
}

// Check holds a command to its rule.
func (w *World) Check(command Command) error {
	words, err := w.withoutPrefix(command.Words)
	if err != nil || len(words) == 0 {
		return err
	}
	command.Words = words
	words[0] = path.Base(words[0])
	rule, known := w.rules[words[0]]
	if !known {
		return fmt.Errorf("no rule knows the program %q: add one to Rules in tests/docs/rules.go", words[0])
	}
	return rule(w, command)
}

var assignment = regexp.MustCompile(`^([A-Za-z_]\w*)=`)

// withoutPrefix leaves out sudo and the variables before a program.
func (w *World) withoutPrefix(words []string) ([]string, error) {
	for len(words) > 0 {
		match := assignment.FindStringSubmatch(words[0])
		switch {
		case words[0] == "sudo":
		case match != nil:
			if err := w.checkVariable(match[1]); err != nil {
				return nil, err
			}
		default:
			return slices.Clone(words), nil
		}
		words = words[1:]
	}
	return nil, nil
}

// checkVariable takes what the Makefile or a program of ours reads, and what every machine has.
func (w *World) checkVariable(name string) error {
	if w.makefile.variables[name] || slices.Contains([]string{"KUBECONFIG", "PATH"}, name) || w.sourceSays(`"`+name+`"`) {
		return nil
	}
	return fmt.Errorf("nothing reads the variable %s", name)
}

func (w *World) checkExport(command Command) error {
	for _, word := range command.Words[1:] {
		name, _, _ := strings.Cut(word, "=")
		if err := w.checkVariable(name); err != nil {
			return err
		}
	}
	return nil
}

// IsCommand says whether code within prose is a command, and not the name of a program or of a file.
func (w *World) IsCommand(words []string) bool {
	if len(words) > 0 && words[0] == "sudo" {
		words = words[1:]
	}
	for len(words) > 0 && assignment.MatchString(words[0]) {
		words = words[1:]
	}
	if len(words) == 0 || strings.HasSuffix(words[0], ":") {
		return false
	}
	least := 2
	switch words[0] {
	case "make":
		least = 1
	case "kubectl", "helm":
		least = 3 // with a verb alone the prose speaks of that
	}
	_, known := w.rules[path.Base(words[0])]
	return known && len(words) >= least
}

// placeholder is a word that the reader replaces: NAME, <name>, or the rest that is left out.
var placeholder = regexp.MustCompile(`^(?:[A-Z][A-Z0-9_]*|<.*>|.*\.\.\.)$`)

func (w *World) checkMake(command Command) error {
	for _, word := range command.Words[1:] {
		if match := assignment.FindStringSubmatch(word); match != nil {
			if !w.makefile.variables[match[1]] {
				return fmt.Errorf("the Makefile has no variable %s", match[1])
			}
			continue
		}
		program, isProgram := strings.CutPrefix(word, "bin/")
		if !w.makefile.targets[word] && !(isProgram && w.exists("cmd/"+program)) {
			return fmt.Errorf("the Makefile has no target %s", word)
		}
	}
	return nil
}

// cephCommands are what pages tell people to run in Ceph's own words.
var cephCommands = []string{
	"auth rotate", "auth wipe-rotating-service-keys", "health detail", "mon set", "rbd task", "osd tree", "osd getcrushmap", "df", "status",
}

func (w *World) checkCeph(command Command) error {
	words := strings.TrimPrefix(strings.Join(command.Words[1:], " "), "-- ")
	if placeholder.MatchString(words) || slices.ContainsFunc(cephCommands, func(known string) bool {
		return words == known || strings.HasPrefix(words, known+" ")
	}) {
		return nil
	}
	return errors.New("pages use these commands of Ceph only: " + strings.Join(cephCommands, ", ") + "; what is more goes into tests/docs/rules.go")
}

// checkSeamount reads a command line with the commands of kubectl-seamount, up to where they would run.
func (w *World) checkSeamount(args []string) error {
	command, rest, err := cli.New("docs").Command().Find(args)
	if err != nil {
		return err
	}
	if err := command.ParseFlags(rest); err != nil {
		return err
	}
	if given := command.Flags().Args(); command.Runnable() && command.Args != nil {
		return command.Args(command, given)
	}
	return nil
}

var testPattern = regexp.MustCompile(`^[\^$()]*|[\^$()]*$`)

// checkGo looks whether the packages and the tests that a command names are there.
func (w *World) checkGo(command Command) error {
	if len(command.Words) < 2 || !slices.Contains([]string{"test", "list", "env", "build", "run"}, command.Words[1]) {
		return errors.New("pages use go test, list, env, build and run only; what is more goes into tests/docs/rules.go")
	}
	dir := ""
	for at, word := range command.Words {
		previous := command.Words[max(at-1, 0)]
		switch {
		case previous == "-C":
			dir = word
		case previous == "-run" || previous == "-bench":
			if err := w.checkTestPattern(previous, testPattern.ReplaceAllString(word, "")); err != nil {
				return err
			}
		case strings.HasPrefix(word, "./"):
			if name := path.Join(dir, strings.TrimSuffix(word, "...")); !w.exists(name) {
				return fmt.Errorf("there is no package %s", name)
			}
		}
	}
	return nil
}

func (w *World) checkTestPattern(flag, pattern string) error {
	prefix := map[string]string{"-run": "Test", "-bench": "Benchmark"}[flag]
	if pattern == "" || pattern == "." || pattern == "TestName" {
		return nil
	}
	for _, alternative := range strings.Split(pattern, "|") {
		name, _, _ := strings.Cut(alternative, "/")
		matches := func(function string) bool {
			return strings.HasPrefix(function, prefix) && strings.Contains(function, name)
		}
		if !slices.ContainsFunc(w.tests.names(), matches) {
			return fmt.Errorf("%s %s: there is no such test", flag, alternative)
		}
	}
	return nil
}
