//go:build e2e

package operator

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	core "github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/keys"
	"github.com/seamount-dev/seamount/operator/manifest"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/tests/local/cluster"
	"github.com/seamount-dev/seamount/tests/local/product"
)

// hand is a cluster whose objects are all known before the first is applied: what a person would do who knows exactly
// what is needed. It is the limit that the operator is compared with.
type hand struct {
	manifest.Cluster
	identity manifest.Identity
	mons     handover.Mons
	mgrs     map[string]core.Secret
	osds     []handover.Reservation
}

// byHand applies, at once, the same daemons in the same pods as the operator does.
func byHand(t testing.TB, p *product.Product, name string, mgrs int, disks []cluster.Disk) *ceph {
	t.Helper()
	h := newHand(name, serviceNetwork(t, p))
	for i := range mgrs {
		h.mgrs[string(rune('a'+i))] = keys.New(core.CipherAES256K)
	}
	for i, d := range disks {
		h.osds = append(h.osds, h.reserve(int32(i), p.StorageDisk(t, d))) //nolint:gosec // a few
	}
	list := h.list(t)
	p.Apply(t, product.Namespace, list)
	return &ceph{Product: p, namespace: product.Namespace, name: name}
}

// serviceNetwork are the first two bytes of the addresses of Services.
func serviceNetwork(t testing.TB, p *product.Product) [2]byte {
	t.Helper()
	text := p.Kubectl(t, "-n", "default", "get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}")
	address, err := netip.ParseAddr(text)
	if err != nil || !address.Is4() {
		t.Fatalf("the address of the API server is %q", text)
	}
	return [2]byte(address.AsSlice()[:2])
}

func newHand(name string, network [2]byte) *hand {
	h := &hand{
		Cluster: manifest.Cluster{
			Namespace: product.Namespace, Name: name, FSID: uuid.NewString(), Image: cephImage, NodeImage: nodeImage,
			Profile: v1alpha1.ProfileLean, FailureDomain: v1alpha1.FailureDomainHost,
			Network: manifest.Network{IPFamily: v1alpha1.IPFamilyIPv4},
		},
		mgrs: map[string]core.Secret{},
	}
	h.identity = manifest.Identity{FSID: h.FSID, Admin: keys.New(core.CipherAES256K), Mon: keys.New(core.CipherAES256K)}
	for i, node := range nodes {
		h.mons.Mons = append(h.mons.Mons, handover.Mon{
			Name: string(rune('a' + i)), Node: node, Address: fmt.Sprintf("%d.%d.200.%d", network[0], network[1], i+1), State: handover.MonSeed,
		})
	}
	return h
}

func (h *hand) reserve(id int32, d *v1alpha1.StorageDisk) handover.Reservation {
	size := d.Status.Hardware.Size.Value()
	class := strings.ToLower(string(d.Status.Hardware.Media))
	return handover.Reservation{
		ID: id, UUID: uuid.NewString(), Key: keys.New(core.CipherAES256K), FSID: h.FSID, DeviceClass: class, Rule: "disks",
		Data: handover.Device{
			Disk: d.Name, Identity: *d.Status.Identity, Seal: d.Status.Verdict.Seal, Size: size, Count: 1, Bytes: size,
		},
		Node: d.Status.Node, Location: "root=default host=" + d.Status.Node,
	}
}

// list are all objects in one document. They belong to no StorageCluster.
func (h *hand) list(t testing.TB) string {
	t.Helper()
	entities := []core.Entity{keys.Mon(h.identity.Mon), keys.Admin(h.identity.Admin)}
	objects := []any{
		h.IdentitySecret(h.identity), h.MonsConfigMap(h.mons), h.ConfigMap(h.mons.Mons), h.MgrService(),
	}
	for _, mon := range h.mons.Mons {
		objects = append(objects, h.MonService(mon.Name, mon.Address), h.MonDeployment(manifest.MonPod{Mon: mon, Hostname: mon.Node}))
	}
	for i, name := range slices.Sorted(maps.Keys(h.mgrs)) {
		entity := keys.Mgr(name, h.mgrs[name])
		entities = append(entities, entity)
		objects = append(objects, h.MgrSecret(name, keys.Keyring(entity)),
			h.MgrDeployment(manifest.MgrPod{Name: name, Hostname: nodes[i]}))
	}
	for _, osd := range h.osds {
		secret, err := h.ReservationSecret(osd)
		if err != nil {
			t.Fatal(err)
		}
		entities = append(entities, keys.OSD(osd.ID, osd.Key))
		objects = append(objects, secret, h.OSDDeployment(manifest.OSDPod{
			ID: osd.ID, Hostname: osd.Node, Location: osd.Location, DeviceClass: osd.DeviceClass,
		}))
	}
	return document(t, append(objects, h.SeedSecret(keys.Keyring(entities...))))
}

// document writes a List of objects, without owners.
func document(t testing.TB, objects []any) string {
	t.Helper()
	list := corev1.List{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "List"}}
	for _, object := range objects {
		if owned, ok := object.(metav1.Object); ok {
			owned.SetOwnerReferences(nil)
		}
		raw, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		list.Items = append(list.Items, runtime.RawExtension{Raw: raw})
	}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
