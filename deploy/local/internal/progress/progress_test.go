package progress

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func reporter(m *Memory) (*Reporter, *bytes.Buffer, *clock) {
	var out bytes.Buffer
	c := &clock{at: time.Unix(1000, 0)}
	r := New(&out, m)
	r.now = c.now
	return r, &out, c
}

func TestStepsArePlainLinesWithoutTerminal(t *testing.T) {
	t.Parallel()
	r, out, clock := reporter(nil)
	err := r.Do(t.Context(), "bake", func(_ context.Context, s *Step) error {
		s.Detail("kneading")
		clock.pass(1500 * time.Millisecond)
		s.Result("2 loaves")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r.Note("%d crumbs", 3)
	if diff := cmp.Diff("  done    bake  1.5 s  2 loaves\n3 crumbs\n", out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestLongStepSaysThatItGoesOn(t *testing.T) {
	t.Parallel()
	r, out, clock := reporter(nil)
	s := r.begin("compile")
	s.Detail("7 of 9 packages")
	clock.pass(heartbeat - time.Second)
	r.refresh()
	if out.Len() != 0 {
		t.Errorf("too early: %q", out)
	}
	clock.pass(time.Second)
	r.refresh()
	r.refresh() // at the same time: nothing new
	if want := "  ...     compile  30 s  7 of 9 packages\n"; out.String() != want {
		t.Errorf("output %q, want %q", out, want)
	}
}

func TestLiveLine(t *testing.T) {
	t.Parallel()
	r, out, clock := reporter(nil)
	r.live = true
	first := r.begin("first")
	second := r.begin("second")
	clock.pass(time.Second)
	r.refresh()
	r.end(second, nil)
	r.end(first, nil)
	const clear = "\r\x1b[K"
	want := clear + "  ...     first  0.0 s" +
		clear + "  ...     second  0.0 s (and 1 more)" +
		clear + "  ...     second  1.0 s (and 1 more)" +
		clear + "  done    second  1.0 s\n" +
		clear + "  ...     first  1.0 s" +
		clear + "  done    first  1.0 s\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestFailureNamesInnermostStepAndLog(t *testing.T) {
	t.Parallel()
	r, out, _ := reporter(nil)
	cause := errors.New("no flour")
	err := r.Do(t.Context(), "breakfast", func(ctx context.Context, outer *Step) error {
		outer.Log("/logs/outer")
		return r.Do(ctx, "bake", func(_ context.Context, s *Step) error {
			s.Log("/logs/oven")
			return cause
		})
	})
	if !errors.Is(err, cause) || err.Error() != "bake: no flour (more in /logs/oven)" {
		t.Errorf("error %q", err)
	}
	if want := "  failed  bake after 0.0 s\n  failed  breakfast after 0.0 s\n"; out.String() != want {
		t.Errorf("output %q, want %q", out, want)
	}
}

func TestExpectationIsRemembered(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "cache", "durations.json")
	run := func(took time.Duration) string {
		m := LoadMemory(path)
		r, out, clock := reporter(m)
		if err := r.Do(t.Context(), "bake", func(context.Context, *Step) error { clock.pass(took); return nil }); err != nil {
			t.Fatal(err)
		}
		if err := m.Save(); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	for _, step := range []struct {
		took time.Duration
		want string
	}{
		{80 * time.Second, "  done    bake  1 min 20 s\n"},
		{0, "  done    bake  0.0 s (last time 1 min 20 s)\n"},
		{12 * time.Second, "  done    bake  12 s (last time 1 min 20 s)\n"}, // nothing to do is not remembered
		{time.Second, "  done    bake  1.0 s (last time 12 s)\n"},
	} {
		if got := run(step.took); got != step.want {
			t.Errorf("output %q, want %q", got, step.want)
		}
	}
}

func TestAssumptionGivesWayToMemory(t *testing.T) {
	t.Parallel()
	m := LoadMemory(filepath.Join(t.TempDir(), "durations.json"))
	r, out, clock := reporter(m)
	r.Assume(map[string]time.Duration{"bake": time.Minute})
	for range 2 {
		if err := r.Do(t.Context(), "bake", func(context.Context, *Step) error { clock.pass(2 * time.Minute); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	want := "  done    bake  2 min 00 s (about 1 min 00 s the first time)\n" + "  done    bake  2 min 00 s (last time 2 min 00 s)\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func TestDamagedMemoryIsForgotten(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "{", "null", "[1]"} {
		path := filepath.Join(t.TempDir(), "durations.json")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		m := LoadMemory(path)
		m.remember("bake", time.Minute)
		if got := m.expected("bake"); got != time.Minute {
			t.Errorf("after %q: %v", text, got)
		}
	}
}

func TestStepsAtTheSameTime(t *testing.T) {
	t.Parallel()
	r, out, _ := reporter(nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if err := r.Do(t.Context(), "step", func(_ context.Context, s *Step) error { s.Detail("x"); return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := strings.Count(out.String(), "  done    step"); got != 20 {
		t.Errorf("%d lines, want 20", got)
	}
}

func TestClip(t *testing.T) {
	t.Parallel()
	if got := clip("ä\nbcd", 3); got != "ä b" {
		t.Errorf("got %q", got)
	}
}
