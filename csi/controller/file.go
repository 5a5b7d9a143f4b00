package controller

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc/codes"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/csi/attachment"
	"github.com/seamount-dev/seamount/csi/handle"
	"github.com/seamount-dev/seamount/csi/session"
	"github.com/seamount-dev/seamount/csi/volume"
)

// files makes file volumes of subvolumes of CephFS.
type files struct {
	// patience is how long a call waits for the copy that it began.
	patience time.Duration
}

// SubvolumeOf names the subvolume of a handle.
func SubvolumeOf(h handle.Handle) ceph.SubvolumeRef {
	return ceph.SubvolumeRef{GroupRef: ceph.GroupRef{Filesystem: h.Filesystem, Group: h.Group}, Name: h.Subvolume}
}

func (*files) owns(h handle.Handle) bool { return h.File() }

func (*files) fsType(*csi.VolumeCapability_MountVolume) v1alpha1.FSType { return "" }

func (*files) trouble(capability *csi.VolumeCapability) string {
	if capability.GetBlock() != nil {
		return "a file volume is no block device: use volumeMode Filesystem, or a StorageClass of a StoragePool"
	}
	switch fs := capability.GetMount().GetFsType(); fs {
	case "", "ceph":
		return ""
	default:
		return fmt.Sprintf("the filesystem %q is not supported: file volumes are CephFS; take csi.storage.k8s.io/fstype from the StorageClass, or use one of a StoragePool", fs)
	}
}

func (*files) parameters() (known, needed []string, kind string) {
	place := []string{v1alpha1.ParameterClusterNamespace, v1alpha1.ParameterCluster, v1alpha1.ParameterFilesystem, v1alpha1.ParameterSubvolumeGroup}
	return append(slices.Clone(place), v1alpha1.ParameterDataPool, v1alpha1.ParameterMounter), place, "StorageFilesystem"
}

var mounters = []v1alpha1.Mounter{v1alpha1.MounterAuto, v1alpha1.MounterKernel, v1alpha1.MounterFUSE}

func (*files) read(raw map[string]string, p *parameters) error {
	p.place.Filesystem, p.place.Group = raw[v1alpha1.ParameterFilesystem], raw[v1alpha1.ParameterSubvolumeGroup]
	p.mounter = v1alpha1.Mounter(raw[v1alpha1.ParameterMounter])
	if p.mounter == "" {
		p.mounter = v1alpha1.MounterAuto
	}
	if !slices.Contains(mounters, p.mounter) {
		return refuse(codes.InvalidArgument, "the parameter %s is %q: want Auto, Kernel or FUSE", v1alpha1.ParameterMounter, p.mounter)
	}
	return nil
}

// inspect reads a subvolume. What has no record is read no further. A snapshot that was deleted and is kept for the volumes
// that show it does not exist.
func (f *files) inspect(ctx context.Context, in session.Session, h handle.Handle) (thing, error) {
	metadata, err := f.metadata(ctx, in, h)
	if err != nil {
		return thing{}, err
	}
	if metadata[ceph.ImageKeyDeleting] != "" {
		return thing{}, &ceph.Error{Op: "look up", Target: h.String(), Kind: ceph.ErrNotFound, Text: "it was deleted, and is kept for volumes that show it"}
	}
	known := thing{metadata: metadata}
	record, err := volume.Of(h.Subvolume, metadata)
	switch {
	case err != nil:
		return known, nil //nolint:nilerr // the caller reads the record itself, and says what is the matter with it
	case record.Path != "":
		return thing{metadata: metadata, size: record.Size, path: record.Path}, nil
	}
	info, err := in.Ceph.Subvolume(ctx, SubvolumeOf(h))
	return thing{metadata: metadata, size: info.Size, dataPool: info.DataPool, path: info.Path}, err
}

// metadata of a subvolume that a clone fills, or failed to, is none: Ceph refuses to read any.
func (*files) metadata(ctx context.Context, in session.Session, h handle.Handle) (map[string]string, error) {
	metadata, err := in.Ceph.SubvolumeMetadata(ctx, SubvolumeOf(h))
	if !errors.Is(err, ceph.ErrAgain) {
		return metadata, err
	}
	if status, none := in.Ceph.CloneStatus(ctx, SubvolumeOf(h)); none == nil && status.State != ceph.CloneComplete {
		return map[string]string{}, nil
	}
	return nil, err
}

func (*files) setMetadata(ctx context.Context, in session.Session, h handle.Handle, key, value string) error {
	return in.Ceph.SetSubvolumeMetadata(ctx, SubvolumeOf(h), key, value)
}

func (*files) removeMetadata(ctx context.Context, in session.Session, h handle.Handle, key string) error {
	return in.Ceph.RemoveSubvolumeMetadata(ctx, SubvolumeOf(h), key)
}

func (*files) context(record volume.Record) map[string]string {
	return map[string]string{v1alpha1.ParameterMounter: record.Mounter}
}

