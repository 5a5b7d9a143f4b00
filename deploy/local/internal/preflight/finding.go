package preflight

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Level is how bad a Finding is.
type Level int

// The levels, from good to bad.
const (
	// OK is nothing to worry about.
	OK Level = iota
	// Warning does not keep the cluster from running.
	Warning
	// Installable keeps it from running until a package is installed.
	Installable
	// Problem keeps it from running until a person does something.
	Problem
)

func (l Level) String() string {
	return [...]string{"ok", "warning", "missing", "problem"}[l]
}

// Finding is the result of one check.
type Finding struct {
	Level Level
	// Check names what was looked at, What says what was found and Do what to do
	// about it, if anything.
	Check, What, Do string
	// Packages are the Debian packages that an Installable finding needs.
	Packages []string
}

// Print writes findings as one table.
func Print(w io.Writer, findings []Finding) error {
	width := 0
	for _, f := range findings {
		width = max(width, len(f.Check))
	}
	for _, f := range findings {
		line := fmt.Sprintf("  %-8s %-*s  %s", f.Level, width, f.Check, f.What)
		if f.Do != "" {
			line += ": " + f.Do
		}
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return nil
}

// Packages are the Debian packages that findings ask for.
func Packages(findings []Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.Packages...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Error is nil unless a finding of one of the given levels is there.
func Error(findings []Finding, levels ...Level) error {
	var bad []string
	for _, f := range findings {
		if !slices.Contains(levels, f.Level) {
			continue
		}
		text := f.What
		if f.Do != "" {
			text += ": " + f.Do
		}
		bad = append(bad, text)
	}
	if len(bad) == 0 {
		return nil
	}
	return fmt.Errorf("this machine is not ready: %s", strings.Join(bad, "; "))
}
