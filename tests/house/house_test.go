package house

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var (
	openRepo   = sync.OnceValues(OpenRepo)
	parsedRepo = sync.OnceValues(func() ([]*GoFile, error) {
		repo, err := openRepo()
		if err != nil {
			return nil, err
		}
		return repo.GoFiles()
	})
)

func theRepo(t *testing.T) *Repo {
	t.Helper()
	repo, err := openRepo()
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func theFiles(t *testing.T) []*GoFile {
	t.Helper()
	files, err := parsedRepo()
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func report(t *testing.T, found []Finding) {
	t.Helper()
	for _, finding := range found {
		t.Error(finding)
	}
}

func TestRepoIsSeenWhole(t *testing.T) {
	t.Parallel()
	repo, files := theRepo(t), theFiles(t)
	if repo.Modules()[0] != "." || len(repo.Modules()) < 2 {
		t.Errorf("modules %v: the main module and the tools at least", repo.Modules())
	}
	for _, file := range files {
		if file.Path == "tests/house/house_test.go" {
			return
		}
	}
	t.Errorf("this file is not among the %d Go files found", len(files))
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	report(t, CheckBudgets(theFiles(t)))
}

// TestReportFunctionLengths prints how long functions are, for each top folder. `make report` shows it.
func TestReportFunctionLengths(t *testing.T) {
	t.Parallel()
	folders := map[string][]*GoFile{}
	for _, file := range theFiles(t) {
		top, _, _ := strings.Cut(file.Path, "/")
		folders[top] = append(folders[top], file)
	}
	t.Logf("%-12s %9s %6s %4s %4s", "folder", "functions", "median", "p90", "max")
	for _, top := range sortedKeys(folders) {
		d := Distribute(folders[top])
		t.Logf("%-12s %9d %6d %4d %4d", top, d.Count, d.Median, d.P90, d.Max)
	}
	d := Distribute(theFiles(t))
	t.Logf("%-12s %9d %6d %4d %4d", "all", d.Count, d.Median, d.P90, d.Max)
	if d.Median == 0 {
		t.Error("no function was measured")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	report(t, CheckNames(theFiles(t)))
}

func TestPackageDocs(t *testing.T) {
	t.Parallel()
	report(t, CheckPackageDocs(theFiles(t)))
}

func TestNoSleep(t *testing.T) {
	t.Parallel()
	report(t, CheckSleeps(theFiles(t)))
}

func TestPurePackagesReadNoClock(t *testing.T) {
	t.Parallel()
	report(t, CheckClocks(theFiles(t)))
}

func TestCgoStaysInItsPlace(t *testing.T) {
	t.Parallel()
	report(t, CheckCgo(theFiles(t)))
}

func TestTexts(t *testing.T) {
	t.Parallel()
	found, err := theRepo(t).CheckTexts()
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

// TestImportLaw lists the packages in both worlds: a laptop without Ceph, and the build of the product with all tests.
func TestImportLaw(t *testing.T) {
	t.Parallel()
	repo := theRepo(t)
	for _, config := range []ListConfig{
		{Dir: repo.Root, CGO: "0", Packages: []string{"./..."}},
		{Dir: repo.Root, CGO: "1", Tags: "pacific,e2e", Packages: []string{"./..."}},
	} {
		t.Run("cgo="+config.CGO, func(t *testing.T) {
			t.Parallel()
			graph, err := List(config)
			if err != nil {
				t.Fatal(err)
			}
			if graph[Module+"/tests/house"] == nil {
				t.Fatalf("go list ./... did not list this package, among %d", len(graph))
			}
			for _, rule := range Law {
				for _, finding := range rule.Check(graph) {
					t.Errorf("%s: %s", rule.Name, finding)
				}
			}
		})
	}
}

// givenAway says whether programs of a module leave this repository. The tools do not, and the parts
// of the local Kubernetes run on the machine that builds them.
func givenAway(module string) bool {
	return module != "tools" && !strings.HasPrefix(module, "tools/") && !strings.HasPrefix(module, "deploy/local/components/")
}

func TestLicences(t *testing.T) {
	t.Parallel()
	repo := theRepo(t)
	for _, module := range repo.Modules() {
		if !givenAway(module) {
			continue
		}
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			graph, err := List(ListConfig{Dir: filepath.Join(repo.Root, module), CGO: "1", Tags: "pacific", Packages: []string{"./..."}})
			if err != nil {
				t.Fatal(err)
			}
			linked, err := LinkedModules(graph)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range linked {
				t.Logf("%-60s %-40s %v", m.Path, m.Version, m.Files)
				if err := m.Verdict(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
