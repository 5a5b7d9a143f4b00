package controller

import (
	"context"

	"github.com/container-storage-interface/spec/lib/go/csi"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// backend is what volumes and snapshots are made of: images, or subvolumes. All else is the same for both.
type backend interface {
	requests
	objects
	places

	// make makes the volume that is wanted, or goes on where an earlier call was cut short. It returns the size.
	make(ctx context.Context, c *creation) (int64, error)
	// snapshot makes a snapshot of the creation's source likewise, and sets when its content was taken.
	snapshot(ctx context.Context, c *creation) (int64, error)
	// goneSource is the source of a volume that is being made and whose source was deleted meanwhile, or why there is none.
	goneSource(ctx context.Context, c *creation, kind volume.Kind, id string, why error) (subject, error)
	// dataPool is the data pool that an existing volume must have to be the one that is wanted.
	dataPool(c *creation, has thing) string
	// remove removes a volume or a snapshot. What does not exist is no error.
	remove(ctx context.Context, in session.Session, kind volume.Kind, h handle.Handle) error
	// grow makes a volume larger, and says whether the node has to do something about it too.
	grow(ctx context.Context, found subject, size int64) error
	nodeGrows() bool
}

// requests is how a backend reads requests.
type requests interface {
	// owns says whether a handle names what this backend makes.
	owns(h handle.Handle) bool
	// trouble says why a volume cannot be used so; empty: it can.
	trouble(capability *csi.VolumeCapability) string
	// fsType is the filesystem that a node makes on a volume; empty: none.
	fsType(mount *csi.VolumeCapability_MountVolume) v1alpha1.FSType
	// parameters that a class may have, and those of them that a StorageClass must have. The kind of object makes such classes.
	parameters() (known, needed []string, kind string)
	// read reads the parameters that only this backend knows.
	read(raw map[string]string, p *parameters) error
}

// objects is how a backend reads and marks what it made.
type objects interface {
	// inspect reads an image or a subvolume; metadata is the least of it.
	inspect(ctx context.Context, in session.Session, h handle.Handle) (thing, error)
	metadata(ctx context.Context, in session.Session, h handle.Handle) (map[string]string, error)
	setMetadata(ctx context.Context, in session.Session, h handle.Handle, key, value string) error
	removeMetadata(ctx context.Context, in session.Session, h handle.Handle, key string) error
	// context is what a node is told of a volume, and point what it is told when it is attached.
	context(record volume.Record) map[string]string
	point(found subject, way *attachment.Attachment)
}

// places is where a backend puts things.
type places interface {
	// stock reads the pools of a cluster, and what else tells places apart.
	stock(ctx context.Context, from session.Ceph) (stock, error)
	// placeOf finds the pools behind a handle, and refuses those that volumes do not go to.
	placeOf(seen stock, h handle.Handle, dataPool string) (place, error)
	// list lists where volumes may be, sorted, as handles without a name; names lists what is there, sorted.
	list(ctx context.Context, in session.Session) ([]handle.Handle, error)
	names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error)
}

// thing is an image or a subvolume as Ceph has it.
type thing struct {
	size     int64
	dataPool string
	metadata map[string]string
	// id of an image, by which it is known also in the trash.
	id string
	// path of the content of a subvolume, from the filesystem's root.
	path string
}
