//go:build cgo

package rados

import (
	"testing"
	"time"
)

func TestSeconds(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Nanosecond:         "1",
		time.Second:             "1",
		1500 * time.Millisecond: "2",
		30 * 24 * time.Hour:     "2592000",
	} {
		if got := seconds(d); got != want {
			t.Errorf("seconds(%v) = %s, want %s", d, got, want)
		}
	}
}
