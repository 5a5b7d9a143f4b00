package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

// Paths are the files of a local cluster's PKI.
type Paths struct{ dir string }

// PathsIn are the files in d.
func PathsIn(d state.Dir) Paths { return Paths{dir: d.PKI()} }

func (p Paths) file(name string) string { return filepath.Join(p.dir, name) }

// CA is the certificate that signs every client and server of the cluster.
func (p Paths) CA() string { return p.file("ca.crt") }

// CAKey is the key of CA.
func (p Paths) CAKey() string { return p.file("ca.key") }

// EtcdCA signs etcd and its clients, and nothing else.
func (p Paths) EtcdCA() string { return p.file("etcd-ca.crt") }

// FrontProxyCA signs the aggregation layer's client certificate.
func (p Paths) FrontProxyCA() string { return p.file("front-proxy-ca.crt") }

// ServiceAccountKey signs the tokens of ServiceAccounts.
func (p Paths) ServiceAccountKey() string { return p.file("sa.key") }

// ServiceAccountPub verifies the tokens of ServiceAccounts.
func (p Paths) ServiceAccountPub() string { return p.file("sa.pub") }

// Cert and Key are the certificate and the key called name: apiserver,
// apiserver-etcd-client, apiserver-kubelet-client, front-proxy-client, etcd,
// admin, kube-controller-manager, kube-scheduler, kube-proxy, or a node's name.
func (p Paths) Cert(name string) string { return p.file(name + ".crt") }

// Key is the key of Cert(name).
func (p Paths) Key(name string) string { return p.file(name + ".key") }

// Kubeconfig is the kubeconfig of name: admin, kube-controller-manager,
// kube-scheduler, kube-proxy, or a node's name. It holds its credentials itself.
func (p Paths) Kubeconfig(name string) string { return p.file(name + ".kubeconfig") }

// Ensure makes what is missing or no longer fits c. It is idempotent and
// resumes. Nodes that are added later get their certificates by a further call.
func Ensure(d state.Dir, c state.Config, now time.Time) error {
	if err := ensureEtcd(d.PKI(), c.Network.Machine.Addr(), now); err != nil {
		return err
	}
	if err := ensureFrontProxy(d.PKI(), now); err != nil {
		return err
	}
	if err := ensureServiceAccountKey(PathsIn(d)); err != nil {
		return err
	}
	ca, err := newAuthority(d.PKI(), "ca", "seamount-local", now)
	if err != nil {
		return err
	}
	for _, s := range servers(c) {
		if _, err := ca.issue(s); err != nil {
			return err
		}
	}
	for _, s := range users(c) {
		if err := ca.ensureUser(s, PathsIn(d).Kubeconfig(s.file), c.Network.APIServer()); err != nil {
			return err
		}
	}
	return nil
}

func ensureEtcd(dir string, ip netip.Addr, now time.Time) error {
	ca, err := newAuthority(dir, "etcd-ca", "seamount-local-etcd", now)
	if err != nil {
		return err
	}
	if _, err := ca.issue(subject{file: "etcd", name: "etcd", server: true, ips: []netip.Addr{ip}}); err != nil {
		return err
	}
	_, err = ca.issue(subject{file: "apiserver-etcd-client", name: "kube-apiserver"})
	return err
}

func ensureFrontProxy(dir string, now time.Time) error {
	ca, err := newAuthority(dir, "front-proxy-ca", "seamount-local-front-proxy", now)
	if err != nil {
		return err
	}
	_, err = ca.issue(subject{file: "front-proxy-client", name: "front-proxy-client"})
	return err
}

// servers are the certificates without a kubeconfig.
func servers(c state.Config) []subject {
	return []subject{
		{
			file: "apiserver", name: "kube-apiserver", server: true,
			dns: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
			ips: []netip.Addr{c.Network.Machine.Addr(), c.Network.APIService()},
		},
		// system:masters, since kubelets ask kube-apiserver whether its own
		// client may use their API.
		{file: "apiserver-kubelet-client", name: "kube-apiserver-kubelet-client", organization: "system:masters"},
	}
}

// users are the certificates with a kubeconfig. Those of daemons that serve
// something, kubelet its API and the others metrics, are for that too.
func users(c state.Config) []subject {
	machine := []netip.Addr{c.Network.Machine.Addr()}
	all := []subject{
		{file: "admin", name: "kubernetes-admin", organization: "system:masters"},
		{file: "kube-controller-manager", name: "system:kube-controller-manager", server: true, ips: machine},
		{file: "kube-scheduler", name: "system:kube-scheduler", server: true, ips: machine},
		{file: "kube-proxy", name: "system:kube-proxy"},
	}
	for _, n := range c.NodeNumbers() {
		name := state.NodeName(n)
		all = append(all, subject{
			file: name, name: "system:node:" + name, organization: "system:nodes", server: true,
			dns: []string{name}, ips: []netip.Addr{c.Network.NodeAddr(n)},
		})
	}
	return all
}

func (a *authority) ensureUser(s subject, path, server string) error {
	p, err := a.issue(s)
	if err != nil {
		return err
	}
	want, err := kubeconfig(server, s.name, a.certPEM, p)
	if err != nil {
		return err
	}
	if have, err := os.ReadFile(path); err == nil && string(have) == string(want) {
		return nil
	}
	return state.WriteFile(path, want, 0o600)
}

// ensureServiceAccountKey keeps an existing key: every token depends on it.
func ensureServiceAccountKey(p Paths) error {
	if data, err := os.ReadFile(p.ServiceAccountKey()); err == nil {
		if key, err := parseKey(data); err == nil {
			return savePublic(p.ServiceAccountPub(), key)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("generate key: %w", err)
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return err
	}
	if err := state.WriteFile(p.ServiceAccountKey(), keyPEM, 0o600); err != nil {
		return err
	}
	return savePublic(p.ServiceAccountPub(), key)
}

func savePublic(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return state.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
}
