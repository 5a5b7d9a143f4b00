package ceph

import (
	"context"
	"time"
)

// Images makes and changes RBD images. It runs in the process that calls it: no
// mgr task is used (a mgr of 18.2 on Python 3.13 crashes on them).
type Images interface {
	// InitImagePool readies a pool for images ("rbd pool init").
	InitImagePool(ctx context.Context, pool string) error
	// CreateImage makes an empty image. One of that name is ErrExists.
	CreateImage(ctx context.Context, spec ImageSpec) error
	// Image reads an image's header.
	Image(ctx context.Context, ref ImageRef) (Image, error)
	// InspectImage reads an image's header and metadata at once.
	InspectImage(ctx context.Context, ref ImageRef) (ImageDetail, error)
	// InspectImageByID is InspectImage for an image by its id, also one in the trash. The name is left out.
	InspectImageByID(ctx context.Context, pool, id string) (ImageDetail, error)
	// ImageUsage counts the bytes of the image's own objects as they are now, each as a whole: what was written to it and not
	// discarded, without what it reads from its parent.
	ImageUsage(ctx context.Context, ref ImageRef) (int64, error)
	// ImageComplete tells whether librbd has made all that an image with its features has. It writes the header first and the
	// object map later: an image that was cut short in between looks like any other, and no snapshot of it can ever be cloned.
	ImageComplete(ctx context.Context, ref ImageRef) (bool, error)
	// ListImages lists the names in a pool, sorted.
	ListImages(ctx context.Context, pool string) ([]string, error)
	// ListImageNamespaces lists the namespaces for images in a pool, sorted, without the one that has no name. ListImages and
	// ListTrash do not look into them.
	ListImageNamespaces(ctx context.Context, pool string) ([]string, error)
	// ResizeImage sets the size. Shrinking is refused with ErrInvalid: it cuts data off.
	ResizeImage(ctx context.Context, ref ImageRef, size int64) error
	// RemoveImage removes an image without snapshots. One with watchers, snapshots or clones is ErrBusy; one that does not exist ErrNotFound.
	RemoveImage(ctx context.Context, ref ImageRef) error
	// CloneImage makes a copy-on-write child of a snapshot (clone v2: the snapshot needs no protection).
	CloneImage(ctx context.Context, parent SnapshotRef, child ImageSpec) error
	// FlattenImage copies what the image still reads from its parent and cuts the tie. It may take long; interrupted, it can be repeated. An image without a parent is no error.
	FlattenImage(ctx context.Context, ref ImageRef) error
	// ImageChildren lists the clones of all snapshots of an image, also those in the trash, sorted.
	ImageChildren(ctx context.Context, ref ImageRef) ([]ImageRef, error)
	// ImageWatchers lists the clients that have the image open, this call's own watch left out.
	ImageWatchers(ctx context.Context, ref ImageRef) ([]Watcher, error)
	// ImageLockers lists who holds the image's lock, as librbd's exclusive lock takes it.
	ImageLockers(ctx context.Context, ref ImageRef) ([]Locker, error)

	// CreateSnapshot snapshots an image. One of that name is ErrExists.
	CreateSnapshot(ctx context.Context, ref SnapshotRef) error
	// ListSnapshots lists the user's snapshots of an image by id: not those that moved to the trash with a clone behind them.
	ListSnapshots(ctx context.Context, ref ImageRef) ([]ImageSnapshot, error)
	// RemoveSnapshot removes a snapshot. With clones (v2) it moves to the snapshot trash until the last is gone. One that does not exist is ErrNotFound.
	RemoveSnapshot(ctx context.Context, ref SnapshotRef) error

	// TrashImage moves an image to the trash for at least the delay. A clone's parent may be trashed.
	TrashImage(ctx context.Context, ref ImageRef, delay time.Duration) error
	// ListTrash lists the trash of a pool by id.
	ListTrash(ctx context.Context, pool string) ([]TrashEntry, error)
	// RestoreImage takes an image out of the trash under the name.
	RestoreImage(ctx context.Context, pool, id, name string) error
	// PurgeTrashed removes an image of the trash for good, also one whose way into the trash was cut short. Before its delay is
	// over, or with clones, it is ErrPermission or ErrBusy.
	PurgeTrashed(ctx context.Context, pool, id string) error

	// ImageMetadata reads all keys of an image's metadata.
	ImageMetadata(ctx context.Context, ref ImageRef) (map[string]string, error)
	// HeaderMetadata reads the metadata of an image by its id, without opening it: also of one in the trash, and of one that cannot
	// be opened any more, since its parent is gone. Without a header it is ErrNotFound.
	HeaderMetadata(ctx context.Context, pool, id string) (map[string]string, error)
	// ListedID is the id that the pool's directory has for a name, whether there is an image behind it or not.
	ListedID(ctx context.Context, ref ImageRef) (string, error)
	// SetImageMetadata sets one key.
	SetImageMetadata(ctx context.Context, ref ImageRef, key, value string) error
	// RemoveImageMetadata removes one key. One that is not there is no error.
	RemoveImageMetadata(ctx context.Context, ref ImageRef, key string) error
}

// ImageRef names an image.
type ImageRef struct{ Pool, Name string }

// String returns pool/image.
func (r ImageRef) String() string { return r.Pool + "/" + r.Name }

// SnapshotRef names a snapshot of an image.
type SnapshotRef struct {
	ImageRef
	Snapshot string
}

// String returns pool/image@snapshot.
func (r SnapshotRef) String() string { return r.ImageRef.String() + "@" + r.Snapshot }

// ImageSpec asks for an image.
type ImageSpec struct {
	ImageRef
	Size     int64  // bytes; a clone takes its parent's
	DataPool string // an erasure-coded pool for the data; empty: Pool
	// Metadata is written right after the image is made, before CreateImage
	// returns. A creation cut short leaves an image without it.
	Metadata map[string]string
}

// Image is an image's header.
type Image struct {
	ImageRef
	ID         string
	Size       int64 // bytes
	ObjectSize int64 // bytes
	DataPool   string
	Features   []string     // sorted: exclusive-lock, layering, ...
	Parent     *SnapshotRef // nil: none
	ParentID   string       // the parent's id, which it keeps in the trash; empty: no parent
	Overlap    int64        // bytes still read from the parent
	Created    time.Time
}

// ImageDetail is an image's header with its metadata.
type ImageDetail struct {
	Image
	Metadata map[string]string
}

// ImageSnapshot is a snapshot of an image.
type ImageSnapshot struct {
	ID      uint64
	Name    string
	Size    int64 // bytes, at the time it was made
	Created time.Time
}

// Watcher is a client that has an image open.
type Watcher struct {
	Addr   string // as AddBlocklist takes it
	Client string // client.<id>
	Cookie uint64
}

// Locker is a client that holds an image's lock.
type Locker struct {
	Client string
	Cookie string
	Addr   string // as AddBlocklist takes it
}

// TrashEntry is an image in the trash.
type TrashEntry struct {
	ID            string
	Name          string
	Deleted       time.Time
	DeferredUntil time.Time
}
