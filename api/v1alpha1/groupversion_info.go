package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Group is the API group of every kind in this package.
const Group = "seamount.dev"

var (
	// SchemeGroupVersion is the group and version of every kind in this package.
	SchemeGroupVersion = schema.GroupVersion{Group: Group, Version: "v1alpha1"}

	// SchemeBuilder collects the functions that add this package's types to a scheme.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme adds every kind in this package, and its list, to a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

// The kinds of the API, as they stand in an object's kind field.
const (
	KindStorageCluster    = "StorageCluster"
	KindStorageDisk       = "StorageDisk"
	KindStoragePool       = "StoragePool"
	KindStorageFilesystem = "StorageFilesystem"
	KindStorageOperation  = "StorageOperation"
	KindObjectStore       = "ObjectStore"
	KindObjectUser        = "ObjectUser"
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&StorageCluster{}, &StorageClusterList{},
		&StorageDisk{}, &StorageDiskList{},
		&StoragePool{}, &StoragePoolList{},
		&StorageFilesystem{}, &StorageFilesystemList{},
		&StorageOperation{}, &StorageOperationList{},
		&ObjectStore{}, &ObjectStoreList{},
		&ObjectUser{}, &ObjectUserList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}

// Resource returns the group and resource of a resource of this API, for error values.
func Resource(resource string) schema.GroupResource {
	return SchemeGroupVersion.WithResource(resource).GroupResource()
}
