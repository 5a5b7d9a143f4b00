package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestCephRunsInAMon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, troubled().objects()...)
	w.app.In = strings.NewReader("some input")
	if code := w.run(t, "ceph -- osd tree -f json"); code != exitOK || w.out.String() != "out of ceph\n" {
		t.Fatalf("exit code %d, stdout %q, stderr %q", code, &w.out, &w.err)
	}
	e := w.execs[0]
	if e.Namespace != "seamount" || e.Pod != "ceph-main-mon-a" || e.Container != "mon" {
		t.Errorf("it ran in %s/%s %s", e.Namespace, e.Pod, e.Container)
	}
	if got := e.Command[4:]; !slices.Equal(got, []string{"osd", "tree", "-f", "json"}) {
		t.Errorf("arguments %q", got)
	}
	if strings.Contains(strings.Join(e.Command, " "), adminKeyText) {
		t.Error("the key is on the command line")
	}
	if want := adminKeyText + "\nsome input"; w.stdin[0] != want {
		t.Errorf("stdin %q, want %q", w.stdin[0], want)
	}
}

func TestCephPassesTheExitCodeOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, healthy().objects()...)
	w.execErr = exitError(22)
	if code := w.run(t, "ceph osd pool ls --bogus"); code != 22 || w.err.Len() > 0 {
		t.Errorf("exit code %d, stderr %q", code, &w.err)
	}
	if got := w.execs[0].Command[4:]; !slices.Equal(got, []string{"osd", "pool", "ls", "--bogus"}) {
		t.Errorf("arguments %q", got)
	}
}

func TestCephIsDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, interceptor.Funcs{}, healthy().objects()...)
	w.execErr = errDenied
	if code := w.run(t, "ceph -- status"); code != exitFailed || !strings.Contains(w.err.String(), "hint: ask for it: kubectl auth can-i create pods/exec -n seamount") {
		t.Errorf("exit code %d, stderr %q", code, &w.err)
	}
}

func TestCephExplains(t *testing.T) {
	t.Parallel()
	silent := healthy()
	for _, daemon := range []string{"mon.a", "mon.b", "mon.c"} {
		silent.daemons[daemon] = daemonPod("mon", daemon, "n1", false)
	}
	two := healthy()
	second := cluster()
	second.Namespace, second.Name = "other", "second"
	two.others = append(two.others, second)
	secrets := schema.GroupResource{Resource: "secrets"}
	denied := interceptor.Funcs{Get: func(context.Context, client.WithWatch, client.ObjectKey, client.Object, ...client.GetOption) error {
		return apierrors.NewForbidden(secrets, "ceph-main-identity", errors.New("no"))
	}}
	for name, tt := range map[string]struct {
		line    string
		funcs   interceptor.Funcs
		objects []client.Object
		want    int
		says    string
	}{
		"no mon":          {"ceph -- status", interceptor.Funcs{}, silent.objects(), exitFailed, "none of the 3 mons"},
		"no cluster":      {"ceph -- status", interceptor.Funcs{}, nil, exitFailed, "there is no StorageCluster"},
		"two clusters":    {"ceph -- status", interceptor.Funcs{}, two.objects(), exitUsage, "other/second"},
		"one of two":      {"ceph --storagecluster main -- status", interceptor.Funcs{}, two.objects(), exitOK, "out of ceph"},
		"no right to key": {"ceph -- status", denied, healthy().objects(), exitFailed, "hint: ask for it: kubectl auth can-i get secret/ceph-main-identity -n seamount"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tt.funcs, copies(tt.objects)...)
			if code := w.run(t, tt.line); code != tt.want || !strings.Contains(w.out.String()+w.err.String(), tt.says) {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", code, &w.out, &w.err, tt.says)
			}
		})
	}
}

// fakeCeph shows what it was given.
const fakeCeph = `#!/bin/sh
set -- "$@" end
echo "arguments: $*"
file=${CEPH_ARGS#--keyfile }
echo "key: $(cat "$file")"
echo "mode: $(stat -c %a "$file")"
echo "input: $(cat)"
echo "environment: $(env | grep -c ` + adminKeyText + `)"
echo "$file" >"$KEYFILE_SEEN"
exit 5
`

// TestRunCeph runs the script that goes into the pod, with another program in Ceph's place.
func TestRunCeph(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "ceph"), []byte(fakeCeph), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", runCeph, "ceph", "osd", "set name", "$(x)")
	seen := filepath.Join(dir, "seen")
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "TMPDIR="+dir, "KEYFILE_SEEN="+seen)
	cmd.Stdin = strings.NewReader(adminKeyText + "\nfirst line\nsecond line")
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 5 {
		t.Errorf("it ended with %v, want exit code 5: %s", err, &stderr)
	}
	want := "arguments: osd set name $(x) end\nkey: " + adminKeyText + "\nmode: 600\ninput: first line\nsecond line\nenvironment: 0\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	file, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(strings.TrimSpace(string(file))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file with the key stays: %v", err)
	}
}
