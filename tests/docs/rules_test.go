package docs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][][]string{
		"make up                # with a comment":               {{"make", "up"}},
		"make bin/x && sudo install bin/x /usr/local/bin":       {{"make", "bin/x"}, {"sudo", "install", "bin/x", "/usr/local/bin"}},
		`kubectl patch x -p '{"a":{"b":"c d"}}'`:                {{"kubectl", "patch", "x", "-p", `{"a":{"b":"c d"}}`}},
		"kubectl get leases | grep seamount; uname -r":          {{"kubectl", "get", "leases"}, {"grep", "seamount"}, {"uname", "-r"}},
		"kubectl logs POD > map 2>&1 &":                         {{"kubectl", "logs", "POD"}},
		"grep SECCOMP /boot/config-$(uname -r)      # the node": {{"grep", "SECCOMP", "/boot/config-$(uname -r)"}},
		`a "b \" c" d\ e x#y`:                                   {{"a", `b " c`, "d e", "x#y"}},
		"# only a comment":                                      nil,
	} {
		got, err := Split(line)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
	for _, line := range []string{"grep 'open", "a $(b"} {
		if got, err := Split(line); err == nil {
			t.Errorf("%q gives %q", line, got)
		}
	}
}

const sample = "# One Page\n\n" +
	"Text with `kubectl get\ndisks` and a [link](other.md#part).\n\n" +
	"    make up            # typed\n    kubectl get \\\n      disks\n\n" +
	"```\n$ make down\nall is gone\n```\n\n" +
	"```yaml\napiVersion: v1\n```\n\n" +
	"    kubectl apply -f - <<'EOF'\n    apiVersion: v1\n    EOF\n    make up\n\nand\n\n" +
	"    a ──▶ b\n"

