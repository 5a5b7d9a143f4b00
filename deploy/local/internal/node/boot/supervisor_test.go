package boot

import (
	"io"
	"log"
	"strings"
	"testing"
	"time"
)

var t0 = time.Unix(1_000_000, 0)

func TestEnded(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		unit  unit
		ran   time.Duration
		quick int
		delay time.Duration
	}{
		"after a long time":           {ran: time.Hour, delay: firstDelay},
		"soon after its start":        {ran: time.Second, quick: 1, delay: 2 * firstDelay},
		"soon again":                  {unit: unit{quick: 3}, ran: time.Second, quick: 4, delay: 16 * firstDelay},
		"again and again":             {unit: unit{quick: 40}, ran: time.Second, quick: 41, delay: maxDelay},
		"asked, soon after its start": {unit: unit{quick: 3, killAt: t0}, ran: time.Second},
	} {
		u := tt.unit
		u.pid, u.started = 7, t0
		now := t0.Add(tt.ran)
		u.ended(now)
		if u.running() || !u.killAt.IsZero() || u.restarts != 1 {
			t.Errorf("%s: %+v is not ended", name, u)
		}
		if u.quick != tt.quick || u.startAt.Sub(now) != tt.delay {
			t.Errorf("%s: %d quick failures and a delay of %v, want %d and %v", name, u.quick, u.startAt.Sub(now), tt.quick, tt.delay)
		}
	}
}

func TestJudge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		units []*unit
		want  string // "-" is no report
	}{
		"all run":         {units: []*unit{{pid: 2}, {pid: 3}}, want: ""},
		"one is to start": {units: []*unit{{pid: 2}, {}}, want: "-"},
		"one fails again and again": {
			units: []*unit{{pid: 2}, {Service: Service{Name: "kubelet"}, quick: tooQuick}},
			want:  "kubelet failed 6 times in a row",
		},
	} {
		got := "-"
		s := &supervisor{units: tt.units, log: log.New(io.Discard, "", 0), report: func(problem string) { got = problem }}
		s.judge()
		if got != tt.want {
			t.Errorf("%s: reported %q, want %q", name, got, tt.want)
		}
		if s.ready != (tt.want == "") || (s.report == nil) != (tt.want != "-") {
			t.Errorf("%s: ready=%v, and may report again: %v", name, s.ready, s.report != nil)
		}
	}
}

func TestUnknownService(t *testing.T) {
	t.Parallel()
	replies := make(chan Reply, 1)
	s := &supervisor{units: []*unit{{Service: Service{Name: "kubelet"}, pid: 5}}}
	s.handle(call{Request: Request{Restart: "cron"}, reply: replies})
	if r := <-replies; !strings.Contains(r.Error, `no service "cron"`) {
		t.Errorf("answered %+v", r)
	}
	s.handle(call{reply: replies})
	if r := <-replies; len(r.Services) != 1 || r.Services[0].PID != 5 {
		t.Errorf("answered %+v", r)
	}
}
