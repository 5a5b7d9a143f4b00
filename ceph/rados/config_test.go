package rados

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

const goodKey = "AQBvZWRp0qkBBRAAmDP7d8wQSXQzSzJmdUzr9g=="

func goodConfig() Config {
	return Config{MonHosts: []string{"10.0.0.7"}, Entity: "client.admin", Key: ceph.NewSecret(goodKey)}
}

func TestPrepareFillsInDefaults(t *testing.T) {
	t.Parallel()
	in := goodConfig()
	in.Timeouts.Mon = time.Second
	got, endpoints, err := in.prepare()
	if err != nil || len(endpoints) != 2 {
		t.Fatalf("prepare: %v, %v", endpoints, err)
	}
	want := Timeouts{Call: 30 * time.Second, Connect: 5 * time.Second, Mon: time.Second, OSD: 5 * time.Minute}
	if diff := cmp.Diff(want, got.Timeouts); diff != "" {
		t.Errorf("timeouts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Limits{Concurrent: 32, Hung: 16}, got.Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*Config)
		kind   error
		want   string
	}{
		"no mon":           {func(c *Config) { c.MonHosts = nil }, ceph.ErrInvalid, "no mon host is given"},
		"no entity":        {func(c *Config) { c.Entity = "" }, ceph.ErrInvalid, "the entity must be a client, such as client.admin"},
		"a daemon":         {func(c *Config) { c.Entity = "osd.0" }, ceph.ErrInvalid, "the entity must be a client, such as client.admin"},
		"a mon":            {func(c *Config) { c.Entity = "mon.a" }, ceph.ErrInvalid, "the entity must be a client, such as client.admin"},
		"nameless":         {func(c *Config) { c.Entity = "client." }, ceph.ErrInvalid, "the entity must be a client, such as client.admin"},
		"no key":           {func(c *Config) { c.Key = ceph.Secret{} }, ceph.ErrAuthentication, "the key of client.admin cannot be used: it is empty"},
		"cut key":          {func(c *Config) { c.Key = ceph.NewSecret(goodKey[:24]) }, ceph.ErrAuthentication, "it is damaged"},
		"negative timeout": {func(c *Config) { c.Timeouts.OSD = -1 }, ceph.ErrInvalid, "a timeout is negative"},
		"negative limit":   {func(c *Config) { c.Limits.Hung = -1 }, ceph.ErrInvalid, "a limit is negative"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := goodConfig()
			tt.change(&c)
			_, _, err := c.prepare()
			if !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("prepare = %v, want %q (%v)", err, tt.want, tt.kind)
			}
			if strings.Contains(err.Error(), goodKey[:24]) {
				t.Errorf("the error tells the key: %v", err)
			}
		})
	}
}

// With the key of the mons a cluster can be opened that no other key is left of.
func TestPrepareTakesTheMons(t *testing.T) {
	t.Parallel()
	c := goodConfig()
	c.Entity = monEntity
	if _, _, err := c.prepare(); err != nil {
		t.Error(err)
	}
}
