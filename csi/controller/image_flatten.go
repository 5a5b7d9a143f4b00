package controller

import (
	"context"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/volume"
)

// flatten copies what a volume that would be too deep reads from its parents. It may take long: calls meanwhile say so. When
// the process dies the next one goes on, and what was copied is not copied again.
func (c imageCreation) flatten(ctx context.Context) error {
	if c.record.Kind != volume.Volume || c.record.Depth <= maxDepth {
		return nil
	}
	done, err := c.images.flattener.ended(ctx, c.session.Ceph, c.ref())
	switch {
	case err != nil:
		return err
	case !done:
		return refuse(codes.Aborted, "volume %s would be read through %d images, and at most %d are allowed: what it reads is being copied to it, "+
			"which takes as long as its data is large; the call is repeated until that is done", c.handle, c.record.Depth, maxDepth)
	}
	c.record.Depth = 0
	// The source may have been deleted meanwhile, and have waited for this.
	return climb(ctx, c.session.Ceph, c.source.handle.Pool, c.source.detail.id)
}

const (
	// flattenAtOnce bounds what flattening takes from the cluster.
	flattenAtOnce = 2
	// flattenTimeout ends a flattening that will not.
	flattenTimeout = 24 * time.Hour
)

// flattener runs flattenings that outlast the calls that asked for them. It only remembers what runs now.
type flattener struct {
	life    context.Context //nolint:containedctx // flattenings end with it, not with a call
	log     logr.Logger
	slots   chan struct{}
	mu      sync.Mutex
	running map[ceph.ImageRef]*flattening
}

type flattening struct {
	done chan struct{}
	err  error
}

func newFlattener(life context.Context, log logr.Logger) *flattener {
	return &flattener{life: life, log: log, slots: make(chan struct{}, flattenAtOnce), running: map[ceph.ImageRef]*flattening{}}
}

// ended waits for a flattening, which it begins when there is none, as long as the call has time.
func (f *flattener) ended(ctx context.Context, images ceph.Images, ref ceph.ImageRef) (bool, error) {
	run := f.begin(images, ref)
	select {
	case <-run.done:
		return true, run.err
	case <-ctx.Done():
		return false, nil
	}
}

func (f *flattener) begin(images ceph.Images, ref ceph.ImageRef) *flattening {
	f.mu.Lock()
	defer f.mu.Unlock()
	if run, found := f.running[ref]; found {
		return run
	}
	run := &flattening{done: make(chan struct{})}
	f.running[ref] = run
	go func() {
		defer close(run.done)
		run.err = f.flatten(images, ref)
		f.mu.Lock()
		delete(f.running, ref)
		f.mu.Unlock()
	}()
	return run
}

func (f *flattener) flatten(images ceph.Images, ref ceph.ImageRef) error {
	ctx, cancel := context.WithTimeout(f.life, flattenTimeout)
	defer cancel()
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return ctx.Err()
	}
	f.log.Info("flattening", "image", ref.String())
	return images.FlattenImage(ctx, ref)
}
