package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/wire"
	"github.com/seamount-dev/seamount/agent/block/worker"
	"github.com/seamount-dev/seamount/agent/fuse"
)

// mapping is an image that is mapped. Its fields change under the keeper's mu, by who has the image's turn.
type mapping struct {
	imageRecord
	// fd keeps the kernel's connection alive; noFD: there is none any more.
	fd int
	// worker that serves it, or did last.
	worker *helper
	// drained: no worker has it, and none left anything unanswered.
	drained bool
}

const noFD = -1

// orphaned tells whether a worker has to be found for it.
func (m *mapping) orphaned() bool {
	return m.Phase == block.Stalled && (m.drained || m.worker == nil || m.worker.ended())
}

// lookup returns a mapping and how it is now; nil when there is none. Its phase may change at any time.
func (k *Keeper) lookup(image block.Image) (*mapping, block.Mapped) {
	k.mu.Lock()
	defer k.mu.Unlock()
	m := k.images[image]
	if m == nil {
		return nil, block.Mapped{}
	}
	return m, m.Mapped
}

// now is how a mapping is.
func (k *Keeper) now(m *mapping) block.Mapped {
	k.mu.Lock()
	defer k.mu.Unlock()
	return m.Mapped
}

// mapImage maps an image, or says how it is mapped already.
func (k *Keeper) mapImage(ctx context.Context, r block.MapRequest) (block.Mapped, error) {
	if err := r.Image.Check(); err != nil {
		return block.Mapped{}, err
	}
	switch r.Access {
	case block.SingleNode, block.MultiNode, block.MultiNodeReadOnly:
	default:
		return block.Mapped{}, block.Errorf(block.Invalid, "there is no access %q", r.Access)
	}
	release, err := k.turn(ctx, r.Image)
	if err != nil {
		return block.Mapped{}, err
	}
	defer release()
	if m, now := k.lookup(r.Image); m != nil {
		return k.mappedAlready(ctx, m, now, r.Access)
	}
	return k.mapAnew(ctx, r)
}

func (k *Keeper) mappedAlready(ctx context.Context, m *mapping, now block.Mapped, access block.Access) (block.Mapped, error) {
	if err := notServing(now); err != nil {
		return now, err
	}
	if now.Access != access {
		return now, block.Errorf(block.Mismatch, "%s is mapped already, with access %s: unmap it first", now.Image, now.Access)
	}
	return k.ask(ctx, m)
}

// notServing is the error of a mapping of which nothing can be asked.
func notServing(now block.Mapped) error {
	switch {
	case now.Phase.Gone():
		return block.Errorf(block.Gone, "%s: %s", now.Image, now.Reason)
	case now.Phase != block.Serving:
		return block.Errorf(block.Unavailable, "%s is %s: %s", now.Image, now.Phase, now.Reason)
	}
	return nil
}

func (k *Keeper) mapAnew(ctx context.Context, r block.MapRequest) (block.Mapped, error) {
	w, err := k.current(ctx)
	if err != nil {
		return block.Mapped{}, err
	}
	m := &mapping{fd: noFD, worker: w, imageRecord: imageRecord{
		Mapped: block.Mapped{Image: r.Image, Access: r.Access, Path: k.path(r.Image), Phase: block.Mapping},
		ID:     time.Now().UnixNano(), Worker: w.PID, Address: w.Address,
	}}
	k.change(func() { k.images[r.Image] = m })
	defer k.awake() // a worker that died meanwhile left it to be looked after
	if err := k.establish(ctx, m); err != nil {
		k.undo(m)
		return block.Mapped{}, err
	}
	k.Log.Info("mapped", "image", m.Image.String(), "access", m.Access, "generation", m.Generation, "worker", w.PID)
	return k.now(m), nil
}

// establish mounts a new connection and has it served.
func (k *Keeper) establish(ctx context.Context, m *mapping) error {
	if err := fuse.Unmount(m.Path); errors.Is(err, fuse.ErrBusy) { // what a keeper left that nobody has a record of
		return block.Errorf(block.Busy, "%s is still in use from an earlier mapping: end what has it open", m.Path)
	} else if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(m.Path), 0o700); err != nil {
		return err
	}
	fd, err := fuse.Open()
	if err != nil {
		return err
	}
	m.fd = fd
	if err := fuse.Mount(fd, m.Path, "seamount:"+m.Image.String(), m.Access != block.MultiNodeReadOnly); err != nil {
		return err
	}
	return k.attach(ctx, m, m.worker, worker.Attach{})
}

