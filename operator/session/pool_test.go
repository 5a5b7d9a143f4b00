package session

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
)

// world is some simulated clusters, the sessions with them, and how often something changed.
type world struct {
	clusters map[string]*sim.Cluster // by fsid
	pool     *Pool
	news     map[string]*atomic.Int64
	dials    atomic.Int64
}

func name(cluster string) types.NamespacedName {
	return types.NamespacedName{Namespace: "ns", Name: cluster}
}

// newWorld runs in a bubble of synctest. The clusters follow its time.
func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := &world{clusters: map[string]*sim.Cluster{}, news: map[string]*atomic.Int64{}}
	for _, n := range names {
		cluster, err := sim.New(sim.Options{FSID: n, Now: time.Now, Timeout: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		w.clusters[n], w.news[n] = cluster, &atomic.Int64{}
	}
	w.pool = New(Options{Dial: w.dial, Log: logr.Discard(), Changed: func(c types.NamespacedName) { w.news[c.Name].Add(1) }})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.pool.Start(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *world) dial(_ context.Context, target Target) (ceph.Client, error) {
	w.dials.Add(1)
	if len(target.MonHosts) == 0 {
		return nil, &ceph.Error{Op: "connect", Kind: ceph.ErrUnreachable, Text: "no mon can be reached"}
	}
	return w.clusters[target.MonHosts[0]].Admin(), nil
}

func (w *world) ensure(names ...string) {
	for _, n := range names {
		w.pool.Ensure(name(n), Target{FSID: n, MonHosts: []string{n}, Entity: "client.admin"})
	}
}

// pass lets time pass, and settles.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, f)
}

func TestPollSeesTheClusterAndComesToRest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one")
		w.ensure("one")
		pass(time.Millisecond)
		state := w.pool.State(name("one"))
		if state.Snapshot == nil || !state.Fresh(time.Now()) || w.news["one"].Load() != 1 {
			t.Fatalf("after the first poll: %+v, %d news", state, w.news["one"].Load())
		}
		if _, err := w.pool.Client(name("one")); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		before := w.pool.State(name("one")).Polls
		news := w.news["one"].Load()
		pass(time.Minute)
		if polls := w.pool.State(name("one")).Polls - before; polls != 6 {
			t.Errorf("%d polls in a minute at rest, want 6", polls)
		}
		if again := w.news["one"].Load(); again != news {
			t.Errorf("%d news of a cluster at rest", again-news)
		}
	})
}

func TestChangeIsNoticedSoon(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one")
		w.ensure("one")
		pass(time.Minute)
		news := w.news["one"].Load()
		w.clusters["one"].StopMon("c")
		pass(restEvery)
		if w.news["one"].Load() == news {
			t.Error("nobody was told that a mon stopped")
		}
		w.clusters["one"].StartMon("c")
		w.pool.Poke(name("one"))
		pass(time.Millisecond)
		if got := w.pool.State(name("one")).Snapshot.Quorum.InQuorum; len(got) != 3 {
			t.Errorf("a poke did not make it look: quorum %v", got)
		}
	})
}

func TestOneThatHangsDelaysNoOther(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "sick", "well")
		remove := w.clusters["sick"].Inject(sim.Fault{Calls: "*", Effect: sim.Hang()})
		w.ensure("sick", "well")
		pass(time.Second)
		if !w.pool.State(name("well")).Fresh(time.Now()) {
			t.Error("the well cluster was not seen within a second")
		}
		pass(DefaultTimeout)
		state := w.pool.State(name("sick"))
		if !errors.Is(state.Err, ceph.ErrTimeout) || state.Snapshot != nil || w.news["sick"].Load() != 1 {
			t.Errorf("the sick cluster: %+v, %d news", state, w.news["sick"].Load())
		}
		remove()
		pass(DefaultTimeout + failingEvery)
		if state := w.pool.State(name("sick")); !state.Fresh(time.Now()) || state.Err != nil || !state.Since.IsZero() {
			t.Errorf("it recovered: %+v", state)
		}
	})
}

func TestStaleIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one")
		w.ensure("one")
		pass(time.Minute)
		news := w.news["one"].Load()
		w.clusters["one"].Inject(sim.Fault{Calls: "*", Effect: sim.Unreachable()})
		pass(restEvery)
		state := w.pool.State(name("one"))
		if !errors.Is(state.Err, ceph.ErrUnreachable) || !state.Fresh(time.Now()) || w.news["one"].Load() != news+1 {
			t.Errorf("after the first failure: %+v, %d news", state, w.news["one"].Load()-news)
		}
		pass(StaleAfter + failingEvery)
		if state = w.pool.State(name("one")); state.Fresh(time.Now()) || state.Snapshot == nil {
			t.Errorf("an old snapshot is kept, and not fresh: %+v", state)
		}
		if got := w.news["one"].Load(); got != news+2 {
			t.Errorf("%d news, want one for the failure and one for the age", got-news)
		}
	})
}

func TestUnreachableAtFirst(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one")
		key := name("one")
		w.pool.Ensure(key, Target{FSID: "one", Entity: "client.admin"})
		pass(time.Minute)
		if _, err := w.pool.Client(key); !errors.Is(err, ceph.ErrUnreachable) {
			t.Errorf("no session: %v", err)
		}
		if n := w.dials.Load(); n < 10 || n > 20 {
			t.Errorf("%d attempts to connect in a minute", n)
		}
		w.ensure("one")
		pass(failingEvery)
		if state := w.pool.State(key); state.Snapshot == nil {
			t.Errorf("the mons it was told of later were not asked: %+v", state)
		}
	})
}

func TestAnotherClusterAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one", "two")
		w.pool.Ensure(name("one"), Target{FSID: "one", MonHosts: []string{"two"}, Entity: "client.admin"})
		pass(time.Minute)
		state := w.pool.State(name("one"))
		if state.Snapshot != nil || !errors.Is(state.Err, ceph.ErrInvalid) {
			t.Errorf("another cluster was taken for it: %+v", state)
		}
	})
}

func TestTargetChangesAndForget(t *testing.T) {
	bubble(t, func(t *testing.T) {
		w := newWorld(t, "one")
		w.ensure("one")
		pass(time.Second)
		first, err := w.pool.Client(name("one"))
		if err != nil {
			t.Fatal(err)
		}
		w.pool.Ensure(name("one"), Target{FSID: "one", MonHosts: []string{"one"}, Entity: "client.other"})
		pass(time.Second)
		second, err := w.pool.Client(name("one"))
		if err != nil || first == second {
			t.Errorf("another entity has the same session: %v", err)
		}
		w.pool.Forget(name("one"))
		pass(time.Second)
		if _, err := w.pool.Client(name("one")); !errors.Is(err, ceph.ErrUnreachable) {
			t.Errorf("forgotten, and there is a session: %v", err)
		}
		if state := w.pool.State(name("one")); state.Snapshot != nil {
			t.Errorf("forgotten, and known: %+v", state)
		}
	})
}
