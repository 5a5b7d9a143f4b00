package controller

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// images makes block volumes of images.
type images struct {
	flattener *flattener
	headless  *sightings
}

// imageOf names the image of a handle.
func imageOf(pool, name string) ceph.ImageRef { return ceph.ImageRef{Pool: pool, Name: name} }

func (*images) owns(h handle.Handle) bool { return !h.File() }

func (*images) fsType(mount *csi.VolumeCapability_MountVolume) v1alpha1.FSType {
	if mount.GetFsType() == "" {
		return v1alpha1.FSTypeXFS
	}
	return v1alpha1.FSType(mount.GetFsType())
}

func (i *images) trouble(capability *csi.VolumeCapability) string {
	mount := capability.GetMount()
	if mount == nil {
		return ""
	}
	if fs := i.fsType(mount); fs != v1alpha1.FSTypeXFS && fs != v1alpha1.FSTypeEXT4 {
		return fmt.Sprintf("the filesystem %q is not supported: use xfs or ext4", fs)
	}
	if capability.GetAccessMode().GetMode() == csi.VolumeCapability_AccessMode_MULTI_NODE_MULTI_WRITER {
		return "ReadWriteMany is for raw block volumes (volumeMode: Block) alone: two nodes that mount the filesystem of one block device destroy it. " +
			"Use ReadWriteOnce, or a StorageClass of a StorageFilesystem"
	}
	return ""
}

func (*images) parameters() (known, needed []string, kind string) {
	place := []string{v1alpha1.ParameterClusterNamespace, v1alpha1.ParameterCluster, v1alpha1.ParameterPool}
	return append(slices.Clone(place), v1alpha1.ParameterDataPool, v1alpha1.ParameterMapper), place, "StoragePool"
}

var mappers = []v1alpha1.Mapper{v1alpha1.MapperAuto, v1alpha1.MapperKRBD, v1alpha1.MapperNBD, v1alpha1.MapperSeamount}

func (*images) read(raw map[string]string, p *parameters) error {
	p.place.Pool, p.mapper = raw[v1alpha1.ParameterPool], v1alpha1.Mapper(raw[v1alpha1.ParameterMapper])
	if p.mapper == "" {
		p.mapper = v1alpha1.MapperAuto
	}
	if !slices.Contains(mappers, p.mapper) {
		return refuse(codes.InvalidArgument, "the parameter %s is %q: want Auto, KRBD, NBD or Seamount", v1alpha1.ParameterMapper, p.mapper)
	}
	return nil
}

func thingOf(detail ceph.ImageDetail) thing {
	return thing{size: detail.Size, dataPool: detail.DataPool, metadata: detail.Metadata, id: detail.ID}
}

func (*images) inspect(ctx context.Context, in session.Session, h handle.Handle) (thing, error) {
	detail, err := in.Ceph.InspectImage(ctx, imageOf(h.Pool, h.Image))
	return thingOf(detail), err
}

func (*images) metadata(ctx context.Context, in session.Session, h handle.Handle) (map[string]string, error) {
	return in.Ceph.ImageMetadata(ctx, imageOf(h.Pool, h.Image))
}

func (*images) setMetadata(ctx context.Context, in session.Session, h handle.Handle, key, value string) error {
	return in.Ceph.SetImageMetadata(ctx, imageOf(h.Pool, h.Image), key, value)
}

func (*images) removeMetadata(ctx context.Context, in session.Session, h handle.Handle, key string) error {
	return in.Ceph.RemoveImageMetadata(ctx, imageOf(h.Pool, h.Image), key)
}

func (*images) context(record volume.Record) map[string]string {
	return map[string]string{v1alpha1.ParameterMapper: record.Mapper}
}

// point tells a node no more: the image's name is in the volume's.
func (*images) point(subject, *attachment.Attachment) {}

func (i *images) make(ctx context.Context, c *creation) (int64, error) {
	return imageCreation{c, i}.make(ctx)
}

func (i *images) snapshot(ctx context.Context, c *creation) (int64, error) {
	return imageCreation{c, i}.derive(ctx)
}

// goneSource has none: a clone keeps what it reads, but is not complete without its source.
func (*images) goneSource(_ context.Context, _ *creation, _ volume.Kind, _ string, why error) (subject, error) {
	return subject{}, why
}

func (*images) dataPool(c *creation, _ thing) string { return otherDataPool(c) }

func (*images) grow(ctx context.Context, found subject, size int64) error {
	return found.session.Ceph.ResizeImage(ctx, imageOf(found.handle.Pool, found.handle.Image), size)
}

// nodeGrows: a device that is served by seamount-block does not see the change by itself, and a filesystem never does.
func (*images) nodeGrows() bool { return true }

func (*images) stock(ctx context.Context, from session.Ceph) (stock, error) {
	pools, err := from.Pools(ctx)
	return stock{pools: pools, takes: slices.DeleteFunc(slices.Clone(pools), func(p ceph.Pool) bool { return !ours(p) })}, err
}

// placeOf refuses pools that do not exist or are nobody's StoragePool.
func (*images) placeOf(seen stock, h handle.Handle, data string) (place, error) {
	if data == "" {
		data = h.Pool
	}
	var found place
	for _, want := range []struct {
		name string
		pool *ceph.Pool
	}{{h.Pool, &found.header}, {data, &found.data}} {
		at := slices.IndexFunc(seen.pools, func(p ceph.Pool) bool { return p.Name == want.name })
		switch {
		case at < 0:
			return place{}, refuse(codes.InvalidArgument, "cluster %s has no pool %s: there are %s; see the StoragePool that the StorageClass is for",
				clusterOf(h), want.name, namesOf(seen.pools))
		case !ours(seen.pools[at]):
			return place{}, refuse(codes.InvalidArgument, "pool %s of cluster %s was not made by a StoragePool: volumes go to pools of StoragePools alone", want.name, clusterOf(h))
		}
		*want.pool = seen.pools[at]
	}
	return found, nil
}

func ours(p ceph.Pool) bool {
	return slices.Contains(p.Applications, applicationRBD) && p.ApplicationValues[ownerKey] != ""
}

func namesOf(pools []ceph.Pool) string {
	var names []string
	for _, p := range pools {
		if ours(p) {
			names = append(names, p.Name)
		}
	}
	if names == nil {
		return "none of a StoragePool"
	}
	return strings.Join(names, ", ")
}

func (*images) list(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	return ImagePools(ctx, in)
}

// ImagePools lists the pools of StoragePools that can hold images, sorted, as handles without a name.
func ImagePools(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	pools, err := in.Ceph.Pools(ctx)
	if err != nil {
		return nil, err
	}
	var found []handle.Handle
	for _, p := range pools {
		if ours(p) && p.Type == ceph.Replicated {
			found = append(found, handle.Handle{Namespace: in.Cluster.Namespace, Cluster: in.Cluster.Name, Pool: p.Name})
		}
	}
	slices.SortFunc(found, compareHandles)
	return found, nil
}

func (*images) names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error) {
	names, err := in.Ceph.ListImages(ctx, place.Pool)
	return names, unless(err, ceph.ErrNotFound)
}
