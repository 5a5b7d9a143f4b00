package keeper

import (
	"context"
	"maps"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/agent/block/worker"
	"github.com/seamount-dev/seamount/agent/fuse"
	"github.com/seamount-dev/seamount/agent/host"
)

// lost is why an image is gone whose descriptors all were closed.
const lost = "keeper and worker both ended, and with them the kernel's connection" + remedy

// adopt goes on where an earlier keeper ended.
func (k *Keeper) adopt(ctx context.Context) error {
	boot, err := host.BootID()
	if err != nil {
		return err
	}
	if k.record, err = k.load(k.Node, boot); err != nil {
		return err
	}
	if k.connection, err = k.loadConnection(); err != nil {
		return err
	}
	sockets := map[string]bool{}
	for _, p := range k.record.Workers {
		h := find(p)
		if h == nil {
			k.mourn(p)
			continue
		}
		sockets[p.Socket] = true
		k.adoptWorker(h)
	}
	k.removeSockets(sockets)
	served := k.listAll(ctx)
	for _, i := range k.record.Images {
		k.adoptImage(i, served[i.Image])
	}
	k.change(func() {})
	k.undoUnfinished()
	k.watchAdopted()
	return nil
}

// mourn notes a worker that ended while there was no keeper.
func (k *Keeper) mourn(p process) {
	if k.record.find(p.Address) == nil {
		k.record.Predecessors = append(k.record.Predecessors, predecessor{Address: p.Address})
	}
}

// adoptWorker takes a worker that lives; the youngest serves new images.
func (k *Keeper) adoptWorker(h *helper) {
	k.helpers[h.PID] = h
	if k.worker == nil || k.worker.Start < h.Start {
		k.worker = h
	}
}

func (k *Keeper) watchAdopted() {
	for _, h := range k.helpers {
		go func() {
			<-h.dead
			k.bury(h)
		}()
	}
}

// claim is what a worker says that it serves.
type claim struct {
	worker   *helper
	attached worker.Attached
}

// listLimit is how long a worker may take to say what it serves. One that does not answer is believed what is recorded.
const listLimit = 3 * time.Second

func (k *Keeper) listAll(ctx context.Context) map[block.Image]claim {
	served := map[block.Image]claim{}
	for _, h := range k.helpers {
		ctx, cancel := context.WithTimeout(ctx, listLimit)
		var all []worker.Attached
		if err := h.call(ctx, worker.OpList, nil, &all); err != nil {
			k.Log.Warn("a worker does not say what it serves", "worker", h.PID, "error", err.Error())
		}
		cancel()
		for _, a := range all {
			served[a.Image] = claim{h, a}
		}
	}
	return served
}

// adoptImage takes the descriptor out of the worker.
func (k *Keeper) adoptImage(i imageRecord, c claim) {
	m := &mapping{imageRecord: i, fd: noFD, worker: k.helpers[i.Worker]}
	k.images[i.Image] = m
	if m.Phase.Gone() {
		return
	}
	if c.worker != nil {
		m.worker, m.Worker, m.Address = c.worker, c.worker.PID, c.worker.Address
		m.Descriptor, m.Generation, m.Size, m.Formatting = c.attached.Descriptor, c.attached.Generation, c.attached.Size, c.attached.Formatting
		m.Takeover = c.attached.Resend && m.Access != block.MultiNode
	}
	if m.worker != nil {
		m.fd = descriptorOf(m.worker, m.Descriptor)
	}
	switch {
	case m.Phase == block.Unmapping, m.Phase == block.Mapping && c.worker == nil:
	case m.fd == noFD:
		m.Phase, m.Reason = block.Lost, lost
		k.Log.Error("lost", "image", m.Image.String(), "reason", lost)
	default:
		m.Phase, m.Reason = block.Serving, ""
		k.Log.Info("adopted", "image", m.Image.String(), "worker", m.worker.PID)
	}
}

// undoUnfinished removes mappings that were not complete: nobody was told of them.
func (k *Keeper) undoUnfinished() {
	for _, m := range slices.Collect(maps.Values(k.images)) {
		if m.Phase == block.Mapping {
			k.undo(m)
		}
	}
}

// descriptorOf copies a worker's descriptor of a connection.
func descriptorOf(h *helper, number int) int {
	fd, err := unix.PidfdGetfd(h.pidfd, number, 0)
	if err != nil {
		return noFD
	}
	if !fuse.IsConnection(fd) {
		unix.Close(fd) //nolint:errcheck // not ours
		return noFD
	}
	return fd
}
