package rados

import (
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseMonHosts(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		hosts []string
		want  []endpoint
	}{
		"address":         {[]string{"10.0.0.7"}, []endpoint{"10.0.0.7:3300", "10.0.0.7:6789"}},
		"with port":       {[]string{"10.0.0.7:6789"}, []endpoint{"10.0.0.7:6789"}},
		"typed":           {[]string{"v2:10.0.0.7:3301"}, []endpoint{"10.0.0.7:3301"}},
		"any, with nonce": {[]string{"any:10.0.0.7:3300/0"}, []endpoint{"10.0.0.7:3300"}},
		"one mon":         {[]string{"[v2:10.0.0.7:3300/0,v1:10.0.0.7:6789/0]"}, []endpoint{"10.0.0.7:3300", "10.0.0.7:6789"}},
		"names":           {[]string{"mon-a.rook.svc", "mon-b:3300"}, []endpoint{"mon-a.rook.svc:3300", "mon-a.rook.svc:6789", "mon-b:3300"}},
		"list":            {[]string{"10.0.0.7:1, 10.0.0.8:1;10.0.0.9:1"}, []endpoint{"10.0.0.7:1", "10.0.0.8:1", "10.0.0.9:1"}},
		"IPv6":            {[]string{"[fd00::7]:3300"}, []endpoint{"[fd00::7]:3300"}},
		"IPv6 bare":       {[]string{"fd00::7"}, []endpoint{"[fd00::7]:3300", "[fd00::7]:6789"}},
		"IPv6 one mon":    {[]string{"[v2:[fd00::7]:3300,v1:[fd00::7]:6789]"}, []endpoint{"[fd00::7]:3300", "[fd00::7]:6789"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseMonHosts(tt.hosts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("parseMonHosts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseMonHostsRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ host, want string }{
		"nothing":     {" , ", "no mon host is given"},
		"no host":     {":3300", `mon host ":3300": no host name or address`},
		"port":        {"a:70000", `mon host "a:70000": port "70000" is no number from 1 to 65535`},
		"port word":   {"a:b", `mon host "a:b": port "b" is no number from 1 to 65535`},
		"not a name":  {"a$b", `mon host "a$b": no host name or address`},
		"after IPv6":  {"[fd00::7]x", `mon host "[fd00::7]x": something follows the address`},
		"one of many": {"10.0.0.7,!", `mon host "!": no host name or address`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseMonHosts([]string{tt.host})
			if err == nil || err.Error() != tt.want {
				t.Errorf("parseMonHosts = %v, %v, want %q", got, err, tt.want)
			}
		})
	}
}

func FuzzParseMonHosts(f *testing.F) {
	for _, s := range []string{"10.0.0.7", "[v2:[fd00::7]:3300,v1:[fd00::7]:6789]", "v2:a:1/0", "[", "]:", "v1:"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		endpoints, err := parseMonHosts([]string{s})
		if err != nil {
			return
		}
		for _, e := range endpoints {
			host, port, err := net.SplitHostPort(string(e))
			if err != nil || host == "" || port == "" || strings.ContainsAny(host, ",; /") {
				t.Errorf("%q: endpoint %q cannot be dialled: %v", s, e, err)
			}
		}
	})
}
