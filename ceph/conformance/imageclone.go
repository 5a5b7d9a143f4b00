package conformance

import (
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func imageSnapshotCases(e *env) {
	ref := e.image(e.imagePool(), "source")
	first := ceph.SnapshotRef{ImageRef: ref, Snapshot: "first"}
	second := ceph.SnapshotRef{ImageRef: ref, Snapshot: "second"}
	e.check("CreateSnapshot snapshots; one of that name is ErrExists", func(e *env) {
		e.ok(e.CreateSnapshot(e.ctx, first))
		e.want(e.CreateSnapshot(e.ctx, first), ceph.ErrExists)
	})
	e.check("ListSnapshots lists by id with the size of the time", func(e *env) {
		e.ok(e.ResizeImage(e.ctx, ref, 32*mebibyte))
		e.ok(e.CreateSnapshot(e.ctx, second))
		snaps, err := e.ListSnapshots(e.ctx, ref)
		e.ok(err)
		if len(snaps) != 2 || snaps[0].Name != "first" || snaps[0].Size != 16*mebibyte || snaps[1].Name != "second" || snaps[1].Size != 32*mebibyte {
			e.Errorf("got %+v", snaps)
		}
		sorted(e, "snapshots", snaps, func(a, b ceph.ImageSnapshot) bool { return a.ID < b.ID })
	})
	e.check("an image with snapshots is ErrBusy to remove", func(e *env) {
		e.want(e.RemoveImage(e.ctx, ref), ceph.ErrBusy)
	})
	e.check("RemoveSnapshot removes; one that does not exist is ErrNotFound", func(e *env) {
		e.ok(e.RemoveSnapshot(e.ctx, first))
		e.want(e.RemoveSnapshot(e.ctx, first), ceph.ErrNotFound)
		e.ok(e.RemoveSnapshot(e.ctx, second))
		e.ok(e.RemoveImage(e.ctx, ref))
	})
}

// family makes an image with data, a snapshot of it and a clone.
func (e *env) family(pool, name string) (ref ceph.ImageRef, snap ceph.SnapshotRef, clone ceph.ImageRef) {
	e.Helper()
	ref = e.image(pool, name)
	e.ok(e.WriteImage(e.ctx, ref, 4*mebibyte))
	snap = ceph.SnapshotRef{ImageRef: ref, Snapshot: "base"}
	clone = ceph.ImageRef{Pool: pool, Name: name + "-clone"}
	e.ok(e.CreateSnapshot(e.ctx, snap))
	e.ok(e.CloneImage(e.ctx, snap, ceph.ImageSpec{ImageRef: clone, Metadata: map[string]string{"from": name}}))
	return ref, snap, clone
}

func cloneCases(e *env) {
	pool := e.imagePool()
	e.check("a clone has its parent's size, its tie and its own metadata", func(e *env) {
		ref, snap, clone := e.family(pool, "tied")
		img, err := e.Image(e.ctx, clone)
		e.ok(err)
		if img.Size != 16*mebibyte || img.Parent == nil || *img.Parent != snap || img.Overlap != 16*mebibyte {
			e.Errorf("got %+v", img)
		}
		e.hasMetadata(clone, map[string]string{"from": "tied"})
		e.children(ref, clone)
		e.want(e.CloneImage(e.ctx, snap, ceph.ImageSpec{ImageRef: clone}), ceph.ErrExists)
	})
	e.check("a clone of a snapshot that does not exist is ErrNotFound", func(e *env) {
		missing := ceph.SnapshotRef{ImageRef: ceph.ImageRef{Pool: pool, Name: "tied"}, Snapshot: "ghost"}
		e.want(e.CloneImage(e.ctx, missing, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: pool, Name: "x"}}), ceph.ErrNotFound)
	})
	e.check("an image with a clone is ErrBusy, and its snapshot goes to the trash", func(e *env) {
		ref, snap, clone := e.family(pool, "order")
		e.want(e.RemoveImage(e.ctx, ref), ceph.ErrBusy)
		e.ok(e.RemoveSnapshot(e.ctx, snap))
		e.snapshots(ref, 0)
		e.children(ref, clone)
		e.want(e.RemoveImage(e.ctx, ref), ceph.ErrBusy)
		e.ok(e.RemoveImage(e.ctx, clone))
		e.children(ref)
		e.ok(e.RemoveImage(e.ctx, ref))
	})
	e.check("the snapshot can go after its clone", func(e *env) {
		ref, snap, clone := e.family(pool, "after")
		e.ok(e.RemoveImage(e.ctx, clone))
		e.snapshots(ref, 1)
		e.ok(e.RemoveSnapshot(e.ctx, snap))
		e.ok(e.RemoveImage(e.ctx, ref))
	})
	e.check("a parent goes to the trash before its clone, and for good after it", func(e *env) { trashedParentCase(e, pool) })
	e.check("FlattenImage cuts the tie, and an image without a parent is no error", func(e *env) {
		ref, snap, clone := e.family(pool, "flat")
		e.ok(e.RemoveSnapshot(e.ctx, snap))
		e.ok(e.FlattenImage(e.ctx, clone))
		e.ok(e.FlattenImage(e.ctx, clone))
		img, err := e.Image(e.ctx, clone)
		e.ok(err)
		if img.Parent != nil || img.Overlap != 0 {
			e.Errorf("got %+v", img)
		}
		e.children(ref)
		e.ok(e.RemoveImage(e.ctx, ref))
		e.ok(e.RemoveImage(e.ctx, clone))
	})
	e.check("clones of clones go in any order", func(e *env) { chainCase(e, pool) })
}

