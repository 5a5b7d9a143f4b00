//go:build e2e

package rados

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/command"
	"github.com/seamount-dev/seamount/ceph/rados"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// small is a cluster without disks, for tests that break it.
func small(t *testing.T) *cephtest.Cluster {
	t.Helper()
	return cephtest.Start(t, cephtest.Options{})
}

func do(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hangMon makes n commands to a mon that hang, each left at its deadline.
func hangMon(t *testing.T, c *rados.Client, n int) {
	t.Helper()
	for range n {
		ctx := within(t, impatience/4)
		wantFailure(t, send(ctx, c, command.Mon(), "status"), ceph.ErrTimeout, "no answer by the deadline")
		wantInTime(t, ctx)
	}
}

func TestMonHangs(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	c := connect(t, config(cluster))
	do(t, cluster.Pause("mon.a"))

	hangMon(t, c, 1)
	ctx := within(t, impatience)
	_, err := rados.Connect(ctx, config(cluster))
	wantFailure(t, err, ceph.ErrTimeout, "connect client.admin: no answer by the deadline")
	wantInTime(t, ctx)
	if s := c.Stats().Mon; s.Hung != 1 || s.TimedOut != 1 {
		t.Errorf("counters = %+v, want one call that hangs", s)
	}

	do(t, cluster.Resume("mon.a"))
	wantUsable(t, c)
	NewWithT(t).Eventually(func() int { return c.Stats().Mon.Hung }, patience).Should(BeZero(), "hung calls go back when the mon does")
}

// Connecting goes on while its context lasts, longer than one attempt of librados.
func TestConnectOutlastsAHang(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	cfg := config(cluster)
	cfg.Timeouts.Connect = impatience / 2
	do(t, cluster.Pause("mon.a"))
	resumed := time.AfterFunc(2*impatience, func() {
		if err := cluster.Resume("mon.a"); err != nil {
			t.Error(err)
		}
	})
	defer resumed.Stop()
	wantUsable(t, connect(t, cfg))
}

func TestMonIsGone(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	c := connect(t, config(cluster))
	do(t, cluster.Kill("mon.a"))

	ctx := within(t, 10*impatience) // whether a mon is there is looked at when half of it is over
	wantFailure(t, send(ctx, c, command.Mon(), "status"), ceph.ErrUnreachable, "status: no mon can be reached: dial tcp "+cluster.Address())
	wantInTime(t, ctx)
	_, err := rados.Connect(within(t, patience), config(cluster))
	wantFailure(t, err, ceph.ErrUnreachable, "connection refused")

	do(t, cluster.Start("mon.a"))
	wantUsable(t, c)
}

// librados itself ends what hangs too long, so that the counters come down
// although the mon never answers.
func TestHungMonCommandsEnd(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	cfg := config(cluster)
	cfg.Timeouts.Mon = 10 * impatience // else it may end them before they are left
	c := connect(t, cfg)
	do(t, cluster.Pause("mon.a"))
	hangMon(t, c, 2)
	NewWithT(t).Eventually(func() int { return c.Stats().Mon.Hung }, patience).Should(BeZero())
	do(t, cluster.Resume("mon.a"))
	awaitUsable(t, c)
}

func TestHungCallsAreBounded(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	cfg := config(cluster)
	cfg.Limits = rados.Limits{Concurrent: 2, Hung: 3}
	c := connect(t, cfg)
	do(t, send(within(t, patience), c, command.Mgr(), "pg stat"))
	do(t, cluster.Pause("mon.a"))
	hangMon(t, c, 3)

	wantFailure(t, send(within(t, patience), c, command.Mon(), "status"), ceph.ErrOverloaded, "status: not started: as many calls as may hang do so already")
	if s := c.Stats().Mon; s.Hung != 3 || s.Refused != 1 || s.Started != 3 {
		t.Errorf("counters = %+v, want 3 calls that hang and one that was refused", s)
	}
	// The mgr is not the mon: its calls have limits of their own.
	do(t, send(within(t, patience), c, command.Mgr(), "pg stat"))

	do(t, cluster.Resume("mon.a"))
	NewWithT(t).Eventually(func() int { return c.Stats().Mon.Hung }, patience).Should(BeZero())
	wantUsable(t, c)
}

func TestOneClusterHangsAndTheOtherGoesOn(t *testing.T) {
	t.Parallel()
	sick, well := small(t), small(t)
	cfg := config(sick)
	cfg.Limits.Hung = 4
	a, b := connect(t, cfg), connect(t, config(well))
	do(t, sick.Pause("mon.a"))

	const calls = 16
	results := make(chan error, calls)
	ctx := within(t, impatience)
	for range calls {
		go func() { results <- send(ctx, a, command.Mon(), "status") }()
	}
	NewWithT(t).Eventually(func() int { return a.Stats().Mon.Running }, patience).Should(BeNumerically(">", 0))
	for range calls {
		wantUsable(t, b)
	}
	if s := b.Stats(); s.Mon.TimedOut+s.Mgr.TimedOut > 0 {
		t.Errorf("counters of the healthy cluster = %+v", s)
	}
	for range calls {
		if err := <-results; !errors.Is(err, ceph.ErrTimeout) && !errors.Is(err, ceph.ErrOverloaded) {
			t.Errorf("call to the cluster that hangs: %v", err)
		}
	}
	do(t, sick.Resume("mon.a"))
	NewWithT(t).Eventually(func() int { return a.Stats().Mon.Hung }, patience).Should(BeZero())
	wantUsable(t, a)
}

// hangMgr makes a command to a mgr that hangs, which is left at its deadline.
func hangMgr(t *testing.T, c *rados.Client) {
	t.Helper()
	ctx := within(t, impatience/4)
	wantFailure(t, send(ctx, c, command.Mgr(), "pg stat"), ceph.ErrTimeout, "pg stat: no answer by the deadline")
	wantInTime(t, ctx)
}

// A mgr that answers late must do no harm: its calls were left long ago. librados itself must not have ended them, however soon it
// ends those to the mons: an answer that comes then is written to memory that it has freed.
func TestMgrHangs(t *testing.T) {
	t.Parallel()
	cluster := small(t)
	cfg := config(cluster)
	cfg.Timeouts.Mon = impatience / 2
	hasty, c := connect(t, cfg), connect(t, config(cluster))
	for _, client := range []*rados.Client{hasty, c} {
		do(t, send(within(t, patience), client, command.Mgr(), "pg stat"))
	}
	do(t, cluster.Pause("mgr.a"))
	hangMgr(t, hasty)
	for range 8 {
		hangMgr(t, c)
		do(t, send(within(t, patience), c, command.Mon(), "status"))
	}
	if s := c.Stats(); s.Mgr.Hung != 8 || s.Mon.Hung != 0 {
		t.Errorf("counters = %+v, want 8 mgr commands that hang", s)
	}
	if s := hasty.Stats(); s.Mgr.Hung != 1 {
		t.Errorf("counters = %+v, want a mgr command that hangs still", s)
	}
	do(t, cluster.Resume("mgr.a"))
	NewWithT(t).Eventually(func() int { return c.Stats().Mgr.Hung + hasty.Stats().Mgr.Hung }, patience).Should(BeZero())
	wantUsable(t, c)
	do(t, send(within(t, patience), hasty, command.Mgr(), "pg stat"))
}

func TestCloseWaitsForNoHungCall(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	cluster := small(t)
	c := connect(t, config(cluster))
	wantUsable(t, c)
	do(t, cluster.Pause("mon.a"))
	do(t, cluster.Pause("mgr.a"))

	results := make(chan error, 2)
	for _, r := range []command.Request{{Op: "status", Target: command.Mon()}, {Op: "pg stat", Target: command.Mgr()}} {
		go func() {
			_, err := c.Send(context.Background(), r)
			results <- err
		}()
	}
	g.Eventually(func() int { s := c.Stats(); return s.Mon.Running + s.Mgr.Running }, patience).Should(Equal(2))
	began := time.Now()
	do(t, c.Close())
	for range cap(results) {
		wantFailure(t, <-results, ceph.ErrClosed, "the client is closed")
	}
	if took := time.Since(began); took > grace {
		t.Errorf("Close took %v", took)
	}
	wantFailure(t, send(within(t, patience), c, command.Mon(), "status"), ceph.ErrClosed, "the client is closed")
	if s := c.Stats(); s.Mon.Hung != 1 || s.Mgr.Hung != 1 || s.Sessions != 2 {
		t.Errorf("counters = %+v, want both calls hung, and the two connections that they use", s)
	}
	do(t, c.Close())

	do(t, cluster.Resume("mon.a"))
	do(t, cluster.Resume("mgr.a"))
	g.Eventually(func() rados.Stats { return c.Stats() }, patience).Should(SatisfyAll(
		HaveField("Mon.Hung", 0), HaveField("Mgr.Hung", 0), HaveField("Sessions", 0)), "all is freed when the calls are back")
}

// Images hang with the OSDs; mons do not. librados ends the operations.
func TestOSDsHang(t *testing.T) {
	t.Parallel()
	g := NewWithT(t)
	// A PG may be read for four fifths of the grace, and then its primary asks anew. Of a PG with one copy Ceph 16 sometimes forgets to: it
	// stays laggy for ever when its OSD has hung for longer.
	cluster := cephtest.Start(t, cephtest.Options{OSDs: 1, Config: map[string]string{"osd_heartbeat_grace": "600"}})
	cfg := config(cluster)
	cfg.Timeouts.OSD = 4 * impatience // else it may end the first before the second was left
	c, steady := connect(t, cfg), connect(t, config(cluster))
	makePool(t, cluster, steady, "images")
	do(t, cluster.Pause("osd.0"))

	for i := range 2 {
		ctx := within(t, impatience/2)
		err := c.CreateImage(ctx, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "images", Name: fmt.Sprintf("lost%d", i)}, Size: 1 << 20})
		wantFailure(t, err, ceph.ErrTimeout, fmt.Sprintf("rbd create images/lost%d: no answer by the deadline", i))
		wantInTime(t, ctx)
	}
	if s := c.Stats(); s.Images.Hung != 2 {
		t.Errorf("counters = %+v, want two image calls that hang", s)
	}
	do(t, send(within(t, patience), c, command.Mon(), "status"))
	g.Eventually(func() int { return c.Stats().Images.Hung }, patience).Should(BeZero(), "librados ends them")

	do(t, cluster.Resume("osd.0"))
	found := ceph.ImageRef{Pool: "images", Name: "found"}
	do(t, steady.CreateImage(within(t, patience), ceph.ImageSpec{ImageRef: found, Size: 1 << 20}))
	_, err := c.Image(within(t, patience), found)
	do(t, err)
	g.Eventually(func() int { return c.Stats().Sessions }, patience).Should(BeNumerically("<=", 2), "connections that were doubted are freed")
}

// makePool makes a pool for images.
func makePool(t testing.TB, cluster *cephtest.Cluster, c *rados.Client, name string) {
	t.Helper()
	if _, err := cluster.Ceph(within(t, patience), "osd", "pool", "create", name, "8"); err != nil {
		t.Fatal(err)
	}
	if err := c.InitImagePool(within(t, patience), name); err != nil {
		t.Fatal(err)
	}
}
