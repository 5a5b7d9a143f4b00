package docs

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// Run is how tests run the lines of pages that begin with some words. Lines that only read the cluster need none: they are run
// as they stand, and end with 0.
type Run struct {
	Line   string        // the words that they begin with, after sudo and variables
	As     string        // what is run on the trial: {} is the line, {rest} what follows the words. Empty: they are not run there
	By     string        // the test that runs such a line at another place
	Within time.Duration // they print for ever, and are ended then
	Why    string
}

// Name is a name that pages use for a thing of the reader's, and that thing in the trial. A dollar is a variable of the test.
type Name struct {
	Page string // where it is said, as path.Match has it; empty: everywhere
	Word string // or words
	Is   string
}

// Made is an object of a page that the test really makes. All others the API server only checks.
type Made struct{ Page, Object, Why string }

// Step is what a reader of a page does next: type a line, or apply objects.
type Step struct {
	Line    Line
	Objects []Object
}

// Object is one of a page.
type Object struct {
	Text string
	Make bool // and not only check
}

// Action is what the test types for a line.
type Action struct {
	Script string
	Within time.Duration // it is ended then; 0: it ends by itself
}

// Plan knows how each line of the pages is run, and what of the tables was needed for that.
type Plan struct {
	world   *World
	printed map[string]bool // lines that make up ends with
	used    map[any]bool
}

// NewPlan reads the tables and what make up prints.
func (w *World) NewPlan() (*Plan, error) {
	printed, err := w.printedByUp()
	return &Plan{world: w, printed: printed, used: map[any]bool{}}, err
}

// Steps of a page in its order.
func (p *Plan) Steps(page Page) ([]Step, error) {
	var steps []Step
	for _, line := range p.world.Lines(page) {
		steps = append(steps, Step{Line: line})
	}
	for _, block := range page.Blocks {
		if block.Sort() != Objects {
			continue
		}
		objects, err := p.objects(page, block)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", page.Path, block.Line, err)
		}
		steps = append(steps, Step{Line{Page: page.Path, Number: block.Line, Text: "objects"}, objects})
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return a.Line.Number - b.Line.Number })
	return steps, nil
}

func (p *Plan) objects(page Page, block Block) ([]Object, error) {
	documents, err := crdtest.Documents([]byte(block.Text))
	if err != nil {
		return nil, err
	}
	var objects []Object
	for _, document := range documents {
		encoded, err := yaml.YAMLToJSON(document)
		if err != nil {
			return nil, err
		}
		read := &unstructured.Unstructured{}
		if err := read.UnmarshalJSON(encoded); err != nil {
			return nil, err
		}
		made := slices.ContainsFunc(made, func(made Made) bool {
			found := made.Page == page.Path && made.Object == read.GetKind()+"/"+read.GetName()
			p.used[made] = p.used[made] || found
			return found
		})
		objects = append(objects, Object{p.named(page.Path, string(document)), made})
	}
	return objects, nil
}

// unsaid is what an author reads whose line is of a new sort.
const unsaid = "nothing says how a test runs this line, which seems to do more than read the cluster. Say it in runs of tests/docs/runs.go: " +
	"As \"{}\" to run it on the trial as it stands; As other words to run something harmless for it; By the test that runs it elsewhere; " +
	"or Why alone, when it cannot be run. If it only reads, whatever its arguments, add its command to tests/docs/reading.go"

// Action for a line, nil where the trial does not run it; an error where nothing says what to do with it.
func (p *Plan) Action(line Line) (*Action, error) {
	typed := withoutComment(line.Text)
	text := strings.Join(strings.Fields(typed), " ")
	if p.printed[text] {
		return nil, nil
	}
	run := p.run(text)
	switch {
	case run == nil && !p.world.onlyReads(line):
		return nil, errors.New(unsaid)
	case run == nil:
		run = &Run{As: "{}"}
	case run.As == "":
		return nil, nil
	}
	script := p.named(line.Page, run.script(typed))
	if word := placeholderIn(script); word != "" {
		return nil, fmt.Errorf("nothing says what %s is in the trial: add it to names in tests/docs/runs.go", word)
	}
	if line.Stdin != "" {
		script += " <<'EOF'\n" + line.Stdin + "EOF"
	}
	return &Action{script, run.Within}, nil
}

// Unused are the entries of the tables that fit nothing in the pages whose lines the plan was asked for.
func (p *Plan) Unused() []string {
	var unused []string
	for _, run := range runs {
		if !p.used[run] {
			unused = append(unused, fmt.Sprintf("runs: no line begins with %q", run.Line))
		}
	}
	for _, name := range names {
		if !p.used[name] {
			unused = append(unused, fmt.Sprintf("names: no line of a page %q has %q", name.Page, name.Word))
		}
	}
	for _, made := range made {
		if !p.used[made] {
			unused = append(unused, fmt.Sprintf("made: %s has no %s", made.Page, made.Object))
		}
	}
	return unused
}

var before = regexp.MustCompile(`^(?:sudo |[A-Za-z_]\w*=\S* )*`)

// run is the entry with the most words that a line begins with.
func (p *Plan) run(text string) *Run {
	text = before.ReplaceAllString(text, "")
	var longest *Run
	for at, run := range runs {
		fits := text == run.Line || strings.Contains(run.Line, " ") && strings.HasPrefix(text, run.Line+" ")
		if fits && (longest == nil || len(run.Line) > len(longest.Line)) {
			longest = &runs[at]
		}
	}
	if longest != nil {
		p.used[*longest] = true
	}
	return longest
}

func (r Run) script(line string) string {
	_, rest, _ := strings.Cut(line, r.Line)
	return strings.NewReplacer("{}", line, "{rest}", strings.TrimSpace(rest)).Replace(r.As)
}

// named has the trial's things in place of the reader's.
func (p *Plan) named(page, text string) string {
	for _, name := range names {
		here, _ := path.Match(name.Page, page) // the patterns are ours
		if name.Page != "" && !here {
			continue
		}
		word := regexp.MustCompile(`(^|[\s/=:\[])` + regexp.QuoteMeta(name.Word) + `($|[\s/,.:\]])`)
		if word.MatchString(text) {
			p.used[name] = true
			text = word.ReplaceAllString(text, "${1}"+strings.ReplaceAll(name.Is, "$", "$$")+"${2}")
		}
	}
	return text
}

var (
	bracketed = regexp.MustCompile(`<[a-z][a-z-]*>`)
	// things are disks and nodes as pages name them, and the trial does not.
	things = regexp.MustCompile(`(?:^|[\s=/])(n[1-9]|(?:wwn|eui)-[0-9a-f]+)(?:$|[\s,/])`)
)

// placeholderIn is a word that the reader would have to replace, empty without one.
func placeholderIn(script string) string {
	if word := bracketed.FindString(script); word != "" {
		return word // to a shell they are redirections
	}
	if match := things.FindStringSubmatch(script); match != nil {
		return match[1]
	}
	commands, _ := Split(script) // what cannot be read has been refused
	for _, words := range commands {
		for _, word := range words {
			for _, part := range strings.FieldsFunc(word, func(char rune) bool { return strings.ContainsRune("/=:", char) }) {
				if placeholder.MatchString(part) && !assignment.MatchString(word) {
					return part
				}
			}
		}
	}
	return ""
}

// withoutComment is a line as it is typed: what is added to it shall not become a comment.
func withoutComment(text string) string {
	line, _, _ := strings.Cut(text, " # ")
	return strings.TrimSpace(line)
}
