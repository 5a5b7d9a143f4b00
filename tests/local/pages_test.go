//go:build e2e

package local

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/seamount-dev/seamount/tests/docs"
	"github.com/seamount-dev/seamount/tests/validation/crdtest"
)

// reader types what pages say, in a directory that looks like the checkout and with a home of its own.
type reader struct {
	setting, dir string
	things       map[string]string // of the trial, by the name of their variable
	did          map[string]bool
}

// lineLimit is how long a line of a page may take; what is noticeable is told.
const (
	lineLimit  = time.Minute
	noticeable = 2 * time.Second
)

// readPages does what every page says, but for what tests/docs knows that is not done here. What it made goes again.
func readPages(t *testing.T, setting string) {
	t.Helper()
	world, err := docs.Open()
	if err != nil {
		t.Fatal(err)
	}
	pages, err := world.Pages()
	if err != nil {
		t.Fatal(err)
	}
	plan, err := world.NewPlan()
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	r := newReader(t, setting)
	for _, page := range pages {
		r.make(t, plan, page) // other pages speak of it
	}
	for _, page := range pages {
		r.read(t, plan, page)
	}
	mustShell(t, r.setting+"kubectl -n seamount delete storageoperations --all\nkubectl delete namespace pages")
	t.Logf("%d lines and objects of pages took %s", len(r.did), time.Since(start).Round(time.Second))
	const atLeast = 100
	if len(r.did) < atLeast {
		t.Errorf("only %d lines and objects of pages were tried", len(r.did))
	}
}

// newReader makes the directory, and a namespace for what pages make without naming one.
func newReader(t *testing.T, setting string) *reader {
	t.Helper()
	dir := t.TempDir()
	root, err := crdtest.Root()
	if err == nil {
		err = mirror(root, dir)
	}
	home := filepath.Join(dir, "home")
	if err = errors.Join(err, os.MkdirAll(filepath.Join(home, ".local", "bin"), 0o755)); err != nil {
		t.Fatal(err)
	}
	caches := mustShell(t, `echo "export SEAMOUNT_CACHE=${SEAMOUNT_CACHE:-$HOME/.cache/seamount}"
for name in GOCACHE GOMODCACHE GOPATH; do echo "export $name=$(go env $name)"; done`)
	setting += fmt.Sprintf(`%s
export CHECKOUT=%q HOME=%q
cp "$KUBECONFIG" "$HOME/kubeconfig" && export KUBECONFIG="$HOME/kubeconfig"
kubectl config set-context --current --namespace=pages >/dev/null
grep() { command grep "$@" || test $? = 1; } # whether there is such a line is not asked
`, caches, root, home)
	mustShell(t, setting+"kubectl create namespace pages")
	const name = " -o jsonpath='{.items[0].metadata.name}'"
	return &reader{setting: setting, dir: dir, did: map[string]bool{}, things: map[string]string{
		"NODE":     "node1",
		"DISK":     mustShell(t, setting+"kubectl get disks --field-selector status.verdict.result=InUse"+name),
		"DISCOVER": mustShell(t, setting+"kubectl -n seamount get pods -l app.kubernetes.io/component=discover"+name),
	}}
}

// mirror makes a directory with what another has, so that what is written there is not written here.
func mirror(from, to string) error {
	entries, err := os.ReadDir(from)
	for _, entry := range entries {
		err = errors.Join(err, os.Symlink(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name())))
	}
	return err
}

// make makes the objects of a page that are not only to be checked.
func (r *reader) make(t *testing.T, plan *docs.Plan, page docs.Page) {
	t.Helper()
	steps, err := plan.Steps(page)
	if err != nil {
		t.Error(err)
	}
	for _, step := range steps {
		for _, object := range step.Objects {
			if object.Make {
				r.do(t, step.Line, docs.Action{Script: "kubectl apply -f - <<'EOF'\n" + object.Text + "\nEOF"})
			}
		}
	}
}

// read has the API server check the objects of a page, with its admission policies, and types its lines.
func (r *reader) read(t *testing.T, plan *docs.Plan, page docs.Page) {
	t.Helper()
	steps, err := plan.Steps(page)
	if err != nil {
		t.Error(err)
	}
	for _, step := range steps {
		for _, object := range step.Objects {
			r.do(t, step.Line, docs.Action{Script: "kubectl apply --server-side --force-conflicts --dry-run=server -f - <<'EOF'\n" + object.Text + "\nEOF"})
		}
		if len(step.Objects) > 0 {
			continue
		}
		action, err := plan.Action(step.Line)
		if err != nil {
			t.Errorf("%s:%d: %v", page.Path, step.Line.Number, err)
		}
		if action != nil {
			r.do(t, step.Line, *action)
		}
	}
}

func (r *reader) expanded(text string) string {
	for name, thing := range r.things {
		text = strings.ReplaceAll(text, "$"+name, thing)
	}
	return text
}

// do types a line. What several pages say is typed once.
func (r *reader) do(t *testing.T, line docs.Line, action docs.Action) {
	t.Helper()
	action.Script = r.expanded(action.Script)
	if r.did[action.Script] {
		return
	}
	r.did[action.Script] = true
	start := time.Now()
	err := r.typed(t.Context(), action)
	for err != nil && asksForHealth(action) && time.Since(start) < settled {
		<-time.After(time.Second)
		err = r.typed(t.Context(), action)
	}
	if err != nil {
		t.Errorf("%s:%d: %s\n%v", line.Page, line.Number, action.Script, err)
	}
	if took := time.Since(start); took > noticeable {
		t.Logf("%s:%d: %s took %s", line.Page, line.Number, line.Text, took.Round(time.Second))
	}
}

// settled is how long a cluster may not be healthy after pages made objects in it: the PGs of a new pool are unknown until an OSD
// tells of them, and what Ceph said is seen up to ten seconds late.
const settled = time.Minute

func asksForHealth(action docs.Action) bool { return strings.Contains(action.Script, "status --check") }

// typed runs a line as a person's shell does, in the foreground.
func (r *reader) typed(ctx context.Context, action docs.Action) error {
	limit := lineLimit
	if action.Within > 0 {
		limit = action.Within
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", r.setting+action.Script)
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	ended, status := ctx.Err() == nil, cmd.ProcessState.ExitCode()
	switch {
	case action.Within > 0 && ended:
		return fmt.Errorf("it ends with %d, and does not go on:\n%s", status, out)
	case action.Within == 0 && !ended:
		return fmt.Errorf("it has not ended after %s:\n%s", limit, out)
	case ended && err != nil:
		return fmt.Errorf("it ends with %d: %w\n%s", status, err, out)
	case strings.Contains(action.Script, " -l app.kubernetes.io/") && strings.Contains(string(out), "No resources found"):
		return fmt.Errorf("nothing has the label:\n%s", out)
	}
	return nil
}
