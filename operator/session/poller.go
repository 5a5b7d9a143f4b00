package session

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
)

// How long a poller waits from one look to the next.
const (
	// connectEvery is the pause between attempts to connect at first; it doubles up to failingEvery.
	connectEvery = 500 * time.Millisecond
	// failingEvery is the longest pause while Ceph does not answer.
	failingEvery = 5 * time.Second
	// busyEvery is the pause while things change.
	busyEvery = 2 * time.Second
	// restEvery is the longest pause while nothing does.
	restEvery = 10 * time.Second
	// idleShare bounds what polling costs a cluster: it waits this many times as long as the last look took.
	idleShare = 5
)

// poller is the session with one cluster.
type poller struct {
	cluster types.NamespacedName
	target  Target
	options Options
	end     chan struct{}
	poked   chan struct{}

	mu    sync.Mutex
	hosts []string
	conn  ceph.Client
	state State
	pause time.Duration
	stale bool // what was told last
}

func newPoller(cluster types.NamespacedName, target Target, options Options) *poller {
	return &poller{
		cluster: cluster, target: target, options: options, hosts: target.MonHosts, stale: true,
		end: make(chan struct{}), poked: make(chan struct{}, 1),
	}
}

// stop ends the poller, and does not wait for what it is about. It is called once.
func (p *poller) stop() { close(p.end) }

// poke makes it look now. Pokes that come while it looks make it look once more.
func (p *poller) poke() {
	select {
	case p.poked <- struct{}{}:
	default:
	}
}

// look changes where the next attempt to connect looks for mons.
func (p *poller) look(hosts []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = hosts
}

func (p *poller) known() State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}

func (p *poller) session() (ceph.Client, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil, notConnected(p.cluster, p.state.Err)
	}
	return p.conn, nil
}

// run polls until ctx ends or stop is called.
func (p *poller) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer p.disconnect()
	go func() {
		select {
		case <-p.end:
			cancel()
		case <-ctx.Done():
		}
	}()
	for p.rest(ctx, p.poll(ctx)) {
	}
}

// rest waits for the next poll; false when there is none.
func (p *poller) rest(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-p.poked:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// poll looks once, and returns how long to wait for the next time.
func (p *poller) poll(ctx context.Context) time.Duration {
	limited, cancel := context.WithTimeout(ctx, p.options.Timeout)
	defer cancel()
	snapshot, err := p.read(limited)
	if ctx.Err() != nil {
		return 0
	}
	pause, news := p.note(snapshot, err, time.Now())
	if news {
		p.options.Changed(p.cluster)
	}
	return pause
}

func (p *poller) read(ctx context.Context) (*ceph.Snapshot, error) {
	conn, err := p.connect(ctx)
	if err != nil {
		return nil, err
	}
	snapshot, err := conn.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	if snapshot.FSID != p.target.FSID {
		return nil, &ceph.Error{Op: "connect", Target: p.cluster.String(), Kind: ceph.ErrInvalid,
			Text: fmt.Sprintf("another cluster answers: its fsid is %s, want %s", snapshot.FSID, p.target.FSID)}
	}
	return snapshot, nil
}

// connect returns the session, and opens it when there is none. The session then connects again by itself when it must.
func (p *poller) connect(ctx context.Context) (ceph.Client, error) {
	p.mu.Lock()
	conn, target := p.conn, p.target
	target.MonHosts = p.hosts
	p.mu.Unlock()
	if conn != nil {
		return conn, nil
	}
	conn, err := p.options.Dial(ctx, target)
	if err != nil {
		return nil, err
	}
	p.options.Log.Info("connected to Ceph", "cluster", p.cluster, "fsid", target.FSID)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conn = conn
	return conn, nil
}

func (p *poller) disconnect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn != nil {
		_ = p.conn.Close() // ends the session whatever it returns
		p.conn = nil
	}
}

// note keeps what a look brought. It returns how long to wait for the next, and whether anybody has to know.
func (p *poller) note(snapshot *ceph.Snapshot, err error, now time.Time) (pause time.Duration, news bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	was := p.state
	p.state.Polls++
	if err != nil {
		p.state.Failures++
		p.state.Err = err
		if was.Err == nil {
			p.state.Since = now
		}
	} else {
		p.state.Snapshot, p.state.Err, p.state.Since = snapshot, nil, time.Time{}
		p.state.Commands += int64(snapshot.Commands)
	}
	stale := !p.state.Fresh(now)
	news = stale != p.stale || differ(was, p.state)
	p.stale = stale
	p.pause = nextPause(p.pause, p.state, news)
	return p.pause, news
}

// nextPause doubles the pause while nothing changes.
func nextPause(last time.Duration, state State, news bool) time.Duration {
	first, longest := busyEvery, restEvery
	if state.Err != nil {
		first, longest = connectEvery, failingEvery
	}
	pause := min(max(2*last, first), longest)
	if news {
		pause = first
	}
	if state.Err == nil {
		pause = max(pause, idleShare*state.Snapshot.Took)
	}
	return pause
}
