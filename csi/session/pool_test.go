package session

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/cache"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/session"
)

const fsid = "8b1c6d2e-0000-4000-8000-000000000001"

var main = types.NamespacedName{Namespace: "seamount", Name: "main"}

// client is a session that can only be closed.
type client struct {
	ceph.Client
	closed bool
}

func (c *client) Close() error {
	c.closed = true
	return nil
}

// dialer counts the sessions that it opens.
type dialer struct {
	mu      sync.Mutex
	targets []session.Target
	clients []*client
	err     error
}

func (d *dialer) dial(_ context.Context, target session.Target) (ceph.Client, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.targets = append(d.targets, target)
	if d.err != nil {
		return nil, d.err
	}
	d.clients = append(d.clients, &client{})
	return d.clients[len(d.clients)-1], nil
}

func handed(t *testing.T, key string, nodes ...string) map[string][]byte {
	t.Helper()
	c := handover.CSICluster{
		FSID: fsid, Mons: []string{"10.0.0.1"}, User: handover.CSIUser{Entity: "client.seamount-csi", Key: ceph.NewSecret(key)},
		Nodes: map[string]handover.CSIUser{},
	}
	for _, node := range nodes {
		c.Nodes[node] = handover.CSIUser{Entity: "client." + node, Key: ceph.NewSecret("k")}
	}
	raw, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]byte{"main": raw}
}

func TestOneSession(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	p := New(d.dial)
	p.Set("seamount", handed(t, "one"))
	var calls sync.WaitGroup
	for range 20 {
		calls.Go(func() {
			if _, err := p.Session(t.Context(), main); err != nil {
				t.Error(err)
			}
		})
	}
	calls.Wait()
	if len(d.clients) != 1 {
		t.Errorf("%d sessions", len(d.clients))
	}
	if diff := cmp.Diff([]types.NamespacedName{main}, p.Clusters()); diff != "" {
		t.Errorf("clusters (-want +got):\n%s", diff)
	}
}

func TestSecretChanges(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	p := New(d.dial)
	get := func() (Session, error) { return p.Session(t.Context(), main) }
	if _, err := get(); !errors.Is(err, ErrNoUsers) || !strings.Contains(err.Error(), "Secret seamount/seamount-csi has no entry main") {
		t.Errorf("without a Secret: %v", err)
	}
	p.Set("seamount", handed(t, "one"))
	if _, err := get(); err != nil {
		t.Fatal(err)
	}
	p.Set("seamount", handed(t, "one", "n1"))
	s, err := get()
	if err != nil || len(s.Handed.Nodes) != 1 || len(d.clients) != 1 || d.clients[0].closed {
		t.Errorf("a node more: %v, %d sessions", err, len(d.clients))
	}
	p.Set("seamount", handed(t, "two"))
	if _, err := get(); err != nil || len(d.clients) != 2 || !d.clients[0].closed {
		t.Errorf("another key: %v, %d sessions", err, len(d.clients))
	}
	p.Set("seamount", map[string][]byte{"main": []byte(`{"user":{"key":"AQsecret"}}`)})
	if _, err := get(); !errors.Is(err, ErrNoUsers) || strings.Contains(err.Error(), "AQsecret") || !d.clients[1].closed {
		t.Errorf("a damaged Secret: %v", err)
	}
	p.Set("other", nil)
	p.Set("seamount", handed(t, "three"))
	if _, err := get(); err != nil {
		t.Errorf("a good Secret again: %v", err)
	}
	p.Set("seamount", nil)
	if _, err := get(); !errors.Is(err, ErrNoUsers) || !d.clients[2].closed {
		t.Errorf("without a Secret: %v", err)
	}
	p.Close()
	if _, err := get(); !errors.Is(err, ceph.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestDialFails(t *testing.T) {
	t.Parallel()
	d := &dialer{err: &ceph.Error{Op: "connect", Kind: ceph.ErrAuthentication}}
	p := New(d.dial)
	p.Set("seamount", handed(t, "one"))
	if _, err := p.Session(t.Context(), main); !errors.Is(err, ceph.ErrAuthentication) {
		t.Errorf("got %v", err)
	}
	d.err = nil
	if _, err := p.Session(t.Context(), main); err != nil {
		t.Errorf("it is not tried again: %v", err)
	}
}

// TestChangedMeanwhile closes a session that was opened for a user who is no longer.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	d := &dialer{}
	var p *Pool
	p = New(func(ctx context.Context, target session.Target) (ceph.Client, error) {
		p.Set("seamount", handed(t, "two"))
		return d.dial(ctx, target)
	})
	p.Set("seamount", handed(t, "one"))
	if _, err := p.Session(t.Context(), main); !errors.Is(err, ceph.ErrAgain) || !d.clients[0].closed {
		t.Errorf("got %v", err)
	}
	if _, err := p.Session(t.Context(), main); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "seamount", Name: handover.CSISecretName}, Data: handed(t, "one")}
	p := New((&dialer{}).dial)
	informer, err := Watch(fake.NewClientset(secret), "seamount", p)
	if err != nil {
		t.Fatal(err)
	}
	go informer.RunWithContext(t.Context())
	if !cache.WaitForCacheSync(t.Context().Done(), informer.HasSynced) {
		t.Fatal("not synced")
	}
}
