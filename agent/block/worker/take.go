package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/seamount-dev/seamount/agent/block"
	"github.com/seamount-dev/seamount/ceph"
)

// taking is the way of one image into this worker's hands.
type taking struct {
	Attach
	cluster Cluster
	image   Image
}

// take makes the image this worker's, as far as its access asks for that. It returns the generation.
func (t taking) take(ctx context.Context) (uint64, error) {
	switch {
	case t.Access == block.MultiNodeReadOnly:
		return 0, nil
	case t.Access == block.MultiNode && t.Takeover && !t.Drained:
		return 0, block.Errorf(block.Superseded, "a worker that died cannot be replaced for %s: other nodes write to the image too", t.Image)
	case t.Access == block.MultiNode:
		return 0, t.record()
	case t.Takeover:
		return t.Generation, t.goOn(ctx)
	}
	return t.begin(ctx)
}

// record writes this client's address where a fence finds it.
func (t taking) record() error {
	return t.image.SetMetadata(ceph.ImageKeyClient(t.Node), t.cluster.Address())
}

// begin takes the lock for a new mapping. The address is recorded before the first write, and also before the lock if it
// is free: so a lock whose owner was killed at any point is known as this node's, by the image or by the keeper.
func (t taking) begin(ctx context.Context) (uint64, error) {
	left, err := t.clear(ctx)
	if err != nil {
		return 0, err
	}
	steps := []func() error{t.record, t.lock}
	if left {
		steps = []func() error{t.lock, t.record}
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return 0, err
		}
	}
	generation, err := t.generation()
	if err != nil {
		return 0, err
	}
	return generation + 1, t.image.SetMetadata(ceph.ImageKeyGeneration, strconv.FormatUint(generation+1, 10))
}

// goOn takes the lock after a worker that died or handed over, if nobody else had the image meanwhile. Only then may the
// requests that it left be answered: they are older than what anybody else wrote.
func (t taking) goOn(ctx context.Context) error {
	if _, err := t.clear(ctx); err != nil {
		return supersededBy(err)
	}
	if err := t.lock(); err != nil {
		return err
	}
	generation, err := t.generation()
	if err != nil {
		return err
	}
	if generation != t.Generation {
		return block.Errorf(block.Superseded, "%s was taken by somebody else meanwhile: its generation is %d, this node's is %d",
			t.Image, generation, t.Generation)
	}
	return t.record()
}

func supersededBy(err error) error {
	var e *block.Error
	if errors.As(err, &e) && e.Code == block.Locked {
		return &block.Error{Code: block.Superseded, Message: e.Message, Holder: e.Holder}
	}
	return err
}

// clear fences the dead workers of this node that hold the lock, and refuses when anybody else does who is not fenced
// already. It tells whether there was one.
func (t taking) clear(ctx context.Context) (left bool, err error) {
	lockers, err := t.image.Lockers()
	if err != nil {
		return false, err
	}
	for _, l := range lockers {
		if err := t.disarm(ctx, l); err != nil {
			return false, err
		}
		// librbd would fence it once more, image by image: with many images that takes longest of all.
		if err := t.image.BreakLock(l); err != nil {
			return false, err
		}
	}
	return len(lockers) > 0, nil
}

// disarm makes sure that the owner of a lock can write no more.
func (t taking) disarm(ctx context.Context, l ceph.Locker) error {
	if slices.Contains(t.Predecessors, l.Addr) { // the keeper had it fenced
		return nil
	}
	list, err := t.cluster.Blocklist(ctx)
	if err != nil || fenced(list, l.Addr) {
		return err
	}
	metadata, err := t.image.Metadata()
	if err != nil {
		return err
	}
	if !t.ours(l, metadata) {
		return lockedBy(t.Image, l, metadata)
	}
	return t.cluster.AddBlocklist(ctx, l.Addr, fenceDuration)
}

// ours tells the lock of a worker of this node that is dead: there is one keeper a node and cluster, and it says so.
func (t taking) ours(l ceph.Locker, metadata map[string]string) bool {
	return l.Addr != t.cluster.Address() && metadata[ceph.ImageKeyClient(t.Node)] == l.Addr
}

func lockedBy(image block.Image, l ceph.Locker, metadata map[string]string) error {
	holder := block.Holder{Address: l.Addr, Client: l.Client}
	for node, address := range ceph.ImageClients(metadata) {
		if address == l.Addr {
			holder.Node = node
		}
	}
	return &block.Error{Code: block.Locked, Holder: &holder, Message: fmt.Sprintf(
		"%s is in use by %s: unmap it there, or fence that node if it is lost", image, holder)}
}

// lock takes the lock, which nobody held a moment ago but whom clear has fenced.
func (t taking) lock() error {
	err := t.image.Lock()
	switch {
	case errors.Is(err, ceph.ErrReadOnly), errors.Is(err, ceph.ErrBusy):
		return block.Errorf(block.Unavailable, "%s was locked by another client at this moment: %v", t.Image, err)
	case errors.Is(err, ceph.ErrInvalid):
		return block.Errorf(block.Invalid, "%s has no exclusive lock: enable the image's feature exclusive-lock (%v)", t.Image, err)
	}
	return err
}

// generation reads the image's, under the lock.
func (t taking) generation() (uint64, error) {
	metadata, err := t.image.Metadata()
	if err != nil {
		return 0, err
	}
	text, has := metadata[ceph.ImageKeyGeneration]
	if !has {
		return 0, nil
	}
	generation, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, block.Errorf(block.Invalid, "%s has the generation %q in its metadata %s, which is no number: nobody but Seamount may write there",
			t.Image, text, ceph.ImageKeyGeneration)
	}
	return generation, nil
}

// release takes away what dead workers of this node left: their lock and their address. Somebody else's stay.
func (t taking) release(ctx context.Context) error {
	metadata, err := t.image.Metadata()
	if err != nil {
		return err
	}
	left, err := t.clear(ctx)
	if err != nil && !block.Is(err, block.Locked) {
		return err
	}
	if left {
		if err := t.lock(); err != nil {
			return err
		}
	}
	if _, recorded := metadata[ceph.ImageKeyClient(t.Node)]; !recorded {
		return nil
	}
	return t.image.RemoveMetadata(ceph.ImageKeyClient(t.Node))
}
