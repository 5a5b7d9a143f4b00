//go:build e2e

package csi

import (
	"fmt"
	"strings"
	"testing"
)

// Names of the filesystem of the tests and of its StorageClasses.
const (
	filesystemName = "files"
	classFiles     = "files"
	classStrict    = "files-strict"
)

// filesystem has a usual class, and one with an option of mounts.
var filesystem = backing{"storagefilesystem/" + filesystemName, `
apiVersion: seamount.dev/v1alpha1
kind: StorageFilesystem
metadata: {name: files}
spec:
  clusterRef: {name: %s}
  dataPools: [{name: default, replicated: {replicas: 3}}]
  storageClasses: [{name: files}, {name: files-strict, mountOptions: [noexec]}]
`}

// files does with file volumes all that people do, all with one filesystem, and looks in the end what is left of it.
func (s *suite) files(t *testing.T) {
	t.Run("Parts", s.fileParts)
	t.Run("Died", s.filesDied)
	t.Run("Shared", s.filesShared)
	t.Run("NothingLeft", s.noFilesLeft)
}

// fileParts are about volumes of their own, two at a time.
func (s *suite) fileParts(t *testing.T) {
	for _, part := range []struct {
		name string
		run  func(*suite, *testing.T)
	}{
		{"Quota", (*suite).filesQuota},
		{"Snapshot", (*suite).filesSnapshot},
		{"Modes", (*suite).filesModes},
		{"OnePod", (*suite).filesOfOnePod},
		{"NodeKey", (*suite).filesNodeKey},
	} {
		t.Run(part.name, func(t *testing.T) {
			t.Parallel()
			part.run(s, t)
		})
	}
}

// sharedClaim is a claim of a file volume for all nodes.
func sharedClaim(name string) claim {
	return claim{name: name, class: classFiles, access: "ReadWriteMany"}
}

// tryPod runs a script in a pod, which may fail, and returns all that it says.
func (s *suite) tryPod(pod, script string) (string, error) {
	out, err := s.TryKubectl("", "-n", s.namespace, "exec", pod, "--", "sh", "-ec", script+" 2>&1")
	return out, err
}

// wantRefused runs a script in a pod, which must fail with one of these words.
func (s *suite) wantRefused(t *testing.T, pod, script string, words ...string) {
	t.Helper()
	out, err := s.tryPod(pod, script)
	for _, word := range words {
		if err != nil && strings.Contains(out, word) {
			return
		}
	}
	t.Errorf("pod %s: %s: error %v, and it says %q; want one of %q", pod, script, err, out, words)
}

// filesQuota fills a volume: its size is a limit, and a larger one lets the pod go on.
func (s *suite) filesQuota(t *testing.T) {
	c := sharedClaim("quota")
	c.size = "96Mi"
	s.claims(t, c)
	s.start(t, pod{name: "quota", node: "node1", claims: []string{"quota"}})
	if got := s.sh(t, "quota", "df -m /data | awk 'END {print $2}'"); got != "96" {
		t.Errorf("the pod sees %s MiB, want the 96 that were asked for", got)
	}
	const fill = "dd if=/dev/zero of=/data/fill-%d bs=1M count=%d conv=fsync"
	full := []string{"quota", "No space left"}
	s.wantRefused(t, "quota", fmt.Sprintf(fill, 1, 512), full...)
	s.grow(t, "quota", "256Mi", 250)
	s.sh(t, "quota", fmt.Sprintf(fill, 2, 32))
	s.wantRefused(t, "quota", fmt.Sprintf(fill, 3, 512), full...)
	s.sh(t, "quota", "rm /data/fill-1 /data/fill-3")
	s.Eventually(t, "there is room again", func() error { // what a directory holds is counted a moment later
		_, err := s.tryPod("quota", fmt.Sprintf(fill, 4, 32))
		return err
	})
	s.gone(t, "pod/quota", "pvc/quota")
}

// filesSnapshot makes volumes of a snapshot and of a volume, and shows a snapshot without a copy. Then all go, in an order
// that pulls the rug from under each.
func (s *suite) filesSnapshot(t *testing.T) {
	s.claims(t, sharedClaim("film"))
	s.start(t, pod{name: "film", node: "node1", claims: []string{"film"}})
	before := s.write(t, "film", "/data/blob")
	s.snapshotOf(t, classFiles, "take", "film")
	after := s.write(t, "film", "/data/blob")
	s.filesMade(t, before, after)
	s.gone(t, "pod/film", "pvc/film")
	s.gone(t, "volumesnapshot/take", "--wait=false") // what shows it may keep it
	s.wantSum(t, "shown", "/data/blob", before)
	s.gone(t, "pod/shown", "pvc/shown")
	s.wantSum(t, "restored-film", "/data/blob", before)
	s.wantSum(t, "cloned-film", "/data/blob", after)
	s.gone(t, "pod/restored-film", "pod/cloned-film", "pvc/restored-film", "pvc/cloned-film")
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=delete", "--timeout=170s", "volumesnapshot/take")
}

// filesMade makes all that can be made of a snapshot and of a volume, and compares it.
func (s *suite) filesMade(t *testing.T, before, after string) {
	t.Helper()
	restored, cloned, shown := sharedClaim("restored-film"), sharedClaim("cloned-film"), sharedClaim("shown")
	restored.from, cloned.from = "VolumeSnapshot/take", "PersistentVolumeClaim/film"
	shown.from, shown.access = "VolumeSnapshot/take", "ReadOnlyMany"
	s.claims(t, restored, cloned, shown)
	s.start(t,
		pod{name: "restored-film", node: "node2", claims: []string{"restored-film"}},
		pod{name: "cloned-film", node: "node3", claims: []string{"cloned-film"}},
		pod{name: "shown", node: "node2", claims: []string{"shown"}, readOnly: true})
	s.wantSum(t, "restored-film", "/data/blob", before)
	s.wantSum(t, "cloned-film", "/data/blob", after)
	s.wantSum(t, "shown", "/data/blob", before)
	s.sh(t, "restored-film", "touch /data/mine")
	s.wantRefused(t, "shown", "touch /data/mine", "Read-only file system")
}

// noFilesLeft asks Ceph and Kubernetes for what should be gone.
func (s *suite) noFilesLeft(t *testing.T) {
	s.noVolumesLeft(t)
	s.Eventually(t, "no subvolume is left", func() error {
		if left := lines(s.ask(t, subvolumes)); len(left) > 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
}

// subvolumes prints the names of all subvolumes, of any group and of none.
const subvolumes = `
names() { grep -o '"name": *"[^"]*"' | cut -d '"' -f 4; }
ceph fs subvolume ls ` + filesystemName + ` -f json | names
for group in $(ceph fs subvolumegroup ls ` + filesystemName + ` -f json | names); do ceph fs subvolume ls ` + filesystemName + ` $group -f json | names; done
`
