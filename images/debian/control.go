package debian

import (
	"bufio"
	"fmt"
	"io"
	"strings"
)

// Stanza is one paragraph of Debian's control format: a dpkg status file, a
// package index and a .sources file all consist of them. See deb-control(5).
type Stanza struct {
	// Fields holds each field's value by lower-case name; the lines of a
	// multi-line value are joined by newlines, without their leading space.
	Fields map[string]string
	// Text is the stanza as it was read, without the empty line after it.
	Text string
}

// Field returns the value of a field, whatever the case of its name.
func (s Stanza) Field(name string) string { return s.Fields[strings.ToLower(name)] }

// maxLine bounds a line of a control file; the longest in use are dependency
// lists of some ten thousand characters.
const maxLine = 4 << 20

// ParseControl reads all stanzas. Lines that start with # are comments.
func ParseControl(r io.Reader) ([]Stanza, error) {
	p := controlParser{}
	scanner := bufio.NewScanner(r)
	scanner.Buffer(nil, maxLine)
	for n := 1; scanner.Scan(); n++ {
		if err := p.line(scanner.Text()); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if err := scanner.Err(); err != nil {
		return nil, err
	}
	p.end()
	return p.stanzas, nil
}

type controlParser struct {
	stanzas []Stanza
	fields  map[string]string
	text    strings.Builder
	last    string
}

func (p *controlParser) line(line string) error {
	line = strings.TrimSuffix(line, "\r")
	switch {
	case strings.TrimSpace(line) == "":
		p.end()
		return nil
	case line[0] == '#':
		return nil
	case line[0] == ' ' || line[0] == '\t':
		return p.more(line)
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok || strings.TrimSpace(name) == "" {
		return fmt.Errorf("%q is not a field", abbreviate(line))
	}
	return p.field(strings.ToLower(name), strings.TrimSpace(value), line)
}

func (p *controlParser) field(name, value, line string) error {
	if p.fields == nil {
		p.fields = map[string]string{}
	}
	if _, twice := p.fields[name]; twice {
		return fmt.Errorf("field %q is given twice", abbreviate(name))
	}
	p.fields[name], p.last = value, name
	p.text.WriteString(line + "\n")
	return nil
}

// more adds a continuation line to the last field.
func (p *controlParser) more(line string) error {
	if p.fields == nil {
		return fmt.Errorf("%q continues no field", abbreviate(line))
	}
	if p.fields[p.last] != "" {
		p.fields[p.last] += "\n"
	}
	p.fields[p.last] += strings.TrimSpace(line)
	p.text.WriteString(line + "\n")
	return nil
}

func (p *controlParser) end() {
	if p.fields == nil {
		return
	}
	p.stanzas = append(p.stanzas, Stanza{Fields: p.fields, Text: p.text.String()})
	p.fields, p.last = nil, ""
	p.text.Reset()
}

// abbreviate keeps an error about a file that is not what it should be short.
func abbreviate(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
