package keeper

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/worker"
)

// Pauses between attempts to get a worker that serves all.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// stepLimit bounds what is asked of a worker while it takes over.
const stepLimit = 30 * time.Second

// died is why an image stalls at first.
const died = "the worker ended, and another takes over"

// supervise settles whatever happens, as often as it takes.
func (k *Keeper) supervise(ctx context.Context) {
	k.awake()
	pause := firstPause
	for {
		select {
		case <-ctx.Done():
			return
		case <-k.wake:
		}
		if k.settle(ctx) {
			pause = firstPause
			continue
		}
		time.AfterFunc(pause, k.awake)
		pause = min(2*pause, lastPause)
	}
}

// settle gets a worker, fences those that died, and has it take over what they served. It tells whether all is done.
func (k *Keeper) settle(ctx context.Context) bool {
	k.replacing.Lock()
	defer k.replacing.Unlock()
	k.mu.Lock()
	idle, w := k.connection == nil, k.worker
	k.mu.Unlock()
	if idle || ctx.Err() != nil {
		return true
	}
	k.abortFenced(ctx)
	err := k.ready(ctx, w)
	if err == nil {
		err = k.takeOverAll(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.trouble = err; err != nil {
		k.Log.Error("images wait for a worker", "error", err.Error())
		return false
	}
	k.account()
	return true
}

// account counts a takeover that is complete. The caller holds k.mu.
func (k *Keeper) account() {
	if k.stalled.IsZero() || k.worker == nil {
		return
	}
	took := time.Since(k.stalled)
	k.stalled = time.Time{}
	k.record.Takeovers++
	k.record.LastTakeover = int64(took)
	k.save()
	served := 0
	for _, m := range k.images {
		if m.worker == k.worker {
			served++
		}
	}
	k.Log.Info("took over", "images", served, "worker", k.worker.PID, "took", took.Round(time.Millisecond).String())
}

// ready makes sure that there is a worker, and that nothing of the dead ones reaches an OSD any more.
func (k *Keeper) ready(ctx context.Context, w *helper) error {
	if w == nil {
		started, err := k.start(ctx)
		if err != nil {
			return err
		}
		w = started
		k.enlist(w)
	}
	if err := k.fenceAll(ctx, w); err != nil {
		return err
	}
	k.publish(w)
	return nil
}

// enlist records a worker, and notices its end.
func (k *Keeper) enlist(h *helper) {
	k.change(func() { k.helpers[h.PID] = h })
	go func() {
		<-h.dead
		k.bury(h)
	}()
}

// publish makes a worker the one that serves new images.
func (k *Keeper) publish(h *helper) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.worker == h || h.ended() {
		return
	}
	k.worker = h
	close(k.changed)
	k.changed = make(chan struct{})
}

// bury notes that a worker ended. What it served waits for another.
func (k *Keeper) bury(h *helper) {
	fenced := os.Remove(k.fencedNote(h.PID)) == nil
	k.change(func() {
		delete(k.helpers, h.PID)
		if k.worker == h {
			k.worker = nil
			k.stalled = time.Now()
		}
		left := false
		for _, m := range k.images {
			if m.worker == h {
				left = true
				if m.Phase == block.Serving {
					m.Phase, m.Reason = block.Stalled, died
				}
			}
		}
		if (left || !h.retired) && k.record.find(h.Address) == nil {
			k.record.Predecessors = append(k.record.Predecessors, predecessor{Address: h.Address, Fenced: fenced, Foreign: fenced})
		}
	})
	_ = remove(h.Socket) // it only takes space
	if !h.retired {
		k.Log.Warn("a worker ended", "worker", h.PID, "address", h.Address)
	}
	k.awake()
}

// fenceAll fences the workers that died. Whether somebody else did so before is asked first, and what this keeper is
// about to do is recorded in between: afterwards the two look the same.
func (k *Keeper) fenceAll(ctx context.Context, w *helper) error {
	k.mu.Lock()
	all := slices.Clone(k.record.Predecessors)
	k.mu.Unlock()
	for _, p := range all {
		if p.Fenced {
			continue
		}
		if err := k.fence(ctx, w, p); err != nil {
			return fmt.Errorf("fence the worker that ended (%s): %w", p.Address, err)
		}
	}
	return nil
}

func (k *Keeper) fence(ctx context.Context, w *helper, p predecessor) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	address := worker.Address{Address: p.Address}
	if !p.Intended {
		var answer worker.Fenced
		if err := w.call(ctx, worker.OpFenced, address, &answer); err != nil {
			return err
		}
		k.change(func() {
			found := k.record.find(p.Address)
			found.Foreign, found.Fenced, found.Intended = answer.Fenced, answer.Fenced, !answer.Fenced
		})
		if answer.Fenced {
			return nil
		}
	}
	if err := w.call(ctx, worker.OpFence, address, nil); err != nil {
		return err
	}
	k.change(func() { k.record.find(p.Address).Fenced = true })
	return nil
}

