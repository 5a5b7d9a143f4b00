package keeper

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/client"
	"github.com/seamount-dev/seamount/agent/block/wire"
	"github.com/seamount-dev/seamount/agent/wait"
)

// Options of a keeper.
type Options struct {
	// Dir is the directory of one Ceph cluster on this node.
	Dir string
	// Node is this node's name.
	Node string
	// Command starts a worker. Its socket is descriptor ListenerDescriptor.
	Command []string
	// Version of the program.
	Version string
	// Wait is how long another keeper may still hold the directory.
	Wait time.Duration
	Log  *slog.Logger
}

// Keeper holds the descriptors of mapped images.
type Keeper struct {
	Options
	files
	lock *os.File
	// quit ends Run.
	quit context.CancelFunc
	wake chan struct{}
	// replacing is held by whoever replaces workers.
	replacing sync.Mutex

	mu         sync.Mutex
	record     record
	connection *block.Connection
	images     map[block.Image]*mapping
	turns      map[block.Image]chan struct{}
	helpers    map[int]*helper
	// worker serves new images; nil while there is none. changed is closed and made anew when it changes.
	worker  *helper
	changed chan struct{}
	trouble error
	// stalled is since when images wait for another worker.
	stalled time.Time
}

// ErrHeld says that another keeper holds the directory.
var ErrHeld = errors.New("another keeper holds the directory")

// New takes the directory and adopts what an earlier keeper left there.
func New(ctx context.Context, o Options) (*Keeper, error) {
	k := &Keeper{
		Options: o, files: files{o.Dir}, wake: make(chan struct{}, 1), changed: make(chan struct{}),
		images: map[block.Image]*mapping{}, turns: map[block.Image]chan struct{}{}, helpers: map[int]*helper{},
	}
	if err := k.make(); err != nil {
		return nil, err
	}
	if err := k.hold(ctx); err != nil {
		return nil, err
	}
	if err := k.adopt(ctx); err != nil {
		return nil, errors.Join(err, k.lock.Close())
	}
	return k, nil
}

const lockInterval = 10 * time.Millisecond

// hold takes the directory's lock, which ends with this process.
func (k *Keeper) hold(ctx context.Context) error {
	f, err := os.OpenFile(k.control("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = wait.For(ctx, lockInterval, k.Wait, func() error {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
			return wait.ErrAgain
		}
		return err
	})
	if err == nil {
		k.lock = f
		return nil
	}
	if errors.Is(err, wait.ErrAgain) {
		err = ErrHeld
	}
	return errors.Join(fmt.Errorf("%s: %w", k.Dir, err), f.Close())
}

// Run answers the agent and replaces workers until the context ends, or it is told to resign. Workers live on.
func (k *Keeper) Run(ctx context.Context) error {
	ctx, k.quit = context.WithCancel(ctx)
	defer k.quit()
	defer k.lock.Close()
	l, err := wire.Listen(client.Socket(k.Dir))
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer stop()
	go k.supervise(ctx)
	return wire.Serve(l, k.handle)
}

func (k *Keeper) handle(ctx context.Context, r wire.Request) (any, error) {
	if r.File != nil {
		defer r.File.Close()
	}
	switch r.Op {
	case block.OpHello:
		return k.hello(), nil
	case block.OpStatus:
		return k.status(), nil
	case block.OpConnect:
		return decoded(ctx, r, k.connect)
	case block.OpMap:
		return decoded(ctx, r, k.mapImage)
	case block.OpUnmap:
		return decoded(ctx, r, k.unmapImage)
	case block.OpRefresh:
		return decoded(ctx, r, k.refresh)
	case block.OpFormatting:
		return decoded(ctx, r, k.formatting)
	case block.OpBlank:
		return decoded(ctx, r, k.blank)
	case block.OpHandOver:
		return nil, k.handOver(ctx)
	case block.OpResign:
		k.replacing.Lock() // for good: a worker that is being started has to be recorded first
		k.quit()
		return nil, nil
	case block.OpShutdown:
		return nil, k.shutdown(ctx)
	}
	return nil, block.Errorf(block.Unsupported, "this keeper (version %s) does not know %q: replace it by a newer one", k.Version, r.Op)
}

func decoded[T, R any](ctx context.Context, r wire.Request, handle func(context.Context, T) (R, error)) (any, error) {
	var body T
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return handle(ctx, body)
}

// none is what operations return that return nothing.
type none struct{}

func (k *Keeper) hello() block.Hello {
	k.mu.Lock()
	defer k.mu.Unlock()
	return block.Hello{Protocol: wire.Protocol, PID: os.Getpid(), Node: k.Node, Version: k.Version, Connected: k.connection != nil}
}

