package session

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
)

// Target is the cluster that a session is with, and as whom.
type Target struct {
	FSID     string
	MonHosts []string
	Entity   string
	Key      ceph.Secret
}

// same says whether a session with one target serves the other. More mons to look for are no reason to connect again.
func (t Target) same(other Target) bool {
	return t.FSID == other.FSID && t.Entity == other.Entity && t.Key.Equal(other.Key)
}

// Dial opens a session. It returns by the context's deadline.
type Dial func(context.Context, Target) (ceph.Client, error)

// Options say how a Pool connects, and whom it tells.
type Options struct {
	Dial Dial
	// Changed is called with the name of a cluster of which something changed. It must not block.
	Changed func(types.NamespacedName)
	// Timeout of one attempt to connect or to read a snapshot. Zero: DefaultTimeout.
	Timeout time.Duration
	Log     logr.Logger
}

// DefaultTimeout bounds one attempt to connect or to read a snapshot.
const DefaultTimeout = 15 * time.Second

// Pool holds the sessions of all clusters. Its methods are safe for concurrent use, and none waits for Ceph.
type Pool struct {
	options Options

	mu      sync.Mutex
	life    context.Context // nil until Start
	closed  bool
	pollers map[types.NamespacedName]*poller
	running sync.WaitGroup
}

// New makes a Pool. It polls while Start runs.
func New(options Options) *Pool {
	if options.Timeout == 0 {
		options.Timeout = DefaultTimeout
	}
	return &Pool{options: options, pollers: map[types.NamespacedName]*poller{}}
}

// Start polls until ctx ends, and returns when every session is closed.
func (p *Pool) Start(ctx context.Context) error {
	p.mu.Lock()
	p.life = ctx
	for _, poller := range p.pollers {
		p.launch(poller)
	}
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.running.Wait()
	return nil
}

// Ensure makes sure that there is a session with the target, or an attempt at one. Another target than before ends the
// session that was, and forgets what it saw.
func (p *Pool) Ensure(cluster types.NamespacedName, target Target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	if was, found := p.pollers[cluster]; found {
		if was.target.same(target) {
			was.look(target.MonHosts)
			return
		}
		was.stop()
	}
	fresh := newPoller(cluster, target, p.options)
	p.pollers[cluster] = fresh
	if p.life != nil {
		p.launch(fresh)
	}
}

// launch is called with the lock held.
func (p *Pool) launch(poller *poller) { p.running.Go(func() { poller.run(p.life) }) }

// Forget ends the session with a cluster that is no longer ours to look at.
func (p *Pool) Forget(cluster types.NamespacedName) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if was, found := p.pollers[cluster]; found {
		was.stop()
		delete(p.pollers, cluster)
	}
}

// Poke reads the cluster's state now, because something was done to it.
func (p *Pool) Poke(cluster types.NamespacedName) {
	if poller := p.poller(cluster); poller != nil {
		poller.poke()
	}
}

// State returns what is known of a cluster; nothing for one that has no session.
func (p *Pool) State(cluster types.NamespacedName) State {
	if poller := p.poller(cluster); poller != nil {
		return poller.known()
	}
	return State{}
}

// Client returns the session with a cluster. It fails with ceph.ErrUnreachable, or the reason why there is none.
func (p *Pool) Client(cluster types.NamespacedName) (ceph.Client, error) {
	if poller := p.poller(cluster); poller != nil {
		return poller.session()
	}
	return nil, notConnected(cluster, nil)
}

func (p *Pool) poller(cluster types.NamespacedName) *poller {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pollers[cluster]
}

// all returns what is known of every cluster.
func (p *Pool) all() map[types.NamespacedName]State {
	p.mu.Lock()
	pollers := maps.Clone(p.pollers)
	p.mu.Unlock()
	states := make(map[types.NamespacedName]State, len(pollers))
	for cluster, poller := range pollers {
		states[cluster] = poller.known()
	}
	return states
}

func notConnected(cluster types.NamespacedName, err error) error {
	if err != nil {
		return err
	}
	return &ceph.Error{Op: "connect", Target: cluster.String(), Kind: ceph.ErrUnreachable, Text: "not connected yet"}
}
