package worker

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/wire"
	"github.com/seamount-dev/seamount/ceph"
)

// Options of a worker.
type Options struct {
	// Connect makes one attempt to reach Ceph.
	Connect func(ctx context.Context) (Cluster, error)
	// Version of the program.
	Version string
	Log     *slog.Logger
	// Lost is called when an image's lock is lost or this client is fenced. It ends the process and does not return.
	Lost func(error)
	// Quit ends the process when it is told to.
	Quit func()
}

// Worker serves images.
type Worker struct {
	Options
	slots slots
	// running ends with Run.
	running context.Context

	// connected is closed when there is a cluster.
	connected chan struct{}
	cluster   Cluster

	mu      sync.Mutex
	trouble error // of the last attempt to connect
	images  map[block.Image]*served
	leaving bool
}

// New makes a worker.
func New(o Options) *Worker {
	return &Worker{Options: o, slots: newSlots(), connected: make(chan struct{}), images: map[block.Image]*served{}}
}

// connectInterval is the pause between attempts to reach Ceph.
const connectInterval = 500 * time.Millisecond

// Run connects. Handle may be called meanwhile, and waits for that. It returns when there is a connection, or the
// context ended.
func (w *Worker) Run(ctx context.Context) error {
	w.running = ctx
	ticker := time.NewTicker(connectInterval)
	defer ticker.Stop()
	for {
		cluster, err := w.Connect(ctx)
		if err == nil {
			w.cluster = cluster
			close(w.connected)
			return nil
		}
		w.setTrouble(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

func (w *Worker) setTrouble(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trouble = translate(err)
}

// ready waits for the connection, and says what stands in the way when the context ends first.
func (w *Worker) ready(ctx context.Context) error {
	select {
	case <-w.connected:
		return nil
	case <-ctx.Done():
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.trouble != nil {
		return w.trouble
	}
	return block.Errorf(block.Timeout, "Ceph does not answer")
}

// Handle answers one request of the keeper.
func (w *Worker) Handle(ctx context.Context, r wire.Request) (any, error) {
	if r.File != nil && r.Op != OpAttach {
		defer r.File.Close()
	}
	if err := w.ready(ctx); err != nil {
		return nil, err
	}
	response, err := w.do(ctx, r)
	return response, translate(err)
}

func (w *Worker) do(ctx context.Context, r wire.Request) (any, error) {
	switch r.Op {
	case OpHello:
		return Hello{os.Getpid(), w.cluster.Address(), w.Version}, nil
	case OpFenced:
		return decoded(ctx, r, w.fenced)
	case OpFence:
		return decoded(ctx, r, w.fence)
	case OpAttach:
		return w.attach(ctx, r)
	case OpDetach:
		return decoded(ctx, r, w.detach)
	case OpRelease:
		return decoded(ctx, r, w.release)
	case OpRefresh:
		return decoded(ctx, r, w.refresh)
	case OpFormatting:
		return decoded(ctx, r, w.formatting)
	case OpBlank:
		return decoded(ctx, r, w.blank)
	case OpList:
		return w.list(ctx), nil
	case OpQuit:
		return nil, w.quit()
	}
	return nil, block.Errorf(block.Unsupported, "this worker (version %s) does not know %q", w.Version, r.Op)
}

// decoded calls what handles a request, with its body.
func decoded[T any](ctx context.Context, r wire.Request, handle func(context.Context, T) (any, error)) (any, error) {
	var body T
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return handle(ctx, body)
}

func (w *Worker) fenced(ctx context.Context, a Address) (any, error) {
	list, err := w.cluster.Blocklist(ctx)
	return Fenced{fenced(list, a.Address)}, err
}

func (w *Worker) fence(ctx context.Context, a Address) (any, error) {
	return nil, w.cluster.AddBlocklist(ctx, a.Address, fenceDuration)
}

// attach begins to serve, or waits with who did.
func (w *Worker) attach(ctx context.Context, r wire.Request) (any, error) {
	var asked Attach
	if err := r.Decode(&asked); err != nil || r.File == nil {
		return nil, block.Errorf(block.Invalid, "attach needs a descriptor and a body (%v)", err)
	}
	s, err := w.served(asked, r.File)
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, s.ready); err != nil {
		return nil, err
	}
	if s.err != nil {
		return nil, s.err
	}
	return s.attached()
}

func (w *Worker) served(asked Attach, file *os.File) (*served, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s, is := w.images[asked.Image]; is {
		file.Close() //nolint:errcheck // another descriptor of a connection that is served, or one that never will be
		if s.asked.ID != asked.ID {
			return nil, block.Errorf(block.Unavailable, "an earlier mapping of %s has not ended yet", asked.Image)
		}
		return s, nil
	}
	if w.leaving {
		file.Close() //nolint:errcheck // another worker serves it
		return nil, block.Errorf(block.Unavailable, "this worker ends")
	}
	s := &served{worker: w, asked: asked, ready: make(chan struct{}), ended: make(chan struct{})}
	w.images[asked.Image] = s
	go s.start(file)
	return s, nil
}

func (w *Worker) forget(s *served) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.images[s.asked.Image] == s {
		delete(w.images, s.asked.Image)
	}
}

// find returns an image that serves.
func (w *Worker) find(ctx context.Context, image block.Image) (*served, error) {
	w.mu.Lock()
	s, is := w.images[image]
	w.mu.Unlock()
	if !is {
		return nil, block.Errorf(block.NotFound, "%s is not mapped", image)
	}
	if err := s.wait(ctx, s.ready); err != nil {
		return nil, err
	}
	return s, s.err
}

func (w *Worker) detach(ctx context.Context, d Detach) (any, error) {
	s, err := w.find(ctx, d.Image)
	if block.Is(err, block.NotFound) {
		return Detached{}, nil
	}
	if err != nil {
		return nil, err
	}
	return Detached{Served: true}, s.end(ctx, d)
}

// release opens the image for a moment.
func (w *Worker) release(ctx context.Context, o Owner) (any, error) {
	return nil, within(ctx, o.Image, func() error {
		image, err := w.cluster.Open(ref(o.Image), true)
		if err != nil {
			return err
		}
		err = taking{Attach{Owner: o}, w.cluster, image}.release(w.running)
		if closed := image.Close(); err == nil {
			err = closed
		}
		return err
	})
}

func (w *Worker) refresh(ctx context.Context, image block.Image) (any, error) {
	s, err := w.find(ctx, image)
	if err != nil {
		return nil, err
	}
	return s.attached()
}

func (w *Worker) formatting(ctx context.Context, r block.FormattingRequest) (any, error) {
	s, err := w.find(ctx, r.Image)
	if err != nil {
		return nil, err
	}
	if s.asked.Access != block.SingleNode {
		return nil, block.Errorf(block.Invalid, "%s is not mapped for this node alone", r.Image)
	}
	return nil, within(ctx, r.Image, func() error {
		return s.using(func() error {
			if r.Type == "" {
				return s.image.RemoveMetadata(ceph.ImageKeyFormatting)
			}
			return s.image.SetMetadata(ceph.ImageKeyFormatting, r.Type)
		})
	})
}

func (w *Worker) blank(ctx context.Context, image block.Image) (any, error) {
	s, err := w.find(ctx, image)
	if err != nil {
		return nil, err
	}
	var answer block.BlankResponse
	err = within(ctx, image, func() error {
		return s.using(func() (err error) {
			answer.Blank, err = s.image.Blank()
			return err
		})
	})
	if err != nil {
		return nil, err // a call that was left may still write the answer
	}
	return answer, nil
}

// within leaves a call that does not come back when the context ends.
func within(ctx context.Context, image block.Image, call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return block.Errorf(block.Timeout, "Ceph does not answer for %s in time", image)
	}
}

// list waits for those that are about to serve.
func (w *Worker) list(ctx context.Context) []Attached {
	w.mu.Lock()
	images := slices.Collect(maps.Values(w.images))
	w.mu.Unlock()
	all := make([]Attached, 0, len(images))
	for _, s := range images {
		if s.wait(ctx, s.ready) != nil || s.err != nil {
			continue
		}
		if a, err := s.attached(); err == nil {
			all = append(all, a)
		}
	}
	return all
}

func (w *Worker) quit() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.images); n > 0 {
		return block.Errorf(block.Busy, "%d images are served", n)
	}
	w.leaving = true
	w.Quit()
	return nil
}
