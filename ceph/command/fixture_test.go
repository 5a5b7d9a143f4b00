package command

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// releases are those whose answers testdata holds, see testdata/README.md.
var releases = []string{"16.2.15", "18.2.7", "20.2.4"}

// refusal is a command that a real daemon refused.
type refusal struct {
	Op     string `json:"op"`
	Args   Args   `json:"args,omitempty"`
	Errno  int    `json:"errno,omitempty"`
	Status string `json:"status"`
}

// refusalsFile has the refusals that were met while a release was recorded.
const refusalsFile = "refusals.json"

// fixtures holds what was read from testdata: a fuzzer asks for it often.
var fixtures sync.Map

func fixture(t testing.TB, release, name string) []byte {
	t.Helper()
	path := filepath.Join("testdata", release, name)
	if b, ok := fixtures.Load(path); ok {
		return b.([]byte)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fixtures.Store(path, b)
	return b
}

// fixtureOf is the file of a command's answer.
func fixtureOf(op string) string {
	if op == "mon getmap" {
		return "mon-getmap.bin"
	}
	return strings.NewReplacer(" ", "-", "_", "-").Replace(op) + ".json"
}

// golden compares a value's JSON with a file.
func golden(t *testing.T, name string, v any) {
	t.Helper()
	got, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	path := filepath.Join("testdata", "golden", name+".json")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// recorded is a transport that answers as a real cluster of the release did.
type recorded struct {
	t        testing.TB
	release  string
	override map[string][]byte // by op

	mu   sync.Mutex
	sent []string
}

func (c *recorded) Send(_ context.Context, r Request) (Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := r.Encode(); err != nil {
		return Reply{}, err
	}
	c.sent = append(c.sent, r.Op)
	if b, ok := c.override[r.Op]; ok {
		return Reply{Output: b}, nil
	}
	return Reply{Output: fixture(c.t, c.release, fixtureOf(r.Op))}, nil
}

// answer is one scripted answer of a fake cluster.
type answer struct {
	op     string
	errno  int
	status string
	output string
}

// scripted is a transport that expects exactly these commands, in this order.
type scripted struct {
	t       testing.TB
	answers []answer

	mu       sync.Mutex
	requests []Request
}

func (c *scripted) Send(_ context.Context, r Request) (Reply, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, err := r.Encode(); err != nil {
		return Reply{}, err
	}
	n := len(c.requests)
	c.requests = append(c.requests, r)
	if n >= len(c.answers) || c.answers[n].op != r.Op {
		c.t.Errorf("command %d is %q, want one of %+v", n, r.Op, c.answers)
		return Reply{}, Failure(r, 22, "unexpected command")
	}
	a := c.answers[n]
	reply := Reply{Output: []byte(a.output), Status: a.status}
	if a.errno != 0 {
		return reply, Failure(r, a.errno, a.status)
	}
	return reply, nil
}

// allSent fails the test if the script was not followed to its end.
func (c *scripted) allSent() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.requests) != len(c.answers) {
		c.t.Errorf("%d commands were sent, want %d", len(c.requests), len(c.answers))
	}
}

var someTime = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

func newAdmin(t Transport) *Admin { return NewAdmin(t, func() time.Time { return someTime }) }
