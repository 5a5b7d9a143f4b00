package conformance

import (
	"time"

	"github.com/seamount-dev/seamount/ceph"
)

func imageInspectCases(e *env) {
	pool := e.imagePool()
	ref, snap, clone := e.family(pool, "seen")
	e.check("InspectImage has the header and the metadata, and the parent's id", func(e *env) {
		header, err := e.Image(e.ctx, clone)
		e.ok(err)
		parent, err := e.Image(e.ctx, ref)
		e.ok(err)
		got, err := e.InspectImage(e.ctx, clone)
		e.ok(err)
		e.same("detail", ceph.ImageDetail{Image: header, Metadata: map[string]string{"from": "seen"}}, got)
		if got.ParentID != parent.ID || parent.ParentID != "" {
			e.Errorf("the parent's id is %q, want %q; its own parent's %q, want none", got.ParentID, parent.ID, parent.ParentID)
		}
		_, err = e.InspectImage(e.ctx, ceph.ImageRef{Pool: pool, Name: "ghost"})
		e.want(err, ceph.ErrNotFound)
	})
	e.check("ImageUsage counts what the image itself holds", func(e *env) {
		e.usage(ref, 4*mebibyte, 16*mebibyte) // a writer with several threads touches several objects
		e.usage(clone, 0, 0)
		_, err := e.ImageUsage(e.ctx, ceph.ImageRef{Pool: pool, Name: "ghost"})
		e.want(err, ceph.ErrNotFound)
	})
	imageHeaderCases(e, pool, ref, clone)
	e.check("a snapshot says when it was made", func(e *env) {
		header, err := e.Image(e.ctx, clone)
		e.ok(err)
		snaps, err := e.ListSnapshots(e.ctx, ref)
		e.ok(err)
		if len(snaps) != 1 || snaps[0].Created.IsZero() || header.Created.Sub(snaps[0].Created).Abs() > time.Minute {
			e.Errorf("snapshots are %+v, the clone is of %s", snaps, header.Created)
		}
	})
	e.check("InspectImageByID finds an image whether it is in the trash or not", func(e *env) {
		before, err := e.InspectImage(e.ctx, ref)
		e.ok(err)
		e.ok(e.SetImageMetadata(e.ctx, ref, "mark", "x"))
		e.ok(e.RemoveSnapshot(e.ctx, snap))
		byID, err := e.InspectImageByID(e.ctx, pool, before.ID)
		e.ok(err)
		e.ok(e.TrashImage(e.ctx, ref, 0))
		inTrash, err := e.InspectImageByID(e.ctx, pool, before.ID)
		e.ok(err)
		before.Name, before.Metadata = "", map[string]string{"mark": "x"}
		e.same("by id", before, byID)
		e.same("in the trash", before, inTrash)
		_, err = e.InspectImageByID(e.ctx, pool, "123456789abc")
		e.want(err, ceph.ErrNotFound)
		child, err := e.Image(e.ctx, clone)
		e.ok(err)
		if child.ParentID != before.ID {
			e.Errorf("the clone's parent has id %q, want %q", child.ParentID, before.ID)
		}
		e.ok(e.RemoveImage(e.ctx, clone))
		e.ok(e.PurgeTrashed(e.ctx, pool, before.ID))
	})
}

func imageHeaderCases(e *env, pool string, ref, clone ceph.ImageRef) {
	e.check("ImageComplete is true of what was made", func(e *env) {
		for _, made := range []ceph.ImageRef{ref, clone} {
			complete, err := e.ImageComplete(e.ctx, made)
			e.ok(err)
			if !complete {
				e.Errorf("%s is said to be cut short", made)
			}
		}
		_, err := e.ImageComplete(e.ctx, ceph.ImageRef{Pool: pool, Name: "ghost"})
		e.want(err, ceph.ErrNotFound)
	})
	e.check("HeaderMetadata and ListedID find an image without opening it", func(e *env) {
		header, err := e.Image(e.ctx, clone)
		e.ok(err)
		id, err := e.ListedID(e.ctx, clone)
		e.ok(err)
		e.same("id", header.ID, id)
		metadata, err := e.HeaderMetadata(e.ctx, pool, id)
		e.ok(err)
		e.same("metadata", map[string]string{"from": "seen"}, metadata)
		_, err = e.ListedID(e.ctx, ceph.ImageRef{Pool: pool, Name: clone.Name[:len(clone.Name)-1]})
		e.want(err, ceph.ErrNotFound)
		_, err = e.HeaderMetadata(e.ctx, pool, "123456789abc")
		e.want(err, ceph.ErrNotFound)
	})
}

func (e *env) usage(ref ceph.ImageRef, least, most int64) {
	e.Helper()
	got, err := e.ImageUsage(e.ctx, ref)
	e.ok(err)
	if got < least || got > most {
		e.Errorf("%s holds %d bytes, want at least %d and at most %d", ref, got, least, most)
	}
}
