package main

import (
	"fmt"
	"log/slog"
	"os"
	"path"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/csi/node"
)

func newCSICommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "csi",
		Short: "Offer the volumes of Seamount to kubelet",
	}
	cmd.AddCommand(newCSINodeCommand())
	return cmd
}

func newCSINodeCommand() *cobra.Command {
	o := node.Options{Version: version}
	var kubelet, kubeconfig string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Register with kubelet, and have the agent of this node do what it asks for",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := restConfig(kubeconfig)
			if err != nil {
				return fmt.Errorf("find the API: %w", err)
			}
			log := logr.FromSlogHandler(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			ctrllog.SetLogger(log)
			o.PluginsDir = path.Join(kubelet, "plugins")
			o.RegistrationDir = path.Join(kubelet, "plugins_registry")
			return node.Run(cmd.Context(), config, o, log)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Node, "node", os.Getenv("NODE_NAME"), "name of this node in Kubernetes (NODE_NAME)")
	flags.StringVar(&o.AgentSocket, "agent", "/run/seamount/agent/agent.sock", "socket of the agent of this node")
	flags.StringSliceVar(&o.Drivers, "driver", node.Drivers, "drivers to serve; each has its socket in a directory of its name below plugins of --kubelet-dir")
	flags.StringVar(&kubelet, "kubelet-dir", "/var/lib/kubelet", "directory of kubelet, at the same path as on the node")
	flags.StringVar(&o.HealthAddress, "health-address", ":9811", "address for /healthz and /readyz; empty: none")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; in a pod its own service account is used")
	requireFlags(cmd, map[string]*string{"node": &o.Node})
	return cmd
}
