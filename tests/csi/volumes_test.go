//go:build e2e

package csi

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// moves writes on one node and reads on another.
func (s *suite) moves(t *testing.T) {
	s.claims(t, claim{name: "moves"}, claim{name: "moves-ext4", class: "vol-ext4"})
	both := []string{"moves", "moves-ext4"}
	s.start(t, pod{name: "moves-1", node: "node1", claims: both})
	xfs, ext4 := s.write(t, "moves-1", "/data/blob"), s.write(t, "moves-1", "/data1/blob")
	for path, kind := range map[string]string{"/data": "xfs", "/data1": "ext4"} {
		if got := s.sh(t, "moves-1", "grep ' "+path+" ' /proc/mounts"); !strings.Contains(got, " "+kind+" ") {
			t.Errorf("%s is %s, want %s", path, got, kind)
		}
	}
	s.gone(t, "pod/moves-1")
	s.start(t, pod{name: "moves-2", node: "node2", claims: both})
	s.wantSum(t, "moves-2", "/data/blob", xfs)
	s.wantSum(t, "moves-2", "/data1/blob", ext4)
	s.gone(t, "pod/moves-2", "pvc/moves", "pvc/moves-ext4")
}

// snapshotOf makes a snapshot of a claim, of a class, and waits until it can be used.
func (s *suite) snapshotOf(t *testing.T, class, name, claim string) {
	t.Helper()
	s.Apply(t, s.namespace, fmt.Sprintf(`{apiVersion: snapshot.storage.k8s.io/v1, kind: VolumeSnapshot, metadata: {name: %s}, spec: {
		volumeSnapshotClassName: %s, source: {persistentVolumeClaimName: %s}}}`, name, class, claim))
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=jsonpath={.status.readyToUse}=true", "--timeout=170s", "volumesnapshot/"+name)
}

// snapshotRestored restores beside the source, whose data has changed meanwhile, and deletes the source first.
func (s *suite) snapshotRestored(t *testing.T) {
	s.claims(t, claim{name: "source"})
	s.start(t, pod{name: "source", node: "node1", claims: []string{"source"}})
	before := s.write(t, "source", "/data/blob")
	s.snapshotOf(t, "vol", "kept", "source")
	after := s.write(t, "source", "/data/blob")
	s.claims(t, claim{name: "restored", from: "VolumeSnapshot/kept"})
	s.start(t, pod{name: "restored", node: "node1", claims: []string{"restored"}})
	s.wantSum(t, "restored", "/data/blob", before)
	s.wantSum(t, "source", "/data/blob", after)
	s.gone(t, "pod/source", "pvc/source")
	s.gone(t, "volumesnapshot/kept")
	s.wantSum(t, "restored", "/data/blob", before)
	s.gone(t, "pod/restored", "pvc/restored")
}

func (s *suite) cloned(t *testing.T) {
	s.claims(t, claim{name: "origin"})
	s.start(t, pod{name: "origin", node: "node2", claims: []string{"origin"}})
	want := s.write(t, "origin", "/data/blob")
	s.gone(t, "pod/origin")
	s.claims(t, claim{name: "clone", from: "PersistentVolumeClaim/origin"})
	s.start(t, pod{name: "clone", node: "node3", claims: []string{"clone"}})
	s.gone(t, "pvc/origin")
	s.wantSum(t, "clone", "/data/blob", want)
	s.gone(t, "pod/clone", "pvc/clone")
}

// expanded grows a volume under a pod that writes it.
func (s *suite) expanded(t *testing.T) {
	s.claims(t, claim{name: "grows"})
	s.start(t, pod{name: "grows", node: "node1", claims: []string{"grows"}})
	want := s.write(t, "grows", "/data/blob")
	s.grow(t, "grows", "2Gi", 1900)
	s.wantSum(t, "grows", "/data/blob", want)
	s.gone(t, "pod/grows", "pvc/grows")
}

// grow asks for more of a claim whose pod has its name, and waits until the pod sees that many MiB at least.
func (s *suite) grow(t *testing.T, name, size string, atLeast int) {
	t.Helper()
	s.Kubectl(t, "-n", s.namespace, "patch", "pvc", name, "--type=merge", "-p", `{"spec":{"resources":{"requests":{"storage":"`+size+`"}}}}`)
	s.Eventually(t, "the pod "+name+" sees "+size, func() error {
		got, err := s.TryKubectl("", "-n", s.namespace, "exec", name, "--", "sh", "-ec", "df -m /data | awk 'END {print $2}'")
		if err != nil {
			return err
		}
		mebibytes, err := strconv.Atoi(got)
		if err == nil && mebibytes < atLeast {
			err = fmt.Errorf("it sees %d MiB", mebibytes)
		}
		return err
	})
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=jsonpath={.status.capacity.storage}="+size, "--timeout=150s", "pvc/"+name)
}

// rawBlock writes a device on one node and reads it on another. discover never takes it for an empty disk.
func (s *suite) rawBlock(t *testing.T) {
	s.claims(t, claim{name: "raw", volumeMode: "Block"})
	s.start(t, pod{name: "raw-1", node: "node1", claims: []string{"raw"}, block: true})
	want := s.sh(t, "raw-1", "dd if=/dev/urandom of=/dev/data bs=1M count=8 conv=fsync 2>/dev/null; head -c 8388608 /dev/data | sha256sum")
	s.gone(t, "pod/raw-1")
	s.start(t, pod{name: "raw-2", node: "node2", claims: []string{"raw"}, block: true})
	if got := s.sh(t, "raw-2", "head -c 8388608 /dev/data | sha256sum"); got != want {
		t.Errorf("the device has the checksum %s, want %s", got, want)
	}
	for _, d := range s.StorageDisks(t) {
		if v := d.Status.Verdict; v != nil && v.Result == "Usable" {
			t.Errorf("%s is Usable while only volumes are not in service: %+v", d.Name, d.Status.Device)
		}
	}
	s.gone(t, "pod/raw-2", "pvc/raw")
}

