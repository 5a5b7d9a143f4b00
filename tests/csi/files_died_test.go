//go:build e2e

package csi

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serversOf are the processes that serve a subvolume: one on each node that has it. The nodes are on this machine.
func serversOf(t testing.TB, path string) []int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for _, file := range all {
		line, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended
		}
		argv := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		if !slices.Contains(argv, path) || !slices.ContainsFunc(argv, func(arg string) bool { return filepath.Base(arg) == "ceph-fuse" }) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, pid)
	}
	return found
}

// filesDied kills the process that serves a volume. Its pod is told what happened, the volume is mounted again by itself, and
// the pod that comes in place of the first one has all that was synced.
func (s *suite) filesDied(t *testing.T) {
	s.claims(t, sharedClaim("mortal"))
	s.start(t, pod{name: "mortal", node: "node1", claims: []string{"mortal"}})
	want := s.write(t, "mortal", "/data/blob")
	path := s.wayOf(t, "mortal")["path"]
	servers := serversOf(t, path)
	if len(servers) != 1 {
		t.Fatalf("the processes %v serve %s, want one", servers, path)
	}
	s.start(t, pod{name: "neighbour", node: "node2", claims: []string{"mortal"}})
	if err := syscall.Kill(servers[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	s.awaitEvent(t, "mortal", "ceph-fuse")
	t.Logf("the pod was told after %.1f s", time.Since(began).Seconds())
	s.Eventually(t, "another process serves the volume on the node", func() error {
		if now := serversOf(t, path); len(now) != 2 || slices.Contains(now, servers[0]) {
			return fmt.Errorf("%v do, and %d was killed", now, servers[0])
		}
		return nil
	})
	t.Logf("the volume was mounted again after %.1f s", time.Since(began).Seconds())
	s.wantSum(t, "neighbour", "/data/blob", want)
	s.gone(t, "pod/mortal")
	s.start(t, pod{name: "mortal", node: "node1", claims: []string{"mortal"}})
	s.wantSum(t, "mortal", "/data/blob", want)
	s.sh(t, "mortal", "echo again >/data/note")
	if got := s.sh(t, "neighbour", "cat /data/note"); got != "again" {
		t.Errorf("the neighbour reads %q", got)
	}
	s.gone(t, "pod/mortal", "pod/neighbour", "pvc/mortal")
}
