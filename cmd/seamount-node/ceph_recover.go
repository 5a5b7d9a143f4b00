package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	corev1client "k8s.io/client-go/kubernetes/typed/core/v1"

	"github.com/seamount-dev/seamount/agent/daemon"
	"github.com/seamount-dev/seamount/ceph"
	"github.com/seamount-dev/seamount/operator/manifest/handover"
)

// secretTarget is the Secret that a key is written to. It is there already, with this uid.
type secretTarget struct{ kubeconfig, namespace, name, uid string }

func newRecoverCommand() *cobra.Command {
	var r daemon.Recover
	var to secretTarget
	cmd := &cobra.Command{
		Use:   "recover",
		Short: "Read the key of the mons from the store of one, which may run, and write it into a Secret that waits for it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r.Node, r.Hand = os.Getenv(handover.EnvNode), to.write
			return r.Run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&r.Mon, "name", "", "name of the mon, such as a")
	cmd.Flags().StringVar(&r.FSID, "fsid", "", "fsid of the cluster")
	cmd.Flags().StringVar(&r.Dir, "dir", handover.MonDir, "directory with the store")
	cmd.Flags().StringVar(&to.kubeconfig, "kubeconfig", "", "kubeconfig; in a pod its own service account is used")
	cmd.Flags().StringVar(&to.namespace, "namespace", "", "namespace of the Secret")
	cmd.Flags().StringVar(&to.name, "secret", "", "name of the Secret")
	cmd.Flags().StringVar(&to.uid, "secret-uid", "", "uid of the Secret: another of that name is left alone")
	require(cmd, "name", "fsid", "namespace", "secret", "secret-uid")
	return cmd
}

// write fills in the Secret. It may do nothing else, not even read it; with its uid a server refuses any other.
func (s secretTarget) write(ctx context.Context, key ceph.Secret) error {
	config, err := restConfig(s.kubeconfig)
	if err != nil {
		return fmt.Errorf("find the API: %w", err)
	}
	api, err := corev1client.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("find the API: %w", err)
	}
	patch, err := s.patch(key)
	if err != nil {
		return err
	}
	if _, err := api.Secrets(s.namespace).Patch(ctx, s.name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("write Secret %s/%s: %w", s.namespace, s.name, err)
	}
	return nil
}

func (s secretTarget) patch(key ceph.Secret) ([]byte, error) {
	return json.Marshal(map[string]any{
		"metadata": map[string]string{"uid": s.uid},
		"data":     map[string][]byte{handover.RecoveredMonKey: []byte(key.Reveal())},
	})
}
