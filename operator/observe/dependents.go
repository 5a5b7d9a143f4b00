package observe

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// maxFirst is how many dependents are named.
const maxFirst = 10

// Dependents are what rests on a cluster.
type Dependents struct {
	// Cluster is what keeps it from being deleted.
	Cluster v1alpha1.ClusterDependents
	// Operations of it, as the cache has them.
	Operations []*v1alpha1.StorageOperation
}

// ClusterOf returns the name of the cluster that a pool, a filesystem, an object store or an operation belongs to; empty
// for anything else.
func ClusterOf(object client.Object) string {
	switch object := object.(type) {
	case *v1alpha1.StoragePool:
		return object.Spec.ClusterRef.Name
	case *v1alpha1.StorageFilesystem:
		return object.Spec.ClusterRef.Name
	case *v1alpha1.ObjectStore:
		return object.Spec.ClusterRef.Name
	case *v1alpha1.StorageOperation:
		return object.Spec.ClusterRef.Name
	}
	return ""
}

// ReadDependents reads what rests on a cluster.
func ReadDependents(ctx context.Context, reader client.Reader, key plan.ClusterKey) (Dependents, error) {
	var (
		pools       v1alpha1.StoragePoolList
		filesystems v1alpha1.StorageFilesystemList
		stores      v1alpha1.ObjectStoreList
		operations  v1alpha1.StorageOperationList
		found       Dependents
	)
	for _, list := range []client.ObjectList{&pools, &filesystems, &stores, &operations} {
		if err := reader.List(ctx, list, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
			return found, fmt.Errorf("list dependents of %s: %w", key, err)
		}
	}
	var first []string
	found.Cluster.Pools = countOf(objects[v1alpha1.StoragePool](pools.Items), key.Name, "pool", &first)
	found.Cluster.Filesystems = countOf(objects[v1alpha1.StorageFilesystem](filesystems.Items), key.Name, "filesystem", &first)
	found.Cluster.ObjectStores = countOf(objects[v1alpha1.ObjectStore](stores.Items), key.Name, "objectstore", &first)
	found.Cluster.First = first[:min(len(first), maxFirst)]
	for i := range operations.Items {
		if operation := &operations.Items[i]; ClusterOf(operation) == key.Name {
			found.Operations = append(found.Operations, operation)
		}
	}
	return found, nil
}

// objects returns pointers to the items of a list.
func objects[T any, P interface {
	*T
	client.Object
}](items []T) []client.Object {
	all := make([]client.Object, len(items))
	for i := range items {
		all[i] = P(&items[i])
	}
	return all
}

// countOf counts the objects of a kind that belong to a cluster, and adds their names; nil: there is none.
func countOf(objects []client.Object, cluster, kind string, names *[]string) *int32 {
	var count int32
	var found []string
	for _, object := range objects {
		if ClusterOf(object) == cluster {
			count++
			found = append(found, kind+"/"+object.GetName())
		}
	}
	if count == 0 {
		return nil
	}
	slices.Sort(found)
	*names = append(*names, found...)
	return &count
}
