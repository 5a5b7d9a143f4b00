//go:build e2e

package rados

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// seamount is the program as it is delivered.
func seamount(t *testing.T) string {
	t.Helper()
	path, err := cephtest.Program("seamount")
	do(t, err)
	return path
}

// check runs "seamount ceph check" and returns its exit code. It may take long, unless the arguments say otherwise.
func check(t *testing.T, program string, cluster *cephtest.Cluster, key ceph.Secret, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	args = append([]string{"ceph", "check", "--mon-host", strings.Join(cluster.MonHosts(), ","), "--key-file", "-", "--timeout", patience.String()}, args...)
	cmd := exec.Command(program, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(key.Reveal()), &out, &errs
	_ = cmd.Run() // its exit code is what is asked for
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	program, cluster := seamount(t), small(t)
	key := cluster.Admin().Key

	code, stdout, stderr := check(t, program, cluster, key)
	if code != 0 || !strings.Contains(stdout, "health   HEALTH_OK") || !strings.Contains(stdout, "1 of 1 in quorum: a") || stderr != "" {
		t.Errorf("healthy: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	_, err := cluster.Ceph(within(t, patience), "osd", "set", "noout")
	do(t, err)
	code, stdout, stderr = check(t, program, cluster, key, "-o", "json")
	var report struct {
		FSID   string
		Health struct {
			Status string
			Checks []struct{ Code string }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Errorf("%v in %q", err, stdout)
	}
	flags := slices.ContainsFunc(report.Health.Checks, func(c struct{ Code string }) bool { return c.Code == "OSDMAP_FLAGS" })
	if code != 3 || report.FSID != cluster.FSID() || report.Health.Status != "HEALTH_WARN" || !flags || stderr != "" {
		t.Errorf("unhealthy: exit code %d, %+v, stderr %q", code, report, stderr)
	}

	wrong := cephtest.NewKey()
	code, stdout, stderr = check(t, program, cluster, wrong)
	if code != 1 || stdout != "" || !strings.Contains(stderr, "authentication failed") || strings.Contains(stderr, wrong.Reveal()) {
		t.Errorf("wrong key: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}

	do(t, cluster.Pause("mon.a"))
	code, stdout, stderr = check(t, program, cluster, key, "--timeout", impatience.String())
	if code != 1 || stdout != "" || !strings.Contains(stderr, "timed out") {
		t.Errorf("mon hangs: exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

// Neither a ceph.conf nor Ceph's environment variables reach the session.
func TestCheckReadsNoConfiguration(t *testing.T) {
	program, cluster := seamount(t), cephtest.Shared(t)
	conf := filepath.Join(t.TempDir(), "ceph.conf")
	do(t, os.WriteFile(conf, []byte("[global]\nmon_host = 127.0.0.9\nkeyring = /nonexistent\nlog_file = "+conf+".log\n"), 0o600))
	t.Setenv("CEPH_CONF", conf)
	t.Setenv("CEPH_ARGS", "--mon-host 127.0.0.9 --log-file "+conf+".log")
	if code, stdout, stderr := check(t, program, cluster, cluster.Admin().Key); code == 1 {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
	if _, err := os.Stat(conf + ".log"); err == nil {
		t.Error("librados wrote a log")
	}
}
