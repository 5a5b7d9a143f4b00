package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
	"github.com/seamount-dev/seamount/operator/session"
)

// ErrNoUsers says that the operator has not handed over what is needed to use a cluster.
var ErrNoUsers = errors.New("the operator has not made the cluster's users yet")

// Ceph is what the CSI controller asks of a cluster.
type Ceph interface {
	ceph.Images
	ceph.Subvolumes
	ceph.Pools
	// Filesystems lists all, sorted by name, with their ranks.
	Filesystems(ctx context.Context) ([]ceph.Filesystem, error)
}

// Session is a session with a cluster, and what the operator handed over of it.
type Session struct {
	Cluster types.NamespacedName
	Ceph    Ceph
	Handed  handover.CSICluster
}

// Pool holds the sessions. Its methods are safe for concurrent use.
type Pool struct {
	dial session.Dial

	mu       sync.Mutex
	closed   bool
	clusters map[types.NamespacedName]*cluster
}

// New makes a Pool without any cluster.
func New(dial session.Dial) *Pool {
	return &Pool{dial: dial, clusters: map[types.NamespacedName]*cluster{}}
}

// cluster is what is known of one.
type cluster struct {
	handed  handover.CSICluster
	trouble error // why it was not understood
	// turn is held by who connects.
	turn   chan struct{}
	client ceph.Client
}

// ConnectTimeout bounds an attempt to connect: whoever waits gets an answer in seconds.
const ConnectTimeout = 10 * time.Second

// Set takes over what the Secret of a namespace says. Clusters that it does not name any more are forgotten, and sessions as
// another user than before end.
func (p *Pool) Set(namespace string, data map[string][]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	for name, was := range p.clusters {
		if name.Namespace == namespace && data[name.Name] == nil {
			was.end()
			delete(p.clusters, name)
		}
	}
	for key, value := range data {
		name := types.NamespacedName{Namespace: namespace, Name: key}
		p.clusters[name] = p.clusters[name].with(handover.DecodeCSICluster(value))
	}
}

// with is the cluster as it was handed over now. The session stays when it serves that too.
func (c *cluster) with(handed handover.CSICluster, err error) *cluster {
	fresh := &cluster{handed: handed, trouble: err, turn: make(chan struct{}, 1)}
	if c == nil {
		return fresh
	}
	if err == nil && c.trouble == nil && sameUser(c.handed, handed) {
		fresh.turn, fresh.client = c.turn, c.client
		return fresh
	}
	c.end()
	return fresh
}

func sameUser(a, b handover.CSICluster) bool {
	return a.FSID == b.FSID && a.User.Entity == b.User.Entity && a.User.Key.Equal(b.User.Key)
}

// end closes the session. Calls under way fail, and are repeated in a new one.
func (c *cluster) end() {
	if c.client != nil {
		_ = c.client.Close() // never fails
	}
}

// Close ends all sessions, for good.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, c := range p.clusters {
		c.end()
	}
	clear(p.clusters)
}

// Clusters lists the clusters that there are, sorted.
func (p *Pool) Clusters() []types.NamespacedName {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.SortedFunc(maps.Keys(p.clusters), func(a, b types.NamespacedName) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
}

// Session returns the session with a cluster, and makes it when there is none.
func (p *Pool) Session(ctx context.Context, name types.NamespacedName) (Session, error) {
	found, err := p.known(name)
	if err != nil {
		return Session{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, ConnectTimeout)
	defer cancel()
	if found.client == nil {
		if found, err = p.connect(ctx, name); err != nil {
			return Session{}, err
		}
	}
	return Session{name, found.client, found.handed}, nil
}

// known returns a copy of what is known of a cluster.
func (p *Pool) known(name types.NamespacedName) (cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, found := p.clusters[name]
	switch {
	case p.closed:
		return cluster{}, &ceph.Error{Op: "connect", Target: name.String(), Kind: ceph.ErrClosed}
	case !found:
		return cluster{}, fmt.Errorf("storage cluster %s: %w: Secret %s/%s has no entry %s; see that the StorageCluster exists and is Ready",
			name, ErrNoUsers, name.Namespace, handover.CSISecretName, name.Name)
	case c.trouble != nil:
		return cluster{}, fmt.Errorf("storage cluster %s: %w: entry %s of Secret %s/%s: %w; delete the Secret, and the operator makes it again",
			name, ErrNoUsers, name.Name, name.Namespace, handover.CSISecretName, c.trouble)
	}
	return *c, nil
}

// connect opens the session, unless another call does so just now: then it waits for that one.
func (p *Pool) connect(ctx context.Context, name types.NamespacedName) (cluster, error) {
	c, err := p.known(name)
	if err != nil {
		return c, err
	}
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return c, &ceph.Error{Op: "connect", Target: name.String(), Kind: ceph.ErrUnreachable, Text: "no mon answered in time"}
	}
	if c, err = p.known(name); err != nil || c.client != nil {
		return c, err
	}
	client, err := p.dial(ctx, session.Target{FSID: c.handed.FSID, MonHosts: c.handed.Mons, Entity: c.handed.User.Entity, Key: c.handed.User.Key})
	if err != nil {
		return c, err
	}
	return p.keep(name, c, client)
}

// keep stores a new session, unless the user changed while it was made.
func (p *Pool) keep(name types.NamespacedName, made cluster, client ceph.Client) (cluster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, found := p.clusters[name]
	if p.closed || !found || now.trouble != nil || !sameUser(now.handed, made.handed) {
		return made, errors.Join(&ceph.Error{Op: "connect", Target: name.String(), Kind: ceph.ErrAgain, Text: "the user changed meanwhile"}, client.Close())
	}
	now.client = client
	return *now, nil
}
