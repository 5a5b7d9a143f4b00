package docs

import (
	"slices"
	"strings"
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

func TestAction(t *testing.T) {
	t.Parallel()
	w, _ := world(t)
	plan, err := w.NewPlan()
	if err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"kubectl get disks -o wide":                        "kubectl get disks -o wide",
		"kubectl -n NAMESPACE logs POD   # what NODE says": "kubectl -n seamount logs $DISCOVER",
		"kubectl get pods | grep seamount":                 "kubectl get pods | grep seamount",
		"kubectl patch disk NAME --type merge -p '{}'":     "kubectl patch disk $DISK --type merge -p '{}' --dry-run=server",
		"sudo make up":                          "",
		"kubectl -n demo delete pod postgres-0": "", // make up prints it
		"kubectl -n demo delete pod postgres-1": "error: nothing says how",
		"kubectl get disks -w":                  "error: nothing says how",
		"kubectl get disks | tee x":             "error: nothing says how",
		"kubectl seamount approve":              "kubectl seamount approve --dry-run=client || test $? = 1",
		"kubectl seamount ceph -- osd purge 3":  "error: nothing says how",
		"make uninstall":                        "error: nothing says how",
		"kubectl get nodes THAT":                "error: nothing says what THAT is",
		"kubectl get disk wwn-5000c500":         "error: nothing says what wwn-5000c500 is",
		"kubectl get secret/<name>":             "error: nothing says what <name> is",
	} {
		action, err := plan.Action(Line{Page: "docs/x.md", Text: line})
		got := ""
		switch {
		case err != nil:
			got = "error: " + err.Error()
		case action != nil:
			got = action.Script
		}
		if fits := got == want || strings.HasPrefix(want, "error: ") && strings.HasPrefix(got, want); !fits {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
