package uevent

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func broadcast(fields ...string) string { return strings.Join(fields, "\x00") + "\x00" }

var plugged = broadcast("add@/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", "ACTION=add",
	"DEVPATH=/devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", "SUBSYSTEM=block", "MAJOR=8", "MINOR=0",
	"DEVNAME=sda", "DEVTYPE=disk", "DISKSEQ=17", "SEQNUM=4711")

func TestParse(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		message string
		want    Event
		block   bool
		fails   bool
	}{
		"a disk is plugged in": {message: plugged, want: Event{Action: "add", Device: "sda"}, block: true},
		"a partition goes": {message: broadcast("remove@/devices/virtual/block/loop0/loop0p1", "SUBSYSTEM=block"),
			want: Event{Action: "remove", Device: "loop0p1"}, block: true},
		"a medium changes, without an end": {message: "change@/devices/virtual/block/loop0\x00SUBSYSTEM=block",
			want: Event{Action: "change", Device: "loop0"}, block: true},
		"another subsystem": {message: broadcast("add@/devices/virtual/bdi/7:0", "SUBSYSTEM=bdi"),
			want: Event{Action: "add", Device: "7:0"}},
		"udev's own":    {message: "libudev\x00\xfe\xed\xca\xfe", fails: true},
		"no location":   {message: broadcast("add@", "SUBSYSTEM=block"), fails: true},
		"no device":     {message: broadcast("add@/devices/", "SUBSYSTEM=block"), fails: true},
		"no action":     {message: broadcast("@/devices/virtual/block/loop0", "SUBSYSTEM=block"), fails: true},
		"nothing":       {message: "", fails: true},
		"only an ended": {message: "\x00", fails: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, block, err := parse([]byte(tt.message))
			if got != tt.want || block != tt.block || err != nil != tt.fails {
				t.Errorf("got %+v, %t, %v", got, block, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(plugged))
	f.Add([]byte("libudev\x00\xfe\xed\xca\xfe"))
	f.Fuzz(func(t *testing.T, message []byte) {
		event, block, err := parse(message)
		if err != nil && event != (Event{}) {
			t.Errorf("an event %+v with an error", event)
		}
		if block && (event.Device == "" || event.Action == "" || strings.Contains(event.Device, "/") || event.Lost) {
			t.Errorf("no device in %+v", event)
		}
	})
}

// What cannot be understood is never silence.
func TestMessage(t *testing.T) {
	t.Parallel()
	lost := Event{Lost: true}
	for name, tt := range map[string]struct {
		message message
		want    Event
		tell    bool
		err     error
	}{
		"an event":         {message: message{content: []byte(plugged), fromKernel: true}, want: Event{Action: "add", Device: "sda"}, tell: true},
		"of another":       {message: message{content: []byte(plugged)}},
		"a queue ran over": {message: message{err: unix.ENOBUFS}, want: lost, tell: true},
		"cut off":          {message: message{content: []byte(plugged), fromKernel: true, truncated: true}, want: lost, tell: true},
		"not understood":   {message: message{content: []byte("?"), fromKernel: true}, want: lost, tell: true},
		"a broken socket":  {message: message{err: unix.EBADF}, err: unix.EBADF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, tell, err := tt.message.event()
			if tell != tt.tell || !errors.Is(err, tt.err) || tell && event != tt.want {
				t.Errorf("got %+v, %t, %v", event, tell, err)
			}
		})
	}
}

// Listening begins with a word to look at everything, and ends with the context.
func TestListen(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	first := true
	err := Listen(ctx, func(event Event) {
		if first && !event.Lost {
			t.Errorf("the first event is %+v", event)
		}
		first = false
		cancel()
	})
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EPROTONOSUPPORT) {
		t.Skip("this machine does not let us listen to the kernel:", err)
	}
	if err != nil || first {
		t.Errorf("got error %v, first event outstanding: %t", err, first)
	}
}

func TestDebounce(t *testing.T) {
	t.Parallel()
	const quiet, longest = 200 * time.Millisecond, time.Second
	every := func(gap, span time.Duration) []time.Duration {
		var at []time.Duration
		for d := time.Duration(0); d <= span; d += gap {
			at = append(at, d)
		}
		return at
	}
	for name, tt := range map[string]struct {
		changes  []time.Duration
		duration time.Duration // of the action
		want     []time.Duration
	}{
		"one change":          {changes: []time.Duration{0}, want: []time.Duration{quiet}},
		"a burst is one":      {changes: every(50*time.Millisecond, 300*time.Millisecond), want: []time.Duration{500 * time.Millisecond}},
		"two far apart":       {changes: []time.Duration{0, 3 * time.Second}, want: []time.Duration{quiet, 3*time.Second + quiet}},
		"no end is no excuse": {changes: every(110*time.Millisecond, 1600*time.Millisecond), want: []time.Duration{longest, 1740 * time.Millisecond}},
		"changes during the action": {changes: []time.Duration{0, 300 * time.Millisecond, 600 * time.Millisecond}, duration: time.Second,
			want: []time.Duration{quiet, quiet + time.Second + quiet}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				begin, changes := time.Now(), make(chan Event, 64)
				for _, at := range tt.changes {
					time.AfterFunc(at, func() { changes <- Event{Action: "change"} })
				}
				var got []time.Duration
				Debounce(ctx, changes, quiet, longest, func(ctx context.Context) {
					got = append(got, time.Since(begin))
					wait, stop := context.WithTimeout(ctx, tt.duration)
					defer stop()
					<-wait.Done()
				})
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Error(diff)
				}
			})
		})
	}
}