func (k *Keeper) status() block.Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := block.Status{
		Node: k.Node, PID: os.Getpid(), Version: k.Version, Images: []block.Mapped{},
		Takeovers: k.record.Takeovers, LastTakeover: time.Duration(k.record.LastTakeover),
	}
	if k.connection != nil {
		s.Entity, s.FSID = k.connection.Entity, k.connection.FSID
	}
	if k.worker != nil {
		s.Worker = &block.Worker{PID: k.worker.PID, Address: k.worker.Address, Version: k.worker.Version}
	}
	if k.trouble != nil {
		s.Trouble = k.trouble.Error()
	}
	for _, m := range k.images {
		s.Images = append(s.Images, m.Mapped)
	}
	slices.SortFunc(s.Images, func(a, b block.Mapped) int { return strings.Compare(a.Image.String(), b.Image.String()) })
	return s
}

// connect takes a connection. One with another user or key makes another worker, and is not kept if that cannot serve.
func (k *Keeper) connect(ctx context.Context, c block.Connection) (none, error) {
	if c.FSID == "" || len(c.Mons) == 0 || c.Entity == "" || c.Key == "" {
		return none{}, block.Errorf(block.Invalid, "a connection needs fsid, mons, entity and key: %s", c)
	}
	before, again, err := k.keepConnection(c)
	if err != nil {
		return none{}, err
	}
	if again {
		if err := k.handOver(ctx); err != nil {
			_, _, undone := k.keepConnection(before)
			return none{}, errors.Join(err, undone)
		}
		return none{}, nil
	}
	k.awake()
	_, err = k.current(ctx)
	return none{}, err
}

// keepConnection returns the one before, and whether a worker serves with another user or key.
func (k *Keeper) keepConnection(c block.Connection) (before block.Connection, again bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.connection != nil {
		before = *k.connection
	}
	switch {
	case before.FSID != "" && before.FSID != c.FSID:
		return before, false, block.Errorf(block.Invalid, "%s is for the cluster %s, not for %s", k.Dir, before.FSID, c.FSID)
	case before.Entity == c.Entity && before.Key == c.Key && slices.Equal(before.Mons, c.Mons):
		return before, false, nil
	}
	if err := write(k.files.connection(), c); err != nil {
		return before, false, err
	}
	k.connection = &c
	return before, k.worker != nil && (before.Entity != c.Entity || before.Key != c.Key), nil
}

// current waits for a worker that serves.
func (k *Keeper) current(ctx context.Context) (*helper, error) {
	for {
		k.mu.Lock()
		worker, changed, trouble, connected := k.worker, k.changed, k.trouble, k.connection != nil
		k.mu.Unlock()
		switch {
		case !connected:
			return nil, block.Errorf(block.NotConnected, "the keeper of %s does not know yet how to reach Ceph", k.Dir)
		case worker != nil:
			return worker, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if trouble != nil {
				return nil, trouble
			}
			return nil, block.Errorf(block.Timeout, "no worker got ready in time")
		}
	}
}

// turn waits until nobody else deals with the image.
func (k *Keeper) turn(ctx context.Context, image block.Image) (release func(), err error) {
	k.mu.Lock()
	t, is := k.turns[image]
	if !is {
		t = make(chan struct{}, 1)
		k.turns[image] = t
	}
	k.mu.Unlock()
	select {
	case t <- struct{}{}:
		return func() { <-t }, nil
	case <-ctx.Done():
		return nil, block.Errorf(block.Timeout, "something else still goes on with %s", image)
	}
}

func (k *Keeper) awake() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// save writes the record. The caller holds k.mu. What cannot be written is logged: the images are served all the same.
func (k *Keeper) save() {
	k.record.Images = k.record.Images[:0]
	for _, m := range k.images {
		k.record.Images = append(k.record.Images, m.imageRecord)
	}
	k.record.Workers = map[int]process{}
	for pid, h := range k.helpers {
		k.record.Workers[pid] = h.process
	}
	k.record.prune()
	if err := write(k.files.record(), k.record); err != nil {
		k.Log.Error("the record cannot be written: a keeper that is started anew will not know all", "error", err.Error())
	}
}

// change changes what is recorded.
func (k *Keeper) change(f func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	f()
	k.save()
}

// shutdown ends all, if nothing is mapped.
func (k *Keeper) shutdown(ctx context.Context) error {
	k.replacing.Lock()
	defer k.replacing.Unlock()
	k.mu.Lock()
	n := len(k.images)
	if n == 0 {
		k.connection = nil // nothing is mapped and no worker started any more
	}
	k.mu.Unlock()
	if n > 0 {
		return block.Errorf(block.Busy, "%d images are mapped in %s", n, k.Dir)
	}
	k.retireOthers(ctx, nil)
	k.quit()
	return errors.Join(remove(k.files.record()), remove(k.files.connection()))
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