func TestParse(t *testing.T) {
	t.Parallel()
	page := parse("x.md", sample)
	var sorts []Sort
	var typed []Command
	for _, block := range page.Blocks {
		sorts = append(sorts, block.Sort())
		if block.Sort() == Commands || block.Sort() == Screen {
			for _, line := range block.Lines() {
				commands, err := line.Commands()
				if err != nil {
					t.Error(err)
				}
				typed = append(typed, commands...)
			}
		}
	}
	if diff := cmp.Diff([]Sort{Commands, Screen, Objects, Commands, Picture}, sorts); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	want := []Command{
		{6, []string{"make", "up"}, ""}, {7, []string{"kubectl", "get", "disks"}, ""}, {11, []string{"make", "down"}, ""},
		{19, []string{"kubectl", "apply", "-f", "-"}, "apiVersion: v1\n"}, {22, []string{"make", "up"}, ""},
	}
	if diff := cmp.Diff(want, typed); diff != "" {
		t.Errorf("commands (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Span{{3, "kubectl get disks"}}, page.Spans()); diff != "" {
		t.Errorf("spans (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Span{{4, "other.md#part"}}, page.Links()); diff != "" {
		t.Errorf("links (-want +got):\n%s", diff)
	}
	if !page.Anchors()["one-page"] {
		t.Errorf("anchors %v", page.Anchors())
	}
}

// TestRulesRefuse shows each rule refuse something, with words that say what.
func TestRulesRefuse(t *testing.T) {
	t.Parallel()
	w, _ := world(t)
	for line, want := range map[string]string{
		"rm -rf x":                       "no rule knows the program",
		"make upp":                       "no target upp",
		"make bin/seamount-dash":         "no target bin/seamount-dash",
		"make bench PAKET=./ceph":        "no variable PAKET",
		"SEAMOUNT_CASH=/x make up":       "nothing reads the variable SEAMOUNT_CASH",
		"export SEAMOUNT_CASH=/x":        "nothing reads the variable",
		"go test ./cephh":                "no package cephh",
		"go test -run TestNoSuch ./...":  "no such test",
		"go get x":                       "go test, list, env, build and run only",
		"git rebase":                     "clone, commit only",
		"ceph osd purge 3":               "these commands of Ceph only",
		"kubectl seamount statuss":       "there is no command",
		"kubectl seamount status --chek": "unknown flag: --chek",
		"kubectl seamount approve":       "accepts 1 arg",
		"kubectl edit disks x":           "no rule knows kubectl edit",
		"kubectl get disks --wide":       "no rule knows the flag --wide",
		"kubectl get diskss":             "no rule knows the resource",
		"kubectl get":                    "needs a resource",
		"kubectl apply -f deploy/crdss":  "no file deploy/crdss",
		"kubectl get pods -l app.kubernetes.io/component=cosi":                          "nothing has the label",
		"kubectl get pods -l nobody.example/x=y":                                        "nothing writes the label",
		"kubectl get disks --field-selector status.result=Usable":                       "nothing can be selected by",
		"kubectl delete validatingadmissionpolicybinding seamount-guardd":               "no manifest has an object seamount-guardd",
		"kubectl get crd storagedisk.seamount.dev":                                      "no manifest has an object",
		"kubectl explain storagecluster.spec.mons":                                      "no field spec.mons",
		`kubectl patch storagecluster main --type merge -p '{"spec":{"paus":"None"}}'`:  "no field paus",
		`kubectl patch storagecluster main --type merge -p '{"spec":{"pause":"Some"}}'`: "pause cannot be Some",
		`kubectl patch pvc x -p '{"spec"'`:                                              "the patch",
		"helm install seamount deploy/helm/seamont":                                     "no chart deploy/helm/seamont",
		"helm install seamount deploy/helm/seamount --set images.seamont.tag=x":         "no value images.seamont.tag",
		"helm install seamount deploy/helm/seamount --atomic":                           "no rule knows the flag --atomic",
		"helm lint x":                 "pages use helm",
		"seamount-local trail up":     "no command trail",
		"seamount-local up --nods=3":  "no flag --nods",
		"seamount-node discover scam": "no command scam",
	} {
		simple, err := Split(line)
		if err != nil {
			t.Fatal(err)
		}
		err = w.Check(Command{Words: simple[0]})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

func TestObjectsAreRefused(t *testing.T) {
	t.Parallel()
	w, _ := world(t)
	const pool = "apiVersion: seamount.dev/v1alpha1\nkind: StoragePool\nmetadata: {name: x, namespace: z}\nspec: {clusterRef: {name: main}, "
	const cluster = "apiVersion: seamount.dev/v1alpha1\nkind: StorageCluster\nmetadata: {name: x, namespace: z}\n" +
		"spec: {ceph: {image: 'a:1'}, storage: {rules: [{name: x, match: {media: [SSD]}}]}, "
	for text, want := range map[string]string{
		pool + "replicated: {replicas: 3}}":           "",
		pool + "replicated: {replicas: 3, size: 1}}":  "unknown field",
		pool + "replicated: {replicas: 1}}":           "loses data with the first disk",
		cluster + "upgrade: {soakSeconds: 5}}":        "not available in this release",
		"spec: {}":                                    "write the whole object",
		"apiVersion: v1\nkind: Pod\nspec: {image: x}": "unknown field",
		"apiVersion: snapshot.storage.k8s.io/v1\nkind: VolumeSnapshot\nmetadata: {name: x}\nspec: {sauce: x}": "unknown field",
	} {
		err := w.CheckObjects(text)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n\tgives %v, want %q", text, err, want)
		}
	}
}

func TestNamedTests(t *testing.T) {
	t.Parallel()
	for cell, want := range map[string][]string{
		"`discover/verdict` TestA, TestB":                   {"discover/verdict TestA", "discover/verdict TestB"},
		"`a/b` TestA/One, /Two_three; `c` FuzzX":            {"a/b TestA/One", "a/b TestA/Two_three", "c FuzzX"},
		"`tests/fence` TestCeph16, TestCeph20: Fence":       {"tests/fence TestCeph16/Fence", "tests/fence TestCeph20/Fence"},
		"`t` TestC/Parts/One, /Two":                         {"t TestC/Parts/One", "t TestC/Parts/Two"},
		"`tests/x` TestA (`SEAMOUNT_E2E_VOLUMES=200`)":      {"tests/x TestA"},
		"`operator/app` TestSlices; `tests/agent` TestKill": {"operator/app TestSlices", "tests/agent TestKill"},
	} {
		var got []string
		for _, named := range namedIn(cell) {
			got = append(got, named.Package+" "+named.Test)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", cell, diff)
		}
	}
	tests := Tests{"a": {map[string]bool{"TestA": true}, map[string]bool{"One": true}}}
	for _, named := range []Named{{Package: "b", Test: "TestA"}, {Package: "a", Test: "TestB"}, {Package: "a", Test: "TestA/Two"}} {
		if tests.Check(named) == nil {
			t.Errorf("%v is taken for a test", named)
		}
	}
	if err := tests.Check(Named{Package: "a", Test: "TestA/One"}); err != nil {
		t.Error(err)
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	t.Parallel()
	w, _ := world(t)
	page := Page{Path: "docs/install.md"}
	for target, good := range map[string]bool{
		"api.md": true, "../README.md": true, "disks.md#slices": true, "https://example.com/x": true,
		"nothing.md": false, "disks.md#no-such-part": false,
	} {
		if err := w.follow(page, target); (err == nil) != good {
			t.Errorf("%s: %v", target, err)
		}
	}
}
