package plan

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

const (
	defaultReplicas  = 3
	maxReplicas      = 9
	defaultActiveMDS = 1
)

// Layout is a PoolLayout with every default filled in.
type Layout struct {
	Replicas                 int32 // 0: erasure coded
	DataChunks, CodingChunks int32 // 0: replicated
	FailureDomain            v1alpha1.FailureDomain
	DeviceClass              string // empty: any class
	Compression              v1alpha1.Compression
}

// ErasureCoded says whether the layout cuts data into chunks.
func (l Layout) ErasureCoded() bool { return l.DataChunks > 0 }

// Domains returns how many failure domains the layout needs: one for each copy or chunk.
func (l Layout) Domains() int32 { return l.Replicas + l.DataChunks + l.CodingChunks }

// Pool is a StoragePoolSpec with every default filled in.
type Pool struct {
	Cluster        string
	Layout         Layout
	ImageMetadata  *Layout // exactly with an erasure-coded layout
	QuotaBytes     int64   // 0: none
	QuotaObjects   int64   // 0: none
	TargetPercent  int32   // 0: not said
	StorageClasses []PoolStorageClass
}

// PoolStorageClass is a StorageClass of block volumes with every default filled in.
type PoolStorageClass struct {
	Name           string
	ClusterDefault v1alpha1.ClusterDefault
	ReclaimPolicy  v1alpha1.ReclaimPolicy
	MountOptions   []string
	FSType         v1alpha1.FSType
	Mapper         v1alpha1.Mapper
}

// Filesystem is a StorageFilesystemSpec with every default filled in.
type Filesystem struct {
	Cluster        string
	MetadataPool   Layout
	DataPools      []DataPool // the first is the default
	MDS            MDS
	StorageClasses []FilesystemStorageClass
}

// DataPool is a pool for files.
type DataPool struct {
	Name   string
	Layout Layout
}

// MDS is how many metadata servers a filesystem has, and where.
type MDS struct {
	Active    int32
	Standby   v1alpha1.MDSStandby
	Placement v1alpha1.Placement
	Resources *corev1.ResourceRequirements
}

// FilesystemStorageClass is a StorageClass of file volumes with every default filled in.
type FilesystemStorageClass struct {
	Name           string
	ClusterDefault v1alpha1.ClusterDefault
	ReclaimPolicy  v1alpha1.ReclaimPolicy
	MountOptions   []string
	DataPool       string
	Mounter        v1alpha1.Mounter
}

// ResolvePool fills in the defaults of a StoragePool in a cluster. The result shares no memory with spec.
func ResolvePool(spec *v1alpha1.StoragePoolSpec, cluster Cluster) Pool {
	spec = spec.DeepCopy()
	pool := Pool{
		Cluster:       spec.ClusterRef.Name,
		Layout:        resolveLayout(spec.PoolLayout, cluster),
		TargetPercent: spec.TargetPercent,
	}
	if pool.Layout.ErasureCoded() {
		pool.ImageMetadata = resolveImageMetadata(deref(spec.ImageMetadata), pool.Layout)
	}
	if spec.Quota != nil {
		pool.QuotaObjects = spec.Quota.Objects
		if spec.Quota.Bytes != nil {
			pool.QuotaBytes = spec.Quota.Bytes.Value()
		}
	}
	for _, class := range spec.StorageClasses {
		pool.StorageClasses = append(pool.StorageClasses, PoolStorageClass{
			Name:           class.Name,
			ClusterDefault: cmp.Or(class.ClusterDefault, v1alpha1.ClusterDefaultDisabled),
			ReclaimPolicy:  cmp.Or(class.ReclaimPolicy, v1alpha1.ReclaimDelete),
			MountOptions:   class.MountOptions,
			FSType:         cmp.Or(class.FSType, v1alpha1.FSTypeXFS),
			Mapper:         cmp.Or(class.Mapper, v1alpha1.MapperAuto),
		})
	}
	return pool
}

