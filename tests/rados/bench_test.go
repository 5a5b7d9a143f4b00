//go:build e2e

package rados

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/tests/cephtest"
)

// bench repeats f; each repetition is one operation.
func bench(b *testing.B, f func(ctx context.Context) error) {
	for b.Loop() {
		if err := f(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// cli runs commands one after the other through the ceph program.
func cli(cluster *cephtest.Cluster, commands ...string) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, words := range commands {
			if _, err := cluster.Ceph(ctx, append(strings.Fields(words), "--format", "json")...); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkMonCommand is the latency of one command to a mon.
func BenchmarkMonCommand(b *testing.B) {
	cluster := cephtest.Shared(b)
	c := connect(b, config(cluster))
	b.Run("client", func(b *testing.B) {
		bench(b, func(ctx context.Context) error { _, err := c.QuorumStatus(ctx); return err })
	})
	b.Run("cli", func(b *testing.B) { bench(b, cli(cluster, "quorum_status")) })
}

// BenchmarkSnapshot is one read of a whole cluster of three OSDs, and the same
// commands through the ceph program.
func BenchmarkSnapshot(b *testing.B) {
	cluster := cephtest.Shared(b)
	c := connect(b, config(cluster))
	b.Run("client", func(b *testing.B) {
		bench(b, func(ctx context.Context) error { _, err := c.Snapshot(ctx); return err })
	})
	b.Run("cli", func(b *testing.B) {
		bench(b, cli(cluster, "status", "health detail", "quorum_status", "mgr dump", "versions", "osd dump",
			"osd metadata", "osd crush dump", "osd df", "df detail", "fs dump", "config dump"))
	})
}

const inFlight = 16

// BenchmarkCreateImage makes images of 1 GiB, one at a time and 16 at once,
// through the client (with and without metadata) and through the rbd program.
func BenchmarkCreateImage(b *testing.B) {
	cluster := cephtest.Shared(b)
	c := connect(b, config(cluster))
	makePool(b, cluster, c, "bench")
	create := func(metadata map[string]string) func(context.Context, string) error {
		return func(ctx context.Context, name string) error {
			return c.CreateImage(ctx, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: "bench", Name: name}, Size: 1 << 30, Metadata: metadata})
		}
	}
	byRBD := func(ctx context.Context, name string) error {
		return cluster.Tool(ctx, "rbd", "create", "bench/"+name, "--size", "1G").Run()
	}
	for name, f := range map[string]func(context.Context, string) error{
		"client":          create(nil),
		"client-metadata": create(map[string]string{"seamount.dev/owner": "pvc-1", "seamount.dev/state": "complete"}),
		"cli":             byRBD,
	} {
		b.Run(name+"/sequential", func(b *testing.B) { benchImages(b, 1, f) })
		b.Run(fmt.Sprintf("%s/inflight=%d", name, inFlight), func(b *testing.B) { benchImages(b, inFlight, f) })
	}
}

var images atomic.Int64

// benchImages makes b.N images, some at once. ns/op is the time per image over all.
func benchImages(b *testing.B, atOnce int, create func(context.Context, string) error) {
	g, ctx := errgroup.WithContext(b.Context())
	g.SetLimit(atOnce)
	var each atomic.Int64
	for range b.N { // not b.Loop: the last ones in flight count too
		g.Go(func() error {
			began := time.Now()
			err := create(ctx, fmt.Sprintf("image-%d", images.Add(1)))
			each.Add(int64(time.Since(began)))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "images/s")
	b.ReportMetric(float64(each.Load())/float64(b.N)/1e6, "ms/image")
}
