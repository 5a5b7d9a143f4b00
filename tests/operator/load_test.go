//go:build e2e

package operator

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// loadScript writes objects to a pool until it is told to end, and reads back what it wrote before: an object that does not
// hold what was acknowledged ends it with an error, and so does a call that fails. It prints the number of writes and the
// longest time of one in milliseconds.
const loadScript = `
ceph osd pool create %[1]s 16 16 replicated >&2
ceph osd pool application enable %[1]s rados >&2
check() { test "$(rados -p %[1]s get o$1 - | sha256sum)" = "$(cat sum-$1)"; }
i=0 longest=0
while test ! -e end; do
  n=$((i %% 40)) i=$((i + 1))
  head -c 1048576 /dev/urandom >object
  began=$(date +%%s%%3N)
  rados -p %[1]s put o$n object
  took=$(($(date +%%s%%3N) - began))
  sha256sum <object >sum-$n.new
  mv sum-$n.new sum-$n
  test $took -le $longest || longest=$took
  k=$((i * 7 %% 40))
  if test -e sum-$k; then check $k; fi
done
n=0
while test -e sum-$n; do check $n; n=$((n + 1)); done
rados purge %[1]s --yes-i-really-really-mean-it >&2
echo $i $longest`

// startScript runs a script that it finds in $1, as client.admin, and leaves it running. The directory has the way to Ceph, what
// the script prints, and at its end its status. The key comes by standard input.
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
ms_connection_ready_timeout = 2
mon_client_hunt_interval = 0.3
mon_client_hunt_interval_backoff = 1
END
printf %%s "$0" >run
export CEPH_CONF=%[1]s/ceph.conf
setsid sh -c 'sh -e run >out 2>err; echo $? >status.new; mv status.new status' </dev/null >/dev/null 2>&1 &
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
	if _, err := l.bystander(where.Key, fmt.Sprintf(startScript, l.dir, where.MonHost, where.FSID), fmt.Sprintf(loadScript, pool)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.stop(t) })
	s.Eventually(t, "some objects are written", func() error {
		got, err := l.bystander("", "cd "+l.dir+"; test ! -e status || tail -n 5 err >&2; ls | grep -c '^sum-' || true")
		if n, _ := strconv.Atoi(got); err == nil && n < 20 {
			err = fmt.Errorf("%s are", got)
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
