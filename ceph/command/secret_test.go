package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/seamount-dev/seamount/ceph"
)

// printed is all that formatters and encoders make of a value.
func printed(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		fmt.Fprintln(&b, err)
	}
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
	return b.String()
}

func wantNoKey(t *testing.T, what, text string) {
	t.Helper()
	for _, form := range []string{dummyKey, dummyKey[:12], fmt.Sprintf("%x", dummyKey[:12])} {
		if strings.Contains(text, form) {
			t.Errorf("%s shows the key: %s", what, text)
		}
	}
}

// TestNothingPrintsAKey formats, encodes and logs each value that may hold one.
func TestNothingPrintsAKey(t *testing.T) {
	t.Parallel()
	key := ceph.NewSecret(dummyKey)
	entity := ceph.Entity{Name: "client.u", Key: key, Caps: ceph.Caps{"mon": "allow r"}}
	wire, err := decode[[]entityAnswer](getEntity("client.u"), []byte(userU))
	if err != nil || wire[0].Key.Reveal() != dummyKey {
		t.Fatalf("got %v, want the key decoded", err)
	}
	for name, v := range map[string]any{
		"add":      addEntity(entity),
		"new":      addOSD(ceph.NewOSD{UUID: "u", Secret: key}),
		"pointer":  &Request{Op: "osd new", Input: []byte(dummyKey)},
		"nested":   []Request{{Op: "osd new", Input: []byte(dummyKey)}},
		"reply":    Reply{Output: []byte(userU), Status: dummyKey},
		"replies":  map[string]*Reply{"x": {Output: []byte(userU)}},
		"entity":   entity,
		"answer":   wire,
		"failure":  Failure(addEntity(entity), ceph.EINVAL, "what is "+dummyKey),
		"refusal":  getEntity("client.u").fail(ceph.ErrRefused, "what is "+dummyKey),
		"garbled":  getEntity("client.u").malformed([]byte(userU), "is odd"),
		"unmarked": status().malformed([]byte(`["`+dummyKey+`"]`), "is odd"),
	} {
		text := printed(t, v)
		if b, ok := v.(*Reply); ok {
			text += b.String()
		}
		wantNoKey(t, name, text)
	}
	if s := fmt.Sprint(addEntity(entity)); !strings.Contains(s, "auth add") || !strings.Contains(s, "client.u") {
		t.Errorf("got %q, want the command and its subject", s)
	}
	long := "Ag" + strings.Repeat("A", 57) + "="
	if got := redactKeys("key = " + long + "."); got != "key = [redacted]." {
		t.Errorf("got %q, want a 32-byte key redacted too", got)
	}
}

// TestErrorsKeepKeys lets each call that answers with keys fail on each byte of
// its answer.
func TestErrorsKeepKeys(t *testing.T) {
	t.Parallel()
	whole := `[{"entity":"client.u","key":"` + dummyKey + `","caps":{"mon":"allow r"}}]`
	listed := `{"auth_dump":[{"entity":"client.u","key":"` + dummyKey + `","caps":{}}]}`
	calls := map[string]struct {
		answer string
		call   func(ctx context.Context, a *Admin) error
	}{
		"auth get":           {whole, func(ctx context.Context, a *Admin) error { _, err := a.Entity(ctx, "client.v"); return err }},
		"auth get-or-create": {whole, func(ctx context.Context, a *Admin) error { _, err := a.EnsureEntity(ctx, "client.v", nil); return err }},
		"auth ls":            {listed, func(ctx context.Context, a *Admin) error { _, err := a.Entities(ctx); return err }},
	}
	for op, tc := range calls {
		for cut := range len(tc.answer) {
			c := &scripted{t: t, answers: []answer{{op: op, output: tc.answer[:cut]}}}
			err := tc.call(t.Context(), newAdmin(c))
			if !errors.Is(err, ceph.ErrMalformed) {
				t.Fatalf("%s cut at %d: got %v, want a malformed answer", op, cut, err)
			}
			wantNoKey(t, op, printed(t, err)+err.Error())
		}
	}
}
