package controlplane

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/seamount-dev/seamount/deploy/local/internal/pki"
)

// requestTimeout bounds one request: they are all small and local.
const requestTimeout = 5 * time.Second

// API is kube-apiserver, asked as the cluster's administrator.
type API struct {
	server string
	client *http.Client
}

// API is the API of p, which need not run.
func (p Plane) API() (API, error) {
	files := pki.PathsIn(p.Dir)
	cert, err := tls.LoadX509KeyPair(files.Cert("admin"), files.Key("admin"))
	if err != nil {
		return API{}, fmt.Errorf("load the administrator's certificate: %w", err)
	}
	ca, err := os.ReadFile(files.CA())
	if err != nil {
		return API{}, fmt.Errorf("load the cluster's CA: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(ca) {
		return API{}, fmt.Errorf("%s holds no certificate", files.CA())
	}
	// No proxy: the address exists on this machine only.
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: []tls.Certificate{cert}}}
	return API{server: p.Config.Network.APIServer(), client: &http.Client{Transport: transport, Timeout: requestTimeout}}, nil
}

// Get reads the object or list at path into v, which may be nil.
func (a API) Get(ctx context.Context, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path, nil)
	if err != nil {
		return err
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return fmt.Errorf("kube-apiserver does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if resp.StatusCode != http.StatusOK {
		return &StatusError{Path: path, Code: resp.StatusCode}
	}
	if v == nil {
		return nil
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

// StatusError is an answer other than 200.
type StatusError struct {
	Path string
	Code int
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("GET %s: %d %s", e.Path, e.Code, http.StatusText(e.Code))
}

// Ready reports nil when kube-apiserver serves and has written its own objects.
func (a API) Ready(ctx context.Context) error {
	var status *StatusError
	err := a.Get(ctx, "/readyz", nil)
	if errors.As(err, &status) {
		return errors.New("kube-apiserver is not ready yet")
	}
	return err
}

// defaultServiceAccount reports nil when pods can be created in the namespace
// default: before, they are all refused.
func (a API) defaultServiceAccount(ctx context.Context) error {
	var status *StatusError
	err := a.Get(ctx, "/api/v1/namespaces/default/serviceaccounts/default", nil)
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		return errors.New("kube-controller-manager has not made the default ServiceAccount yet")
	}
	return err
}

// NodesReady tells of every node that Kubernetes knows whether it is Ready.
func (a API) NodesReady(ctx context.Context) (map[string]bool, error) {
	var list struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				Conditions []struct{ Type, Status string }
			}
		}
	}
	if err := a.Get(ctx, "/api/v1/nodes", &list); err != nil {
		return nil, err
	}
	ready := map[string]bool{}
	for _, node := range list.Items {
		for _, c := range node.Status.Conditions {
			if c.Type == "Ready" {
				ready[node.Metadata.Name] = c.Status == "True"
			}
		}
	}
	return ready, nil
}
