package controlplane

import (
	"fmt"
	"net/netip"
	"strconv"

	"github.com/seamount-dev/seamount/deploy/local/internal/pki"
	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// The daemons' names, as programs, in the journal and as log files.
const (
	etcd              = "etcd"
	apiserver         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
)

// Names are the daemons in the order in which they start.
func Names() []string { return []string{etcd, apiserver, controllerManager, scheduler} }

// lostAfter is how long a node may be silent before it is NotReady. Kubernetes'
// default is 50 s; kubelets here report every 4 s.
const lostAfter = "16s"

// evictAfter is how long pods stay bound to a node that is NotReady. Kubernetes'
// default is 300 s.
const evictAfter = "15"

// Listeners are the addresses that the control plane of c listens on.
func Listeners(c state.Config) []netip.AddrPort {
	ip := c.Network.Machine.Addr()
	return []netip.AddrPort{
		c.Network.APIAddr(),
		netip.AddrPortFrom(ip, state.EtcdClientPort),
		netip.AddrPortFrom(ip, state.EtcdPeerPort),
		netip.AddrPortFrom(ip, state.ControllerManagerPort),
		netip.AddrPortFrom(ip, state.SchedulerPort),
	}
}

func arguments(name string, d state.Dir, c state.Config) []string {
	files := pki.PathsIn(d)
	switch name {
	case etcd:
		return etcdArguments(d, c, files)
	case apiserver:
		return apiserverArguments(c, files)
	case controllerManager:
		return controllerManagerArguments(c, files)
	default:
		return schedulerArguments(c, files)
	}
}

func etcdURL(c state.Config, port int) string {
	return fmt.Sprintf("https://%s:%d", c.Network.Machine.Addr(), port)
}

// etcdArguments: without fsync an object takes 3 ms to write instead of the
// disk's time, and a crash of the machine may cost the cluster, which `down` and
// `up` make anew.
func etcdArguments(d state.Dir, c state.Config, files pki.Paths) []string {
	client, peer := etcdURL(c, state.EtcdClientPort), etcdURL(c, state.EtcdPeerPort)
	return []string{
		"--name=local",
		"--data-dir=" + d.Etcd(),
		"--unsafe-no-fsync",
		"--listen-client-urls=" + client,
		"--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer,
		"--initial-advertise-peer-urls=" + peer,
		"--initial-cluster=local=" + peer,
		"--cert-file=" + files.Cert("etcd"),
		"--key-file=" + files.Key("etcd"),
		"--client-cert-auth",
		"--trusted-ca-file=" + files.EtcdCA(),
		"--peer-cert-file=" + files.Cert("etcd"),
		"--peer-key-file=" + files.Key("etcd"),
		"--peer-client-cert-auth",
		"--peer-trusted-ca-file=" + files.EtcdCA(),
		"--log-level=warn",
	}
}

func apiserverArguments(c state.Config, files pki.Paths) []string {
	ip := c.Network.Machine.Addr().String()
	return []string{
		"--etcd-servers=" + etcdURL(c, state.EtcdClientPort),
		"--etcd-cafile=" + files.EtcdCA(),
		"--etcd-certfile=" + files.Cert("apiserver-etcd-client"),
		"--etcd-keyfile=" + files.Key("apiserver-etcd-client"),
		"--bind-address=" + ip,
		"--advertise-address=" + ip,
		"--secure-port=" + strconv.Itoa(int(c.Network.APIPort)),
		"--tls-cert-file=" + files.Cert("apiserver"),
		"--tls-private-key-file=" + files.Key("apiserver"),
		"--client-ca-file=" + files.CA(),
		"--authorization-mode=Node,RBAC",
		// In addition to the plugins that are on by default, among them
		// PodSecurity, ValidatingAdmissionPolicy, ResourceQuota and the webhooks.
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-cluster-ip-range=" + c.Network.Services.String(),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file=" + files.ServiceAccountPub(),
		"--service-account-signing-key-file=" + files.ServiceAccountKey(),
		"--kubelet-certificate-authority=" + files.CA(),
		"--kubelet-client-certificate=" + files.Cert("apiserver-kubelet-client"),
		"--kubelet-client-key=" + files.Key("apiserver-kubelet-client"),
		"--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file=" + files.FrontProxyCA(),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--proxy-client-cert-file=" + files.Cert("front-proxy-client"),
		"--proxy-client-key-file=" + files.Key("front-proxy-client"),
		// Webhooks and aggregated APIs are called at the pods' own addresses,
		// since the machine has no kube-proxy to make ClusterIPs work.
		"--enable-aggregator-routing=true",
		"--default-not-ready-toleration-seconds=" + evictAfter,
		"--default-unreachable-toleration-seconds=" + evictAfter,
	}
}

func controllerManagerArguments(c state.Config, files pki.Paths) []string {
	kubeconfig := files.Kubeconfig(controllerManager)
	args := []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + c.Network.Machine.Addr().String(),
		"--secure-port=" + strconv.Itoa(state.ControllerManagerPort),
		"--tls-cert-file=" + files.Cert(controllerManager),
		"--tls-private-key-file=" + files.Key(controllerManager),
		"--use-service-account-credentials=true",
		"--service-account-private-key-file=" + files.ServiceAccountKey(),
		"--root-ca-file=" + files.CA(),
		"--cluster-signing-cert-file=" + files.CA(),
		"--cluster-signing-key-file=" + files.CAKey(),
		"--cluster-cidr=" + c.Network.Pods.String(),
		"--service-cluster-ip-range=" + c.Network.Services.String(),
		"--allocate-node-cidrs=false",
		"--leader-elect=false",
		"--node-monitor-period=2s",
		"--node-monitor-grace-period=" + lostAfter,
	}
	if c.KubeAPIQPS > 0 {
		args = append(args,
			"--kube-api-qps="+strconv.Itoa(c.KubeAPIQPS),
			"--kube-api-burst="+strconv.Itoa(c.KubeAPIQPS+c.KubeAPIQPS/2+1))
	}
	return args
}

func schedulerArguments(c state.Config, files pki.Paths) []string {
	kubeconfig := files.Kubeconfig(scheduler)
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=" + c.Network.Machine.Addr().String(),
		"--secure-port=" + strconv.Itoa(state.SchedulerPort),
		"--tls-cert-file=" + files.Cert(scheduler),
		"--tls-private-key-file=" + files.Key(scheduler),
		"--leader-elect=false",
	}
}
