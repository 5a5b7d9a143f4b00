package pki

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

var now = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func ensure(t *testing.T, d state.Dir, c state.Config, at time.Time) {
	t.Helper()
	if err := d.Make(); err != nil {
		t.Fatal(err)
	}
	if err := Ensure(d, c, at); err != nil {
		t.Fatal(err)
	}
}

func certificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	p, err := load(path[:len(path)-len(".crt")])
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p.cert
}

func files(t *testing.T, d state.Dir) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(d.PKI())
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(d.PKI(), e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all[e.Name()] = string(data)
	}
	return all
}

func TestCertificatesVerifyForTheirUse(t *testing.T) {
	t.Parallel()
	d, c := state.Dir(t.TempDir()), state.DefaultConfig()
	ensure(t, d, c, now)
	p := PathsIn(d)
	client, server := x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth
	tests := map[string]struct {
		cert, ca string
		usage    x509.ExtKeyUsage
		host     string
		want     bool
	}{
		"apiserver by address":        {"apiserver", p.CA(), server, "10.250.0.1", true},
		"apiserver by ClusterIP":      {"apiserver", p.CA(), server, "10.252.0.1", true},
		"apiserver by name":           {"apiserver", p.CA(), server, "kubernetes.default.svc", true},
		"apiserver as another":        {"apiserver", p.CA(), server, "10.250.0.11", false},
		"kubelet serves its address":  {"node2", p.CA(), server, "10.250.0.12", true},
		"kubelet not another's":       {"node2", p.CA(), server, "10.250.0.13", false},
		"kubelet is a client":         {"node2", p.CA(), client, "", true},
		"admin is a client":           {"admin", p.CA(), client, "", true},
		"admin serves nothing":        {"admin", p.CA(), server, "", false},
		"etcd serves":                 {"etcd", p.EtcdCA(), server, "10.250.0.1", true},
		"etcd's client":               {"apiserver-etcd-client", p.EtcdCA(), client, "", true},
		"admin is no client of etcd":  {"admin", p.EtcdCA(), client, "", false},
		"front proxy":                 {"front-proxy-client", p.FrontProxyCA(), client, "", true},
		"front proxy is no user":      {"front-proxy-client", p.CA(), client, "", false},
		"controller manager's server": {"kube-controller-manager", p.CA(), server, "10.250.0.1", true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := x509.NewCertPool()
			pool.AddCert(certificate(t, tc.ca))
			_, err := certificate(t, p.Cert(tc.cert)).Verify(x509.VerifyOptions{
				Roots: pool, CurrentTime: now, DNSName: tc.host, KeyUsages: []x509.ExtKeyUsage{tc.usage},
			})
			if (err == nil) != tc.want {
				t.Errorf("verified: %v, want %v", err, tc.want)
			}
		})
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	d := state.Dir(t.TempDir())
	ensure(t, d, state.DefaultConfig(), now)
	for file, want := range map[string]string{
		"admin":                    "CN=kubernetes-admin,O=system:masters",
		"node1":                    "CN=system:node:node1,O=system:nodes",
		"kube-scheduler":           "CN=system:kube-scheduler",
		"kube-controller-manager":  "CN=system:kube-controller-manager",
		"kube-proxy":               "CN=system:kube-proxy",
		"apiserver-kubelet-client": "CN=kube-apiserver-kubelet-client,O=system:masters",
	} {
		if got := certificate(t, PathsIn(d).Cert(file)).Subject.String(); got != want {
			t.Errorf("%s is %q, want %q", file, got, want)
		}
	}
}

func TestEnsureIsIdempotentAndGrows(t *testing.T) {
	t.Parallel()
	d, c := state.Dir(t.TempDir()), state.DefaultConfig()
	ensure(t, d, c, now)
	before := files(t, d)
	ensure(t, d, c, now.Add(time.Hour))
	if diff := cmp.Diff(before, files(t, d)); diff != "" {
		t.Errorf("a second run changed files:\n%s", diff)
	}
	c.Nodes = 5
	ensure(t, d, c, now)
	after := files(t, d)
	for name, text := range before {
		if after[name] != text {
			t.Errorf("%s changed when a node was added", name)
		}
	}
	if after["node5.kubeconfig"] == "" {
		t.Error("the added node has no kubeconfig")
	}
}

