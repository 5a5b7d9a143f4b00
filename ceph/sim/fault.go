package sim

import (
	"context"
	"path"
	"slices"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

// Fault is something that goes wrong with calls that match it.
type Fault struct {
	Calls  string // method names as path.Match takes them: "Snapshot", "Create*", "*"
	Target string // pattern for what is acted on, such as osd.3 or pool/image; empty: any
	Entity string // only this user's calls; empty: everyone's
	Skip   int    // lets this many matching calls pass first
	Times  int    // how many calls it spoils; 0: all until it is removed
	Effect Effect

	met int
}

// Effect is what a fault does to a call.
type Effect struct {
	before func(context.Context, *Client) error
	after  func(context.Context, *Client) error
}

// Fail makes the call fail before it has an effect, as Ceph would with this errno and words.
func Fail(errno int, text string) Effect {
	return beforeCall(&ceph.Error{Kind: ceph.KindOf(errno), Errno: errno, Text: text})
}

// Again makes the call fail with EAGAIN.
func Again() Effect { return Fail(ceph.EAGAIN, "") }

// Unreachable makes the call fail as if no mon could be reached.
func Unreachable() Effect {
	return beforeCall(&ceph.Error{Kind: ceph.ErrUnreachable, Errno: ceph.ENOTCONN})
}

// Unsupported makes the call fail as on a release that lacks the command.
func Unsupported() Effect {
	return beforeCall(&ceph.Error{Kind: ceph.ErrUnsupported, Errno: ceph.EINVAL, Text: "command not known"})
}

// Truncated lets the call take effect and cuts its answer short.
func Truncated() Effect {
	return afterCall(&ceph.Error{Kind: ceph.ErrMalformed, Text: "unexpected end of JSON input"})
}

// LostAnswer lets the call take effect and loses its answer: ErrTimeout.
func LostAnswer() Effect { return afterCall(&ceph.Error{Kind: ceph.ErrTimeout}) }

// Hang makes the call wait, without effect, until its deadline or until the client is closed.
func Hang() Effect {
	return Effect{before: func(ctx context.Context, k *Client) error { return k.wait(ctx, nil) }}
}

// Latency makes the call wait in real time (synctest's, in its bubble) before it is answered.
func Latency(d time.Duration) Effect {
	return Effect{before: func(ctx context.Context, k *Client) error {
		timer := time.NewTimer(d)
		defer timer.Stop()
		return k.wait(ctx, timer.C)
	}}
}

// Delay lets virtual time pass before the call is answered.
func Delay(d time.Duration) Effect {
	return Do(func(c *Cluster) { c.Advance(d) })
}

// Do runs a function, such as one that crashes a daemon, right before the call.
func Do(f func(*Cluster)) Effect {
	return Effect{before: func(_ context.Context, k *Client) error {
		f(k.cluster)
		return nil
	}}
}

// DoAfter runs a function when the call has taken effect, before it returns.
func DoAfter(f func(*Cluster)) Effect {
	return Effect{after: func(_ context.Context, k *Client) error {
		f(k.cluster)
		return nil
	}}
}

func beforeCall(err *ceph.Error) Effect {
	return Effect{before: func(context.Context, *Client) error { return err }}
}

func afterCall(err *ceph.Error) Effect {
	return Effect{after: func(context.Context, *Client) error { return err }}
}

// Inject adds a fault. Of several that match a call, the first injected acts.
func (c *Cluster) Inject(f Fault) (remove func()) {
	defer c.enter()()
	fault := &f
	c.faults = append(c.faults, fault)
	return func() {
		defer c.enter()()
		c.faults = slices.DeleteFunc(c.faults, func(o *Fault) bool { return o == fault })
	}
}

// meet counts the call and finds the fault that acts on it, nil if none does.
func (k *Client) meet(cl call, target string) *Fault {
	defer k.cluster.enter()()
	k.cluster.calls[cl.method]++
	for _, f := range k.cluster.faults {
		if f.matches(k, cl, target) && f.acts() {
			return f
		}
	}
	return nil
}

func (f *Fault) matches(k *Client, cl call, target string) bool {
	return glob(f.Calls, cl.method) && (f.Target == "" || glob(f.Target, target)) && (f.Entity == "" || f.Entity == k.entity)
}

// glob is path.Match in which * also matches a slash.
func glob(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

func (f *Fault) acts() bool {
	f.met++
	return f.met > f.Skip && (f.Times == 0 || f.met <= f.Skip+f.Times)
}

func (f *Fault) before(ctx context.Context, k *Client) error {
	if f == nil || f.Effect.before == nil {
		return nil
	}
	return f.Effect.before(ctx, k)
}

func (f *Fault) after(ctx context.Context, k *Client) error {
	if f == nil || f.Effect.after == nil {
		return nil
	}
	return f.Effect.after(ctx, k)
}

func (k *Client) wait(ctx context.Context, ready <-chan time.Time) error {
	select {
	case <-ready:
		return nil
	case <-k.done:
		return ceph.ErrClosed
	case <-ctx.Done():
		return outOfTime(ctx.Err())
	}
}
