//go:build e2e

package operator

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// longestSilence is how long Ceph may be without an answer while its mons are left alone, or go one at a time: a disk that the
// mons share with everybody makes them wait for it, and an election takes moments. Who reads and writes asks OSDs meanwhile.
const longestSilence = 30 * time.Second

// answered holds that Ceph answered since a moment, but for moments.
func (w *watch) answered(t testing.TB, since time.Time) {
	t.Helper()
	for _, silence := range silences(w.since(since), time.Now()) {
		t.Logf("Ceph did not answer for %.1f s", silence.Seconds())
		if silence > longestSilence {
			t.Errorf("Ceph did not answer for %v, more than %v", silence, longestSilence)
		}
	}
}

// silences is how long each silence among states lasted; the last may go on until now.
func silences(states []state, now time.Time) []time.Duration {
	var all []time.Duration
	var begun time.Time
	for _, s := range append(slices.Clone(states), state{at: now}) {
		switch {
		case s.Silent && begun.IsZero():
			begun = s.at
		case !s.Silent && !begun.IsZero():
			all, begun = append(all, s.at.Sub(begun)), time.Time{}
		}
	}
	return all
}

func TestSilences(t *testing.T) {
	t.Parallel()
	start := time.Now()
	at := func(s int, silent bool) state {
		return state{Silent: silent, at: start.Add(time.Duration(s) * time.Second)}
	}
	for name, test := range map[string]struct {
		states []state
		want   []time.Duration
	}{
		"none":             {[]state{at(1, false), at(2, false)}, nil},
		"ended":            {[]state{at(1, false), at(2, true), at(5, false), at(6, false)}, []time.Duration{3 * time.Second}},
		"two":              {[]state{at(1, true), at(2, false), at(3, true), at(7, false)}, []time.Duration{time.Second, 4 * time.Second}},
		"asked from anew":  {[]state{at(1, true), at(3, true), at(6, false)}, []time.Duration{5 * time.Second}},
		"goes on":          {[]state{at(1, false), at(2, true)}, []time.Duration{38 * time.Second}},
		"nothing was seen": {nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, silences(test.states, start.Add(40*time.Second))); diff != "" {
				t.Errorf("silences (-want +got):\n%s", diff)
			}
		})
	}
}
