package manifest

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// metricsPort is where the mgr's module prometheus listens.
const metricsPort = 9283

// MonService gives a mon its address; address is the recorded one, and empty lets Kubernetes choose. It stays when the
// StorageCluster is deleted, so that nobody else gets the address: the mon is known by it.
//
// Its address is published while the pod is not ready, for mons must reach each other to become so.
func (c Cluster) MonService(name, address string) *corev1.Service {
	service := c.service(c.lasting(MonName(c.Name, name), ComponentMon, MonDaemon(name)), ComponentMon, MonDaemon(name),
		servicePort("msgr2", handover.MonPortV2), servicePort("msgr1", handover.MonPortV1))
	service.Spec.ClusterIP = address
	service.Spec.PublishNotReadyAddresses = true
	return service
}

// MgrService is where Prometheus finds the metrics of the mgrs.
func (c Cluster) MgrService() *corev1.Service {
	return c.service(c.owned(MgrServiceName(c.Name), ComponentMgr, ""), ComponentMgr, "", servicePort("metrics", metricsPort))
}

func (c Cluster) service(meta metav1.ObjectMeta, component, daemon string, ports ...corev1.ServicePort) *corev1.Service {
	service := &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta,
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeClusterIP,
			Selector: c.selector(component, daemon),
			Ports:    ports,
		},
	}
	switch c.Network.IPFamily {
	case v1alpha1.IPFamilyIPv4:
		service.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv4Protocol}
	case v1alpha1.IPFamilyIPv6:
		service.Spec.IPFamilies = []corev1.IPFamily{corev1.IPv6Protocol}
	case v1alpha1.IPFamilyDualStack: // a mon has one address, of the family that Kubernetes prefers
	}
	return service
}

// servicePort names the protocol, which is part of the key that lists of ports are merged by.
func servicePort(name string, port int32) corev1.ServicePort {
	return corev1.ServicePort{Name: name, Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP}
}
