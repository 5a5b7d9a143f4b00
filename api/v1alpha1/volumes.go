package v1alpha1

// ProvisionerRBD is the CSI driver of block volumes, which StorageClasses of StoragePools name.
const ProvisionerRBD = "rbd.csi.seamount.dev"

// Parameters of the StorageClasses of StoragePools. What they name are logical names, never numbers of Ceph.
const (
	// ParameterClusterNamespace is the namespace of the StorageCluster.
	ParameterClusterNamespace = "clusterNamespace"
	// ParameterCluster is the name of the StorageCluster.
	ParameterCluster = "cluster"
	// ParameterPool is the pool of Ceph that holds the images. It has the name of the StoragePool.
	ParameterPool = "pool"
	// ParameterDataPool is the erasure-coded pool of Ceph that holds the data of the images. Absent: ParameterPool does.
	ParameterDataPool = "dataPool"
	// ParameterMapper is the Mapper.
	ParameterMapper = "mapper"
	// ParameterFSType is the FSType. The name is that of the CSI provisioner, which hands it on with each volume.
	ParameterFSType = "csi.storage.k8s.io/fstype"
)

// AnnotationPool of a StorageClass or VolumeSnapshotClass is the StoragePool that it belongs to: namespace/name.
const AnnotationPool = "seamount.dev/pool"

// FinalizerPool keeps a StoragePool until its pools of Ceph are deleted.
const FinalizerPool = "seamount.dev/pool"
