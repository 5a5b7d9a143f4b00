package handover

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

func csiWorld() CSICluster {
	return CSICluster{
		FSID: "8b1c0000-0000-4000-8000-000000000000", Mons: []string{"[v2:10.0.0.1:3300,v1:10.0.0.1:6789]", "10.0.0.2"},
		User: CSIUser{"client.seamount-csi", ceph.NewSecret("AQcontroller==")},
		Nodes: map[string]CSIUser{
			"n1": {"client.seamount-node-n1", ceph.NewSecret("AQn1==")},
			"n2": {"client.seamount-node-n2", ceph.NewSecret("AQn2==")},
		},
	}
}

func TestCSIClusterRoundTrip(t *testing.T) {
	t.Parallel()
	for _, want := range []CSICluster{csiWorld(), {FSID: csiWorld().FSID, Mons: csiWorld().Mons, User: csiWorld().User, Nodes: map[string]CSIUser{}}} {
		value, err := want.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeCSICluster(value)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if again, err := got.Encode(); err != nil || !bytes.Equal(value, again) {
			t.Errorf("encoded otherwise the second time: %v", err)
		}
	}
}

func TestCSIClusterDoesNotPrintKeys(t *testing.T) {
	t.Parallel()
	world := csiWorld()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if printed := fmt.Sprintf(verb, world); strings.Contains(printed, "AQ") {
			t.Errorf("%s prints a key: %s", verb, printed)
		}
	}
}

func TestCSIClusterRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(c *CSICluster){
		"fsid":         func(c *CSICluster) { c.FSID = "x" },
		"no mons":      func(c *CSICluster) { c.Mons = nil },
		"empty mon":    func(c *CSICluster) { c.Mons = append(c.Mons, "") },
		"no user":      func(c *CSICluster) { c.User = CSIUser{} },
		"an osd":       func(c *CSICluster) { c.User.Entity = "osd.1" },
		"no key":       func(c *CSICluster) { c.User.Key = ceph.Secret{} },
		"no node name": func(c *CSICluster) { c.Nodes[""] = c.User },
		"node's key":   func(c *CSICluster) { c.Nodes["n3"] = CSIUser{Entity: "client.x"} },
	} {
		world := csiWorld()
		spoil(&world)
		if _, err := world.Encode(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
}

func TestDecodeCSIClusterShowsNoKey(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		"", "AQsecret==", `{"fsid":"AQsecret=="}`, `{"AQsecret==":1}`, `{"user":{"key":"AQsecret==","entity":"client.x"},"nodes":3}`,
	} {
		_, err := DecodeCSICluster([]byte(value))
		if err == nil {
			t.Errorf("decoded %s", value)
		} else if strings.Contains(err.Error(), "AQ") {
			t.Errorf("the error shows a key: %v", err)
		}
	}
}

func FuzzDecodeCSICluster(f *testing.F) {
	value, err := csiWorld().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Fuzz(func(t *testing.T, value []byte) {
		c, err := DecodeCSICluster(value)
		if err != nil {
			return
		}
		again, err := c.Encode()
		if err != nil {
			t.Fatalf("decoded, but not encoded: %v", err)
		}
		got, err := DecodeCSICluster(again)
		if err != nil || !cmp.Equal(c, got) {
			t.Errorf("became another, or %v", err)
		}
	})
}
