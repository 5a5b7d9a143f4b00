package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/agent/daemon"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

func TestInstall(t *testing.T) {
	t.Parallel()
	to := filepath.Join(t.TempDir(), "seamount-node")
	own := fmt.Sprintf("--own=%d:%s", os.Getuid(), filepath.Dir(to))
	if _, err := run(t, "ceph", "install", "--to="+to, own); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.Stat(self)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.Stat(to); err != nil || got.Size() != want.Size() || got.Mode() != 0o755 {
		t.Errorf("installed %v, %v", got, err)
	}
}

func TestCephCommandsRefuse(t *testing.T) {
	t.Parallel()
	none := t.TempDir()
	for _, c := range []struct {
		args string
		says string
	}{
		{"install --own=ceph:/x", "USER:DIRECTORY"},
		{"install --own=167", "USER:DIRECTORY"},
		{"mon --name=a --fsid=f", "address"},
		{"mon --name=a --fsid=f --address=10.0.0.1 --dir=" + none + " --record-dir=/nonexistent", "/nonexistent"},
		{"mgr --name=a stray", "follow \"--\""},
		{"mgr --name=a stray -- --x", "follow \"--\""},
		{"osd --id=0 --location=root=default --secret-dir=" + none, "decode reservation"},
		{"osd", "required"},
		{"mds --name=shared-a", "filesystem"},
		{"recover --name=a --fsid=f --namespace=n --secret=s", "secret-uid"},
	} {
		_, err := run(t, append([]string{"ceph"}, strings.Fields(c.args)...)...)
		if err == nil || !strings.Contains(err.Error(), c.says) || exitCode(err, "/nonexistent") != 1 {
			t.Errorf("%s: %v, want %q", c.args, err, c.says)
		}
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "words")
	refused := &daemon.RefusedError{Refusal: v1alpha1.Refusal{Reason: handover.ReasonDiskChanged, Message: "m"}}
	if got := exitCode(fmt.Errorf("osd: %w", refused), file); got != handover.ExitRefused {
		t.Errorf("a refusal exits with %d", got)
	}
	words, err := os.ReadFile(file)
	if got, ok := handover.DecodeTermination(string(words)); err != nil || !ok || got != refused.Refusal {
		t.Errorf("the last words are %q, %v", words, err)
	}
	if got := exitCode(errors.New("x"), "/nonexistent"); got != 1 {
		t.Errorf("a failure exits with %d", got)
	}
}
