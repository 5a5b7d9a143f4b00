package ceph

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

const key = "AQBkZXZlbG9wZXJzLW5ldmVyLXByaW50LXRoaXM="

// TestSecretPrintsNowhere prints a key, alone and inside the types that carry
// one, through each formatter and encoder that code or logs may use.
func TestSecretPrintsNowhere(t *testing.T) {
	t.Parallel()
	s := NewSecret(key)
	values := []any{s, &s, Entity{Name: "client.a", Key: s}, NewOSD{UUID: "u", Secret: s}, []Secret{s}, map[string]Secret{"k": s}}
	for _, v := range values {
		for _, out := range printed(t, v) {
			if strings.Contains(out, key) {
				t.Errorf("%T leaks its key: %s", v, out)
			}
			if !strings.Contains(out, "redacted") {
				t.Errorf("%T prints nothing in place of its key: %s", v, out)
			}
		}
	}
}

func printed(t *testing.T, v any) []string {
	t.Helper()
	var out []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		out = append(out, fmt.Sprintf(verb, deref(v)))
	}
	j, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("m", "v", v)
	slog.New(slog.NewTextHandler(&log, nil)).Info("m", "v", deref(v))
	return append(out, string(j), string(y), log.String())
}

// deref follows a pointer: fmt prints nested pointers as addresses.
func deref(v any) any {
	if p, ok := v.(*Secret); ok {
		return *p
	}
	return v
}

func TestSecretInXML(t *testing.T) {
	t.Parallel()
	out, err := xml.Marshal(Entity{Name: "client.a", Key: NewSecret(key)}.Key)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(out); strings.Contains(got, key) || !strings.Contains(got, "redacted") {
		t.Errorf("xml: %s", got)
	}
}

func TestSecretRevealAndEqual(t *testing.T) {
	t.Parallel()
	s := NewSecret(key)
	if s.Reveal() != key {
		t.Error("Reveal does not return the key")
	}
	if !s.Equal(NewSecret(key)) || s.Equal(NewSecret("other")) {
		t.Error("Equal does not compare keys")
	}
	if s.IsZero() || !(Secret{}).IsZero() {
		t.Error("IsZero is wrong")
	}
}