// A crash between the two files of a pair leaves a key without its certificate.
func TestEnsureRepairs(t *testing.T) {
	t.Parallel()
	d, c := state.Dir(t.TempDir()), state.DefaultConfig()
	ensure(t, d, c, now)
	p := PathsIn(d)
	other, err := newPair(&x509.Certificate{SerialNumber: certificate(t, p.CA()).SerialNumber}, nil)
	if err != nil {
		t.Fatal(err)
	}
	damages := map[string]func() error{
		"certificate missing": func() error { return os.Remove(p.Cert("node1")) },
		"key missing":         func() error { return os.Remove(p.Key("apiserver")) },
		"another's key":       func() error { return os.WriteFile(p.Key("admin"), other.keyPEM, 0o600) },
		"rubbish":             func() error { return os.WriteFile(p.Cert("etcd"), []byte("x"), 0o600) },
		"kubeconfig missing":  func() error { return os.Remove(p.Kubeconfig("kube-proxy")) },
		"new CA":              func() error { return os.Remove(p.CAKey()) },
	}
	for name, damage := range damages {
		if err := damage(); err != nil {
			t.Fatal(err)
		}
		ensure(t, d, c, now)
		ca, err := load(filepath.Join(d.PKI(), "ca"))
		if err != nil {
			t.Fatalf("%s: CA: %v", name, err)
		}
		for _, s := range append(servers(c), users(c)...) {
			if leaf, err := load(filepath.Join(d.PKI(), s.file)); err != nil || !leaf.issuedBy(ca, now) {
				t.Errorf("%s: %s is not good afterwards: %v", name, s.file, err)
			}
		}
	}
}

func TestEnsureRenews(t *testing.T) {
	t.Parallel()
	d, c := state.Dir(t.TempDir()), state.DefaultConfig()
	ensure(t, d, c, now)
	first := certificate(t, PathsIn(d).Cert("apiserver"))
	ensure(t, d, c, now.Add(validity-24*time.Hour))
	if second := certificate(t, PathsIn(d).Cert("apiserver")); !second.NotAfter.After(first.NotAfter) {
		t.Errorf("still valid until %v only", second.NotAfter)
	}

	c.Network.Machine = netip.MustParsePrefix("10.249.0.1/24")
	ensure(t, d, c, now)
	if err := certificate(t, PathsIn(d).Cert("apiserver")).VerifyHostname("10.249.0.1"); err != nil {
		t.Errorf("the address changed and the certificate did not: %v", err)
	}
}

func TestKubeconfigHoldsItsCredentials(t *testing.T) {
	t.Parallel()
	d := state.Dir(t.TempDir())
	ensure(t, d, state.DefaultConfig(), now)
	data, err := os.ReadFile(d.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	var k struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
				CA     string `json:"certificate-authority-data"`
			} `json:"cluster"`
		} `json:"clusters"`
		Users []struct {
			User struct {
				Cert string `json:"client-certificate-data"`
				Key  string `json:"client-key-data"`
			} `json:"user"`
		} `json:"users"`
	}
	if err := yaml.Unmarshal(data, &k); err != nil {
		t.Fatal(err)
	}
	if len(k.Clusters) != 1 || len(k.Users) != 1 || k.Clusters[0].Cluster.Server != "https://10.250.0.1:6443" {
		t.Fatalf("kubeconfig:\n%s", data)
	}
	decode := func(s string) []byte {
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := tls.X509KeyPair(decode(k.Users[0].User.Cert), decode(k.Users[0].User.Key)); err != nil {
		t.Error(err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(decode(k.Clusters[0].Cluster.CA)) {
		t.Error("no CA")
	}
	info, err := os.Stat(d.Kubeconfig())
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v: others can read the key", info.Mode(), err)
	}
}
