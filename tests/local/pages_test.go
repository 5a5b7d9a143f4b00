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

// pageLimit is how long a line of a page may take.
const pageLimit = time.Minute

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
	root, err := crdtest.Root()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	entries, err := os.ReadDir(root)
	for _, entry := range entries {
		err = errors.Join(err, os.Symlink(filepath.Join(root, entry.Name()), filepath.Join(dir, entry.Name())))
	}
	if err = errors.Join(err, os.MkdirAll(filepath.Join(dir, "home", ".local", "bin"), 0o755)); err != nil {
		t.Fatal(err)
	}
	caches := mustShell(t, `for name in GOCACHE GOMODCACHE GOPATH; do echo "export $name=$(go env $name)"; done
echo "export SEAMOUNT_CACHE=${SEAMOUNT_CACHE:-$HOME/.cache/seamount}"`)
	r := &reader{dir: dir, did: map[string]bool{}}
	r.setting = setting + caches + fmt.Sprintf(`
export CHECKOUT=%q HOME=%q
cp "$KUBECONFIG" %[3]q && export KUBECONFIG=%[3]q
kubectl config set-context --current --namespace=pages >/dev/null
grep() { command grep "$@" || test $? = 1; } # whether there is such a line is not asked
`, root, filepath.Join(dir, "home"), filepath.Join(dir, "home", "kubeconfig"))
	mustShell(t, r.setting+"kubectl create namespace pages")
	r.things = map[string]string{
		"NODE":     "node1",
		"DISK":     mustShell(t, r.setting+"kubectl get disks --field-selector status.verdict.result=InUse -o jsonpath='{.items[0].metadata.name}'"),
		"DISCOVER": mustShell(t, r.setting+"kubectl -n seamount get pods -l app.kubernetes.io/component=discover -o jsonpath='{.items[0].metadata.name}'"),
	}
	return r
}

func (r *reader) read(t *testing.T, plan *docs.Plan, page docs.Page) {
	t.Helper()
	steps, err := plan.Steps(page)
	if err != nil {
		t.Error(err)
	}
	for _, step := range steps {
		actions := r.apply(step.Objects)
		if len(actions) == 0 {
			action, err := plan.Action(step.Line)
			if err != nil {
				t.Errorf("%s:%d: %v", page.Path, step.Line.Number, err)
			}
			if action != nil {
				actions = append(actions, *action)
			}
		}
		for _, action := range actions {
			if err := r.do(t.Context(), action); err != nil {
				t.Errorf("%s:%d: %s\n%v", page.Path, step.Line.Number, step.Line.Text, err)
			}
		}
	}
}

// apply has the API server check objects, with its admission policies, or make them.
func (r *reader) apply(objects []docs.Object) []docs.Action {
	var actions []docs.Action
	for _, object := range objects {
		apply := "kubectl apply --server-side --force-conflicts --dry-run=server -f - <<'EOF'\n"
		if object.Make {
			apply = "kubectl apply -f - <<'EOF'\n"
		}
		actions = append(actions, docs.Action{Script: apply + r.expanded(object.Text) + "\nEOF"})
	}
	return actions
}

func (r *reader) expanded(text string) string {
	for name, thing := range r.things {
		text = strings.ReplaceAll(text, "$"+name, thing)
	}
	return text
}

// do types a line. What several pages say is typed once.
func (r *reader) do(ctx context.Context, action docs.Action) error {
	script := r.expanded(action.Script)
	if r.did[script] {
		return nil
	}
	r.did[script] = true
	limit := pageLimit
	if action.Within > 0 {
		limit = action.Within
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", r.setting+script)
	cmd.Dir = r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	out, err := cmd.CombinedOutput()
	ended := ctx.Err() == nil
	var exit *exec.ExitError
	switch {
	case action.Within > 0 && ended:
		return fmt.Errorf("it ends, and does not go on: %w\n%s", err, out)
	case action.Within > 0:
		return nil
	case ended && errors.As(err, &exit) && exit.ExitCode() == action.Status:
		return nil
	case err != nil || action.Status != 0:
		return fmt.Errorf("%s\nended with %w after at most %s:\n%s", script, err, limit, out)
	}
	return nil
}
