//go:build e2e

package daemon

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/discover/content"
	"github.com/seamount-dev/seamount/discover/disk"
	"github.com/seamount-dev/seamount/discover/identity"
	"github.com/seamount-dev/seamount/discover/inventory"
	"github.com/seamount-dev/seamount/discover/seal"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/loopdev"
)

const (
	nodeName = "n1"
	// patience with daemons on a machine that is busy with other tests.
	patience = 5 * time.Minute
	// diskSize leaves room for a copy of the label at 1 GiB. The files are sparse.
	diskSize = 2 << 30
)

// node is a node with the objects of a cluster, as kubelet would mount them.
type node struct {
	t       *testing.T
	image   string // directory with Ceph's programs
	dir     string
	address string
	cluster manifest.Cluster
	cipher  ceph.Cipher
	secrets []ceph.Secret
	seed    []ceph.Entity
	mons    handover.Mons
}

// newNode makes a cluster of one mon, without any pod, for the Ceph of a directory.
func newNode(t *testing.T, image string, release int, address string) *node {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("must run as root: it mounts, and attaches loop devices")
	}
	n := &node{t: t, image: image, dir: t.TempDir(), address: address, cipher: keys.CipherOf(release)}
	if err := os.Chmod(n.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	n.cluster = manifest.Cluster{
		Namespace: "seamount", Name: "main", UID: "0", FSID: uuid.NewString(), Image: "ceph", NodeImage: "seamount-node",
		Profile: v1alpha1.ProfileLean, FailureDomain: v1alpha1.FailureDomainOSD,
		Network: manifest.Network{Host: true, IPFamily: v1alpha1.IPFamilyIPv4},
	}
	n.mons = handover.Mons{Mons: []handover.Mon{{Name: "a", Node: nodeName, Address: address, State: handover.MonSeed}}}
	n.writeMons()
	n.writeData(n.cluster.ConfigMap(n.mons.Mons))
	n.seed = []ceph.Entity{keys.Mon(n.key()), keys.Admin(n.key())}
	return n
}

func (n *node) key() ceph.Secret {
	key := keys.New(n.cipher)
	n.secrets = append(n.secrets, key)
	return key
}

// object is the directory that an object is mounted from.
func (n *node) object(name string) string { return filepath.Join(n.dir, "objects", name) }

func (n *node) writeMons() { n.writeData(n.cluster.MonsConfigMap(n.mons)) }

func (n *node) writeData(config *corev1.ConfigMap) {
	n.t.Helper()
	for key, value := range config.Data {
		n.writeFile(config.Name, key, []byte(value))
	}
}

func (n *node) writeSecret(secret *corev1.Secret) {
	n.t.Helper()
	for key, value := range secret.Data {
		n.writeFile(secret.Name, key, value)
	}
}

func (n *node) writeFile(object, key string, value []byte) {
	n.t.Helper()
	if err := os.MkdirAll(n.object(object), 0o755); err != nil {
		n.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(n.object(object), key), value, 0o644); err != nil { //nolint:gosec // as with fsGroup
		n.t.Fatal(err)
	}
}

// mon is the pod of the mon, with all that is in the seed by now.
func (n *node) mon() *pod {
	n.t.Helper()
	n.writeSecret(n.cluster.SeedSecret(keys.Keyring(n.seed...)))
	return newPod(n.t, n, n.cluster.MonDeployment(manifest.MonPod{Mon: n.mons.Mons[0], Hostname: nodeName}))
}

// mgr is the pod of a mgr. Its key goes into the seed, before the mon starts.
func (n *node) mgr() *pod {
	n.t.Helper()
	entity := keys.Mgr("a", n.key())
	n.seed = append(n.seed, entity)
	n.writeSecret(n.cluster.MgrSecret("a", keys.Keyring(entity)))
	return newPod(n.t, n, n.cluster.MgrDeployment(manifest.MgrPod{Name: "a", Hostname: nodeName}))
}

// osd is the pod of an OSD, reserved on a disk as it is now. Its key goes into the seed, before the mon starts.
func (n *node) osd(id int32, d *loopdev.Disk) *pod {
	n.t.Helper()
	return n.osdOn(id, n.reserve(d), nil)
}

// osdOn is the pod of an OSD that is reserved on devices.
func (n *node) osdOn(id int32, data handover.Device, db *handover.Device) *pod {
	n.t.Helper()
	r := handover.Reservation{ID: id, UUID: uuid.NewString(), Key: n.key(), FSID: n.cluster.FSID, DeviceClass: "nvme", Data: data, DB: db}
	n.seed = append(n.seed, keys.OSD(id, r.Key))
	secret, err := n.cluster.ReservationSecret(r)
	if err != nil {
		n.t.Fatal(err)
	}
	n.writeSecret(secret)
	return newPod(n.t, n, n.cluster.OSDDeployment(manifest.OSDPod{
		ID: id, Hostname: nodeName, Location: "root=default host=" + nodeName, DeviceClass: r.DeviceClass,
	}))
}

// reserve judges a disk as discover does, and seals it.
func (n *node) reserve(d *loopdev.Disk) handover.Device {
	n.t.Helper()
	disks, err := inventory.Reader{}.Read(n.t.Context())
	if err != nil {
		n.t.Fatal(err)
	}
	blkid, err := exec.LookPath("blkid")
	if err != nil {
		n.t.Fatal(err)
	}
	for _, found := range disks {
		if found.Name != d.Name {
			continue
		}
		found.Content = content.Read(n.t.Context(), content.Target{Device: d.Path, Size: found.Hardware.Size, Blkid: blkid})
		name, id := identity.Of(found, nodeName)
		sealed := seal.Of(found, id)
		if sealed == "" || found.Content.Outcome != disk.OutcomeRead {
			n.t.Fatalf("%s is not sealed: %+v", d.Name, found.Content)
		}
		return handover.Device{Disk: name, Identity: id, Seal: sealed, Size: found.Hardware.Size}
	}
	n.t.Fatalf("%s is not in the inventory", d.Name)
	return handover.Device{}
}

// ceph runs a command of Ceph as admin, in the filesystem of a pod, and decodes what it answers.
func (n *node) ceph(p *pod, into any, args ...string) error {
	keyring := filepath.Join(p.dir, "volumes", "tmp", "admin")
	if err := os.WriteFile(keyring, keys.Keyring(n.seed[1]), 0o644); err != nil { //nolint:gosec // the pod's user reads it
		return err
	}
	out, err := p.exec(append([]string{"ceph", "--connect-timeout=5", "-k", "/tmp/admin", "--format=json"}, args...)...)
	if err == nil {
		err = json.Unmarshal([]byte(out), into)
	}
	if err != nil {
		return fmt.Errorf("ceph %q: %w: %s", args, err, out)
	}
	return nil
}