// rawBlockOfSeveralNodes: what one node writes the other reads, both with the device open.
func (s *suite) rawBlockOfSeveralNodes(t *testing.T) {
	s.claims(t, claim{name: "shared", volumeMode: "Block", access: "ReadWriteMany"})
	s.start(t, pod{name: "shared-1", node: "node1", claims: []string{"shared"}, block: true},
		pod{name: "shared-2", node: "node2", claims: []string{"shared"}, block: true})
	s.sh(t, "shared-1", "printf hello | dd of=/dev/data bs=4096 conv=sync,fsync oflag=direct 2>/dev/null")
	if got := s.sh(t, "shared-2", "dd if=/dev/data bs=4096 count=1 iflag=direct 2>/dev/null | head -c 5"); got != "hello" {
		t.Errorf("the other node reads %q", got)
	}
	s.gone(t, "pod/shared-1", "pod/shared-2", "pvc/shared")
}

// readByMany mounts a restored volume on two nodes, read-only.
func (s *suite) readByMany(t *testing.T) {
	s.claims(t, claim{name: "book"})
	s.start(t, pod{name: "author", node: "node1", claims: []string{"book"}})
	want := s.write(t, "author", "/data/blob")
	s.snapshotOf(t, "vol", "edition", "book")
	s.claims(t, claim{name: "copies", from: "VolumeSnapshot/edition", access: "ReadOnlyMany"})
	s.start(t, pod{name: "reader-1", node: "node1", claims: []string{"copies"}, readOnly: true},
		pod{name: "reader-2", node: "node2", claims: []string{"copies"}, readOnly: true})
	for _, reader := range []string{"reader-1", "reader-2"} {
		s.wantSum(t, reader, "/data/blob", want)
		if _, err := s.TryKubectl("", "-n", s.namespace, "exec", reader, "--", "sh", "-ec", "touch /data/x"); err == nil {
			t.Errorf("%s writes", reader)
		}
	}
	s.gone(t, "pod/author", "pod/reader-1", "pod/reader-2", "pvc/copies", "volumesnapshot/edition", "pvc/book")
}

// fsGroup lets a pod write that is not root.
func (s *suite) fsGroup(t *testing.T) {
	s.claims(t, claim{name: "team"})
	s.start(t, pod{name: "team", node: "node3", claims: []string{"team"}, security: "{runAsUser: 1000, runAsGroup: 1000, fsGroup: 2000}"})
	if got := s.sh(t, "team", "touch /data/mine; stat -c %g /data/mine"); got != "2000" {
		t.Errorf("the file belongs to group %s", got)
	}
	s.gone(t, "pod/team", "pvc/team")
}

// oneWriter: a volume for one node is not given to a second one while the first has it.
func (s *suite) oneWriter(t *testing.T) {
	s.claims(t, claim{name: "single"})
	s.start(t, pod{name: "first", node: "node1", claims: []string{"single"}})
	s.Apply(t, s.namespace, pod{name: "second", node: "node2", claims: []string{"single"}}.manifest(s.image))
	s.awaitEvent(t, "second", "already")
	s.gone(t, "pod/first")
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=condition=Ready", "--timeout=170s", "pod/second")
	s.gone(t, "pod/second", "pvc/single")
}

// awaitEvent waits until an event of an object has a word.
func (s *suite) awaitEvent(t *testing.T, object, word string) {
	t.Helper()
	s.Eventually(t, object+" is told of: "+word, func() error {
		events, err := s.TryKubectl("", "-n", s.namespace, "get", "events", "--field-selector=involvedObject.name="+object, "-o", "jsonpath={.items[*].message}")
		if err == nil && !strings.Contains(events, word) {
			err = fmt.Errorf("events: %s", events)
		}
		return err
	})
}

// refused: what cannot be done is said on the claim, in words that a person can act on.
func (s *suite) refused(t *testing.T) {
	s.claims(t, claim{name: "rwx-files", access: "ReadWriteMany"}, claim{name: "huge", size: "64Pi"})
	for name, says := range map[string]string{"rwx-files": "Block", "huge": ""} {
		s.Eventually(t, "the claim "+name+" is refused", func() error {
			events, err := s.TryKubectl("", "-n", s.namespace, "get", "events", "--field-selector=reason=ProvisioningFailed,involvedObject.name="+name,
				"-o", "jsonpath={.items[*].message}")
			if err == nil && (events == "" || !strings.Contains(events, says)) {
				err = fmt.Errorf("events: %s", events)
			}
			return err
		})
	}
	s.gone(t, "pvc/rwx-files", "pvc/huge")
}

// noVolumesLeft asks Kubernetes for what should be gone.
func (s *suite) noVolumesLeft(t *testing.T) {
	t.Helper()
	s.Eventually(t, "no PersistentVolume is left", func() error {
		left, err := s.TryKubectl("", "get", "pv,volumeattachments", "-o", "name")
		if err == nil && left != "" {
			err = fmt.Errorf("left: %s", left)
		}
		return err
	})
}

// nothingLeft asks Ceph and Kubernetes for what should be gone.
func (s *suite) nothingLeft(t *testing.T) {
	s.noVolumesLeft(t)
	s.Eventually(t, "no image is left", func() error {
		if left := lines(s.ask(t, "rbd ls vol; rbd trash ls --all vol")); len(left) > 0 {
			return fmt.Errorf("left: %v", left)
		}
		return nil
	})
}
