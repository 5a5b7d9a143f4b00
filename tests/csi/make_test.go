//go:build e2e

package csi

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// claim is a PersistentVolumeClaim. What is left empty is usual: class vol, ReadWriteOnce, a filesystem, 1 GiB.
type claim struct {
	name, class, access, volumeMode, size string
	// from is what it is made of: VolumeSnapshot/x or PersistentVolumeClaim/x.
	from string
}

func or(value, usual string) string {
	if value == "" {
		return usual
	}
	return value
}

func (c claim) manifest() string {
	text := fmt.Sprintf(`
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s}
spec:
  storageClassName: %s
  accessModes: [%s]
  volumeMode: %s
  resources: {requests: {storage: %s}}
`, c.name, or(c.class, "vol"), or(c.access, "ReadWriteOnce"), or(c.volumeMode, "Filesystem"), or(c.size, "1Gi"))
	if kind, name, found := strings.Cut(c.from, "/"); found {
		group := ""
		if kind == "VolumeSnapshot" {
			group = "apiGroup: snapshot.storage.k8s.io, "
		}
		text += fmt.Sprintf("  dataSource: {%skind: %s, name: %s}\n", group, kind, name)
	}
	return text
}

// claims makes claims.
func (s *suite) claims(t testing.TB, claims ...claim) {
	t.Helper()
	for _, c := range claims {
		s.Apply(t, s.namespace, c.manifest())
	}
}

// pod is a pod that sleeps, with claims of which the first is at /data, or the device /dev/data, the next at /data1.
type pod struct {
	name, node string
	claims     []string
	block      bool
	readOnly   bool
	subPath    string // of its volumes
	security   string // securityContext of the pod; empty: root
	command    string // empty: it sleeps
}

func (p pod) manifest(image string) string {
	var mounts, volumes strings.Builder
	for i, claim := range p.claims {
		suffix := ""
		if i > 0 {
			suffix = fmt.Sprint(i)
		}
		if p.block {
			fmt.Fprintf(&mounts, "    - {name: v%d, devicePath: /dev/data%s}\n", i, suffix)
		} else {
			fmt.Fprintf(&mounts, "    - {name: v%d, mountPath: /data%s, readOnly: %t, subPath: %q}\n", i, suffix, p.readOnly, p.subPath)
		}
		fmt.Fprintf(&volumes, "  - {name: v%d, persistentVolumeClaim: {claimName: %s, readOnly: %t}}\n", i, claim, p.readOnly)
	}
	kind := "volumeMounts"
	if p.block {
		kind = "volumeDevices"
	}
	return fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeSelector: {kubernetes.io/hostname: %s}
  restartPolicy: Never
  terminationGracePeriodSeconds: 1
  securityContext: %s
  containers:
  - name: main
    image: %s
    command: [sh, -ec, %q]
    %s:
%s  volumes:
%s`, p.name, p.node, or(p.security, "{runAsUser: 0, runAsGroup: 0}"), image, or(p.command, "sleep 1000000"), kind, mounts.String(), volumes.String())
}

// start starts pods and waits until they run.
func (s *suite) start(t testing.TB, pods ...pod) {
	t.Helper()
	began := time.Now()
	for _, p := range pods {
		s.Apply(t, s.namespace, p.manifest(s.image))
	}
	for _, p := range pods {
		if _, err := s.TryKubectl("", "-n", s.namespace, "wait", "--for=condition=Ready", "--timeout=170s", "pod/"+p.name); err != nil {
			t.Fatalf("%v\n%s", err, s.Kubectl(t, "-n", s.namespace, "describe", "pod", p.name))
		}
	}
	t.Logf("%d pods run after %.1f s", len(pods), time.Since(began).Seconds())
}

// write fills a file with random bytes and returns its checksum.
func (s *suite) write(t testing.TB, pod, path string) string {
	t.Helper()
	return s.sh(t, pod, "dd if=/dev/urandom of="+path+" bs=1M count=32 2>/dev/null; sync; "+sum(path))
}

func sum(path string) string { return "sha256sum <" + path }

// wantSum checks that a file in a pod has a checksum.
func (s *suite) wantSum(t testing.TB, pod, path, want string) {
	t.Helper()
	if got := s.sh(t, pod, sum(path)); got != want {
		t.Errorf("%s of pod %s has the checksum %s, want %s", path, pod, got, want)
	}
}