// attach has a worker serve the image. how says what it takes over.
func (k *Keeper) attach(ctx context.Context, m *mapping, w *helper, how worker.Attach) error {
	k.mu.Lock()
	how.Owner = k.owner(m.Image)
	k.mu.Unlock()
	how.ID, how.Access, how.Generation, how.Resend = m.ID, m.Access, m.Generation, m.Takeover
	var a worker.Attached
	if err := wire.Call(ctx, w.Socket, worker.OpAttach, m.fd, how, &a); err != nil {
		return err
	}
	k.change(func() {
		m.Generation, m.Size, m.Formatting = a.Generation, a.Size, a.Formatting
		m.Takeover = a.Resend && m.Access != block.MultiNode
		m.Descriptor, m.worker, m.Worker, m.Address = a.Descriptor, w, w.PID, w.Address
		m.drained, m.Phase, m.Reason = false, block.Serving, ""
		if w.ended() { // it died after it answered, and whoever buried it may not have seen this image
			m.Phase, m.Reason = block.Stalled, died
		}
	})
	return nil
}

// owner says whose the image is. The caller holds k.mu.
func (k *Keeper) owner(image block.Image) worker.Owner {
	return worker.Owner{Image: image, Node: k.Node, Predecessors: k.record.fenced()}
}

// undo removes what establish made. A worker that still opens the image finds the connection ended.
func (k *Keeper) undo(m *mapping) {
	err := fuse.Unmount(m.Path)
	k.closeDescriptor(m)
	if errors.Is(err, fuse.ErrBusy) {
		err = fuse.Unmount(m.Path) // who waited for an answer has got an error now
	}
	if err != nil {
		k.Log.Error("a mapping that failed is left", "image", m.Image.String(), "error", err.Error())
	}
	k.forget(m)
}

func (k *Keeper) closeDescriptor(m *mapping) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m.fd != noFD {
		unix.Close(m.fd) //nolint:errcheck // nothing was written to it by this process
		m.fd = noFD
	}
}

func (k *Keeper) forget(m *mapping) {
	k.change(func() { delete(k.images, m.Image) })
	_ = os.Remove(filepath.Dir(m.Path)) // fails while another image of the pool is mapped
}

// ask brings size and formatting up to date.
func (k *Keeper) ask(ctx context.Context, m *mapping) (block.Mapped, error) {
	var a worker.Attached
	if err := m.worker.call(ctx, worker.OpRefresh, m.Image, &a); err != nil {
		return block.Mapped{}, err
	}
	k.change(func() { m.Size, m.Formatting = a.Size, a.Formatting })
	return k.now(m), nil
}

// serving returns a mapping that a worker serves, and its turn.
func (k *Keeper) serving(ctx context.Context, image block.Image) (*mapping, func(), error) {
	release, err := k.turn(ctx, image)
	if err != nil {
		return nil, nil, err
	}
	m, now := k.lookup(image)
	if m == nil {
		err = block.Errorf(block.NotFound, "%s is not mapped", image)
	} else {
		err = notServing(now)
	}
	if err != nil {
		release()
		return nil, nil, err
	}
	return m, release, nil
}

func (k *Keeper) refresh(ctx context.Context, image block.Image) (block.Mapped, error) {
	m, release, err := k.serving(ctx, image)
	if err != nil {
		return block.Mapped{}, err
	}
	defer release()
	return k.ask(ctx, m)
}

func (k *Keeper) formatting(ctx context.Context, r block.FormattingRequest) (none, error) {
	m, release, err := k.serving(ctx, r.Image)
	if err != nil {
		return none{}, err
	}
	defer release()
	if err := m.worker.call(ctx, worker.OpFormatting, r, nil); err != nil {
		return none{}, err
	}
	k.change(func() { m.Formatting = r.Type })
	return none{}, nil
}

