package attachment

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func whole() Attachment {
	return Attachment{
		FSID: "8b1c0000-0000-4000-8000-000000000000", Entity: "client.seamount-node-n1", SealedKey: []byte{0, 1, 255},
		Mons: []string{"[v2:10.0.0.1:3300,v1:10.0.0.1:6789]", "10.0.0.2", "[v2:[fd00::1]:3300,v1:[fd00::1]:6789]"},
	}
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	file := whole()
	file.Filesystem, file.Path = "home", "/volumes/shared/pvc-1/8b1c"
	for _, want := range []Attachment{whole(), file} {
		got, err := Parse(want.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for key := range whole().Context() {
		context := maps.Clone(whole().Context())
		delete(context, key)
		if _, err := Parse(context); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("without %s: %v", key, err)
		}
	}
	context := whole().Context()
	context[keySealed] = "not base64!"
	if _, err := Parse(context); err == nil {
		t.Error("a sealed key that is none is accepted")
	}
}

func FuzzParse(f *testing.F) {
	c := whole().Context()
	f.Add(c[keyFSID], c[keyMons], c[keyEntity], c[keySealed])
	f.Add("f", "a,[b,c],[", "e", "AA==")
	f.Add("f", "],a", "e", "AA==")
	f.Fuzz(func(t *testing.T, fsid, mons, entity, sealed string) {
		got, err := Parse(map[string]string{keyFSID: fsid, keyMons: mons, keyEntity: entity, keySealed: sealed})
		if err != nil {
			return
		}
		again, err := Parse(got.Context())
		if err != nil || !cmp.Equal(got, again) {
			t.Errorf("%+v became %+v, %v", got, again, err)
		}
	})
}
