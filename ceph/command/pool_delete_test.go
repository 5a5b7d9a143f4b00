package command

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// keeper is a cluster that deletes pools only while it is allowed to, as the mons do.
type keeper struct {
	mu      sync.Mutex
	allowed bool
	pools   []string
	sent    []string

	before func(r Request) error // what goes wrong before a command reaches it
}

func (k *keeper) Send(ctx context.Context, r Request) (Reply, error) {
	if k.before != nil {
		if err := k.before(r); err != nil {
			return Reply{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Reply{}, r.fail(ceph.ErrTimeout, err.Error())
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sent = append(k.sent, r.Op)
	switch r.Op {
	case "config set":
		k.allowed = true
	case "config rm":
		k.allowed = false
	case "osd pool rm":
		return k.remove(r)
	}
	return Reply{}, nil
}

func (k *keeper) remove(r Request) (Reply, error) {
	i := slices.Index(k.pools, r.Subject)
	switch {
	case i < 0:
		return Reply{Status: "pool '" + r.Subject + "' does not exist"}, nil
	case !k.allowed:
		return Reply{}, Failure(r, ceph.EPERM, forbidden)
	}
	k.pools = slices.Delete(k.pools, i, i+1)
	return Reply{Status: "pool '" + r.Subject + "' removed"}, nil
}

func (k *keeper) check(t *testing.T, pools ...string) {
	t.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.allowed {
		t.Errorf("pools may still be deleted, after %v", k.sent)
	}
	if !slices.Equal(k.pools, pools) {
		t.Errorf("left are %v, want %v", k.pools, pools)
	}
}

func TestDeletePool(t *testing.T) {
	t.Parallel()
	k := &keeper{pools: []string{"p", "q"}}
	a := newAdmin(k)
	for range 2 { // the second time it is not there
		if err := a.DeletePool(t.Context(), "p"); err != nil {
			t.Fatal(err)
		}
	}
	k.check(t, "q")
	want := []string{"osd pool rm", "config set", "osd pool rm", "config rm", "osd pool rm", "config rm"}
	if !slices.Equal(k.sent, want) {
		t.Errorf("sent %v, want %v", k.sent, want)
	}
}

// TestDeletePoolAfterCrash takes back what a killed process left behind.
func TestDeletePoolAfterCrash(t *testing.T) {
	t.Parallel()
	k := &keeper{allowed: true, pools: []string{"p"}}
	if err := newAdmin(k).DeletePool(t.Context(), "p"); err != nil {
		t.Fatal(err)
	}
	k.check(t)
}

// TestDeletePoolsAtOnce deletes many pools by the same permission.
func TestDeletePoolsAtOnce(t *testing.T) {
	t.Parallel()
	names := []string{"a", "b", "c", "d", "e", "f"}
	k := &keeper{pools: append(slices.Clone(names), "kept")}
	a := newAdmin(k)
	var wg sync.WaitGroup
	for _, name := range names {
		wg.Go(func() {
			if err := a.DeletePool(t.Context(), name); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k.check(t, "kept")
}

// TestDeletePoolNeverLeavesThePermission lets each command fail in turn.
func TestDeletePoolNeverLeavesThePermission(t *testing.T) {
	t.Parallel()
	for failing := range 3 {
		n := 0
		k := &keeper{pools: []string{"p"}}
		k.before = func(r Request) error {
			if n++; n == failing+1 {
				return r.fail(ceph.ErrUnreachable, "no mon")
			}
			return nil
		}
		if err := newAdmin(k).DeletePool(t.Context(), "p"); !errors.Is(err, ceph.ErrUnreachable) {
			t.Errorf("command %d fails: got %v", failing, err)
		}
		k.check(t, "p")
	}
}

// TestDeletePoolRefused gives no permission for what would not help.
func TestDeletePoolRefused(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]error{
		"pool 'p' is in use by CephFS": ceph.ErrBusy,
		"pool deletion is disabled; you must unset nodelete flag for the pool first": ceph.ErrRefused,
	} {
		errno := ceph.EPERM
		if want == ceph.ErrBusy {
			errno = ceph.EBUSY
		}
		c := &scripted{t: t, answers: []answer{{op: "osd pool rm", errno: errno, status: status}}}
		if err := newAdmin(c).DeletePool(t.Context(), "p"); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		c.allSent()
	}
}

// TestDeletePoolContextEnds goes on forbidding when the caller has gone.
func TestDeletePoolContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	k := &keeper{pools: []string{"p"}}
	k.before = func(r Request) error {
		if r.Op == "config set" { // it is done, and its answer gets lost
			k.mu.Lock()
			k.allowed = true
			k.mu.Unlock()
			cancel()
		}
		return nil
	}
	a := newAdmin(k)
	if err := a.DeletePool(ctx, "p"); !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	a.permitting <- struct{}{} // waits for what goes on in the background
	k.check(t, "p")
}

// TestDeletePoolWaits no longer than its context for another deletion.
func TestDeletePoolWaits(t *testing.T) {
	t.Parallel()
	k := &keeper{pools: []string{"p"}}
	a := newAdmin(k)
	a.permitting <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.DeletePool(ctx, "p"); !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("got %v, want a timeout", err)
	}
	if len(k.sent) != 0 {
		t.Errorf("sent %v, want nothing", k.sent)
	}
}

// TestDeletePoolForbidsAgain when the first attempt to do so fails.
func TestDeletePoolForbidsAgain(t *testing.T) {
	t.Parallel()
	k := &keeper{pools: []string{"p"}}
	failed := false
	k.before = func(r Request) error {
		if r.Op == "config rm" && !failed {
			failed = true
			return r.fail(ceph.ErrUnreachable, "no mon")
		}
		return nil
	}
	if err := newAdmin(k).DeletePool(t.Context(), "p"); err != nil {
		t.Error(err)
	}
	k.check(t)
}

// TestDeletePoolPermissionStays says so loudly.
func TestDeletePoolPermissionStays(t *testing.T) {
	t.Parallel()
	k := &keeper{pools: []string{"p"}}
	k.before = func(r Request) error {
		if r.Op == "config rm" {
			return r.fail(ceph.ErrUnreachable, "no mon")
		}
		return nil
	}
	err := newAdmin(k).DeletePool(t.Context(), "p")
	if !errors.Is(err, ceph.ErrUnreachable) || !k.allowed {
		t.Errorf("got %v, want it to say that the permission stays", err)
	}
}

// TestKeepSingleCopy needs the permission once, and leaves it off.
func TestKeepSingleCopy(t *testing.T) {
	t.Parallel()
	const forbidden = "configuring pool size as 1 is disabled by default."
	c := &scripted{t: t, answers: []answer{
		{op: "osd pool set", errno: ceph.EPERM, status: forbidden},
		{op: "config set"},
		{op: "osd pool set", status: "set pool 1 size to 1"},
		{op: "config rm"},
	}}
	if err := newAdmin(c).KeepSingleCopy(t.Context(), "p"); err != nil {
		t.Error(err)
	}
	c.allSent()
}
