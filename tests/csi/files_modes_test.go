//go:build e2e

package csi

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// filesModes has two pods of one volume, which is mounted in every way that Kubernetes offers.
func (s *suite) filesModes(t *testing.T) {
	strict := sharedClaim("strict")
	strict.class = classStrict
	s.claims(t, sharedClaim("desk"), claim{name: "drawer", class: classFiles}, strict)
	s.start(t, pod{
		name: "writes", node: "node1", claims: []string{"desk", "drawer", "strict"},
		security: "{runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}",
	})
	if got := s.sh(t, "writes", "mkdir /data/part; echo here >/data/part/note; touch /data1/mine /data2/mine; stat -c %g /data/part/note /data1/mine"); got != "2000\n2000" {
		t.Errorf("the files belong to groups %q, want the fsGroup", got)
	}
	s.wantOption(t, "strict", "noexec")
	s.start(t,
		pod{name: "part", node: "node2", claims: []string{"desk"}, subPath: "part"},
		pod{name: "reads", node: "node3", claims: []string{"desk"}, readOnly: true})
	if got := s.sh(t, "part", "cat /data/note; echo there >/data/note"); got != "here" {
		t.Errorf("the pod of a part of the volume reads %q", got)
	}
	if got := s.sh(t, "reads", "cat /data/part/note"); got != "there" {
		t.Errorf("the third node reads %q after the second wrote", got)
	}
	s.wantRefused(t, "reads", "touch /data/mine", "Read-only file system")
	s.gone(t, "pod/writes", "pod/part", "pod/reads", "pvc/desk", "pvc/drawer", "pvc/strict")
}

// filesOfOnePod: a volume for one pod is not given to a second one, nor one for a node to a second node.
func (s *suite) filesOfOnePod(t *testing.T) {
	s.claims(t, claim{name: "alone", class: classFiles, access: "ReadWriteOncePod"}, claim{name: "local", class: classFiles})
	s.start(t, pod{name: "owner", node: "node1", claims: []string{"alone", "local"}})
	s.Apply(t, s.namespace, pod{name: "intruder", node: "node1", claims: []string{"alone"}}.manifest(s.image))
	s.Apply(t, s.namespace, pod{name: "abroad", node: "node2", claims: []string{"local"}}.manifest(s.image))
	s.awaitEvent(t, "intruder", "ReadWriteOncePod")
	s.awaitEvent(t, "abroad", "already")
	s.gone(t, "pod/owner")
	for _, name := range []string{"intruder", "abroad"} {
		s.Kubectl(t, "-n", s.namespace, "wait", "--for=condition=Ready", "--timeout=170s", "pod/"+name)
	}
	s.gone(t, "pod/intruder", "pod/abroad", "pvc/alone", "pvc/local")
}

// wantOption looks for an option of the StorageClass where the node mounted the volume. In the container the runtime mounts it
// again, with options of its own.
func (s *suite) wantOption(t *testing.T, claim, option string) {
	t.Helper()
	servers := serversOf(t, s.wayOf(t, claim)["path"])
	if len(servers) != 1 {
		t.Fatalf("the processes %v serve claim %s, want one", servers, claim)
	}
	proc := fmt.Sprintf("/proc/%d/", servers[0])
	line, err := os.ReadFile(proc + "cmdline")
	if err != nil {
		t.Fatal(err)
	}
	argv := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
	mounts, err := os.ReadFile(proc + "mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for mount := range strings.Lines(string(mounts)) {
		fields := strings.Fields(mount)
		if fields[4] == argv[len(argv)-1] && !slices.Contains(strings.Split(fields[5], ","), option) {
			t.Errorf("the option %s of the StorageClass is not in force: %s", option, mount)
		}
	}
	if staged := argv[len(argv)-1]; !strings.Contains(string(mounts), " "+staged+" ") {
		t.Errorf("nothing is mounted at %s", staged)
	}
}
