package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/api/conditions"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// endsByItself are the reasons that nobody needs a page for: nothing is wrong, or it passes without a person.
var endsByItself = map[string][]string{
	v1alpha1.KindStorageCluster: {
		v1alpha1.ReasonCreating, v1alpha1.ReasonDeleting, v1alpha1.ReasonFailingOver, v1alpha1.ReasonRecovering, v1alpha1.ReasonPreparing,
		v1alpha1.ReasonUpgrading, v1alpha1.ReasonAwaitingWindow, v1alpha1.ReasonNoneWaiting, v1alpha1.ReasonNotPaused,
		v1alpha1.ReasonNotDraining, v1alpha1.ReasonNodeCordoned, v1alpha1.ReasonNooutSet, v1alpha1.ReasonNotDeleting,
		v1alpha1.ReasonStoppingDaemons,
	},
	v1alpha1.KindStorageDisk: {
		v1alpha1.ReasonAvailable, v1alpha1.ReasonPlanned, v1alpha1.ReasonPreparing, v1alpha1.ReasonDraining, v1alpha1.ReasonWiping,
	},
	v1alpha1.KindStoragePool:       {v1alpha1.ReasonCreating, v1alpha1.ReasonRebalancing, v1alpha1.ReasonNotDeleting, v1alpha1.ReasonRemoving},
	v1alpha1.KindStorageFilesystem: {},
	v1alpha1.KindStorageOperation:  {v1alpha1.ReasonRunning},
}

// reasonPages are the pages of what refuses or holds up objects, with the kinds that they are of.
var reasonPages = map[string][]string{
	"docs/runbooks/reasons/clusters.md":   {v1alpha1.KindStorageCluster},
	"docs/runbooks/reasons/disks.md":      {v1alpha1.KindStorageDisk},
	"docs/runbooks/reasons/operations.md": {v1alpha1.KindStorageOperation},
	"docs/runbooks/reasons/pools.md":      {v1alpha1.KindStoragePool, v1alpha1.KindStorageFilesystem},
}

// reasonsOf returns what of a kind a person must act on: the reasons of its conditions when they are not as they should be,
// and those of its verdicts, plans and blockers.
func reasonsOf(t *testing.T, w *World, kind string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, spec := range conditions.Of(kind) {
		reasons := spec.False
		switch spec.Polarity {
		case conditions.PolarityNegative:
			reasons = spec.True
		case conditions.PolarityNeutral:
			reasons = slices.Concat(spec.True, spec.False)
		}
		for _, reason := range reasons {
			found[reason] = true
		}
	}
	switch kind {
	case v1alpha1.KindStorageDisk:
		actions := []v1alpha1.PlanAction{v1alpha1.PlanSkip, v1alpha1.PlanWait, v1alpha1.PlanAdd}
		for _, action := range actions {
			for _, reason := range v1alpha1.PlanReasons(action) {
				found[reason] = reason != v1alpha1.PlanReasonMatched
			}
		}
		for _, reason := range append(v1alpha1.UnknownReasons(), v1alpha1.PlanReasonRuleNoLongerMatches, v1alpha1.ReasonNotReported) {
			found[reason] = true
		}
	case v1alpha1.KindStorageOperation:
		for _, reason := range blockers(t, w) {
			found[reason] = true
		}
	}
	for _, reason := range endsByItself[kind] {
		if !found[reason] && kind != v1alpha1.KindStorageFilesystem {
			t.Errorf("%s has no reason %s that could end by itself", kind, reason)
		}
		delete(found, reason)
	}
	return found
}

// blockers reads from the operator's source by which reasons it refuses an operation: the constants Blocker..., and the
// reasons of the API that it refuses with.
func blockers(t *testing.T, w *World) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.repo.Root, "operator/plan/operation*.go"))
	if err != nil {
		t.Fatal(err)
	}
	api := reasonConstants(t, filepath.Join(w.repo.Root, "api/v1alpha1/reasons.go"), "Reason")
	var found []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, value := range reasonConstants(t, file, "Blocker") {
			found = append(found, value)
		}
		for _, name := range refusedWith(t, file) {
			found = append(found, api[name])
		}
	}
	if len(found) < 15 {
		t.Errorf("only %d blockers were found", len(found))
	}
	return found
}

// reasonConstants are the constants of a file whose names begin with a prefix, by their names.
func reasonConstants(t *testing.T, file, prefix string) map[string]string {
	t.Helper()
	found := map[string]string{}
	inspect(t, file, func(node ast.Node) {
		spec, is := node.(*ast.ValueSpec)
		if !is || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, prefix) {
			return
		}
		if literal, is := spec.Values[0].(*ast.BasicLit); is && literal.Kind == token.STRING {
			value, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = value
		}
	})
	return found
}

