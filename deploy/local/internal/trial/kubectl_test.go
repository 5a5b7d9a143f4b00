package trial

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/progress"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file in testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", name, diff)
	}
}

// answering is a kubectl that answers each verb with a text.
func answering(t *testing.T, answers map[string]string) Kubectl {
	t.Helper()
	dir := t.TempDir()
	for verb, answer := range answers {
		if err := os.WriteFile(filepath.Join(dir, verb), []byte(answer), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	program, err := filepath.Abs(filepath.Join("testdata", "kubectl"))
	if err != nil {
		t.Fatal(err)
	}
	return Kubectl{Program: program, Kubeconfig: dir}
}

// kept is what a kubectl of answering was asked, or given.
func (k Kubectl) kept(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(k.Kubeconfig, name))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// try is what comes of awaiting a goal.
func try(t *testing.T, k Kubectl, limit time.Duration) error {
	t.Helper()
	goal := Goal{Namespace: "seamount", Object: "storagecluster/main", Reached: conditionReady, Limit: limit, Look: []string{"get storagedisks -o wide"}}
	report := progress.New(io.Discard, nil)
	var step *progress.Step
	if err := report.Do(t.Context(), "try", func(_ context.Context, s *progress.Step) error { step = s; return nil }); err != nil {
		t.Fatal(err)
	}
	return k.await(t.Context(), step, filepath.Join(k.Kubeconfig, "log"), goal)
}

const (
	notReady = `{"metadata": {"generation": 1}, "status": {"conditions": [
		{"type": "Ready", "status": "False", "reason": "Forming", "message": "1 of 3 mons is in quorum", "observedGeneration": 1}]}}`
	ready = `{"metadata": {"generation": 1}, "status": {"capacity": {"raw": "64400M", "usedPercent": 0}, "conditions": [{"type": "Ready", "status": "True", "observedGeneration": 1}]}}`
)

func TestAwaitSeesTheObjectBecomeReady(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"watch": notReady + "\n" + ready + "\n"})
	if err := try(t, k, time.Minute); err != nil {
		t.Fatal(err)
	}
	want := "-n seamount get storagecluster --field-selector=metadata.name=main --watch -o json\n"
	if diff := cmp.Diff(want, k.kept(t, "asked")); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// An object of another shape is no reason to wait for better ones.
func TestAwaitEndsAtWhatItCannotRead(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"watch": `{"metadata": {"generation": "one"}}`})
	if err := try(t, k, time.Minute); err == nil || !strings.Contains(err.Error(), "Generation") {
		t.Errorf("error %v, want one about the Generation", err)
	}
}

func TestTimeoutTellsAll(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"watch": notReady, "events": "2m Warning Slow the disk is slow\n1m Normal Well it goes on\n", "describe": "Name: main"})
	err := try(t, k, 300*time.Millisecond)
	var timeout *Timeout
	if !errors.As(err, &timeout) {
		t.Fatalf("error %v, want a Timeout", err)
	}
	golden(t, "timeout.txt", strings.NewReplacer(k.Kubeconfig, "/state/kubeconfig", k.Program, "/programs/kubectl").Replace(err.Error())+"\n")
	log := k.kept(t, "log")
	for _, want := range []string{"# kubectl -n seamount describe storagecluster/main\nName: main\n", "# kubectl get storagedisks -o wide\n", "No such file"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not have %q:\n%s", want, log)
		}
	}
}

func TestTimeoutOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	err := &Timeout{Goal: Goal{Namespace: "demo", Object: "pod/postgres-0", Limit: time.Minute}, Kubeconfig: "/k", Kubectl: "kubectl"}
	for _, want := range []string{"pod/postgres-0 in namespace demo is not ready after 1m0s: it is not there\n", "Its events:\n  none\n"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one with %q", err, want)
		}
	}
}

// An object that is there stays as it is; one that is not is made.
func TestEnsure(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ there, applied string }{
		"there":     {`{"metadata": {"name": "main"}}`, ""},
		"not there": {"", "kind: StorageCluster"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := answering(t, map[string]string{"get": tc.there, "apply": ""})
			trial := Trial{Kubectl: k, Checkout: Checkout{Report: progress.Discard()}}
			err := trial.Report.Do(t.Context(), "try", func(ctx context.Context, step *progress.Step) error {
				return trial.ensure(ctx, step, Namespace, "storagecluster/main", "kind: StorageCluster")
			})
			if err != nil || k.kept(t, "applied") != tc.applied {
				t.Errorf("error %v, applied %q, want %q", err, k.kept(t, "applied"), tc.applied)
			}
		})
	}
}

func TestUnmountEndsPodsAndWaits(t *testing.T) {
	t.Parallel()
	k := answering(t, map[string]string{"get": `{"items": [{"spec": {"csi": {"driver": "rbd.csi.seamount.dev"}, "claimRef": {"namespace": "demo"}}}]}`, "delete": "", "wait": ""})
	if err := Unmount(t.Context(), progress.Discard(), k); err != nil {
		t.Fatal(err)
	}
	want := `get --raw=/readyz
get persistentvolumes -o json
-n demo delete --all --wait=false deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs,pods
wait --for=delete volumeattachments --all --timeout=2m0s
`
	if diff := cmp.Diff(want, k.kept(t, "asked")); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
}

// A cluster that is about to be removed is not kept by what it cannot do any more.
func TestUnmountIsNoReasonToStay(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]map[string]string{
		"no API":       {},
		"no list":      {"get": "?"},
		"pods stay":    {"get": `{"items": []}`},
		"volumes stay": {"get": `{"items": []}`, "delete": ""},
	} {
		if err := Unmount(t.Context(), progress.Discard(), answering(t, answers)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
