package boot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseLoops(t *testing.T) {
	t.Parallel()
	text := FormatLoop(8, 21) + FormatLoop(9, 22) + FormatLoop(8, 30) + "12 4" // the last one was being written
	got, err := ParseLoops(text)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]uint64{8: 30, 9: 22}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseLoops("8\n"); err == nil || !strings.Contains(err.Error(), "unexpected line") {
		t.Errorf("a damaged line: %v", err)
	}
}

func FuzzParseLoops(f *testing.F) {
	f.Add("8 21\n9 22\n")
	f.Fuzz(func(t *testing.T, text string) {
		loops, err := ParseLoops(text)
		if err != nil {
			return
		}
		for number := range loops {
			if number < 0 {
				t.Errorf("number %d", number)
			}
		}
	})
}

func TestLoopOf(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]int{
		"change@/devices/virtual/block/loop9\x00ACTION=change\x00SUBSYSTEM=block\x00DEVNAME=loop9\x00SEQNUM=7\x00": 9,
		"add@/devices/x\x00DEVNAME=sda\x00":                    -1,
		"add@/devices/x\x00DEVNAME=loop9p1\x00":                -1,
		"change@/devices/virtual/bdi/7:9\x00SUBSYSTEM=bdi\x00": -1,
		"": -1,
	} {
		got, ok := loopOf([]byte(event))
		if ok != (want >= 0) || (ok && got != want) {
			t.Errorf("%q: %d, %v; want %d", event, got, ok, want)
		}
	}
}

func FuzzLoopOf(f *testing.F) {
	f.Add([]byte("change@/x\x00DEVNAME=loop9\x00"))
	f.Fuzz(func(t *testing.T, event []byte) {
		if number, ok := loopOf(event); ok && number < 0 {
			t.Errorf("number %d", number)
		}
	})
}
