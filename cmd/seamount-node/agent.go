package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/agent/request"
	"github.com/seamount-dev/seamount/discover/inventory"
)

func newAgentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Do with the disks of this node what the operator asks for",
	}
	cmd.AddCommand(newAgentRunCommand())
	return cmd
}

func newAgentRunCommand() *cobra.Command {
	var node, kubeconfig string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch the StorageDisks of this node for requests, and report what came of them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := restConfig(kubeconfig)
			if err != nil {
				return fmt.Errorf("find the API: %w", err)
			}
			log := logr.FromSlogHandler(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			ctrllog.SetLogger(log)
			return request.Run(cmd.Context(), config, &request.Agent{Node: node, Disks: nodePartitioner(node), Log: log})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&node, "node", os.Getenv("NODE_NAME"), "name of this node in Kubernetes (NODE_NAME)")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; in a pod its own service account is used")
	requireFlags(cmd, map[string]*string{"node": &node})
	return cmd
}

func nodePartitioner(node string) partition.Node {
	return partition.Node{
		Disks:  nodedisk.Disks{Inventory: inventory.Reader{Answers: &inventory.Answers{}}, Node: node},
		Kernel: partition.Kernel{Sys: os.DirFS("/sys")},
	}
}
