package manifest

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// Identity is what makes a cluster the cluster that it is.
type Identity struct {
	FSID string
	// Admin is the key of client.admin, Mon the key of mon. that all mons share.
	Admin, Mon ceph.Secret
}

// IdentitySecret holds the cluster's identity. Create it, never overwrite it.
func (c Cluster) IdentitySecret(id Identity) *corev1.Secret { return nil }

// IdentityOf reads the Secret that IdentitySecret built.
func IdentityOf(secret *corev1.Secret) (Identity, error) { return Identity{}, nil }

// SeedSecret holds the keyring that the stores of the first mons are made with.
func (c Cluster) SeedSecret(keyring []byte) *corev1.Secret { return nil }

// MgrSecret holds the keyring of a mgr.
func (c Cluster) MgrSecret(name string, keyring []byte) *corev1.Secret { return nil }

// ReservationSecret holds what is chosen for an OSD. Create it, never overwrite it.
func (c Cluster) ReservationSecret(r handover.Reservation) (*corev1.Secret, error) { return nil, nil }

// ReservationOf reads the Secret that ReservationSecret built.
func ReservationOf(secret *corev1.Secret) (handover.Reservation, error) {
	return handover.Reservation{}, nil
}

// MonsConfigMap records the mons.
func (c Cluster) MonsConfigMap(mons handover.Mons) *corev1.ConfigMap { return nil }

// MonsOf reads the ConfigMap that MonsConfigMap built.
func MonsOf(config *corev1.ConfigMap) (handover.Mons, error) { return handover.Mons{}, nil }

// ConfigMap holds ceph.conf with the addresses of the mons.
func (c Cluster) ConfigMap(mons []handover.Mon) *corev1.ConfigMap { return nil }

// MonService gives a mon its address. address is the recorded one; empty lets Kubernetes choose.
func (c Cluster) MonService(name, address string) *corev1.Service { return nil }

// MgrService is where Prometheus finds the metrics of the mgrs.
func (c Cluster) MgrService() *corev1.Service { return nil }

// MonDeployment runs a mon.
func (c Cluster) MonDeployment(m MonPod) *appsv1.Deployment { return nil }

// MgrDeployment runs a mgr.
func (c Cluster) MgrDeployment(m MgrPod) *appsv1.Deployment { return nil }

// OSDDeployment runs an OSD.
func (c Cluster) OSDDeployment(o OSDPod) *appsv1.Deployment { return nil }
