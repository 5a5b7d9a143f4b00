//go:build cgo

package rados

import (
	"context"
	"errors"
	"time"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados/internal/librados"
)

// Client is a session with one cluster. It implements ceph.Client.
type Client struct {
	*command.Admin

	config Config
	life   context.Context // ends with Close
	end    context.CancelFunc
	prober *prober

	// session is the connection for everything but the mgr's commands. See the
	// package's comment for why those have one of their own.
	session *link[*connection]
	mgr     *link[*connection]

	mons, mgrs, osds, images, files *lane
}

var (
	_ ceph.Client       = (*Client)(nil)
	_ command.Transport = (*Client)(nil)
)

// Connect opens a session. It fails when no mon can be reached, when none
// answers by ctx's deadline, and when the cluster does not accept the key.
// Afterwards the client reconnects by itself whenever it must.
func Connect(ctx context.Context, config Config) (*Client, error) {
	config, endpoints, err := config.prepare()
	if err != nil {
		return nil, err
	}
	c := newClient(config, endpoints)
	if err := c.connect(ctx); err != nil {
		_ = c.Close() // returns no error
		return nil, err
	}
	return c, nil
}

func newClient(config Config, endpoints []endpoint) *Client {
	c := &Client{config: config}
	c.life, c.end = context.WithCancel(context.Background())
	c.prober = newProber(c.life, endpoints)
	c.session = newLink(c.opener(config.sessionOptions()), (*connection).close, rejected, unanswered)
	c.mgr = newLink(c.opener(config.mgrOptions()), (*connection).close, rejected, unanswered)
	c.mons, c.mgrs = newLane(config.Limits), newLane(config.Limits)
	c.osds, c.images, c.files = newLane(config.Limits), newLane(config.Limits), newLane(config.Limits)
	c.Admin = command.NewAdmin(c, time.Now)
	return c
}

// rejected tells whether the cluster no longer accepts the key.
func rejected(err error) bool { return errors.Is(err, ceph.ErrAuthentication) }

// unanswered tells whether the mons may yet answer: one starts, or they elect.
func unanswered(err error) bool { return errors.Is(err, ceph.ErrTimeout) }

// opener connects, unless it is plain at once that no mon is there.
func (c *Client) opener(extra librados.Options) func() (*connection, error) {
	return func() (*connection, error) {
		if err := c.prober.look(c.life); err != nil {
			return nil, c.config.fail(ceph.ErrUnreachable, "no mon can be reached: "+oneLine(err), nil)
		}
		return connect(c.config, extra)
	}
}

func (c *Client) connect(ctx context.Context) error {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	began := time.Now()
	s, err := c.session.acquire(ctx)
	if err != nil {
		return c.interrupted(ctx, subject{"connect", c.config.Entity}, began, err)
	}
	c.session.release(s)
	return nil
}

// Close ends the session. Calls under way return ceph.ErrClosed, unless they are
// done just then. What a hung call uses is freed when it comes back. Close
// never fails, and may be called again.
func (c *Client) Close() error {
	c.end()
	c.session.close()
	c.mgr.close()
	return nil
}

// Stats returns the counters.
func (c *Client) Stats() Stats {
	connects, sessions := c.session.snapshot()
	mgrConnects, mgrSessions := c.mgr.snapshot()
	return Stats{
		Mon:      c.mons.snapshot(),
		Mgr:      c.mgrs.snapshot(),
		OSD:      c.osds.snapshot(),
		Images:   c.images.snapshot(),
		Files:    c.files.snapshot(),
		Connect:  connects.plus(mgrConnects),
		Sessions: sessions + mgrSessions,
	}
}

// deadline gives ctx the default one if it has none.
func (c *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, c.config.Timeouts.Call)
}

// call runs f on a connection of the link within ctx's time. The error is f's
// own, or an *ceph.Error if f did not end.
func call[T any](ctx context.Context, c *Client, k *link[*connection], l *lane, s subject, f func(*connection) (T, error)) (T, error) {
	ctx, cancel := c.deadline(ctx)
	defer cancel()
	defer c.prober.watch(ctx)()
	began := time.Now()
	session, err := k.acquire(ctx)
	if err != nil {
		var none T
		return none, c.interrupted(ctx, s, began, err)
	}
	v, started, err := run(ctx, l, c.life.Done(), func() (T, error) {
		defer k.release(session)
		v, err := f(session.handle)
		heed(k, session, err)
		return v, err
	})
	if !started {
		k.release(session)
	}
	if errors.Is(err, errDeadline) || errors.Is(err, errSilent) {
		k.doubt(session, began)
	}
	var why interruption
	if errors.As(err, &why) {
		return v, c.interrupted(ctx, s, began, why)
	}
	return v, err
}

// heed draws from a call's outcome what it says about the session.
func heed(k *link[*connection], s *session[*connection], err error) {
	switch librados.Errno(err) {
	case ceph.ENOTCONN, ceph.ESHUTDOWN: // lost, or on the blocklist
		k.retire(s)
	default:
		if !errors.Is(err, errSilent) {
			k.answer(s)
		}
	}
}
