package pool

import (
	"testing"
	"time"
)

func TestBelieved(t *testing.T) {
	t.Parallel()
	for took, want := range map[time.Duration]time.Duration{
		0:                      10 * time.Second,
		5 * time.Millisecond:   10 * time.Second,
		100 * time.Millisecond: 20 * time.Second,
		10 * time.Second:       time.Minute,
	} {
		if got := believed(took); got != want {
			t.Errorf("a list that took %s is believed for %s, want %s", took, got, want)
		}
	}
}
