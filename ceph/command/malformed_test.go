package command

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// page is what a proxy in the wrong place answers.
const page = "<html><head><title>502 Bad Gateway</title></head></html>"

// TestMalformed gives each decoder what is not its answer.
func TestMalformed(t *testing.T) {
	t.Parallel()
	const release = "20.2.4"
	for _, r := range readings {
		whole := fixture(t, release, r.fixture())
		foreign := map[string][]byte{
			"page":       []byte(page),
			"empty":      {},
			"null":       []byte("null"),
			"number":     []byte("42"),
			"no fields":  []byte("{}"),
			"list":       []byte(`[{}]`),
			"other":      []byte(`{"epoch":1,"format":"json"}`),
			"trailing":   append(append([]byte{}, whole...), page...),
			"first half": whole[:len(whole)/2],
			"one byte":   whole[:1],
			"cut short":  []byte(strings.TrimSpace(string(whole)))[:len(strings.TrimSpace(string(whole)))-1],
		}
		for name, b := range foreign {
			t.Run(r.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				c := &recorded{t: t, release: release, override: map[string][]byte{r.op: b}}
				got, err := r.call(t.Context(), newAdmin(c))
				checkMalformed(t, r, b, got, err)
			})
		}
	}
}

func checkMalformed(t *testing.T, r reading, b []byte, got any, err error) {
	t.Helper()
	var e *ceph.Error
	if !errors.As(err, &e) || e.Kind != ceph.ErrMalformed {
		t.Fatalf("got %v %v, want a malformed answer", got, err)
	}
	if e.Op != r.op {
		t.Errorf("the error names %q, want %q", e.Op, r.op)
	}
	begins := fmt.Sprintf("%q", b[:min(len(b), 20)])
	if quotes := strings.Contains(err.Error(), strings.Trim(begins, `"`)); len(b) > 6 && quotes == r.keyed {
		t.Errorf("error %q, want the first bytes of the answer: %v", err, !r.keyed)
	}
}

// TestMissingFields names what an answer lacks.
func TestMissingFields(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ op, answer, want string }{
		{"quorum_status", `{"election_epoch":8,"quorum_names":["a"],"quorum_leader_name":"a"}`, "lacks monmap"},
		{"quorum_status", `{"election_epoch":8,"quorum_names":["a"],"quorum_leader_name":"a","monmap":{"epoch":1,"fsid":"f","min_mon_release":16,"mons":[{"rank":0,"name":"a","public_addrs":{"addrvec":[{"type":"v2","nonce":0}]}}]}}`, "lacks monmap.mons[0].public_addrs.addrvec[0].addr"},
		{"health", `{"status":"HEALTH_OK","checks":{"OSD_DOWN":{"severity":"HEALTH_WARN","muted":false}}}`, "lacks checks.OSD_DOWN.summary"},
		{"health", `{"status":"FINE","checks":{}}`, `has the status "FINE"`},
		{"health", `{"status":7,"checks":{}}`, `has the wrong kind of value (number) at "status"`},
		{"health", `[]`, `is of another kind (array)`},
		{"versions", `{"mon":{}}`, `has no line "overall"`},
	} {
		c := &recorded{t: t, release: "20.2.4", override: map[string][]byte{tc.op: []byte(tc.answer)}}
		for _, r := range readings {
			if r.op != tc.op {
				continue
			}
			if _, err := r.call(t.Context(), newAdmin(c)); !errors.Is(err, ceph.ErrMalformed) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.answer, err, tc.want)
			}
		}
	}
}

// TestNewFields lets a newer release say more.
func TestNewFields(t *testing.T) {
	t.Parallel()
	c := &recorded{t: t, release: "20.2.4", override: map[string][]byte{
		"versions": []byte(`{"mon":{"ceph version 21.0.1 (abc) umbrella (stable)":1},"novel":{"unknown":2},"overall":{}}`),
		"health":   []byte(`{"status":"HEALTH_OK","checks":{},"mood":{"good":[true]}}`),
	}}
	got, err := newAdmin(c).Versions(t.Context())
	want := []ceph.DaemonVersion{
		{Daemon: "mon", Version: "21.0.1", Release: "umbrella", Count: 1},
		{Daemon: "novel", Version: "unknown", Count: 2},
	}
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %v %v, want %v", got, err, want)
	}
	if h, err := newAdmin(c).Health(t.Context()); err != nil || h.Status != ceph.HealthOK {
		t.Errorf("got %v %v, want HEALTH_OK", h, err)
	}
}