func (e *env) children(ref ceph.ImageRef, want ...ceph.ImageRef) {
	e.Helper()
	got, err := e.ImageChildren(e.ctx, ref)
	e.ok(err)
	e.same("children", want, got)
}

func (e *env) snapshots(ref ceph.ImageRef, want int) {
	e.Helper()
	got, err := e.ListSnapshots(e.ctx, ref)
	e.ok(err)
	if len(got) != want {
		e.Errorf("%d snapshots, want %d: %+v", len(got), want, got)
	}
}

func trashedParentCase(e *env, pool string) {
	ref, snap, clone := e.family(pool, "trashed")
	e.ok(e.RemoveSnapshot(e.ctx, snap))
	e.ok(e.TrashImage(e.ctx, ref, 0))
	id := e.trashed(pool, "trashed").ID
	e.want(e.PurgeTrashed(e.ctx, pool, id), ceph.ErrBusy)
	img, err := e.Image(e.ctx, clone)
	e.ok(err)
	if img.Parent == nil {
		e.Error("the clone lost its parent")
	}
	e.ok(e.RemoveImage(e.ctx, clone))
	e.ok(e.PurgeTrashed(e.ctx, pool, id))
}

func chainCase(e *env, pool string) {
	first, _, second := e.family(pool, "chain")
	snap := ceph.SnapshotRef{ImageRef: second, Snapshot: "base"}
	third := ceph.ImageRef{Pool: pool, Name: "chain-third"}
	e.ok(e.CreateSnapshot(e.ctx, snap))
	e.ok(e.CloneImage(e.ctx, snap, ceph.ImageSpec{ImageRef: third}))
	e.ok(e.RemoveSnapshot(e.ctx, snap))
	e.ok(e.TrashImage(e.ctx, second, 0))
	e.children(first, second)
	e.ok(e.RemoveSnapshot(e.ctx, ceph.SnapshotRef{ImageRef: first, Snapshot: "base"}))
	e.ok(e.RemoveImage(e.ctx, third))
	e.ok(e.PurgeTrashed(e.ctx, pool, e.trashed(pool, second.Name).ID))
	e.ok(e.RemoveImage(e.ctx, first))
}

// trashed finds an image of the trash by the name that it had.
func (e *env) trashed(pool, name string) ceph.TrashEntry {
	e.Helper()
	all, err := e.ListTrash(e.ctx, pool)
	e.ok(err)
	entry := find(all, func(t ceph.TrashEntry) bool { return t.Name == name })
	if entry == nil {
		e.Fatalf("%s is not in the trash: %+v", name, all)
	}
	return *entry
}

func trashCases(e *env) {
	pool := e.imagePool()
	e.check("an image in the trash is gone by its name and listed by its id", func(e *env) {
		ref := e.image(pool, "thrown")
		img, err := e.Image(e.ctx, ref)
		e.ok(err)
		e.ok(e.TrashImage(e.ctx, ref, 0))
		_, err = e.Image(e.ctx, ref)
		e.want(err, ceph.ErrNotFound)
		if entry := e.trashed(pool, "thrown"); entry.ID != img.ID || entry.Deleted.IsZero() {
			e.Errorf("got %+v, want id %s", entry, img.ID)
		}
		e.ok(e.PurgeTrashed(e.ctx, pool, img.ID))
	})
	e.check("before its delay is over it cannot be purged", func(e *env) {
		ref := e.image(pool, "kept")
		e.ok(e.TrashImage(e.ctx, ref, time.Hour))
		entry := e.trashed(pool, "kept")
		if d := entry.DeferredUntil.Sub(entry.Deleted); d < 59*time.Minute || d > 61*time.Minute {
			e.Errorf("deferred by %s: %+v", d, entry)
		}
		e.want(e.PurgeTrashed(e.ctx, pool, entry.ID), ceph.ErrPermission, ceph.ErrBusy)
		e.ok(e.RestoreImage(e.ctx, pool, entry.ID, "kept"))
		e.ok(e.RemoveImage(e.ctx, ref))
	})
	e.check("RestoreImage takes it out under another name; one that is taken is ErrExists", func(e *env) {
		ref := e.image(pool, "back")
		taken := e.image(pool, "taken")
		e.ok(e.TrashImage(e.ctx, ref, 0))
		id := e.trashed(pool, "back").ID
		e.want(e.RestoreImage(e.ctx, pool, id, "taken"), ceph.ErrExists)
		e.ok(e.RestoreImage(e.ctx, pool, id, "renamed"))
		renamed := ceph.ImageRef{Pool: pool, Name: "renamed"}
		img, err := e.Image(e.ctx, renamed)
		e.ok(err)
		if img.ID != id {
			e.Errorf("got %+v, want id %s", img, id)
		}
		e.ok(e.RemoveImage(e.ctx, renamed))
		e.ok(e.RemoveImage(e.ctx, taken))
	})
	e.check("what is not in the trash is ErrNotFound", func(e *env) {
		e.want(e.PurgeTrashed(e.ctx, pool, "123456789abc"), ceph.ErrNotFound)
		e.want(e.RestoreImage(e.ctx, pool, "123456789abc", "x"), ceph.ErrNotFound)
		e.want(e.TrashImage(e.ctx, ceph.ImageRef{Pool: pool, Name: "ghost"}, 0), ceph.ErrNotFound)
	})
}
