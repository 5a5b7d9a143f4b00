package main

import (
	"context"
	"fmt"
	"io"
	"time"

	snapshotv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/operator/uninstall"
)

// uninstallTimeout is how long the check may take. What could not be read is not taken for nothing.
const uninstallTimeout = 2 * time.Minute

func newUninstallCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall-check",
		Short: "Say whether Seamount can be uninstalled, and otherwise what keeps it",
		Long: `Look for StorageClusters, and for volumes and snapshots of Seamount's drivers, in all namespaces. It reads, and changes nothing.
The Helm chart runs it before an uninstall, which ends there unless it finds nothing.

Exit code: 0 if there are none; 1 if there are, or if Kubernetes could not be asked, with the reason on stderr.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			kubernetes, err := newUninstallReader()
			if err != nil {
				return err
			}
			return checkUninstall(cmd.Context(), kubernetes, cmd.OutOrStdout())
		},
	}
}

func newUninstallReader() (client.Reader, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find Kubernetes: %w", err)
	}
	scheme, err := uninstallScheme()
	if err != nil {
		return nil, err
	}
	reader, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("make the client of Kubernetes: %w", err)
	}
	return reader, nil
}

func uninstallScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, snapshotv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("know the kinds: %w", err)
		}
	}
	return scheme, nil
}

func checkUninstall(ctx context.Context, kubernetes client.Reader, stdout io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, uninstallTimeout)
	defer cancel()
	var clusters v1alpha1.StorageClusterList
	var volumes corev1.PersistentVolumeList
	var snapshots snapshotv1.VolumeSnapshotContentList
	for _, list := range []client.ObjectList{&clusters, &volumes, &snapshots} {
		// A kind that Kubernetes does not have has no objects.
		if err := kubernetes.List(ctx, list); err != nil && !meta.IsNoMatchError(err) {
			return fmt.Errorf("not uninstalled, since it is unknown whether there is data: list %T: %w", list, err)
		}
	}
	var found uninstall.Found
	for i := range clusters.Items {
		found.Clusters = append(found.Clusters, clusters.Items[i].Namespace+"/"+clusters.Items[i].Name)
	}
	for i := range volumes.Items {
		found.AddVolume(&volumes.Items[i])
	}
	for i := range snapshots.Items {
		s := &snapshots.Items[i]
		found.AddSnapshot(s.Name, s.Spec.Driver, s.Spec.VolumeSnapshotRef.Namespace, s.Spec.VolumeSnapshotRef.Name)
	}
	if err := found.Check(); err != nil {
		return err
	}
	fmt.Fprintln(stdout, "No StorageCluster, volume or snapshot depends on Seamount: it can be uninstalled.")
	return nil
}
