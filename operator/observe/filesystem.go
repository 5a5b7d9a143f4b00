package observe

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/plan"
)

// SubvolumeLister lists what is in a filesystem.
type SubvolumeLister interface {
	ListSubvolumeGroups(ctx context.Context, filesystem string) ([]string, error)
	ListSubvolumes(ctx context.Context, ref ceph.GroupRef) ([]string, error)
}

// FilesystemContent lists the subvolumes of a filesystem: those of every group, whoever made it, and those without a group.
func FilesystemContent(ctx context.Context, lister SubvolumeLister, filesystem string) plan.PoolContent {
	groups, err := lister.ListSubvolumeGroups(ctx, filesystem)
	if err != nil {
		return plan.PoolContent{Trouble: err.Error()}
	}
	content := plan.PoolContent{Known: true}
	for _, group := range append([]string{""}, groups...) {
		names, err := lister.ListSubvolumes(ctx, ceph.GroupRef{Filesystem: filesystem, Group: group})
		if err != nil {
			return plan.PoolContent{Trouble: err.Error()}
		}
		count := int32(len(names)) //nolint:gosec // so many do not fit into an answer
		content.Volumes += count
		if group != "" {
			content.Groups = append(content.Groups, plan.SubvolumeGroup{Name: group, Subvolumes: count})
			group += "/"
		}
		for _, name := range names[:min(len(names), maxFirst-len(content.First))] {
			content.First = append(content.First, group+name)
		}
	}
	return content
}

// MDSNodes returns the nodes on which the metadata servers of a cluster run, by the names of the servers.
func MDSNodes(ctx context.Context, reader client.Reader, cluster plan.ClusterKey) (map[string]string, error) {
	var pods corev1.PodList
	err := reader.List(ctx, &pods, client.InNamespace(cluster.Namespace), client.UnsafeDisableDeepCopy,
		client.MatchingLabels{v1alpha1.LabelCluster: v1alpha1.ClusterLabelValue(cluster.Namespace, cluster.Name)})
	if err != nil {
		return nil, fmt.Errorf("list the pods of StorageCluster %s: %w", cluster, err)
	}
	nodes := map[string]string{}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if daemon, ok := DaemonOf(pod.Labels); ok && daemon.Kind == plan.DaemonMDS && pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodRunning {
			nodes[daemon.Name] = pod.Spec.NodeName
		}
	}
	return nodes, nil
}
