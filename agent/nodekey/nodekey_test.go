package nodekey

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const (
	entity = "client.seamount-node-n1"
	cephx  = "AQBvZ2V0aGVyAAAQAAAAsecretsecretsecret=="
)

func generate(t *testing.T, node string) (Key, ID) {
	t.Helper()
	key, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	id, err := key.ID(node)
	if err != nil {
		t.Fatal(err)
	}
	return key, id
}

// sealed is what the controller hands over: it knows a node by the text of its identifier.
func sealed(t *testing.T, id ID) []byte {
	t.Helper()
	parsed, err := ParseID(id.String())
	if err != nil {
		t.Fatal(err)
	}
	box, err := Seal(parsed, entity, cephx)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	key, id := generate(t, "n1")
	box := sealed(t, id)
	stored, err := ParseKey(key.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := stored.Open(entity, box); err != nil || got != cephx {
		t.Errorf("got another key, or %v", err)
	}
	if strings.Contains(string(box), "secret") {
		t.Error("what is sealed can be read")
	}
	if slices.Equal(box, sealed(t, id)) {
		t.Error("the same is sealed twice to the same bytes")
	}
}

// Nobody else opens it, it opens as nobody else's key, and a byte that was changed is found out.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	key, id := generate(t, "n1")
	other, _ := generate(t, "n1")
	box := sealed(t, id)
	for name, open := range map[string]func() (string, error){
		"another node":     func() (string, error) { return other.Open(entity, box) },
		"another entity":   func() (string, error) { return key.Open("client.admin", box) },
		"nothing":          func() (string, error) { return key.Open(entity, nil) },
		"a piece":          func() (string, error) { return key.Open(entity, box[:len(box)-1]) },
		"something longer": func() (string, error) { return key.Open(entity, append(slices.Clone(box), 0)) },
	} {
		if got, err := open(); !errors.Is(err, ErrSealed) || got != "" {
			t.Errorf("%s: opened, or %v", name, err)
		}
	}
	for i := range box {
		tampered := slices.Clone(box)
		tampered[i] ^= 1
		if got, err := key.Open(entity, tampered); !errors.Is(err, ErrSealed) || got != "" {
			t.Errorf("byte %d: opened, or %v", i, err)
		}
	}
}

func TestErrorsShowNoKey(t *testing.T) {
	t.Parallel()
	key, id := generate(t, "n1")
	_, err := key.Open("client.other", sealed(t, id))
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error is %v", err)
	}
}

func TestIDRefuses(t *testing.T) {
	t.Parallel()
	_, id := generate(t, "n1")
	_, encoded, _ := strings.Cut(id.String(), "/")
	for _, text := range []string{"", "n1", "/" + encoded, "n1/", "n1/!", "n1/" + encoded[1:], "n1/" + encoded + "AA"} {
		if got, err := ParseID(text); err == nil {
			t.Errorf("%q is taken for node %s", text, got.Node)
		}
	}
	for _, raw := range [][]byte{nil, make([]byte, 31), make([]byte, 33)} {
		if _, err := ParseKey(raw); err == nil {
			t.Errorf("a key of %d bytes is accepted", len(raw))
		}
	}
}

// The longest names that CSI carries with the key, and one byte more.
func TestLongNames(t *testing.T) {
	t.Parallel()
	key, id := generate(t, "n")
	longest := strings.Repeat("n", maxIDLength-len(id.String())+1)
	long, err := key.ID(longest)
	if err != nil || len(long.String()) != maxIDLength {
		t.Errorf("a name of %d bytes: %v", len(longest), err)
	}
	if parsed, err := ParseID(long.String()); err != nil || parsed.Node != longest {
		t.Errorf("the longest name does not come back: %v", err)
	}
	if _, err := key.ID(longest + "n"); err == nil {
		t.Error("a longer name is accepted")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("n1/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("n1/key")
	f.Fuzz(func(t *testing.T, text string) {
		id, err := ParseID(text)
		if err != nil {
			return
		}
		if again, err := ParseID(id.String()); err != nil || again.Node != id.Node || again.String() != id.String() {
			t.Errorf("%q became %q, %v", text, id, err)
		}
	})
}
