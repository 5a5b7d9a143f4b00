package state

import (
	"errors"
	"os"
	"strings"
	"testing"

	"net/netip"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestConfigRoundTrip(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	if _, err := LoadConfig(d); !errors.Is(err, ErrNoCluster) {
		t.Fatalf("error %v, want ErrNoCluster", err)
	}
	want := DefaultConfig()
	want.Nodes, want.KubeAPIQPS = 5, 100
	must(t, SaveConfig(d, want))
	got, err := LoadConfig(d)
	must(t, err)
	if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestDamagedConfigSaysWhatToDo(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	must(t, os.WriteFile(d.ConfigFile(), []byte("{"), 0o600))
	if _, err := LoadConfig(d); err == nil || !strings.Contains(err.Error(), "seamount-local down") {
		t.Errorf("error %v does not say what to do", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Config)
		want   string // part of the error, empty for none
	}{
		"default":              {func(*Config) {}, ""},
		"no node":              {func(c *Config) { c.Nodes = 0 }, "choose 1 to 5"},
		"too many nodes":       {func(c *Config) { c.Nodes = 6 }, "choose 1 to 5"},
		"negative rate":        {func(c *Config) { c.KubeAPIQPS = -1 }, "negative"},
		"IPv6":                 {func(c *Config) { c.Network.Pods = netip.MustParsePrefix("fd00::/16") }, "IPv4"},
		"network too small":    {func(c *Config) { c.Network.Machine = netip.MustParsePrefix("10.250.0.1/28") }, "/24"},
		"machine is a node":    {func(c *Config) { c.Network.Machine = netip.MustParsePrefix("10.250.0.12/24") }, "node2"},
		"pods too small":       {func(c *Config) { c.Network.Pods = netip.MustParsePrefix("10.251.0.0/24") }, "/21"},
		"services too small":   {func(c *Config) { c.Network.Services = netip.MustParsePrefix("10.252.0.0/30") }, "/28"},
		"pods overlap nodes":   {func(c *Config) { c.Network.Pods = netip.MustParsePrefix("10.250.0.0/16") }, "overlap"},
		"services in pods":     {func(c *Config) { c.Network.Services = netip.MustParsePrefix("10.251.128.0/20") }, "overlap"},
		"bridge name too long": {func(c *Config) { c.Network.Bridge = "a-name-of-16-char" }, "15"},
		"bridge name empty":    {func(c *Config) { c.Network.Bridge = "" }, "15"},
		"bridge name a path":   {func(c *Config) { c.Network.Bridge = "../x" }, "15"},
		"no port":              {func(c *Config) { c.Network.APIPort = 0 }, "port"},
		"port of etcd":         {func(c *Config) { c.Network.APIPort = 2379 }, "2379"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := DefaultConfig()
			tc.change(&c)
			err := c.Validate()
			if tc.want == "" && err != nil {
				t.Errorf("error %v, want none", err)
			}
			if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
		})
	}
}

func TestAddressPlan(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	got := []string{
		c.Network.NodePrefix(1).String(), c.Network.NodeAddr(5).String(),
		c.Network.PodRange(1).String(), c.Network.PodRange(5).String(),
		c.Network.APIService().String(), c.Network.DNS().String(), c.Network.APIServer(),
	}
	want := []string{
		"10.250.0.11/24", "10.250.0.15", "10.251.1.0/24", "10.251.5.0/24",
		"10.252.0.1", "10.252.0.10", "https://10.250.0.1:6443",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestTopology(t *testing.T) {
	t.Parallel()
	var got []string
	for n := MinNodes; n <= MaxNodes; n++ {
		got = append(got, NodeName(n)+" "+Zone(n)+" "+Rack(n))
	}
	want := []string{
		"node1 zone-a rack-a1", "node2 zone-b rack-b1", "node3 zone-c rack-c1",
		"node4 zone-a rack-a2", "node5 zone-b rack-b2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("topology (-want +got):\n%s", diff)
	}
}

func TestParseNode(t *testing.T) {
	t.Parallel()
	c := DefaultConfig()
	for text, want := range map[string]int{"1": 1, "node3": 3} {
		if got, err := c.ParseNode(text); err != nil || got != want {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "0", "4", "node", "node4", "NODE1", "01"} {
		if got, err := c.ParseNode(text); err == nil {
			t.Errorf("%q: node %d, want an error", text, got)
		}
	}
}
