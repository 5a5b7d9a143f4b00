//go:build e2e

package local

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/local/cluster"
)

// TestTrial does what the README asks a newcomer to do: make up, each command that it ends with, and what docs/install.md says
// of uninstalling. Another make up brings the StorageCluster back that was kept, and make down leaves the machine as it was.
func TestTrial(t *testing.T) {
	c := cluster.New(t, cluster.Second)
	t.Cleanup(func() {
		if out, err := c.Try("trial", "down"); err != nil {
			t.Errorf("down: %v\n%s", err, out)
		}
	})
	before := takeSnapshot(t, c)
	told := mustMake(t, c, "up")
	for _, want := range []string{
		"3 nodes", "6, 10G each", "/6 OSDs", "300000 rows of pgbench", "shared: MDS ", "which demo/writers write on three nodes",
	} {
		if !strings.Contains(told, want) {
			t.Errorf("make up does not tell of %q:\n%s", want, told)
		}
	}
	setting, tries := commandsOf(t, told)
	setting += "export SEAMOUNT_LOCAL_DIR=" + c.Dir + "\n"
	checkDaemons(t, c, setting, told)
	for _, try := range tries {
		start := time.Now()
		mustShell(t, setting+try)
		first, _, _ := strings.Cut(strings.TrimSpace(try), "\n")
		t.Logf("%s took %s", first, time.Since(start).Round(time.Second))
	}
	for command, want := range map[string]string{
		"kubectl -n demo exec deployment/writers -- sh -c 'ls /shared'":                                                  "hello",
		"kubectl -n demo get deployment writers -o jsonpath='{.status.availableReplicas}'":                               "3",
		"kubectl -n demo get pods -l app=writers -o jsonpath='{.items[*].spec.nodeName}' | xargs -n 1 | sort -u | wc -l": "3",
		"kubectl seamount status": "main", "kubectl seamount volumes -A": "data-postgres-0", "kubectl -n demo get pvc data-postgres-0": "2Gi",
		"kubectl -n demo exec postgres-0 -- psql -At -c 'SELECT count(*) FROM pgbench_accounts'": "300000",
	} {
		c.Eventually(t, command, func() error { return shell(setting+command, want) })
	}
	readPages(t, setting)
	uninstallIsRefused(t, setting)
	fsid := mustShell(t, setting+clusterFSID)
	uninstallInOrder(t, c, setting)
	mustMake(t, c, "up")
	if now := mustShell(t, setting+clusterFSID); now != fsid || fsid == "" {
		t.Errorf("the StorageCluster was %q and came back as %q", fsid, now)
	}
	mustMake(t, c, "down")
	checkNothingLeft(t, c, before)
}

// checkDaemons looks for all daemons in what make up told. That was of a moment, in which one may have been too slow to be counted:
// then all are counted soon.
func checkDaemons(t *testing.T, c *cluster.Cluster, setting, told string) {
	t.Helper()
	for line, count := range map[string]struct{ object, field, want string }{
		", 6/6 OSDs":      {"storagecluster/main", "osds", "6/6"},
		"shared: MDS 1/1": {"storagefilesystem/shared", "mds", "1/1"},
	} {
		if strings.Contains(told, line) {
			continue
		}
		t.Logf("make up does not tell of %q:\n%s", line, told)
		get := fmt.Sprintf("kubectl -n seamount get %s -o jsonpath='{.status.summary.%s}'", count.object, count.field)
		c.Eventually(t, get, func() error { return shell(setting+get, count.want) })
	}
}

const clusterFSID = "kubectl -n seamount get storagecluster main -o jsonpath='{.status.fsid}'"

// uninstallInOrder does what docs/install.md says. What is counted in an object's status is some seconds old, and a deletion is
// refused until it is known anew. The definitions stay, and the keys of the cluster.
func uninstallInOrder(t *testing.T, c *cluster.Cluster, setting string) {
	t.Helper()
	mustShell(t, setting+`kubectl -n demo delete volumesnapshots --all
kubectl delete namespace demo
for volume in $(kubectl get persistentvolumes -o name); do kubectl wait --for=delete "$volume" --timeout=3m; done
`)
	for _, kind := range []string{"storagepool", "storagefilesystem", "storagecluster"} {
		remove := fmt.Sprintf("kubectl -n seamount delete %ss --all", kind)
		start := time.Now()
		c.Eventually(t, remove, func() error { return shell(setting+remove, kind+".seamount.dev") })
		t.Logf("%s took %s", remove, time.Since(start).Round(time.Second))
	}
	mustShell(t, setting+"helm uninstall seamount -n seamount\nkubectl get storageclusters -A")
}

// uninstallIsRefused has Helm uninstall Seamount while there is storage: it says what is there, and nothing is deleted.
func uninstallIsRefused(t *testing.T, setting string) {
	t.Helper()
	list := "kubectl -n seamount get deployments,daemonsets,serviceaccounts,clusterroles -o name"
	before := mustShell(t, setting+list)
	out, err := bash(setting + "helm uninstall seamount -n seamount").CombinedOutput()
	if err == nil {
		t.Errorf("Seamount was uninstalled under its volumes:\n%s", out)
	}
	said := mustShell(t, setting+"kubectl -n seamount logs job/seamount-uninstall-check")
	for _, want := range []string{"main", "pvc-"} {
		if !strings.Contains(said, want) {
			t.Errorf("the refusal does not name %s:\n%s", want, said)
		}
	}
	if after := mustShell(t, setting+list); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}

// mustMake runs make in the checkout, for the addresses and the directory of the tests.
func mustMake(t *testing.T, c *cluster.Cluster, target string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "make", target)
	if target == "up" {
		cmd.Args = append(cmd.Args, "ARGS="+strings.Join(c.Flags, " "))
	}
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "SEAMOUNT_LOCAL_DIR="+c.Dir)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
	t.Logf("make %s took %s", target, time.Since(start).Round(time.Second))
	return string(out)
}

// paragraph is one of commands, as make up ends with them.
var paragraph = regexp.MustCompile(`(?m)(^  .+\n)+`)

// commandsOf takes the commands from what make up told: the setting that all need, and then one paragraph after the other. Of
// what runs in the background, the end is waited for.
func commandsOf(t *testing.T, told string) (setting string, tries []string) {
	t.Helper()
	_, told, _ = strings.Cut(told, "\nLook at it:\n")
	for _, text := range paragraph.FindAllString(told, -1) {
		if first, rest, found := strings.Cut(text, "\n"); found && strings.HasPrefix(first, "  export ") {
			setting, text = first+"\n", rest
		}
		tries = append(tries, strings.Replace(text, " -T 60 ", " -T 15 ", 1)+"wait -fn || test $? = 127\n")
	}
	const atLeast = 7
	if setting == "" || len(tries) < atLeast {
		t.Fatalf("make up ends with %d paragraphs of commands and the setting %q:\n%s", len(tries), setting, told)
	}
	return setting, tries
}

func bash(script string) *exec.Cmd { return exec.Command("bash", "-euo", "pipefail", "-c", script) }

func mustShell(t *testing.T, script string) string {
	t.Helper()
	out, err := bash(script).Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			out = append(out, exit.Stderr...)
		}
		t.Fatalf("%s\n%v:\n%s", script, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// shell runs a command and looks for a word in what it prints.
func shell(script, want string) error {
	out, err := bash(script).CombinedOutput()
	if err == nil && !strings.Contains(string(out), want) {
		err = fmt.Errorf("%q is not in it", want)
	}
	if err != nil {
		return fmt.Errorf("%w:\n%s", err, out)
	}
	return nil
}