func (k *Keeper) blank(ctx context.Context, image block.Image) (answer block.BlankResponse, err error) {
	m, release, err := k.serving(ctx, image)
	if err != nil {
		return answer, err
	}
	defer release()
	return answer, m.worker.call(ctx, worker.OpBlank, image, &answer)
}

// unmapImage undoes a mapping. Each of its steps may find itself done already.
func (k *Keeper) unmapImage(ctx context.Context, image block.Image) (none, error) {
	if err := image.Check(); err != nil {
		return none{}, err
	}
	release, err := k.turn(ctx, image)
	if err != nil {
		return none{}, err
	}
	defer release()
	m, now := k.lookup(image)
	if m == nil {
		return none{}, k.releaseUnknown(ctx, image)
	}
	return none{}, k.unmap(ctx, m, now)
}

func (k *Keeper) unmap(ctx context.Context, m *mapping, before block.Mapped) error {
	k.change(func() { m.Phase = block.Unmapping })
	if err := fuse.Unmount(m.Path); err != nil {
		k.change(func() { m.Phase, m.Reason = k.phaseNow(m, before.Phase), before.Reason })
		k.awake()
		if errors.Is(err, fuse.ErrBusy) {
			return block.Errorf(block.Busy, "%s is in use: something has %s open, a loop device or a process", m.Image, m.Path)
		}
		return err
	}
	served, err := k.detach(ctx, m)
	if err != nil {
		k.change(func() { m.Reason = err.Error() })
		return fmt.Errorf("%s is unmounted, but its lock is not given up: %w", m.Image, err)
	}
	k.closeDescriptor(m)
	if !served {
		if err := k.releaseLeft(ctx, m.Image, before.Phase == block.Aborted); err != nil {
			k.change(func() { m.Reason = err.Error() })
			return fmt.Errorf("%s is unmounted, but its lock is not given up: %w", m.Image, err)
		}
	}
	k.forget(m)
	k.Log.Info("unmapped", "image", m.Image.String())
	return nil
}

// phaseNow is the phase to go back to: the worker may have died meanwhile. The caller holds k.mu.
func (k *Keeper) phaseNow(m *mapping, before block.Phase) block.Phase {
	if before == block.Serving && (m.worker == nil || m.worker.ended()) {
		return block.Stalled
	}
	return before
}

// detach makes the worker let go of the image, if it has it.
func (k *Keeper) detach(ctx context.Context, m *mapping) (served bool, err error) {
	if m.worker == nil || m.worker.ended() {
		return false, nil
	}
	var d worker.Detached
	err = m.worker.call(ctx, worker.OpDetach, worker.Detach{Image: m.Image, Node: k.Node}, &d)
	if err != nil && m.worker.ended() {
		return false, nil
	}
	return d.Served, err
}

// releaseUnknown cleans up after a mapping that this keeper never knew, of before a reboot for example.
func (k *Keeper) releaseUnknown(ctx context.Context, image block.Image) error {
	path := k.path(image)
	if err := fuse.Unmount(path); errors.Is(err, fuse.ErrBusy) {
		return block.Errorf(block.Busy, "%s is in use: something has it open, a loop device or a process", path)
	} else if err != nil {
		return err
	}
	k.mu.Lock()
	connected := k.connection != nil
	k.mu.Unlock()
	if !connected {
		return nil
	}
	return k.releaseLeft(ctx, image, false)
}

// releaseLeft takes away the lock that a dead worker left. Where Ceph does not let this node in any more there is nothing
// that it could take away; nor is there after somebody else took the image.
func (k *Keeper) releaseLeft(ctx context.Context, image block.Image, taken bool) error {
	w, err := k.current(ctx)
	if err == nil {
		k.mu.Lock()
		owner := k.owner(image)
		k.mu.Unlock()
		err = w.call(ctx, worker.OpRelease, owner, nil)
	}
	if err == nil || block.Is(err, block.NotFound) {
		return nil
	}
	if taken || block.Is(err, block.Denied) || block.Is(err, block.Fenced) {
		k.Log.Info("nothing of this node is released", "image", image.String(), "error", err.Error())
		return nil
	}
	return err
}
