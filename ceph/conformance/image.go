package conformance

import (
	"context"
	"maps"

	"github.com/google/go-cmp/cmp"

	"github.com/seamount-dev/seamount/ceph"
)

const mebibyte = 1 << 20

// imagePool makes a pool for images that goes with the group.
func (e *env) imagePool() string {
	e.Helper()
	pool := e.pool("pool")
	e.ok(e.InitImagePool(e.ctx, pool))
	return pool
}

// image makes an image that goes with the case, if it is still there.
func (e *env) image(pool, name string) ceph.ImageRef {
	e.Helper()
	ref := ceph.ImageRef{Pool: pool, Name: name}
	e.ok(e.CreateImage(e.ctx, ceph.ImageSpec{ImageRef: ref, Size: 16 * mebibyte}))
	return ref
}

func imageCases(e *env) {
	pool := e.imagePool()
	ref := ceph.ImageRef{Pool: pool, Name: "one"}
	e.check("InitImagePool again is no error, of a pool that does not exist ErrNotFound", func(e *env) {
		e.ok(e.InitImagePool(e.ctx, pool))
		e.want(e.InitImagePool(e.ctx, e.name("ghost")), ceph.ErrNotFound)
	})
	e.check("CreateImage makes an image with its metadata", func(e *env) {
		spec := ceph.ImageSpec{ImageRef: ref, Size: 16 * mebibyte, Metadata: map[string]string{"owner": "conformance", "a": "b"}}
		e.ok(e.CreateImage(e.ctx, spec))
		img, err := e.Image(e.ctx, ref)
		e.ok(err)
		if img.ImageRef != ref || img.ID == "" || img.Size != spec.Size || img.ObjectSize <= 0 || img.Parent != nil || img.Overlap != 0 {
			e.Errorf("got %+v", img)
		}
		sorted(e, "features", img.Features, func(a, b string) bool { return a < b })
		if !contains(img.Features, "exclusive-lock") || !contains(img.Features, "layering") {
			e.Errorf("features are %v", img.Features)
		}
		e.hasMetadata(ref, spec.Metadata)
	})
	e.check("one of that name is ErrExists", func(e *env) {
		e.want(e.CreateImage(e.ctx, ceph.ImageSpec{ImageRef: ref, Size: mebibyte}), ceph.ErrExists)
	})
	e.check("what does not exist is ErrNotFound", func(e *env) {
		ghost := ceph.ImageRef{Pool: pool, Name: "ghost"}
		_, err := e.Image(e.ctx, ghost)
		e.want(err, ceph.ErrNotFound)
		e.want(e.ResizeImage(e.ctx, ghost, mebibyte), ceph.ErrNotFound)
		e.want(e.RemoveImage(e.ctx, ghost), ceph.ErrNotFound)
		_, err = e.ListImages(e.ctx, e.name("nopool"))
		e.want(err, ceph.ErrNotFound)
		e.want(e.CreateImage(e.ctx, ceph.ImageSpec{ImageRef: ceph.ImageRef{Pool: e.name("nopool"), Name: "x"}, Size: mebibyte}), ceph.ErrNotFound)
	})
	e.check("a pool has no namespace for images at first, and one that does not exist is ErrNotFound", func(e *env) {
		names, err := e.ListImageNamespaces(e.ctx, pool)
		e.ok(err)
		if len(names) != 0 {
			e.Errorf("namespaces are %v", names)
		}
		_, err = e.ListImageNamespaces(e.ctx, e.name("nopool"))
		e.want(err, ceph.ErrNotFound)
	})
	e.check("ListImages is sorted", func(e *env) {
		for _, name := range []string{"b", "a"} {
			other := e.image(pool, name)
			e.later(func(ctx context.Context) error { return e.RemoveImage(ctx, other) })
		}
		names, err := e.ListImages(e.ctx, pool)
		e.ok(err)
		e.same("names", []string{"a", "b", "one"}, names)
	})
	e.check("ResizeImage grows, repeats without error, and never shrinks", func(e *env) {
		for range 2 {
			e.ok(e.ResizeImage(e.ctx, ref, 32*mebibyte))
		}
		img, err := e.Image(e.ctx, ref)
		e.ok(err)
		if img.Size != 32*mebibyte {
			e.Errorf("the size is %d", img.Size)
		}
		e.want(e.ResizeImage(e.ctx, ref, mebibyte), ceph.ErrInvalid)
	})
	e.check("metadata is set, changed and removed, and a key that is not there is no error", func(e *env) { metadataCase(e, ref) })
	e.check("the data of an image goes to its data pool", func(e *env) { dataPoolCase(e, pool) })
	e.check("RemoveImage removes", func(e *env) {
		e.ok(e.RemoveImage(e.ctx, ref))
		_, err := e.Image(e.ctx, ref)
		e.want(err, ceph.ErrNotFound)
	})
}

