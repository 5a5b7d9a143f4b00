package docs

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Command is one simple command of a command line.
type Command struct {
	Line  int
	Words []string
	Stdin string // of a here-document
}

// String is the command as one could type it.
func (c Command) String() string { return strings.Join(c.Words, " ") }

// heredoc finds that the lines below, to the one that is the word, are a command's input.
var heredoc = regexp.MustCompile(`<<'?(\w+)'?`)

// Line is a command line as a page has it, brought onto one line.
type Line struct {
	Page   string
	Number int
	Text   string
	Stdin  string // of a here-document
}

// Lines are the command lines of a block: all, or of a terminal those after a prompt.
func (b Block) Lines() []Line {
	lines := strings.Split(strings.TrimRight(b.Text, "\n"), "\n")
	var typed []Line
	for at := 0; at < len(lines); at++ {
		line := Line{Number: b.Line + at, Text: lines[at]}
		if b.Sort() == Screen {
			command, prompted := strings.CutPrefix(line.Text, "$ ")
			if !prompted {
				continue
			}
			line.Text = command
		}
		for strings.HasSuffix(line.Text, `\`) && at+1 < len(lines) {
			at++
			line.Text = strings.TrimSuffix(line.Text, `\`) + " " + strings.TrimSpace(lines[at])
		}
		if match := heredoc.FindStringSubmatchIndex(line.Text); match != nil {
			end := line.Text[match[2]:match[3]]
			for at++; at < len(lines) && lines[at] != end; at++ {
				line.Stdin += lines[at] + "\n"
			}
			line.Text = line.Text[:match[0]] + line.Text[match[1]:]
		}
		typed = append(typed, line)
	}
	return typed
}

// Commands are the simple commands of a line.
func (l Line) Commands() ([]Command, error) {
	simple, err := Split(l.Text)
	if err != nil {
		return nil, fmt.Errorf("line %d: %w", l.Number, err)
	}
	var commands []Command
	for _, words := range simple {
		commands = append(commands, Command{l.Number, words, l.Stdin})
	}
	return commands, nil
}

// isComment says that there is nothing to run.
func (l Line) isComment() bool {
	text := strings.TrimSpace(l.Text)
	return text == "" || strings.HasPrefix(text, "#")
}

// Lines are the command lines of a page, in blocks and within prose, in its order.
func (w *World) Lines(page Page) []Line {
	var lines []Line
	for _, block := range page.Blocks {
		if sort := block.Sort(); sort == Commands || sort == Screen {
			lines = append(lines, block.Lines()...)
		}
	}
	lines = slices.DeleteFunc(lines, Line.isComment)
	for _, code := range page.Spans() {
		// What is no command line is code of another language.
		if simple, err := Split(code.Text); err == nil && slices.ContainsFunc(simple, w.IsCommand) {
			lines = append(lines, Line{Number: code.Line, Text: code.Text})
		}
	}
	slices.SortStableFunc(lines, func(a, b Line) int { return a.Number - b.Number })
	for at := range lines {
		lines[at].Page = page.Path
	}
	return lines
}

// lexer reads a command line as a shell does, as far as pages need it: words, quotes, comments, the operators between
// commands, and redirections, which are left out. It expands nothing.
type lexer struct {
	text     []rune
	at       int
	commands [][]string
	words    []string
	word     strings.Builder
	inWord   bool
	redirect bool // the next word is a file
}

// Split takes a command line apart into simple commands of words.
func Split(line string) ([][]string, error) {
	l := &lexer{text: []rune(line)}
	for ; l.at < len(l.text); l.at++ {
		if err := l.step(); err != nil {
			return nil, fmt.Errorf("%q: %w", line, err)
		}
		if l.at < len(l.text) && l.text[l.at] == '#' && !l.inWord {
			break
		}
	}
	l.endCommand()
	return l.commands, nil
}

func (l *lexer) step() error {
	switch char := l.text[l.at]; char {
	case '\'', '"':
		return l.quoted(char)
	case '$':
		if l.next() == '(' {
			return l.through(')')
		}
		l.add(char)
	case '\\':
		l.at++
		l.add(l.text[min(l.at, len(l.text)-1)])
	default:
		l.plain(char)
	}
	return nil
}

// next is the character after this one, 0 at the end.
func (l *lexer) next() rune {
	if l.at+1 < len(l.text) {
		return l.text[l.at+1]
	}
	return 0
}

// plain takes what needs nothing of what follows it.
func (l *lexer) plain(char rune) {
	switch char {
	case ' ', '\t':
		l.endWord()
	case '>', '<':
		l.redirected()
	case '|', ';', '&':
		if l.redirect {
			l.add(char) // 2>&1
		} else {
			l.endCommand()
		}
	case '#':
		if l.inWord {
			l.add(char)
		}
	default:
		l.add(char)
	}
}

// redirected leaves out the number of a stream before the sign, and the file after it.
func (l *lexer) redirected() {
	if number := l.word.String(); number == "1" || number == "2" {
		l.word.Reset()
		l.inWord = false
	}
	l.endWord()
	l.redirect = true
}

func (l *lexer) add(char rune) {
	l.inWord = true
	l.word.WriteRune(char)
}

func (l *lexer) quoted(quote rune) error {
	l.inWord = true
	for l.at++; l.at < len(l.text) && l.text[l.at] != quote; l.at++ {
		if quote == '"' && l.text[l.at] == '\\' && l.at+1 < len(l.text) {
			l.at++
		}
		l.word.WriteRune(l.text[l.at])
	}
	if l.at == len(l.text) {
		return errors.New("a quote is open")
	}
	return nil
}

// through takes a substitution as it stands.
func (l *lexer) through(end rune) error {
	for ; l.at < len(l.text) && l.text[l.at] != end; l.at++ {
		l.add(l.text[l.at])
	}
	if l.at == len(l.text) {
		return errors.New("a substitution is open")
	}
	l.add(end)
	return nil
}

func (l *lexer) endWord() {
	if l.inWord && !l.redirect {
		l.words = append(l.words, l.word.String())
	}
	if l.inWord {
		l.redirect = false
	}
	l.word.Reset()
	l.inWord = false
}

func (l *lexer) endCommand() {
	l.endWord()
	if len(l.words) > 0 {
		l.commands = append(l.commands, l.words)
	}
	l.words, l.redirect = nil, false
}
