//go:build e2e

package operator

import (
	"context"
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
check() { test "$(rados -p %[1]s get o$1 - | sha256sum)" = "$(cat /tmp/%[1]s-$1)"; }
i=0 longest=0
while test ! -e /tmp/%[1]s-end; do
  n=$((i %% 40)) i=$((i + 1))
  head -c 1048576 /dev/urandom >/tmp/%[1]s
  began=$(date +%%s%%3N)
  rados -p %[1]s put o$n /tmp/%[1]s
  took=$(($(date +%%s%%3N) - began))
  sha256sum </tmp/%[1]s >/tmp/%[1]s-$n
  test $took -le $longest || longest=$took
  k=$((i * 7 %% 40))
  if test -e /tmp/%[1]s-$k; then check $k; fi
done
n=0
while test -e /tmp/%[1]s-$n; do check $n; n=$((n + 1)); done
rm /tmp/%[1]s*
echo $i $longest`

// load is somebody who writes to a pool of its own, and verifies what it wrote.
type load struct {
	*suite
	pool string
	done chan struct{}
	out  string
	err  error
}

// startLoad starts writing, in the pod of a mon.
func (s *suite) startLoad(t *testing.T, pool string) *load {
	t.Helper()
	l := &load{suite: s, pool: pool, done: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	go func() {
		defer close(l.done)
		l.out, l.err = s.run(ctx, fmt.Sprintf(loadScript, pool))
	}()
	t.Cleanup(func() {
		cancel()
		<-l.done
	})
	s.Eventually(t, "some objects are written", func() error {
		got := s.ask(t, "ls /tmp | grep -c '^"+pool+"-' || true")
		if n, err := strconv.Atoi(strings.TrimSpace(got)); err != nil || n < 20 {
			return fmt.Errorf("%s are", got)
		}
		return nil
	})
	return l
}

// end ends it, and fails the test if a byte was lost or a call failed.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.ask(t, "touch /tmp/"+l.pool+"-end")
	<-l.done
	fields := strings.Fields(l.out)
	if l.err != nil || len(fields) < 2 {
		t.Fatalf("what was written is not what is read, or a call failed: %v\n%s", l.err, l.out)
	}
	writes, longest := fields[len(fields)-2], fields[len(fields)-1]
	if n, err := strconv.Atoi(writes); err != nil || n == 0 {
		t.Errorf("nothing was written: %s", l.out)
	}
	t.Logf("%s MiB written and verified, the longest write of 1 MiB took %s ms", writes, longest)
}
