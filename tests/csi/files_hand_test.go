//go:build e2e

package csi

import (
	"fmt"
	"testing"

	storagev1 "k8s.io/api/storage/v1"
)

// wayOf is what the CSI controller told the node of the volume of a claim, which has one node.
func (s *suite) wayOf(t testing.TB, claim string) map[string]string {
	t.Helper()
	volume := s.Kubectl(t, "-n", s.namespace, "get", "pvc", claim, "-o", "jsonpath={.spec.volumeName}")
	var list storagev1.VolumeAttachmentList
	if err := s.Client.List(t.Context(), &list); err != nil {
		t.Fatal(err)
	}
	for _, a := range list.Items {
		if of := a.Spec.Source.PersistentVolumeName; of != nil && *of == volume {
			return a.Status.AttachmentMetadata
		}
	}
	t.Fatalf("%s of claim %s is attached nowhere", volume, claim)
	return nil
}

// hand is a pod on the first node in which a person could mount by hand: it has Ceph's programs and every right.
func (s *suite) hand(t testing.TB, name string) {
	t.Helper()
	s.Apply(t, s.namespace, fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata: {name: %s}
spec:
  nodeSelector: {kubernetes.io/hostname: %s}
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: %q, command: [sleep, "1000000"], securityContext: {privileged: true, runAsUser: 0}}
`, name, nodes[0], s.ceph))
	s.Kubectl(t, "-n", s.namespace, "wait", "--for=condition=Ready", "--timeout=170s", "pod/"+name)
}

// user is one of Ceph, with its key and where the cluster is.
type user struct{ entity, key, mons string }

// options are those of Ceph's programs in the pod that make them act as the user. The key goes there by standard input.
func (s *suite) options(t testing.TB, pod string, u user) string {
	t.Helper()
	keyring := fmt.Sprintf("[%s]\n\tkey = %s\n", u.entity, u.key)
	if _, err := s.TryKubectl(keyring, "-n", s.namespace, "exec", "-i", pod, "--", "sh", "-ec", "umask 077; cat >/tmp/keyring"); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("-c /dev/null --mon_host '%s' -n %s -k /tmp/keyring", u.mons, u.entity)
}

// mountByHand mounts a directory of the filesystem at /tmp/files in the pod. What refuses it ends well, so the mount is looked for.
func (s *suite) mountByHand(pod, options, path string) error {
	_, err := s.tryPod(pod, fmt.Sprintf("mkdir -p /tmp/files; ceph-fuse %s --client_mount_timeout 120 --client_fs %s -r '%s' /tmp/files || true\nmountpoint /tmp/files", options, filesystemName, path))
	return err
}

// filesNodeKey tries what somebody could do who has taken a node's key: it mounts what is in the groups of StorageClasses, and
// nothing else.
func (s *suite) filesNodeKey(t *testing.T) {
	s.claims(t, sharedClaim("mine"))
	s.start(t, pod{name: "mine", node: nodes[0], claims: []string{"mine"}})
	hidden := s.ask(t, fmt.Sprintf("ceph fs subvolume create %[1]s hidden; ceph fs subvolume getpath %[1]s hidden", filesystemName)) // in no group
	way := s.wayOf(t, "mine")
	s.hand(t, "thief")
	options := s.options(t, "thief", user{way["entity"], s.ask(t, "ceph auth get-key "+way["entity"]), way["mons"]})
	if err := s.mountByHand("thief", options, way["path"]); err != nil {
		t.Errorf("the key does not open its own volume, so that the rest says nothing: %v", err)
	}
	s.sh(t, "thief", "umount /tmp/files")
	for _, path := range []string{"/", "/volumes", hidden} {
		if err := s.mountByHand("thief", options, path); err == nil {
			t.Errorf("the key of a node mounts %s", path)
			s.sh(t, "thief", "umount /tmp/files")
		}
	}
	metadata := s.ask(t, "ceph fs ls -f json | grep -o '\"metadata_pool\":\"[^\"]*\"' | cut -d '\"' -f 4")
	s.wantRefused(t, "thief", "rados "+options+" -p "+metadata+" ls", "not permitted")
	s.ask(t, "ceph fs subvolume rm "+filesystemName+" hidden")
	s.gone(t, "pod/thief", "pod/mine", "pvc/mine")
}
