package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// A worker is started the way its keeper was, also through the dynamic linker of a bundle.
func TestLinked(t *testing.T) {
	t.Parallel()
	line := strings.Fields("/b/ld-linux.so --library-path /b/lib --argv0 seamount-block /b/bin/seamount-block keeper --dir /d --node n")
	got, err := linked("/real/b/ld-linux.so", line, 5)
	want := strings.Fields("/real/b/ld-linux.so --library-path /b/lib --argv0 seamount-block /b/bin/seamount-block")
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := linked("/b/ld.so", []string{"/b/ld.so", "keeper"}, 1); err == nil {
		t.Error("a command line without the program is taken")
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]struct {
		code int
		text string
	}{
		"version":                      {0, "seamount-block dev"},
		"keeper --dir /d":              {exitFailed, `required flag(s) "node"`},
		"status --dir /does-not/exist": {exitFailed, "no process of seamount-block listens"},
		"worker --dir /does-not/exist": {exitFailed, "started by its keeper alone"},
		"map":                          {exitFailed, "unknown command"},
	} {
		var out bytes.Buffer
		if code := run(t.Context(), strings.Fields(line), &out, &out); code != want.code || !strings.Contains(out.String(), want.text) {
			t.Errorf("%s: code %d, output %s", line, code, out.String())
		}
	}
}
