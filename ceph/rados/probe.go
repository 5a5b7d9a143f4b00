package rados

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// probeTimeout bounds one look at the mons.
const probeTimeout = 3 * time.Second

// prober finds out whether any mon can be reached at all. librados never tells:
// with all mons gone its calls hang just as with mons that do not answer.
type prober struct {
	life      context.Context // of the client
	endpoints []endpoint
	dial      func(ctx context.Context, network, address string) (net.Conn, error)

	mu      sync.Mutex
	looking bool
	at      time.Time // when the last look began
	verdict error     // nil: a mon took the connection
}

func newProber(life context.Context, endpoints []endpoint) *prober {
	return &prober{life: life, endpoints: endpoints, dial: (&net.Dialer{}).DialContext}
}

// look dials all mons at once and returns nil as soon as one takes the
// connection; it need not answer. Else it says why none could be reached.
func (p *prober) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	results := make(chan error, len(p.endpoints))
	for _, e := range p.endpoints {
		go func() { results <- p.knock(ctx, e) }()
	}
	var errs []error
	for range p.endpoints {
		err := <-results
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (p *prober) knock(ctx context.Context, e endpoint) error {
	conn, err := p.dial(ctx, "tcp", string(e))
	if err != nil {
		return err
	}
	return conn.Close()
}

// watch looks at the mons when half of a call's time is over without an answer,
// so that the reason is known at its deadline. The call ends it with stop.
func (p *prober) watch(ctx context.Context) (stop func() bool) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return func() bool { return true }
	}
	return time.AfterFunc(time.Until(deadline)/2, p.background).Stop
}

// background looks once, however many calls ask for it.
func (p *prober) background() {
	p.mu.Lock()
	if p.looking {
		p.mu.Unlock()
		return
	}
	p.looking = true
	p.mu.Unlock()
	at := time.Now()
	err := p.look(p.life)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.looking, p.at, p.verdict = false, at, err
}

// unreachable returns why no mon could be reached, if that was found out since
// then; nil if one was reached or it is not known.
func (p *prober) unreachable(since time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at.Before(since) {
		return nil
	}
	return p.verdict
}
