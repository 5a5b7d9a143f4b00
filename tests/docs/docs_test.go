package docs

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

var (
	opened = sync.OnceValues(Open)
	read   = sync.OnceValues(func() ([]Page, error) {
		w, err := opened()
		if err != nil {
			return nil, err
		}
		return w.Pages()
	})
)

func world(t *testing.T) (*World, []Page) {
	t.Helper()
	w, err := opened()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return w, pages
}

func TestPagesAreSeen(t *testing.T) {
	t.Parallel()
	_, pages := world(t)
	seen := map[string]bool{}
	for _, page := range pages {
		seen[page.Path] = true
	}
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "docs/install.md", "docs/runbooks/SeamountTargetDown.md", "deploy/local/README.md"} {
		if !seen[name] {
			t.Errorf("%s is not among %d pages", name, len(pages))
		}
	}
}

// TestCommands holds every command line of every page, in blocks and within prose, to what would run it.
func TestCommands(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	checked := 0
	for _, page := range pages {
		for _, command := range commandsOf(t, w, page) {
			checked++
			if err := w.Check(command); err != nil {
				t.Errorf("%s:%d: %s\n\t%v", page.Path, command.Line, command, err)
			}
		}
	}
	if checked < 150 {
		t.Errorf("only %d commands were found", checked)
	}
}

func commandsOf(t *testing.T, w *World, page Page) []Command {
	t.Helper()
	var commands []Command
	for _, line := range w.Lines(page) {
		simple, err := line.Commands()
		if err != nil {
			t.Errorf("%s: %v", page.Path, err)
		}
		commands = append(commands, simple...)
	}
	return commands
}

// TestObjects holds every object of every page to what an API server takes.
func TestObjects(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	checked := 0
	for _, page := range pages {
		for _, block := range page.Blocks {
			if block.Sort() != Objects {
				continue
			}
			checked++
			if err := w.CheckObjects(block.Text); err != nil {
				t.Errorf("%s:%d: %v", page.Path, block.Line, err)
			}
		}
	}
	if checked == 0 {
		t.Error("no page shows an object")
	}
}

// TestLinks follows every link that stays within the repository.
func TestLinks(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	for _, page := range pages {
		for _, target := range page.Links() {
			if err := w.follow(page, target.Text); err != nil {
				t.Errorf("%s:%d: %v", page.Path, target.Line, err)
			}
		}
	}
}

func (w *World) follow(page Page, target string) error {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return nil
	}
	name, anchor, _ := strings.Cut(target, "#")
	file := path.Join(path.Dir(page.Path), name)
	if name == "" {
		file = page.Path
	}
	if !w.exists(file) {
		return fmt.Errorf("the link to %s leads nowhere", target)
	}
	if anchor == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(w.repo.Root, file))
	if err != nil {
		return err
	}
	if !parse(file, string(text)).Anchors()[anchor] {
		return fmt.Errorf("%s has no heading #%s", file, anchor)
	}
	return nil
}

var (
	step   = regexp.MustCompile(`(?m)^  done    (\S+(?: \S+)*)`)
	number = regexp.MustCompile(`\b\d+\b`)
	label  = regexp.MustCompile(`(?m)^  ([A-Z]\w+)(?: +|:)`)
)

// TestScreenOfUp: what the README shows of make up are steps that it has, and lines of what it says at its end.
func TestScreenOfUp(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	summary, err := os.ReadFile(filepath.Join(w.repo.Root, "deploy/local/internal/trial/summary.txt"))
	if err != nil {
		t.Fatal(err)
	}
	shown := 0
	for _, page := range pages {
		for _, block := range page.Blocks {
			if page.Path != "README.md" || block.Sort() != Output {
				continue
			}
			for _, match := range step.FindAllStringSubmatch(block.Text, -1) {
				shown++
				if name := number.ReplaceAllString(match[1], "%d"); !w.sourceSays(`"` + name) {
					t.Errorf("%s:%d: no step of make up is called %q", page.Path, block.Line, name)
				}
			}
			for _, match := range label.FindAllStringSubmatch(block.Text, -1) {
				shown++
				if !strings.Contains(string(summary), "  "+match[1]) {
					t.Errorf("%s:%d: make up ends without a line %q", page.Path, block.Line, match[1])
				}
			}
		}
	}
	if shown < 8 {
		t.Errorf("the README shows only %d lines of make up", shown)
	}
}

// TestLaws: each law has its section with tests that are there, or is among those that are not here.
func TestLaws(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	for _, page := range pages {
		if page.Path != "docs/failure-modes.md" {
			continue
		}
		sections, missing := LawLines(page)
		named := NamedTests(page)
		for _, one := range named {
			if err := w.tests.Check(one); err != nil {
				t.Errorf("%s:%d: %v", page.Path, one.Line, err)
			}
		}
		for _, law := range laws {
			line, section := sections[law]
			if shown := section && testsWithin(named, line, sections) > 0; !shown && !missing[law] {
				t.Errorf("%s: %s has neither a section with a test nor a line in the last section", page.Path, law)
			}
		}
		return
	}
	t.Error("there is no docs/failure-modes.md")
}

// testsWithin counts the tests between a section's heading and the next one.
func testsWithin(named []Named, from int, sections map[string]int) int {
	to := 1 << 30
	for _, line := range sections {
		if line > from {
			to = min(to, line)
		}
	}
	count := 0
	for _, one := range named {
		if one.Line > from && one.Line < to {
			count++
		}
	}
	return count
}
