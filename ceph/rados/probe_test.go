package rados

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// network answers dials by address; an address that is not there never answers.
func network(answers map[string]error) (func(context.Context, string, string) (net.Conn, error), *atomic.Int32) {
	var dials atomic.Int32
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		dials.Add(1)
		err, ok := answers[address]
		if !ok {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		here, there := net.Pipe()
		_ = there.Close()
		return here, nil
	}, &dials
}

var errConnRefused = errors.New("connection refused")

func TestLook(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answers map[string]error
		want    string
		within  time.Duration
	}{
		"one is there":   {map[string]error{"a:1": errConnRefused, "b:1": nil}, "", 0},
		"one is silent":  {map[string]error{"b:1": nil}, "", 0},
		"none is there":  {map[string]error{"a:1": errConnRefused, "b:1": errConnRefused}, "connection refused", 0},
		"all are silent": {nil, "deadline exceeded", probeTimeout},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := newProber(context.Background(), []endpoint{"a:1", "b:1"})
				p.dial, _ = network(tt.answers)
				began := time.Now()
				err := p.look(context.Background())
				if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("look = %v, want %q", err, tt.want)
				}
				if took := time.Since(began); took > tt.within {
					t.Errorf("took %v, want at most %v", took, tt.within)
				}
			})
		})
	}
}

// Many calls that wait share one look, and know its outcome at their deadline.
func TestWatchLooksAtHalfTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProber(context.Background(), []endpoint{"a:1"})
		var dials *atomic.Int32
		p.dial, dials = network(map[string]error{"a:1": errConnRefused})
		began := time.Now()
		ctx := timeout(t, 4*time.Second)
		for range 3 {
			p.watch(ctx)
		}
		if err := p.unreachable(began); err != nil {
			t.Errorf("unreachable = %v before anybody looked", err)
		}
		<-ctx.Done()
		synctest.Wait()
		if err := p.unreachable(began); !errors.Is(err, errConnRefused) {
			t.Errorf("unreachable = %v, want connection refused", err)
		}
		if n := dials.Load(); n < 1 || n > 3 {
			t.Errorf("%d dials", n)
		}
		if err := p.unreachable(time.Now()); err != nil {
			t.Errorf("unreachable = %v for a call that began later", err)
		}
	})
}

func TestWatchEndsWithTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newProber(context.Background(), []endpoint{"a:1"})
		var dials *atomic.Int32
		p.dial, dials = network(nil)
		ctx := timeout(t, 4*time.Second)
		if stop := p.watch(ctx); !stop() {
			t.Error("stop says that the look began already")
		}
		<-ctx.Done()
		synctest.Wait()
		if n := dials.Load(); n != 0 {
			t.Errorf("%d dials for a call that was answered", n)
		}
	})
}
