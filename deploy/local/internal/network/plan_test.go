package network

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/deploy/local/internal/state"
)

func (e end) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s\n", e.Link, e.Address, e.MAC)
	for _, r := range e.Routes {
		fmt.Fprintf(&b, "%s via %s\n", r.To, r.Via)
	}
	return b.String()
}

func TestPlan(t *testing.T) {
	t.Parallel()
	w := state.DefaultConfig().Network
	for name, tt := range map[string]struct {
		got  end
		want string
	}{
		"machine": {planMachine(w), `smlocal0 10.250.0.1/24 02:5e:0a:fa:00:01
10.251.1.0/24 via 10.250.0.11
10.251.2.0/24 via 10.250.0.12
10.251.3.0/24 via 10.250.0.13
10.251.4.0/24 via 10.250.0.14
10.251.5.0/24 via 10.250.0.15
`},
		"node 2 routes to the nodes that may come too": {planNode(w, 2), `eth0 10.250.0.12/24 02:5e:0a:fa:00:0c
0.0.0.0/0 via 10.250.0.1
10.251.1.0/24 via 10.250.0.11
10.251.3.0/24 via 10.250.0.13
10.251.4.0/24 via 10.250.0.14
10.251.5.0/24 via 10.250.0.15
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, tt.got.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	address := func(p string) neighbour { return neighbour{Prefix: netip.MustParsePrefix(p), Link: "eth7"} }
	routeTo := func(p string) neighbour {
		return neighbour{Prefix: netip.MustParsePrefix(p), Link: "tun0", Route: true}
	}
	for name, tt := range map[string]struct {
		machine []neighbour
		want    []string
	}{
		"elsewhere":              {machine: []neighbour{address("172.17.0.1/16"), routeTo("192.168.0.0/16")}},
		"address in our network": {machine: []neighbour{address("10.250.0.1/32")}, want: []string{"10.250.0.0/24 is taken: eth7 has the address 10.250.0.1/32"}},
		"wide network around us": {machine: []neighbour{address("10.1.2.3/8")}, want: []string{"10.250.0.0/24", "10.251.0.0/16"}},
		"wide route around us":   {machine: []neighbour{routeTo("10.0.0.0/8")}},
		"route into the pods":    {machine: []neighbour{routeTo("10.251.2.0/24")}, want: []string{"10.251.0.0/16 is taken: tun0 has a route to 10.251.2.0/24"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := conflicts(state.DefaultConfig().Network, tt.machine)
			if (err != nil) != (len(tt.want) > 0) {
				t.Fatalf("error %v, want %q", err, tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %v lacks %q", err, want)
				}
			}
		})
	}
}

func TestOurs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		recorded, made bool
		alias          string
		want           bool
	}{
		"marked and made":               {recorded: true, made: true, alias: "m", want: true},
		"crashed before the mark":       {recorded: true, want: true},
		"crashed after the mark":        {recorded: true, alias: "m", want: true},
		"somebody else made it since":   {recorded: true, made: true},
		"somebody else's mark":          {recorded: true, alias: "x"},
		"never recorded":                {alias: ""},
		"an earlier journal's, by mark": {alias: "m"},
	} {
		if got := ours(state.Entry{Made: tt.made}, tt.recorded, tt.alias, "m"); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
