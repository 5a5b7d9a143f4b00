//go:build e2e && linux && cgo

package sanity

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/seamount-dev/seamount/ceph"
)

// BenchmarkCreate makes volumes through the controller, beside bare images of librbd's, with one and with sixteen under way.
//
//	go test -tags e2e,pacific -run '^$' -bench Create -benchtime 100x ./tests/sanity
func BenchmarkCreate(b *testing.B) {
	w := newWorld(b)
	server := w.server()
	kinds := []struct {
		name string
		make func(context.Context, string) error
	}{
		{"librbd", func(ctx context.Context, name string) error {
			return w.admin.CreateImage(ctx, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: pool, Name: name}, Size: gibibyte})
		}},
		{"CreateVolume", func(ctx context.Context, name string) error {
			_, err := server.CreateVolume(ctx, &csi.CreateVolumeRequest{
				Name: name, Parameters: class(), CapacityRange: &csi.CapacityRange{RequiredBytes: gibibyte},
				VolumeCapabilities: []*csi.VolumeCapability{{
					AccessType: &csi.VolumeCapability_Block{Block: &csi.VolumeCapability_BlockVolume{}},
					AccessMode: &csi.VolumeCapability_AccessMode{Mode: csi.VolumeCapability_AccessMode_SINGLE_NODE_WRITER},
				}},
			})
			return err
		}},
	}
	for _, inFlight := range []int{1, 16} {
		for _, kind := range kinds {
			b.Run(fmt.Sprintf("%s-%d", kind.name, inFlight), func(b *testing.B) { benchmarkCreate(b, inFlight, kind.make) })
		}
	}
}

// benchmarked tells the images of one round of a benchmark from those of another.
var benchmarked int

func benchmarkCreate(b *testing.B, inFlight int, create func(context.Context, string) error) {
	benchmarked++
	numbers := make(chan int)
	var running sync.WaitGroup
	b.ResetTimer()
	for range inFlight {
		running.Go(func() {
			for n := range numbers {
				if err := create(b.Context(), fmt.Sprintf("bench-%d-%d", benchmarked, n)); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for n := range b.N {
		numbers <- n
	}
	close(numbers)
	running.Wait()
}