func (*files) point(found subject, way *attachment.Attachment) {
	way.Filesystem, way.Path = found.handle.Filesystem, found.detail.path
}

// dataPool is that of the volume where none is asked for, and of what is only shown.
func (*files) dataPool(c *creation, has thing) string {
	if c.dataPool == "" || has.dataPool == "" {
		return has.dataPool
	}
	return c.dataPool
}

// grow sets the quota. What is shown has the size that it had.
func (*files) grow(ctx context.Context, found subject, size int64) error {
	if found.record.Path != "" {
		return refuse(codes.FailedPrecondition, "volume %s shows snapshot %s, and has its size: restore the snapshot to a volume that is written to, and grow that",
			found.handle, found.record.Source)
	}
	return found.session.Ceph.ResizeSubvolume(ctx, SubvolumeOf(found.handle), size)
}

// nodeGrows: a quota is in force at once, wherever the volume is mounted.
func (*files) nodeGrows() bool { return false }

func (*files) stock(ctx context.Context, from session.Ceph) (stock, error) {
	pools, err := from.Pools(ctx)
	if err != nil {
		return stock{}, err
	}
	all, err := from.Filesystems(ctx)
	if err != nil {
		return stock{}, err
	}
	seen := stock{pools: pools, filesystems: all}
	for _, fs := range all {
		for _, id := range fs.DataPools {
			if at := poolAt(pools, id); at >= 0 {
				seen.takes = append(seen.takes, pools[at])
			}
		}
	}
	return seen, nil
}

func poolAt(pools []ceph.Pool, id int64) int {
	return slices.IndexFunc(pools, func(p ceph.Pool) bool { return p.ID == id })
}

// placeOf finds the pools of a filesystem, and refuses one that does not exist or that nobody serves.
func (*files) placeOf(seen stock, h handle.Handle, data string) (place, error) {
	at := slices.IndexFunc(seen.filesystems, func(fs ceph.Filesystem) bool { return fs.Name == h.Filesystem })
	if at < 0 {
		return place{}, refuse(codes.InvalidArgument, "cluster %s has no filesystem %s: see the StorageFilesystem that the StorageClass is for", clusterOf(h), h.Filesystem)
	}
	fs := seen.filesystems[at]
	if !served(fs) {
		return place{}, refuse(codes.Unavailable, "no metadata server serves filesystem %s: see the conditions of the StorageFilesystem; it is tried again by itself", fs.Name)
	}
	var found place
	var names []string
	header := poolAt(seen.pools, fs.MetadataPool)
	for _, id := range fs.DataPools {
		i := poolAt(seen.pools, id)
		if i < 0 {
			continue
		}
		names = append(names, seen.pools[i].Name)
		if found.data.Name == "" && (data == "" || data == seen.pools[i].Name) {
			found.data = seen.pools[i]
		}
	}
	if header < 0 || found.data.Name == "" {
		return place{}, refuse(codes.InvalidArgument, "filesystem %s of cluster %s has no data pool %q: there are %s; see spec.dataPools of the StorageFilesystem",
			fs.Name, clusterOf(h), data, strings.Join(names, ", "))
	}
	found.header = seen.pools[header]
	return found, nil
}

// served says whether a metadata server is active: without one, Ceph answers nothing about subvolumes.
func served(fs ceph.Filesystem) bool {
	return slices.ContainsFunc(fs.Ranks, func(m ceph.MDS) bool { return m.State == ceph.MDSActive })
}

func (*files) list(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	return SubvolumeGroups(ctx, in)
}

// SubvolumeGroups lists the subvolume groups of all filesystems that are served, sorted, as handles without a name.
func SubvolumeGroups(ctx context.Context, in session.Session) ([]handle.Handle, error) {
	all, err := in.Ceph.Filesystems(ctx)
	if err != nil {
		return nil, err
	}
	var found []handle.Handle
	for _, fs := range slices.DeleteFunc(all, func(fs ceph.Filesystem) bool { return !served(fs) }) {
		groups, err := in.Ceph.ListSubvolumeGroups(ctx, fs.Name)
		if unless(err, ceph.ErrNotFound) != nil {
			return nil, err
		}
		for _, group := range groups {
			found = append(found, handle.Handle{Namespace: in.Cluster.Namespace, Cluster: in.Cluster.Name, Filesystem: fs.Name, Group: group})
		}
	}
	slices.SortFunc(found, compareHandles)
	return found, nil
}

func (*files) names(ctx context.Context, in session.Session, place handle.Handle) ([]string, error) {
	names, err := in.Ceph.ListSubvolumes(ctx, SubvolumeOf(place).GroupRef)
	return names, unless(err, ceph.ErrNotFound)
}

// shownAt is where a snapshot of a subvolume is seen whose content is, or was, at this path.
func shownAt(content, snapshot string) string {
	dir, incarnation := path.Split(content)
	return path.Join(dir, ".snap", snapshot, incarnation)
}
