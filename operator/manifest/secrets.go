package manifest

import (
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Identity is what makes a cluster the cluster that it is.
type Identity struct {
	FSID string
	// Admin is the key of client.admin, Mon the key of mon. that all mons share.
	Admin, Mon ceph.Secret
}

// Keys of the Secret with the identity.
const (
	identityFSID  = "fsid"
	identityAdmin = "admin-key"
	identityMon   = "mon-key"
)

// IdentitySecret holds the cluster's identity. It is created once and never overwritten: a second identity would be a
// second cluster, beside the data of the first.
func (c Cluster) IdentitySecret(id Identity) *corev1.Secret {
	secret := c.secret(IdentityName(c.Name), ComponentIdentity, "", map[string][]byte{
		identityFSID:  []byte(id.FSID),
		identityAdmin: []byte(id.Admin.Reveal()),
		identityMon:   []byte(id.Mon.Reveal()),
	})
	secret.Finalizers = []string{FinalizerIdentity}
	secret.Immutable = ptr.To(true)
	return secret
}

var errIncomplete = errors.New("fsid or key missing")

// IdentityOf reads the Secret that IdentitySecret built.
func IdentityOf(secret *corev1.Secret) (Identity, error) {
	id := Identity{
		FSID:  string(secret.Data[identityFSID]),
		Admin: ceph.NewSecret(string(secret.Data[identityAdmin])),
		Mon:   ceph.NewSecret(string(secret.Data[identityMon])),
	}
	if id.FSID == "" || id.Admin.IsZero() || id.Mon.IsZero() {
		return Identity{}, fmt.Errorf("identity in Secret %s: %w", secret.Name, errIncomplete)
	}
	return id, nil
}

// FSIDOf reads the fsid alone, also of a Secret that has lost its keys; empty: it has lost that too.
func FSIDOf(secret *corev1.Secret) string { return string(secret.Data[identityFSID]) }

// SeedSecret holds the keyring that the stores of mons are made with.
func (c Cluster) SeedSecret(keyring []byte) *corev1.Secret {
	return c.secret(SeedName(c.Name), ComponentSeed, "", map[string][]byte{handover.KeyringKey: keyring})
}

// MgrSecret holds the keyring of a mgr.
func (c Cluster) MgrSecret(name string, keyring []byte) *corev1.Secret {
	data := map[string][]byte{handover.KeyringKey: keyring}
	return c.secret(MgrName(c.Name, name), ComponentMgr, MgrDaemon(name), data)
}

// MDSSecret holds the keyring of an MDS.
func (c Cluster) MDSSecret(name, filesystem string, keyring []byte) *corev1.Secret {
	data := map[string][]byte{handover.KeyringKey: keyring}
	secret := c.secret(MDSName(c.Name, name), ComponentMDS, MDSDaemon(name), data)
	c.ofFilesystem(&secret.ObjectMeta, filesystem)
	return secret
}

// ReservationSecret holds what is chosen for an OSD. It is created before anything touches the disk: whatever happens
// then, the disk is known by it.
func (c Cluster) ReservationSecret(r handover.Reservation) (*corev1.Secret, error) {
	data, err := r.Secret()
	if err != nil {
		return nil, err
	}
	secret := c.secret(OSDName(c.Name, r.ID), ComponentReservation, OSDDaemon(r.ID), data)
	secret.Finalizers = []string{FinalizerIdentity}
	secret.Annotations = map[string]string{AnnotationNode: r.Node, AnnotationLocation: r.Location}
	return secret, nil
}

// ReservationOf reads the Secret that ReservationSecret built.
func ReservationOf(secret *corev1.Secret) (handover.Reservation, error) {
	r, err := handover.DecodeReservation(secret.Data)
	if err != nil {
		return handover.Reservation{}, fmt.Errorf("secret %s: %w", secret.Name, err)
	}
	r.Node, r.Location = secret.Annotations[AnnotationNode], secret.Annotations[AnnotationLocation]
	r.Leaving, r.Replaced = secret.Annotations[AnnotationLeaving], secret.Annotations[AnnotationReplaced]
	return r, nil
}

func (c Cluster) secret(name, component, daemon string, data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: c.lasting(name, component, daemon),
		Type:       corev1.SecretTypeOpaque,
		Data:       data,
	}
}