// refusedWith are the reasons of the API that calls of a method refuse name, by the names of their constants.
func refusedWith(t *testing.T, file string) []string {
	t.Helper()
	var found []string
	inspect(t, file, func(node ast.Node) {
		call, is := node.(*ast.CallExpr)
		if !is || len(call.Args) == 0 {
			return
		}
		if method, is := call.Fun.(*ast.SelectorExpr); !is || method.Sel.Name != "refuse" {
			return
		}
		if reason, is := call.Args[0].(*ast.SelectorExpr); is && strings.HasPrefix(reason.Sel.Name, "Reason") && reason.Sel.Name != "Reason" {
			found = append(found, reason.Sel.Name)
		}
	})
	return found
}

func inspect(t *testing.T, file string, visit func(ast.Node)) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(tree, func(node ast.Node) bool {
		visit(node)
		return true
	})
}

// reasonHeading is a heading that names one reason, or several that are one trouble.
var reasonHeading = regexp.MustCompile(`^## ([A-Z]\w*(?:, [A-Z]\w*)*)$`)

// sectionsOf returns the text of the section of each reason of a page.
func sectionsOf(page Page) map[string]string {
	sections := map[string]string{}
	var reasons []string
	for _, line := range page.Prose {
		if match := reasonHeading.FindStringSubmatch(line); match != nil {
			reasons = strings.Split(match[1], ", ")
			continue
		}
		for _, reason := range reasons {
			sections[reason] += line + "\n"
		}
	}
	return sections
}

// TestReasonsHaveRunbooks: each reason by which an object is refused or held up until a person acts has its section, and
// each section its reason; each says what to know, where to look, what to do, and what not to do.
func TestReasonsHaveRunbooks(t *testing.T) {
	t.Parallel()
	w, pages := world(t)
	checked := 0
	for _, page := range pages {
		if path.Dir(page.Path) != "docs/runbooks/reasons" || path.Base(page.Path) == "README.md" {
			continue
		}
		checked++
		wanted, sections := map[string]bool{}, sectionsOf(page)
		for _, kind := range reasonPages[page.Path] {
			for reason, is := range reasonsOf(t, w, kind) {
				wanted[reason] = wanted[reason] || is
			}
		}
		for _, reason := range endsByItself[v1alpha1.KindStoragePool] { // a filesystem has the conditions of its pools
			if slices.Contains(reasonPages[page.Path], v1alpha1.KindStoragePool) {
				delete(wanted, reason)
			}
		}
		for reason, is := range wanted {
			if text, written := sections[reason]; is && !written {
				t.Errorf("%s has no section %s", page.Path, reason)
			} else if is {
				complete(t, page.Path, reason, text)
			}
		}
		for reason := range sections {
			if !wanted[reason] {
				t.Errorf("%s: nothing is refused or held up because of %s", page.Path, reason)
			}
		}
	}
	if checked != len(reasonPages) {
		t.Errorf("%d pages of reasons, want %d", checked, len(reasonPages))
	}
}

func complete(t *testing.T, page, reason, text string) {
	t.Helper()
	for _, part := range []string{"**Means:**", "**Look:**", "**Do:**", "**Not:**"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %s lacks %q", page, reason, part)
		}
	}
}

// TestRunbooksAreLinked: kubectl seamount why has an address for each section, and for nothing else.
func TestRunbooksAreLinked(t *testing.T) {
	t.Parallel()
	_, pages := world(t)
	for _, page := range pages {
		kinds := reasonPages[page.Path]
		if len(kinds) == 0 {
			continue
		}
		headings := headingsOf(page)
		if diff := cmp.Diff(headings, answer.ReasonHeadings(path.Base(page.Path))); diff != "" {
			t.Errorf("%s and cmd/kubectl-seamount/answer/runbook.go (-page +source):\n%s", page.Path, diff)
		}
		for _, kind := range kinds {
			reason, _, _ := strings.Cut(headings[0], ", ")
			if got := answer.Runbook(kind, reason); !strings.Contains(got, "/"+page.Path+"#"+strings.ToLower(reason)) {
				t.Errorf("%s %s is linked to %q", kind, reason, got)
			}
		}
	}
}

// headingsOf are the headings of a page that name reasons, without their marks.
func headingsOf(page Page) (headings []string) {
	for _, line := range page.Prose {
		if match := reasonHeading.FindStringSubmatch(line); match != nil {
			headings = append(headings, match[1])
		}
	}
	return headings
}
