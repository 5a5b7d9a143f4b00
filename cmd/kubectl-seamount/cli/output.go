package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"
)

// format is how an answer is printed.
type format string

const (
	formatTable format = "table"
	formatWide  format = "wide"
	formatJSON  format = "json"
	formatYAML  format = "yaml"
)

func allFormats() []string {
	return []string{string(formatTable), string(formatWide), string(formatJSON), string(formatYAML)}
}

// String, Set and Type make a format a flag's value.
func (f *format) String() string { return string(*f) }

// Type names the value in the usage text.
func (f *format) Type() string { return strings.Join(allFormats(), "|") }

// Set refuses what is no format.
func (f *format) Set(s string) error {
	for _, known := range allFormats() {
		if s == known {
			*f = format(s)
			return nil
		}
	}
	return fmt.Errorf("want %s", strings.Join(allFormats(), ", "))
}

// output are the flags of a command that prints an answer.
type output struct {
	format    format
	noHeaders bool
	watch     bool
}

func (o *output) addTo(cmd *cobra.Command) {
	o.format = formatTable
	cmd.Flags().VarP(&o.format, "output", "o", "how to print the answer")
	cmd.Flags().BoolVar(&o.noHeaders, "no-headers", false, "print tables without their first line")
	completeFlag(cmd, "output", allFormats())
}

func (o *output) addWatch(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&o.watch, "watch", "w", false, "print again whenever something changes")
}

// paper is what the lines of an answer for people are written on.
type paper struct {
	bytes.Buffer
	output output
}

func (p *paper) wide() bool { return p.output.format == formatWide }

func (p *paper) linef(format string, args ...any) { fmt.Fprintf(p, format+"\n", args...) }

// column of a table.
type column[T any] struct {
	name string
	cell func(T) string
	wide bool // only with -o wide
}

// table prints rows in columns. Columns that are empty in every row are left out, but for the first.
func table[T any](p *paper, indent string, rows []T, columns ...column[T]) {
	var shown []column[T]
	for i, c := range columns {
		if (!c.wide || p.wide()) && (i == 0 || filled(rows, c)) {
			shown = append(shown, c)
		}
	}
	w := tabwriter.NewWriter(p, 0, 0, 3, ' ', 0)
	if !p.output.noHeaders {
		fmt.Fprintln(w, indent+joinCells(shown, func(c column[T]) string { return c.name }))
	}
	for _, row := range rows {
		fmt.Fprintln(w, indent+joinCells(shown, func(c column[T]) string { return orDash(c.cell(row)) }))
	}
	_ = w.Flush() // into memory
}

func filled[T any](rows []T, c column[T]) bool {
	for _, row := range rows {
		if c.cell(row) != "" {
			return true
		}
	}
	return false
}

func joinCells[T any](columns []column[T], cell func(column[T]) string) string {
	cells := make([]string, 0, len(columns))
	for _, c := range columns {
		cells = append(cells, strings.ReplaceAll(cell(c), "\n", " "))
	}
	return strings.Join(cells, "\t")
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// write prints an answer: data as it is, and for people what draw makes of it.
func (o output) write(w io.Writer, data any, draw func(*paper)) error {
	text, err := o.render(data, draw)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

func (o output) render(data any, draw func(*paper)) ([]byte, error) {
	switch o.format {
	case formatJSON:
		text, err := json.MarshalIndent(data, "", "  ")
		if err != nil {
			return nil, fmt.Errorf("write JSON: %w", err)
		}
		return append(text, '\n'), nil
	case formatYAML:
		text, err := yaml.Marshal(data)
		if err != nil {
			return nil, fmt.Errorf("write YAML: %w", err)
		}
		return text, nil
	}
	p := &paper{output: o}
	draw(p)
	return p.Bytes(), nil
}
