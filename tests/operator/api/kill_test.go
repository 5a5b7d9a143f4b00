//go:build e2e

package api

import (
	"math/rand/v2"
	"testing"
	"time"
)

// between is how many writes there are at most between two kills, and kills how often an operator is killed at most.
const (
	between = 10
	kills   = 12
)

// TestKilledAtRandomWrites kills the operator over and over while it brings a cluster up: before a write reaches the
// server, or after that and before the answer is back. The end is the same as without.
func TestKilledAtRandomWrites(t *testing.T) {
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any number will do
	t.Logf("seed %d", seed)
	chance := rand.New(rand.NewPCG(seed, 0)) //nolint:gosec // chance, not secrets
	w := newWorld(t, 3, 2)
	w.apply()
	killed := 0
	for killed < kills && w.killOne(chance) {
		killed++
	}
	t.Logf("killed %d times", killed)
	if killed < 3 {
		t.Errorf("killed %d times only: the cluster came up with too few writes", killed)
	}
	w.operate(newWire(), false)
	eventually(t, "three mons, two mgrs and six OSDs", w.healthy(3, 2, 6))
	eventually(t, "everything is made", w.complete)
	w.nothingWrong()
}

// killOne runs an operator until it is killed; false when it had nothing more to write for some seconds.
func (w *world) killOne(chance *rand.Rand) bool {
	w.Helper()
	wire := newWire()
	wire.left, wire.lost = chance.IntN(between), chance.IntN(2) == 0
	operator := w.operate(wire, false)
	defer operator.stop()
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	written, since := 0, time.Now()
	for time.Since(since) < calm {
		select {
		case <-wire.dead:
			return true
		case <-ticker.C:
		}
		if now := len(wire.Writes()); now != written {
			written, since = now, time.Now()
		}
	}
	return false
}