// takeOverAll finds a worker for all that have none, and brings what an interrupted hand-over left to the current one.
func (k *Keeper) takeOverAll(ctx context.Context) error {
	k.mu.Lock()
	w := k.worker
	var orphans, strays []*mapping
	for _, m := range k.images {
		switch {
		case m.orphaned():
			orphans = append(orphans, m)
		case m.Phase == block.Serving && m.worker != w:
			strays = append(strays, m)
		}
	}
	k.mu.Unlock()
	if w == nil {
		return errors.New("the new worker ended at once")
	}
	err := errors.Join(
		inParallel(orphans, func(m *mapping) error { return k.takeOver(ctx, m, w) }),
		inParallel(strays, func(m *mapping) error { return k.move(ctx, m, w) }))
	if err == nil {
		k.retireOthers(ctx, w)
	}
	return err
}

func inParallel(all []*mapping, do func(*mapping) error) error {
	errs := make([]error, len(all))
	var g sync.WaitGroup
	for i, m := range all {
		g.Go(func() { errs[i] = do(m) })
	}
	g.Wait()
	return errors.Join(errs...)
}

// abortFenced ends the images of workers that were fenced by somebody else. That needs no Ceph, which may not let this
// node in any more.
func (k *Keeper) abortFenced(ctx context.Context) {
	k.mu.Lock()
	var fenced []*mapping
	for _, m := range k.images {
		if p := k.record.find(m.Address); m.orphaned() && p != nil && p.Foreign {
			fenced = append(fenced, m)
		}
	}
	k.mu.Unlock()
	for _, m := range fenced {
		if err := k.refuse(ctx, m); err != nil {
			k.Log.Warn("a fenced image is not ended yet", "image", m.Image.String(), "error", err.Error())
		}
	}
}

// refuse ends an image for good that no other worker may go on with, whatever Ceph says.
func (k *Keeper) refuse(ctx context.Context, m *mapping) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	release, err := k.turn(ctx, m.Image)
	if err != nil {
		return err
	}
	defer release()
	k.mu.Lock()
	orphaned, reason := m.orphaned(), refusal(m, k.record.find(m.Address))
	k.mu.Unlock()
	if orphaned && reason != "" {
		k.abort(m, reason)
	}
	return nil
}

// takeOver has the worker go on with an image, or ends it for good when that may not be.
func (k *Keeper) takeOver(ctx context.Context, m *mapping, w *helper) error {
	ctx, cancel := context.WithTimeout(ctx, stepLimit)
	defer cancel()
	release, err := k.turn(ctx, m.Image)
	if err != nil {
		return err
	}
	defer release()
	k.mu.Lock()
	orphaned, reason, drained := m.orphaned(), refusal(m, k.record.find(m.Address)), m.drained
	k.mu.Unlock()
	if !orphaned {
		return nil
	}
	if reason != "" {
		k.abort(m, reason)
		return nil
	}
	err = k.attach(ctx, m, w, worker.Attach{Takeover: true, Drained: drained})
	return k.judge(m, err)
}

// refusal says why no other worker may go on, whatever Ceph says.
func refusal(m *mapping, p *predecessor) string {
	switch {
	case m.drained:
		return ""
	case m.Access == block.MultiNode:
		return "the worker that served it ended, and none can go on where other nodes write too"
	case !m.Takeover:
		return "the worker that served it ended, and this node's kernel does not send requests again (Linux 6.9 and later do)"
	case p != nil && p.Foreign && m.Access == block.SingleNode:
		return "this node was fenced: the worker that served it is on Ceph's blocklist, put there by somebody else"
	}
	return ""
}

// judge ends an image for good when Ceph said that it is not this node's any more. Otherwise it is tried again.
func (k *Keeper) judge(m *mapping, err error) error {
	switch {
	case err == nil:
		return nil
	case block.Is(err, block.Superseded), block.Is(err, block.NotFound), block.Is(err, block.Fenced), block.Is(err, block.Invalid):
		k.abort(m, err.Error())
		return nil
	}
	k.change(func() { m.Reason = fmt.Sprintf("%s: %v", died, err) })
	return fmt.Errorf("take over %s: %w", m.Image, err)
}

// remedy is what to do about an image that was ended.
const remedy = "; every request fails now: end the pods that use it, and the volume is mapped anew for others"

// abort ends an image for good: with the last descriptor the kernel fails what waits and what comes.
func (k *Keeper) abort(m *mapping, reason string) {
	k.closeDescriptor(m)
	k.change(func() { m.Phase, m.Reason, m.drained = block.Aborted, reason+remedy, false })
	k.Log.Error("ended for good", "image", m.Image.String(), "reason", reason)
}
