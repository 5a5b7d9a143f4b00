//go:build e2e

package api

import (
	"testing"
	"time"
)

// TestHandOver has two operators, of which one acts: the other follows when it stops, and when it dies.
func TestHandOver(t *testing.T) {
	w := newWorld(t, 3, 1)
	first := w.operate(newWire(), true)
	w.elected(first)
	second := w.operate(newWire(), true)
	w.apply()
	eventually(t, "three OSDs", w.healthy(3, 2, 3))
	if writes := second.wire.Writes(); len(writes) > 0 {
		t.Errorf("one that does not lead wrote %v", writes)
	}
	stopped := time.Now()
	go first.stop()
	w.elected(second)
	t.Logf("leads %.2f s after the leader began to stop", time.Since(stopped).Seconds())
	must(t, w.addDisk(t.Context(), nodeName(0), 1))
	eventually(t, "a fourth OSD", w.healthy(3, 2, 4))

	third := w.operate(newWire(), true)
	died := time.Now()
	second.wire.Cut()
	w.elected(third)
	t.Logf("leads %.2f s after the leader died", time.Since(died).Seconds())
	must(t, w.addDisk(t.Context(), nodeName(1), 1))
	eventually(t, "a fifth OSD", w.healthy(3, 2, 5))
	w.nothingWrong()
}

func (w *world) elected(o *operator) {
	w.Helper()
	select {
	case <-o.Elected():
	case <-time.After(patience):
		w.Fatal("nobody leads")
	}
}
