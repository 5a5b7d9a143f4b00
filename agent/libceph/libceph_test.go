package libceph

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/fault"
)

func connection(mons ...string) block.Connection {
	return block.Connection{FSID: "f", Entity: "client.n1", Key: "c2VjcmV0", Mons: mons}
}

func TestClient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mons    []string
		want    string
		options []string
	}{
		"both":       {[]string{"[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]", "10.0.0.2:3300"}, "10.0.0.1:3300,10.0.0.2:3300", []string{"name=n1", "key=f.client.n1", "fsid=f", "ms_mode=prefer-crc"}},
		"first only": {[]string{"v1:10.0.0.1:6789", "[fd00::1]:6789"}, "10.0.0.1:6789,[fd00::1]:6789", []string{"name=n1", "key=f.client.n1", "fsid=f"}},
	} {
		mons, options, err := Client(connection(c.mons...))
		if diff := cmp.Diff(c.options, options); mons != c.want || err != nil || diff != "" {
			t.Errorf("%s: %q, %v (-want +got):\n%s", name, mons, err, diff)
		}
	}
	for name, mons := range map[string][]string{
		"none": nil, "a host": {"mon.example:3300"}, "nothing in common": {"v1:10.0.0.1:6789", "v2:10.0.0.2:3300"},
	} {
		if mons, _, err := Client(connection(mons...)); fault.CodeOf(err) != codes.InvalidArgument {
			t.Errorf("%s: %q, %v", name, mons, err)
		}
	}
}

func TestHand(t *testing.T) {
	t.Parallel()
	held := ""
	hold := func(name string, key []byte) error { held = name + "=" + string(key); return nil }
	if err := Hand(connection(), hold); err != nil || held != "f.client.n1=secret" {
		t.Errorf("held %q, %v", held, err)
	}
	if err := Hand(block.Connection{Key: "?"}, hold); err == nil || strings.Contains(err.Error(), "?") {
		t.Errorf("a key that is none: %v", err)
	}
}

func FuzzMonAddress(f *testing.F) {
	f.Add("[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]")
	f.Fuzz(func(t *testing.T, mon string) {
		found, err := monAddress(mon)
		if err == nil && strings.ContainsAny(found[0]+found[1], " ,\n/") {
			t.Fatalf("%q gives %q", mon, found)
		}
	})
}
