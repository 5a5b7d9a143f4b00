package block

import (
	"fmt"
	"strings"
	"testing"
)

func TestImageCheck(t *testing.T) {
	t.Parallel()
	for _, i := range []Image{{"", "a"}, {"a", ""}, {"..", "a"}, {"a", ".."}, {"a/b", "c"}, {"a", "b/c"}, {"a", "b@s"}, {ControlDir, "a"}, {"a", "b\x00"}} {
		if err := i.Check(); !Is(err, Invalid) {
			t.Errorf("%q: %v", i, err)
		}
	}
	if err := (Image{"pool", "pvc-1"}).Check(); err != nil {
		t.Error(err)
	}
}

// A connection never prints its key.
func TestConnectionHidesTheKey(t *testing.T) {
	t.Parallel()
	c := Connection{FSID: "f", Mons: []string{"m"}, Entity: "client.n", Key: "AQ-secret"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		for _, v := range []any{c, &c} {
			if s := fmt.Sprintf(verb, v); strings.Contains(s, "secret") {
				t.Errorf("%s prints %s", verb, s)
			}
		}
	}
}

func TestCapability(t *testing.T) {
	t.Parallel()
	for release, takeover := range map[string]bool{
		"6.18.44-fc": true, "6.9.0": true, "7.0": true, "6.8.12-generic": false, "5.15.0-1": false, "nonsense": false,
	} {
		c := capabilityOf(release)
		if !c.Offered || c.Takeover != takeover || takeover == (c.Reason != "") {
			t.Errorf("%s: %+v", release, c)
		}
	}
}
