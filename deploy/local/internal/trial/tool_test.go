package trial

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

func TestFailedToolTellsItsLastLineAndItsLog(t *testing.T) {
	t.Parallel()
	c := Checkout{Root: t.TempDir(), Logs: t.TempDir(), Report: progress.Discard()}
	err := c.do(t.Context(), "bake", "oven", "sh", "-c", "echo flour; echo no yeast >&2; echo; exit 3")
	var step *progress.Error
	if !errors.As(err, &step) || step.Log != filepath.Join(c.Logs, "trial-oven.log") || !strings.HasSuffix(step.Err.Error(), "exit status 3: no yeast") {
		t.Fatalf("error %v", err)
	}
	if log, err := os.ReadFile(step.Log); err != nil || string(log) != "flour\nno yeast\n\n" {
		t.Errorf("log %q, %v", log, err)
	}
	if err := c.do(t.Context(), "bake", "oven", "true"); err != nil {
		t.Error(err)
	}
}

func TestLastLine(t *testing.T) {
	t.Parallel()
	var said []string
	l := &lastLine{say: func(line string) { said = append(said, line) }}
	for _, data := range []string{"one\ntw", "o\n\n  \nthr", "ee\nfour"} {
		if n, err := l.Write([]byte(data)); n != len(data) || err != nil {
			t.Fatalf("%d, %v", n, err)
		}
	}
	if diff := cmp.Diff([]string{"one", "two", "three"}, said); diff != "" || l.line != "three" {
		t.Errorf("last %q, said (-want +got):\n%s", l.line, diff)
	}
}
