package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim/internal/refusal"
)

// Client is a session of one user. It implements ceph.Client.
type Client struct {
	cluster *Cluster
	entity  string
	caps    capabilities
	id      uint64
	addr    string
	done    chan struct{}
	close   sync.Once
}

var _ ceph.Client = (*Client)(nil)

// Client connects as the user with the key. As on a real cluster, the session
// keeps the capabilities that the user has now.
func (c *Cluster) Client(entity string, key ceph.Secret) (*Client, error) {
	defer c.enter()()
	if !c.quorate() {
		return nil, &ceph.Error{Op: "connect", Target: entity, Kind: ceph.ErrUnreachable, Text: "no mon answers"}
	}
	user, ok := c.users[entity]
	if !ok || !user.Key.Equal(key) {
		return nil, &ceph.Error{Op: "connect", Target: entity, Kind: ceph.ErrAuthentication, Errno: ceph.EACCES}
	}
	return c.session(user), nil
}

// Admin connects as client.admin, whether a mon answers or not: a client that
// connected before the mons went away.
func (c *Cluster) Admin() *Client {
	defer c.enter()()
	return c.session(c.users["client.admin"])
}

func (c *Cluster) session(user *ceph.Entity) *Client {
	c.clients++
	return &Client{
		cluster: c, entity: user.Name, caps: parseCaps(user.Caps), id: c.clients,
		addr: c.clientAddr("10.255.0.1"), done: make(chan struct{}),
	}
}

// clientAddr makes an address with a nonce that no other client has.
func (c *Cluster) clientAddr(ip string) string {
	return fmt.Sprintf("%s:0/%d", ip, c.chance.draw("nonce")%4e9+1)
}

// Addr is the address that AddBlocklist fences.
func (k *Client) Addr() string { return k.addr }

// Close ends the session.
func (k *Client) Close() error {
	k.close.Do(func() { close(k.done) })
	return nil
}

// route is the daemon that answers a call.
type route int

const (
	viaMon route = iota
	viaMgr
	viaOSD // librbd in the caller's process
	viaMDS
)

// call is what is common to all calls: its name here, Ceph's name for it, whom
// it asks and which capability it needs.
type call struct {
	method string
	op     string
	via    route
	need   permission
	pool   string // viaOSD: the pool that is read or written
}

func monRead(method, op string) call  { return call{method: method, op: op, via: viaMon, need: read} }
func monWrite(method, op string) call { return call{method: method, op: op, via: viaMon, need: write} }
func mgrRead(method, op string) call  { return call{method: method, op: op, via: viaMgr, need: read} }
func mgrWrite(method, op string) call { return call{method: method, op: op, via: viaMgr, need: write} }
func mdsCall(method, op string) call {
	return call{method: method, op: op, via: viaMDS, need: everything}
}
func rbdRead(method, op, pool string) call {
	return call{method: method, op: op, via: viaOSD, need: read, pool: pool}
}
func rbdWrite(method, op, pool string) call {
	return call{method: method, op: op, via: viaOSD, need: write, pool: pool}
}

// do runs a call without a result.
func (k *Client) do(ctx context.Context, cl call, target string, act func(*Cluster) error) error {
	_, err := ask(ctx, k, cl, target, func(c *Cluster) (struct{}, error) { return struct{}{}, act(c) })
	return err
}

// ask runs a call: faults first, then what keeps a real call from being
// answered, then capabilities, then the call itself.
func ask[T any](ctx context.Context, k *Client, cl call, target string, act func(*Cluster) (T, error)) (T, error) {
	var zero T
	ctx, cancel := k.deadline(ctx)
	defer cancel()
	if err := k.alive(ctx); err != nil {
		return zero, wrap(cl, target, err)
	}
	fault := k.meet(cl, target)
	if err := fault.before(ctx, k); err != nil {
		return zero, wrap(cl, target, err)
	}
	value, err := run(ctx, k, cl, act)
	if err == nil {
		err = fault.after(ctx, k)
	}
	if err != nil {
		return zero, wrap(cl, target, err)
	}
	return value, nil
}

func run[T any](ctx context.Context, k *Client, cl call, act func(*Cluster) (T, error)) (T, error) {
	defer k.cluster.enter()()
	if err := k.admit(ctx, cl); err != nil {
		var zero T
		return zero, err
	}
	return act(k.cluster)
}

// deadline gives a context without a deadline the client's own.
func (k *Client) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, k.cluster.opts.Timeout)
}

// admit tells what keeps the call from being answered.
func (k *Client) admit(ctx context.Context, cl call) error {
	if err := k.alive(ctx); err != nil {
		return err
	}
	c := k.cluster
	switch {
	case !c.quorate():
		return &ceph.Error{Kind: ceph.ErrTimeout, Text: "no mon answers"}
	case cl.via == viaMgr && !c.mgrAvailable():
		return &ceph.Error{Kind: ceph.ErrTimeout, Text: "no active mgr answers"}
	case !k.caps.allow(cl):
		return k.denied(cl)
	case cl.via == viaOSD && c.blocklisted(k.addr):
		return refusal.New(ceph.ESHUTDOWN, "")
	}
	return nil
}

func (k *Client) alive(ctx context.Context) error {
	select {
	case <-k.done:
		return ceph.ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return outOfTime(err)
	}
	return nil
}

func (k *Client) denied(cl call) error {
	if cl.via == viaOSD {
		return refusal.New(ceph.EPERM, "")
	}
	return refusal.New(ceph.EACCES, "access denied")
}

// outOfTime says that the context ended before an answer.
func outOfTime(cause error) error { return &ceph.Error{Kind: ceph.ErrTimeout, Err: cause} }

// wrap makes the typed error: call and target are known only here.
func wrap(cl call, target string, err error) error {
	var e *ceph.Error
	if errors.As(err, &e) {
		named := *e
		named.Op, named.Target = cl.op, target
		return &named
	}
	var r *refusal.Refusal
	if errors.As(err, &r) {
		return &ceph.Error{Op: cl.op, Target: target, Kind: kindOf(cl, r), Errno: r.Errno, Text: r.Text}
	}
	return &ceph.Error{Op: cl.op, Target: target, Kind: err}
}

// kindOf knows that a mon's EPERM is a rule of the cluster: it says EACCES to
// those whose capabilities do not suffice.
func kindOf(cl call, r *refusal.Refusal) error {
	switch {
	case r.Kind != nil:
		return r.Kind
	case cl.via != viaOSD && r.Errno == ceph.EPERM:
		return ceph.ErrRefused
	default:
		return ceph.KindOf(r.Errno)
	}
}

// Calls counts the calls by method that clients made since the cluster began.
func (c *Cluster) Calls() map[string]int {
	defer c.enter()()
	counts := make(map[string]int, len(c.calls))
	for method, n := range c.calls {
		counts[method] = n
	}
	return counts
}

// joined sorts and copies what a caller gave, so that it cannot change it later.
func joined(ids []int) []int {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}
