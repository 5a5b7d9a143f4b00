package house

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// syntheticGraph has one package a line, in the form of `go list`: every breach that the law knows, or none.
type syntheticGraph struct {
	Rule     string     // the rule that must find something, "" when none may
	Packages []*Package // with "./" for the main module
	Want     string     // part of the first finding
}

func readGraphs(t *testing.T) []syntheticGraph {
	t.Helper()
	raw, err := os.ReadFile("testdata/graphs.json")
	if err != nil {
		t.Fatal(err)
	}
	var graphs []syntheticGraph
	if err := json.Unmarshal([]byte(strings.ReplaceAll(string(raw), `"./`, `"`+Module+`/`)), &graphs); err != nil {
		t.Fatal(err)
	}
	return graphs
}

func (g syntheticGraph) graph() Graph {
	graph := Graph{}
	for _, pkg := range g.Packages {
		graph[pkg.ImportPath] = pkg
	}
	return graph
}

func TestLawOnSyntheticGraphs(t *testing.T) {
	t.Parallel()
	broken := map[string]bool{}
	for _, synthetic := range readGraphs(t) {
		var found []string
		for _, rule := range Law {
			for _, finding := range rule.Check(synthetic.graph()) {
				found = append(found, rule.Name+": "+finding.String())
			}
		}
		broken[synthetic.Rule] = true
		switch {
		case synthetic.Rule == "" && len(found) > 0:
			t.Errorf("a lawful graph is refused: %v", found)
		case synthetic.Rule == "":
		case len(found) != 1 || !strings.HasPrefix(found[0], synthetic.Rule+": ") || !strings.Contains(found[0], synthetic.Want):
			t.Errorf("rule %q, wanted one finding with %q, got %q", synthetic.Rule, synthetic.Want, found)
		}
	}
	for _, rule := range Law {
		if !broken[rule.Name] {
			t.Errorf("no synthetic graph breaks the rule %q", rule.Name)
		}
	}
}

func TestDecodeGraphRefusesNoise(t *testing.T) {
	t.Parallel()
	if _, err := decodeGraph(strings.NewReader(`{"ImportPath":"a"} warning: x`)); err == nil {
		t.Error("noise after the first package was accepted")
	}
}
