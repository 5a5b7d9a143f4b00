package main

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/mapper"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/ceph/sim"
)

func TestExchange(t *testing.T) {
	t.Parallel()
	client := newSim(t)
	image := block.Image{Pool: "p", Name: "i"}
	set := mapper.MetadataRequest{Image: image, Set: map[string]string{"a": "1", "b": "2"}, Blank: true}
	got, err := exchange(t.Context(), client, set)
	want := mapper.MetadataResponse{Metadata: map[string]string{"a": "1", "b": "2"}, Blank: true}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = exchange(t.Context(), client, mapper.MetadataRequest{Image: image, Set: map[string]string{"a": ""}})
	if diff := cmp.Diff(mapper.MetadataResponse{Metadata: map[string]string{"b": "2"}}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = exchange(t.Context(), client, mapper.MetadataRequest{Image: block.Image{Pool: "p", Name: "none"}})
	if codeOf(err) != block.NotFound {
		t.Errorf("no image: %v", err)
	}
}

func newSim(t *testing.T) ceph.Images {
	t.Helper()
	c, err := sim.New(sim.Options{Seed: 1, Mons: []string{"a"}, Mgrs: []string{"x"}})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := c.AddHost(sim.Host{Name: fmt.Sprintf("node%d", n), OSDs: 1, Size: 10 << 30}); err != nil {
			t.Fatal(err)
		}
	}
	c.Advance(10 * time.Second)
	client := c.Admin()
	err = errors.Join(client.CreatePool(t.Context(), ceph.PoolSpec{Name: "p", PGs: 8}), client.InitImagePool(t.Context(), "p"))
	c.Advance(10 * time.Second)
	image := ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "p", Name: "i"}, Size: 1 << 30}
	if err := errors.Join(err, client.CreateImage(t.Context(), image)); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]block.Code{
		ceph.ErrNotFound: block.NotFound, ceph.ErrPermission: block.Denied, ceph.ErrAuthentication: block.Denied, ceph.ErrTimeout: block.Timeout,
		errors.New("else"): block.Unavailable,
	} {
		if got := codeOf(fmt.Errorf("ask: %w", err)); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}