func (e *env) hasMetadata(ref ceph.ImageRef, want map[string]string) {
	e.Helper()
	got, err := e.ImageMetadata(e.ctx, ref)
	e.ok(err)
	if diff := cmp.Diff(want, got, equalEmpty); diff != "" {
		e.Errorf("metadata (-want +got):\n%s", diff)
	}
}

func metadataCase(e *env, ref ceph.ImageRef) {
	want, err := e.ImageMetadata(e.ctx, ref)
	e.ok(err)
	want = maps.Clone(want)
	want["seamount/x"] = "2"
	e.ok(e.SetImageMetadata(e.ctx, ref, "seamount/x", "1"))
	e.ok(e.SetImageMetadata(e.ctx, ref, "seamount/x", "2"))
	e.hasMetadata(ref, want)
	delete(want, "seamount/x")
	e.ok(e.RemoveImageMetadata(e.ctx, ref, "seamount/x"))
	e.ok(e.RemoveImageMetadata(e.ctx, ref, "seamount/x"))
	e.hasMetadata(ref, want)
}

func dataPoolCase(e *env, pool string) {
	data := e.pool("data")
	ref := ceph.ImageRef{Pool: pool, Name: "split"}
	e.ok(e.CreateImage(e.ctx, ceph.ImageSpec{ImageRef: ref, Size: 8 * mebibyte, DataPool: data}))
	img, err := e.Image(e.ctx, ref)
	e.ok(err)
	if img.DataPool != data {
		e.Errorf("the data pool is %q, want %q", img.DataPool, data)
	}
	e.ok(e.RemoveImage(e.ctx, ref))
}

func imageUserCases(e *env) {
	pool := e.imagePool()
	ref := e.image(pool, "used")
	e.check("an image that nobody has open has no watcher and no locker", func(e *env) {
		noUsers(e, ref)
	})
	e.check("an image that is open elsewhere has a watcher and a locker, and is ErrBusy to remove", func(e *env) {
		release, err := e.HoldImage(e.ctx, ref)
		e.ok(err)
		watchers, err := e.ImageWatchers(e.ctx, ref)
		e.ok(err)
		if len(watchers) != 1 || watchers[0].Addr == "" || watchers[0].Client == "" {
			e.Errorf("watchers are %+v", watchers)
		}
		lockers, err := e.ImageLockers(e.ctx, ref)
		e.ok(err)
		if len(lockers) != 1 || lockers[0].Client == "" || lockers[0].Addr == "" || lockers[0].Cookie == "" {
			e.Errorf("lockers are %+v", lockers)
		}
		e.want(e.RemoveImage(e.ctx, ref), ceph.ErrBusy)
		e.ok(release())
	})
	e.check("when it is closed the image can be removed", func(e *env) {
		noUsers(e, ref)
		e.ok(e.RemoveImage(e.ctx, ref))
	})
}

// noUsers waits until nobody has an image open or locked.
func noUsers(e *env, ref ceph.ImageRef) {
	e.Helper()
	e.eventually("nobody to use "+ref.String(), func() error {
		watchers, err := e.ImageWatchers(e.ctx, ref)
		e.ok(err)
		lockers, err := e.ImageLockers(e.ctx, ref)
		e.ok(err)
		if len(watchers)+len(lockers) > 0 {
			return notYet("watchers %+v, lockers %+v", watchers, lockers)
		}
		return nil
	})
}
