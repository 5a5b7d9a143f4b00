package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// remove implements backend.
func (*images) remove(ctx context.Context, in session.Session, kind volume.Kind, h handle.Handle) error {
	detail, err := in.Ceph.InspectImage(ctx, imageOf(h.Pool, h.Image))
	if errors.Is(err, ceph.ErrNotFound) {
		return clearAfter(ctx, in.Ceph, h)
	}
	if err != nil {
		return err
	}
	record, err := volume.Of(h.Image, detail.Metadata)
	switch {
	case err != nil:
		return refuse(codes.FailedPrecondition, "image %s is not removed: %v; if it is not needed, remove it by hand (rbd rm)", detail.ImageRef, err)
	case record.Kind != kind:
		return refuse(codes.FailedPrecondition, "%s is a %s and no %s", h, lower(record.Kind), lower(kind))
	}
	return Remove(ctx, in.Ceph, detail)
}

// clearAfter takes away what a call that was cut short may have left when the image itself is gone: a name without an image, or
// with one that is on its way into the trash, and parents in the trash that nothing reads any more.
func clearAfter(ctx context.Context, images ceph.Images, h handle.Handle) error {
	if !handle.Named(h.Image) {
		return nil
	}
	ref := imageOf(h.Pool, h.Image)
	err := images.RemoveImage(ctx, ref)
	if errors.Is(err, ceph.ErrBusy) { // something reads from it, and the sweep brings it into the trash
		if _, err := Sweep(ctx, images, h.Pool); err != nil {
			return err
		}
		err = images.RemoveImage(ctx, ref)
	}
	if unless(err, ceph.ErrNotFound) != nil {
		return err
	}
	_, err = Sweep(ctx, images, h.Pool)
	return unless(err, ceph.ErrNotFound)
}

// Remove removes an image that is a volume or a snapshot, or was to become one. When something still reads from it, it waits
// in the trash for the last of that to go.
func Remove(ctx context.Context, images ceph.Images, detail ceph.ImageDetail) error {
	if err := checkUnused(ctx, images, detail); err != nil {
		return err
	}
	if err := removeBases(ctx, images, detail); err != nil {
		return err
	}
	err := images.RemoveImage(ctx, detail.ImageRef)
	switch {
	case errors.Is(err, ceph.ErrBusy):
		return discard(ctx, images, detail)
	case unless(err, ceph.ErrNotFound) != nil:
		return err
	case detail.Parent == nil:
		return nil
	}
	return climb(ctx, images, detail.Parent.Pool, detail.ParentID)
}

// checkUnused refuses to remove an image that a client has open.
func checkUnused(ctx context.Context, images ceph.Images, detail ceph.ImageDetail) error {
	watchers, err := images.ImageWatchers(ctx, detail.ImageRef)
	if err != nil || len(watchers) == 0 {
		return unless(err, ceph.ErrNotFound)
	}
	nodes := map[string]string{}
	for node, address := range ceph.ImageClients(detail.Metadata) {
		nodes[address] = node
	}
	var users []string
	for _, w := range watchers {
		user := w.Client + " at " + w.Addr
		if node := nodes[w.Addr]; node != "" {
			user = "node " + node + " (" + user + ")"
		}
		users = append(users, user)
	}
	return refuse(codes.FailedPrecondition, "image %s is in use by %s: delete the pods that use it; the client of a node that died is seen for 30 seconds",
		detail.ImageRef, strings.Join(users, ", "))
}

// removeBases removes the snapshots that clones were being made of: a clone that has been made keeps what it reads. Snapshots
// of others keep the image.
func removeBases(ctx context.Context, images ceph.Images, detail ceph.ImageDetail) error {
	snaps, err := images.ListSnapshots(ctx, detail.ImageRef)
	if err != nil {
		return unless(err, ceph.ErrNotFound)
	}
	for _, snap := range snaps {
		if !handle.Named(snap.Name) {
			return refuse(codes.FailedPrecondition, "image %s has a snapshot %s that was not made by this driver: remove it (rbd snap rm), or keep the volume",
				detail.ImageRef, snap.Name)
		}
		err := images.RemoveSnapshot(ctx, ceph.SnapshotRef{ImageRef: detail.ImageRef, Snapshot: snap.Name})
		if unless(err, ceph.ErrNotFound) != nil {
			return err
		}
	}
	return nil
}

// discard puts an image that clones read from into the trash, with a mark that nobody wants it back.
func discard(ctx context.Context, images ceph.Images, detail ceph.ImageDetail) error {
	children, err := images.ImageChildren(ctx, detail.ImageRef)
	switch {
	case err != nil:
		return err
	case len(children) == 0:
		return refuse(codes.Aborted, "image %s was just opened or cloned: the call is repeated", detail.ImageRef)
	}
	if err := images.SetImageMetadata(ctx, detail.ImageRef, ceph.ImageKeyDeleting, detail.Name); err != nil {
		return err
	}
	if err := unless(images.TrashImage(ctx, detail.ImageRef, 0), ceph.ErrNotFound); err != nil {
		return err
	}
	// The last child may have gone between the look and the mark.
	return climb(ctx, images, detail.Pool, detail.ID)
}

// climb purges an image that waits in the trash when nothing reads from it any more, and then its parent, and so on.
func climb(ctx context.Context, images ceph.Images, pool, id string) error {
	for id != "" {
		detail, err := images.InspectImageByID(ctx, pool, id)
		if errors.Is(err, ceph.ErrNotFound) {
			return purgeRest(ctx, images, pool, id)
		}
		if err != nil {
			return err
		}
		if detail.Metadata[ceph.ImageKeyDeleting] == "" {
			return nil
		}
		if purged, err := purge(ctx, images, pool, id); err != nil || !purged || detail.Parent == nil {
			return err
		}
		pool, id = detail.Parent.Pool, detail.ParentID
	}
	return nil
}

// purge removes an image of the trash that nothing reads from, and says whether it is one.
func purge(ctx context.Context, images ceph.Images, pool, id string) (bool, error) {
	err := images.PurgeTrashed(ctx, pool, id)
	switch {
	case errors.Is(err, ceph.ErrBusy) || errors.Is(err, ceph.ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("purge the parent %s of a removed image: %w", id, err)
	}
	return true, nil
}

// purgeRest goes on with a purge that was cut short, after which the image cannot be opened: its header is gone, or its parent
// is, which librbd lets go of first.
func purgeRest(ctx context.Context, images ceph.Images, pool, id string) error {
	metadata, err := images.HeaderMetadata(ctx, pool, id)
	if unless(err, ceph.ErrNotFound) != nil || err == nil && metadata[ceph.ImageKeyDeleting] == "" {
		return err
	}
	_, err = purge(ctx, images, pool, id)
	return err
}

// Sweep purges the images of a pool that wait in the trash and that nothing reads from any more. It returns how many. One that
// cannot be purged does not keep the others.
func Sweep(ctx context.Context, images ceph.Images, pool string) (int, error) {
	waiting, err := images.ListTrash(ctx, pool)
	if err != nil {
		return 0, err
	}
	var failed []error
	for _, entry := range waiting {
		if handle.Named(entry.Name) {
			failed = append(failed, climb(ctx, images, pool, entry.ID))
		}
	}
	if err := errors.Join(failed...); err != nil {
		return 0, err
	}
	left, err := images.ListTrash(ctx, pool)
	return max(0, len(waiting)-len(left)), err
}
