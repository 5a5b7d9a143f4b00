package observe

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/plan"
)

// ClusterFilesystems reads the StorageFilesystems of a cluster, by name.
func ClusterFilesystems(ctx context.Context, reader client.Reader, key plan.ClusterKey, cluster plan.Cluster) ([]plan.ClusterFilesystem, error) {
	var list v1alpha1.StorageFilesystemList
	if err := reader.List(ctx, &list, client.InNamespace(key.Namespace), client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list filesystems of %s: %w", key, err)
	}
	var found []plan.ClusterFilesystem
	for i := range list.Items {
		if object := &list.Items[i]; ClusterOf(object) == key.Name {
			found = append(found, clusterFilesystem(object, cluster))
		}
	}
	slices.SortFunc(found, func(a, b plan.ClusterFilesystem) int { return strings.Compare(a.Name, b.Name) })
	return found, nil
}

func clusterFilesystem(object *v1alpha1.StorageFilesystem, cluster plan.Cluster) plan.ClusterFilesystem {
	fs := plan.ClusterFilesystem{
		Name: object.Name, Deleting: !object.DeletionTimestamp.IsZero(), MDS: plan.ResolveFilesystem(&object.Spec, cluster).MDS,
	}
	for i := range object.Spec.StorageClasses {
		fs.Groups = append(fs.Groups, object.Spec.StorageClasses[i].Name)
	}
	slices.Sort(fs.Groups)
	return fs
}
