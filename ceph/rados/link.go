package rados

import (
	"context"
	"sync"
	"time"
)

// reconnectPause is the shortest time between two attempts to connect, so that
// a client that the cluster throws out again and again costs it little.
const reconnectPause = time.Second

// maxSessions bounds the connections that doubt may pile up: the current one,
// and older ones that wait for their hung calls.
const maxSessions = 3

// link keeps one connection: it makes it when first needed, makes it anew after
// it broke, and closes each when the last call that uses it is back. A
// connection is an H.
type link[H any] struct {
	open  func() (H, error) // may take long, or hang
	shut  func(H)           // may take long, or hang
	final func(error) bool  // an open that failed so fails again: older connections are of no use either
	again func(error) bool  // an open that failed so is tried again as long as a call waits for it
	pause time.Duration     // between two attempts

	mu       sync.Mutex
	current  *session[H] // nil: not connected
	attempt  *attempt    // nil: none under way
	lastTry  time.Time
	closed   chan struct{}
	sessions int // open ones
	stats    CallStats
}

// session is one connection with the calls that use it.
type session[H any] struct {
	handle   H
	users    int
	retired  bool      // no further call may use it
	answered time.Time // when a call last came back with an answer
}

// attempt is one try to connect, which several calls may wait for.
type attempt struct {
	done chan struct{}
	left bool  // a call that waited for it ran out of time
	err  error // set before done is closed
}

func newLink[H any](open func() (H, error), shut func(H), final, again func(error) bool) *link[H] {
	return &link[H]{open: open, shut: shut, final: final, again: again, pause: reconnectPause, closed: make(chan struct{})}
}

// acquire returns the connection for one call, connecting if need be. What it
// returns must be released.
func (k *link[H]) acquire(ctx context.Context) (*session[H], error) {
	for {
		s, a, err := k.take()
		if s != nil || err != nil {
			return s, err
		}
		select {
		case <-a.done:
			if a.err != nil && !k.again(a.err) {
				return nil, a.err
			}
		case <-k.closed:
			return nil, errClosing
		case <-ctx.Done():
			k.leave(a)
			return nil, ended(ctx)
		}
	}
}

// take returns the session if there is one, else the attempt to wait for.
func (k *link[H]) take() (*session[H], *attempt, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isClosed() {
		return nil, nil, errClosing
	}
	if k.current != nil {
		k.current.users++
		return k.current, nil, nil
	}
	if k.attempt == nil {
		k.try()
	}
	return nil, k.attempt, nil
}

// try starts an attempt. It is called with mu held and none under way.
func (k *link[H]) try() {
	k.attempt = &attempt{done: make(chan struct{})}
	k.stats.Started++
	k.stats.Running++
	go k.connect(k.attempt, k.pause-time.Since(k.lastTry))
}

// answer notes that a call on the session was answered.
func (k *link[H]) answer(s *session[H]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.answered = time.Now()
}

// doubt is called after a call without an answer. A session whose user was
// removed, or got another key, is not told: it hangs for ever. So if nothing was
// answered since, another connection is tried beside it, and takes its place.
func (k *link[H]) doubt(s *session[H], since time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.isClosed() && k.current == s && k.attempt == nil && k.sessions < maxSessions && s.answered.Before(since) {
		k.try()
	}
}

// leave counts an attempt that lasts longer than a call may.
func (k *link[H]) leave(a *attempt) {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-a.done:
		return
	default:
	}
	if !a.left {
		a.left = true
		k.stats.Running--
		k.stats.Hung++
		k.stats.TimedOut++
	}
}

// connect makes one attempt. It is never given up, so that there is at most one:
// when it hangs and ends well after all, later calls use what it made.
func (k *link[H]) connect(a *attempt, wait time.Duration) {
	var h H
	err := k.rest(wait)
	if err == nil {
		h, err = k.open()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.lastTry = time.Now()
	k.attempt = nil
	if a.left {
		k.stats.Hung--
	} else {
		k.stats.Running--
	}
	if err == nil {
		k.adopt(h)
	} else if k.current != nil && k.final(err) {
		k.retireLocked(k.current)
	}
	a.err = err
	close(a.done)
}

// rest waits until another attempt may be made.
func (k *link[H]) rest(wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-k.closed:
		return errClosing
	}
}

// adopt makes the new connection the current one, unless the link was closed meanwhile.
func (k *link[H]) adopt(h H) {
	if k.current != nil {
		k.retireLocked(k.current)
	}
	s := &session[H]{handle: h}
	k.sessions++
	k.current = s
	if k.isClosed() {
		k.retireLocked(s)
	}
}

// release ends one use of a session.
func (k *link[H]) release(s *session[H]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s.users--
	k.dropIfUnused(s)
}

// retire gives up a session that broke: the next call connects anew.
func (k *link[H]) retire(s *session[H]) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retireLocked(s)
}

func (k *link[H]) retireLocked(s *session[H]) {
	if s.retired {
		return
	}
	s.retired = true
	if k.current == s {
		k.current = nil
	}
	k.dropIfUnused(s)
}

// dropIfUnused closes a retired session that no call uses any more, not even one
// that hangs: librados' memory must outlive them.
func (k *link[H]) dropIfUnused(s *session[H]) {
	if !s.retired || s.users > 0 {
		return
	}
	go func() {
		k.shut(s.handle)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.sessions--
	}()
}

// close gives up the session and refuses all later calls. It waits for nothing.
func (k *link[H]) close() {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.isClosed() {
		return
	}
	close(k.closed)
	if k.current != nil {
		k.retireLocked(k.current)
	}
}

func (k *link[H]) isClosed() bool {
	select {
	case <-k.closed:
		return true
	default:
		return false
	}
}

func (k *link[H]) snapshot() (CallStats, int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.stats, k.sessions
}
