package sim

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		effect Effect
		kind   error
		done   bool // the call took effect all the same
	}{
		"again":       {Again(), ceph.ErrAgain, false},
		"unreachable": {Unreachable(), ceph.ErrUnreachable, false},
		"unsupported": {Unsupported(), ceph.ErrUnsupported, false},
		"truncated":   {Truncated(), ceph.ErrMalformed, true},
		"lost answer": {LostAnswer(), ceph.ErrTimeout, true},
		"busy":        {Fail(ceph.EBUSY, "no"), ceph.ErrBusy, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, Options{}, 3, 1)
			c.Inject(Fault{Calls: "SetOSD*", Target: "no*", Times: 1, Effect: tc.effect})
			admin := c.Admin()
			if err := admin.SetOSDFlag(t.Context(), "noout"); !errors.Is(err, tc.kind) {
				t.Errorf("got %v, want %v", err, tc.kind)
			}
			if got := c.osdmap.flags["noout"]; got != tc.done {
				t.Errorf("noout is %t, want %t", got, tc.done)
			}
			if err := admin.SetOSDFlag(t.Context(), "noout"); err != nil {
				t.Errorf("the call after the fault: %v", err)
			}
			if n := c.Calls()["SetOSDFlag"]; n != 2 {
				t.Errorf("%d calls counted, want 2", n)
			}
		})
	}
}

func TestFaultsSkipAndEnd(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 3, 1)
	remove := c.Inject(Fault{Calls: "Health", Skip: 1, Effect: Again()})
	admin := c.Admin()
	for i, want := range []error{nil, ceph.ErrAgain, ceph.ErrAgain} {
		if _, err := admin.Health(t.Context()); !errors.Is(err, want) {
			t.Errorf("call %d: got %v, want %v", i, err, want)
		}
	}
	remove()
	if _, err := admin.Health(t.Context()); err != nil {
		t.Errorf("after the fault was removed: %v", err)
	}
}

func TestHangEndsByDeadlineOrClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, Options{Timeout: 30 * time.Second}, 3, 1)
		c.Inject(Fault{Calls: "*", Effect: Hang()})
		admin := c.Admin()
		start := time.Now()
		_, err := admin.Health(context.Background())
		if !errors.Is(err, ceph.ErrTimeout) || time.Since(start) != 30*time.Second {
			t.Errorf("after %s: %v", time.Since(start), err)
		}
		hung := make(chan error)
		go func() {
			_, err := admin.Health(context.Background())
			hung <- err
		}()
		synctest.Wait()
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
		if err := <-hung; !errors.Is(err, ceph.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

func TestDelayLetsTimePass(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{}, 3, 1)
	c.Inject(Fault{Calls: "Health", Effect: Delay(time.Minute)})
	before := c.Now()
	if _, err := c.Admin().Health(t.Context()); err != nil {
		t.Fatal(err)
	}
	if d := c.Now().Sub(before); d != time.Minute {
		t.Errorf("%s passed", d)
	}
}

func TestDoCrashesADaemonInTheMiddle(t *testing.T) {
	t.Parallel()
	c := newCluster(t, Options{Mons: []string{"a"}}, 3, 1)
	c.Inject(Fault{Calls: "OSDOut", Effect: DoAfter(func(c *Cluster) { c.StopMon("a") })})
	admin := c.Admin()
	if err := admin.OSDOut(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if err := admin.OSDOut(t.Context(), 2); !errors.Is(err, ceph.ErrTimeout) {
		t.Errorf("without a mon: %v", err)
	}
	c.StartMon("a")
	if s := mustSnapshot(t, c); s.OSDs[1].In || !s.OSDs[2].In {
		t.Errorf("osd.1 in %t, osd.2 in %t", s.OSDs[1].In, s.OSDs[2].In)
	}
}

func TestFollowsAnOuterClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, Options{Now: time.Now}, 4, 1)
		c.CrashOSD(0)
		<-time.After(time.Hour)
		if o := mustSnapshot(t, c).OSDs[0]; o.Up || o.In {
			t.Errorf("an hour after the crash: up %t, in %t", o.Up, o.In)
		}
	})
}
