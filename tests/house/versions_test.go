package house

import (
	"testing"
	"testing/fstest"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	found, err := theRepo(t).CheckVersions()
	if err != nil {
		t.Fatal(err)
	}
	report(t, found)
}

func TestCheckVersions(t *testing.T) {
	t.Parallel()
	tree := fstest.MapFS{
		"go.mod":       {Data: []byte("module a\n\nrequire (\n\tx.org/one v1.9.0\n\tx.org/two v1.0.0 // indirect\n)\n")},
		"tools/go.mod": {Data: []byte("module a/tools\n\nrequire x.org/one v1.10.0\n\nrequire x.org/two v1.0.0\n")},
		"more/go.mod":  {Data: []byte("module a/more\n\nrequire x.org/three v0.0.0\n\nreplace x.org/three v0.0.0 => x.org/three v1.0.0\n")},
	}
	found, err := checkVersions(tree, []string{".", "tools", "more"})
	if err != nil {
		t.Fatal(err)
	}
	wantFindings(t, found, "go.mod:4: x.org/one is v1.9.0, and v1.10.0 in tools/go.mod: go get x.org/one@v1.10.0")
	if _, err := checkVersions(tree, []string{"lost"}); err == nil {
		t.Error("a module without a go.mod was passed over")
	}
}
