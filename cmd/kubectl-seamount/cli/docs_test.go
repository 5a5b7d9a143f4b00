package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shown finds what docs/cli.md shows of a terminal, with the name of its golden file.
var shown = regexp.MustCompile("(?s)<!-- golden: ([a-z/-]+) -->\n```\n(.*?)```\n")

// TestDocs holds docs/cli.md to the golden files; with -update it takes them over.
func TestDocs(t *testing.T) {
	t.Parallel()
	const page = "../../../docs/cli.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	blocks := 0
	want := shown.ReplaceAllFunc(text, func(block []byte) []byte {
		blocks++
		name := string(shown.FindSubmatch(block)[1])
		screen, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
		if err != nil {
			t.Error(err)
		}
		return []byte("<!-- golden: " + name + " -->\n```\n" + string(screen) + "```\n")
	})
	if blocks == 0 {
		t.Errorf("%s shows no terminal", page)
	}
	if *update {
		if err := os.WriteFile(page, want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(text)); diff != "" {
		t.Errorf("%s differs from the golden files (-want +got):\n%s", page, diff)
	}
}
