//go:build e2e

package operator

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

//go:embed testdata/load.py
var loadScript string

// startScript runs a program that it finds in $0 with the argument $1, as client.admin, and leaves it running. The directory has the
// way to Ceph, what the program prints, and at its end its status. The key comes by standard input.
const startScript = `umask 077
rm -rf %[1]s; mkdir -p %[1]s; cd %[1]s
cat >key
cat >ceph.conf <<END
[global]
mon_host = %[2]s
fsid = %[3]s
keyfile = %[1]s/key
log_to_file = false
admin_socket =
ms_connection_ready_timeout = 4
mon_client_hunt_interval = 1
mon_client_hunt_interval_backoff = 1
END
printf %%s "$0" >run
export CEPH_CONF=%[1]s/ceph.conf
setsid sh -c 'python3 run "$0" >out 2>err; echo $? >status.new; mv status.new status' "$1" </dev/null >/dev/null 2>&1 &
echo $! >pid`

// load is somebody who writes to a pool of its own, and verifies what it wrote. It is in the bystander's pod, so that it goes
// on whatever becomes of the daemons.
type load struct {
	*suite
	dir string
}

// startLoad starts writing.
func (s *suite) startLoad(t *testing.T, pool string) *load {
	t.Helper()
	l := &load{suite: s, dir: "/tmp/" + s.name + "-" + pool}
	var where struct{ MonHost, FSID, Key string }
	text, err := s.where(t.Context())
	if err == nil {
		err = json.Unmarshal(text, &where)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.bystander(where.Key, fmt.Sprintf(startScript, l.dir, where.MonHost, where.FSID), loadScript, pool); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(t) })
	s.Eventually(t, "some objects are written", func() error {
		got, err := l.bystander("", "cd "+l.dir+"; test ! -e status || tail -n 5 err >&2; cat written || true")
		if n, _ := strconv.Atoi(got); err == nil && n < 20 {
			err = fmt.Errorf("%q are", got)
		}
		return err
	})
	return l
}

// bystander runs a script in the pod of who watches, with further arguments from $0 on.
func (l *load) bystander(stdin, script string, args ...string) (string, error) {
	return l.TryKubectl(stdin, append([]string{"-n", "default", "exec", "-i", bystander, "--", "sh", "-ec", script}, args...)...)
}

// stop ends it without another look, if it has not ended.
func (l *load) stop(t *testing.T) {
	t.Helper()
	if out, err := l.bystander("", "cd "+l.dir+"; touch end; test -e status || kill -9 -$(cat pid) || true; rm -f key"); err != nil {
		t.Errorf("the writer is left: %v: %s", err, out)
	}
}

// end ends it, and fails the test if a byte was lost or a call failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	status := ""
	l.Eventually(t, "what was written is read", func() (err error) {
		if status, err = l.bystander("", "cd "+l.dir+"; touch end; cat status"); err != nil {
			return fmt.Errorf("it was not read yet: %w", err)
		}
		return nil
	})
	out, err := l.bystander("", "cd "+l.dir+"; tail -n 20 err >&2; tail -n 1 out; test \"$(cat status)\" = 0")
	fields := strings.Fields(out)
	if err != nil || len(fields) != 2 {
		t.Fatalf("what was written is not what is read, or a call failed: status %s: %v\n%s", status, err, out)
	}
	if n, err := strconv.Atoi(fields[0]); err != nil || n == 0 {
		t.Errorf("nothing was written: %s", out)
	}
	t.Logf("%s MiB written and verified, the longest write of 1 MiB took %s ms", fields[0], fields[1])
}
