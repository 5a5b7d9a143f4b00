package v1alpha1

// The CSI drivers: of block volumes, which StorageClasses of StoragePools name, and of file volumes, which those of
// StorageFilesystems name.
const (
	ProvisionerRBD    = "rbd.csi.seamount.dev"
	ProvisionerCephFS = "cephfs.csi.seamount.dev"
)

// Parameters of StorageClasses. What they name are logical names, never numbers of Ceph.
const (
	// ParameterClusterNamespace is the namespace of the StorageCluster.
	ParameterClusterNamespace = "clusterNamespace"
	// ParameterCluster is the name of the StorageCluster.
	ParameterCluster = "cluster"
	// ParameterPool is the pool of Ceph that holds the images. It has the name of the StoragePool.
	ParameterPool = "pool"
	// ParameterDataPool is the pool of Ceph that holds the data: of images, where it is not ParameterPool, or of the files
	// of subvolumes, where it is not the filesystem's first.
	ParameterDataPool = "dataPool"
	// ParameterFilesystem is the CephFS that holds the subvolumes. It has the name of the StorageFilesystem.
	ParameterFilesystem = "filesystem"
	// ParameterSubvolumeGroup is the group of the StorageClass' subvolumes. It has the name of the StorageClass.
	ParameterSubvolumeGroup = "subvolumeGroup"
	// ParameterMounter is the Mounter.
	ParameterMounter = "mounter"
	// ParameterMapper is the Mapper.
	ParameterMapper = "mapper"
	// ParameterFSType is the FSType. The name is that of the CSI provisioner, which hands it on with each volume.
	ParameterFSType = "csi.storage.k8s.io/fstype"
)

// AnnotationPool of a StorageClass or VolumeSnapshotClass is the StoragePool that it belongs to: namespace/name.
const AnnotationPool = "seamount.dev/pool"

// AnnotationFilesystem of a StorageClass or VolumeSnapshotClass is the StorageFilesystem that it belongs to: namespace/name.
const AnnotationFilesystem = "seamount.dev/filesystem"

// FinalizerFilesystem keeps a StorageFilesystem until the CephFS and its pools are deleted.
const FinalizerFilesystem = "seamount.dev/filesystem"

// FinalizerPool keeps a StoragePool until its pools of Ceph are deleted.
const FinalizerPool = "seamount.dev/pool"
