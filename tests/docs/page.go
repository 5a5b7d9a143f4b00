package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/seamount-dev/seamount/tests/house"
)

// Page is a Markdown file in its parts.
type Page struct {
	Path   string // relative to the repository's root
	Blocks []Block
	Prose  []string // its lines, where those of blocks are empty
}

// Block is a block of code, by fences or by indentation.
type Block struct {
	Line     int // of its first line of code
	Language string
	Text     string
}

// Span is code within a line of prose.
type Span struct {
	Line int
	Text string
}

// Sort says what a block shows.
type Sort int

// What a block shows.
const (
	Commands Sort = iota
	Screen        // a terminal: what follows "$ " was typed, the rest was answered
	Objects
	Picture
	Output
)

// Pages reads what a user or a contributor reads.
func Pages(repo *house.Repo) ([]Page, error) {
	var pages []Page
	for _, file := range repo.Files {
		if !isPage(file) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(repo.Root, file))
		if err != nil {
			return nil, err
		}
		pages = append(pages, parse(file, string(text)))
	}
	return pages, nil
}

func isPage(file string) bool {
	return strings.HasSuffix(file, ".md") && (strings.HasPrefix(file, "docs/") || slices.Contains([]string{
		"README.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/local/README.md", "deploy/helm/seamount/README.md", "images/README.md",
	}, file))
}

func parse(file, text string) Page {
	page := Page{Path: file}
	lines := strings.Split(text, "\n")
	for at := 0; at < len(lines); at++ {
		var end int
		var block Block
		switch {
		case strings.HasPrefix(strings.TrimSpace(lines[at]), "```"):
			end, block = fenced(lines, at)
		case strings.HasPrefix(lines[at], "    ") && (at == 0 || strings.TrimSpace(lines[at-1]) == ""):
			end, block = indented(lines, at)
		default:
			page.Prose = append(page.Prose, lines[at])
			continue
		}
		page.Blocks = append(page.Blocks, block)
		page.Prose = append(page.Prose, make([]string, end-at)...)
		at = end - 1
	}
	return page
}

// fenced reads a block from its first fence on; end is the line after the last.
func fenced(lines []string, at int) (end int, block Block) {
	margin := len(lines[at]) - len(strings.TrimLeft(lines[at], " "))
	block = Block{Line: at + 2, Language: strings.TrimPrefix(strings.TrimSpace(lines[at]), "```")}
	for end = at + 1; end < len(lines) && !strings.HasPrefix(strings.TrimSpace(lines[end]), "```"); end++ {
		block.Text += lines[end][min(margin, len(lines[end])):] + "\n"
	}
	return min(end+1, len(lines)), block
}

func indented(lines []string, at int) (end int, block Block) {
	block = Block{Line: at + 1}
	for end = at; end < len(lines) && (strings.HasPrefix(lines[end], "    ") || strings.TrimSpace(lines[end]) == ""); end++ {
		block.Text += strings.TrimPrefix(lines[end], "    ") + "\n"
	}
	block.Text = strings.TrimRight(block.Text, "\n") + "\n"
	return end, block
}

var (
	drawn  = regexp.MustCompile(`[\x{2190}-\x{25FF}]`)
	prompt = regexp.MustCompile(`(?m)^\$ `)
	object = regexp.MustCompile(`^(?:#.*\n|---\n)*apiVersion: `)
)

// Sort tells it by the language that the block names, or else by its look.
func (b Block) Sort() Sort {
	switch {
	case b.Language == "yaml" || object.MatchString(b.Text):
		return Objects
	case b.Language == "text":
		return Output
	case b.Language == "mermaid" || drawn.MatchString(b.Text):
		return Picture
	case prompt.MatchString(b.Text):
		return Screen
	}
	return Commands
}

var span = regexp.MustCompile("`([^`]+)`")

// Spans are the code within the page's prose.
func (p Page) Spans() []Span {
	var found []Span
	text := strings.Join(p.Prose, "\n")
	for _, at := range span.FindAllStringSubmatchIndex(text, -1) {
		code := text[at[2]:at[3]]
		if !strings.Contains(code, "\n\n") {
			code = strings.ReplaceAll(strings.Join(strings.Fields(code), " "), `\|`, "|")
			found = append(found, Span{strings.Count(text[:at[0]], "\n") + 1, code})
		}
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// Links are the targets of the page's links.
func (p Page) Links() []Span {
	var found []Span
	for number, line := range p.Prose {
		for _, match := range link.FindAllStringSubmatch(span.ReplaceAllString(line, ""), -1) {
			found = append(found, Span{number + 1, match[1]})
		}
	}
	return found
}

var (
	heading = regexp.MustCompile(`^#+ (.*)$`)
	unnamed = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Anchors are what a link may lead to within the page.
func (p Page) Anchors() map[string]bool {
	anchors := map[string]bool{}
	for _, line := range p.Prose {
		if match := heading.FindStringSubmatch(line); match != nil {
			name := unnamed.ReplaceAllString(strings.ToLower(match[1]), "")
			anchors[strings.ReplaceAll(name, " ", "-")] = true
		}
	}
	return anchors
}
