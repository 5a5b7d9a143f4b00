package docs

import (
	"slices"
	"testing"
)

// TestEveryLineIsRun: of each line of each page something says how a test runs it, or why none does, and the tables that say it
// have nothing that is in no page.
func TestEveryLineIsRun(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	plan, err := w.NewPlan()
	if err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, page := range pages {
		steps, err := plan.Steps(page)
		if err != nil {
			t.Error(err)
		}
		for _, step := range steps {
			if len(step.Objects) > 0 {
				continue
			}
			action, err := plan.Action(step.Line)
			if err != nil {
				t.Errorf("%s:%d: %s\n\t%v", page.Path, step.Line.Number, step.Line.Text, err)
			}
			if action != nil {
				run++
			}
		}
	}
	const atLeast = 130
	if run < atLeast {
		t.Errorf("only %d lines are run", run)
	}
	for _, unused := range plan.Unused() {
		t.Errorf("%s: take it out of tests/docs/runs.go", unused)
	}
}

func TestRunsSayWhy(t *testing.T) {
	t.Parallel()
	w, _ := world(t)
	for _, run := range runs {
		if run.Why == "" {
			t.Errorf("%q has no reason", run.Line)
		}
		if run.By != "" && !slices.Contains(w.tests.names(), run.By) {
			t.Errorf("%q: there is no test %s", run.Line, run.By)
		}
		if run.By != "" && run.As != "" {
			t.Errorf("%q is run in two ways", run.Line)
		}
	}
}
