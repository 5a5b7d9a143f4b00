package keeper

import (
	"context"
	"errors"
	"fmt"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/worker"
)

// handOver starts another worker and moves all images to it. If one cannot be moved, all go back.
func (k *Keeper) handOver(ctx context.Context) error {
	k.replacing.Lock()
	defer k.replacing.Unlock()
	k.mu.Lock()
	old := k.worker
	k.mu.Unlock()
	if old == nil {
		return block.Errorf(block.Unavailable, "there is no worker that could hand over: one is being started")
	}
	fresh, err := k.start(ctx)
	if err != nil {
		return fmt.Errorf("the present worker stays: %w", err)
	}
	k.enlist(fresh)
	k.publish(fresh)
	if err := k.moveAll(ctx, old, fresh); err != nil {
		k.publish(old)
		err = errors.Join(err, k.moveAll(ctx, fresh, old))
		k.retireOthers(ctx, old)
		return fmt.Errorf("the present worker stays: %w", err)
	}
	k.retireOthers(ctx, fresh)
	k.Log.Info("handed over", "from", old.PID, "to", fresh.PID)
	return nil
}

// moveAll moves what one worker serves to another.
func (k *Keeper) moveAll(ctx context.Context, from, to *helper) error {
	k.mu.Lock()
	var all []*mapping
	for _, m := range k.images {
		if m.worker == from {
			all = append(all, m)
		}
	}
	k.mu.Unlock()
	return inParallel(all, func(m *mapping) error { return k.move(ctx, m, to) })
}

// move has one worker answer all that it has read and let go, and another go on. Meanwhile requests wait in the kernel.
func (k *Keeper) move(ctx context.Context, m *mapping, to *helper) error {
	release, err := k.turn(ctx, m.Image)
	if err != nil {
		return err
	}
	defer release()
	from := m.worker
	if k.now(m).Phase != block.Serving || from == to || from == nil {
		return nil
	}
	var d worker.Detached
	err = from.call(ctx, worker.OpDetach, worker.Detach{Image: m.Image, Node: k.Node, Keep: true}, &d)
	if err != nil {
		return fmt.Errorf("%s stays where it is: %w", m.Image, err)
	}
	k.change(func() { m.Phase, m.Reason, m.drained = block.Stalled, "it is handed over to another worker", true })
	err = k.judge(m, k.attach(ctx, m, to, worker.Attach{Takeover: true, Drained: true}))
	if err == nil {
		return nil
	}
	// A caller that waits no longer is no reason to leave the image without a worker.
	back, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepLimit)
	defer cancel()
	return errors.Join(err, k.judge(m, k.attach(back, m, from, worker.Attach{Takeover: true, Drained: true})))
}

// retireOthers ends all workers but one, if they serve nothing. The caller holds k.replacing.
func (k *Keeper) retireOthers(ctx context.Context, but *helper) {
	k.mu.Lock()
	var others []*helper
	for _, h := range k.helpers {
		if h != but && !k.serves(h) {
			h.retired = true
			others = append(others, h)
		}
	}
	k.mu.Unlock()
	for _, h := range others {
		if err := h.call(ctx, worker.OpQuit, nil, nil); err != nil && !h.ended() {
			k.Log.Warn("a worker that is done does not end, and is killed", "worker", h.PID, "error", err.Error())
			h.kill()
		}
	}
}

// serves tells whether a worker has an image. The caller holds k.mu.
func (k *Keeper) serves(h *helper) bool {
	for _, m := range k.images {
		if m.worker == h && !m.drained && !m.Phase.Gone() {
			return true
		}
	}
	return false
}