// Defaults returns what status.resolved shows.
func (p Pool) Defaults() v1alpha1.PoolDefaults {
	return v1alpha1.PoolDefaults{
		FailureDomain:         p.Layout.FailureDomain,
		Compression:           p.Layout.Compression,
		ImageMetadataReplicas: deref(p.ImageMetadata).Replicas,
	}
}

// ResolveFilesystem fills in the defaults of a StorageFilesystem in a cluster. The result shares no memory with spec.
func ResolveFilesystem(spec *v1alpha1.StorageFilesystemSpec, cluster Cluster) Filesystem {
	spec = spec.DeepCopy()
	metadata := v1alpha1.PoolLayout{Replicated: &v1alpha1.ReplicatedLayout{Replicas: defaultReplicas}}
	if spec.MetadataPool != nil {
		metadata = *spec.MetadataPool
	}
	filesystem := Filesystem{
		Cluster:      spec.ClusterRef.Name,
		MetadataPool: resolveLayout(metadata, cluster),
		MDS:          resolveMDS(deref(spec.MDS), cluster),
	}
	for _, pool := range spec.DataPools {
		filesystem.DataPools = append(filesystem.DataPools,
			DataPool{Name: pool.Name, Layout: resolveLayout(pool.PoolLayout, cluster)})
	}
	for _, class := range spec.StorageClasses {
		filesystem.StorageClasses = append(filesystem.StorageClasses, resolveFilesystemClass(class, spec.DataPools))
	}
	return filesystem
}

// Defaults returns what status.resolved shows.
func (f Filesystem) Defaults() v1alpha1.FilesystemDefaults {
	return v1alpha1.FilesystemDefaults{
		MetadataReplicas: f.MetadataPool.Replicas,
		ActiveMDS:        f.MDS.Active,
		StandbyMDS:       f.MDS.Standby,
	}
}

func resolveLayout(spec v1alpha1.PoolLayout, cluster Cluster) Layout {
	copies, chunks := deref(spec.Replicated), deref(spec.ErasureCoded)
	return Layout{
		Replicas:      copies.Replicas,
		DataChunks:    chunks.DataChunks,
		CodingChunks:  chunks.CodingChunks,
		FailureDomain: cmp.Or(spec.FailureDomain, cluster.FailureDomain),
		DeviceClass:   spec.DeviceClass,
		Compression:   cmp.Or(spec.Compression, v1alpha1.CompressionNone),
	}
}

// resolveImageMetadata gives the headers as many copies as survive what the chunks survive.
func resolveImageMetadata(spec v1alpha1.ImageMetadataLayout, data Layout) *Layout {
	return &Layout{
		Replicas:      cmp.Or(spec.Replicas, min(data.CodingChunks+1, maxReplicas)),
		FailureDomain: data.FailureDomain,
		DeviceClass:   cmp.Or(spec.DeviceClass, data.DeviceClass),
		Compression:   v1alpha1.CompressionNone,
	}
}

func resolveMDS(spec v1alpha1.MDSSpec, cluster Cluster) MDS {
	return MDS{
		Active:    cmp.Or(spec.Active, defaultActiveMDS),
		Standby:   cmp.Or(spec.Standby, v1alpha1.StandbyReplay),
		Placement: override(cluster.Placement, spec.Placement),
		Resources: spec.Resources,
	}
}

func resolveFilesystemClass(
	class v1alpha1.FilesystemStorageClass, pools []v1alpha1.FilesystemDataPool,
) FilesystemStorageClass {
	dataPool := class.DataPool
	if dataPool == "" && len(pools) > 0 {
		dataPool = pools[0].Name
	}
	return FilesystemStorageClass{
		Name:           class.Name,
		ClusterDefault: cmp.Or(class.ClusterDefault, v1alpha1.ClusterDefaultDisabled),
		ReclaimPolicy:  cmp.Or(class.ReclaimPolicy, v1alpha1.ReclaimDelete),
		MountOptions:   class.MountOptions,
		DataPool:       dataPool,
		Mounter:        cmp.Or(class.Mounter, v1alpha1.MounterAuto),
	}
}
