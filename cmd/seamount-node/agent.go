package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/agent/erase"
	"github.com/seamount-dev/seamount/agent/host"
	"github.com/seamount-dev/seamount/agent/hostdir"
	"github.com/seamount-dev/seamount/agent/launch"
	"github.com/seamount-dev/seamount/agent/nodedisk"
	"github.com/seamount-dev/seamount/agent/partition"
	"github.com/seamount-dev/seamount/agent/request"
	"github.com/seamount-dev/seamount/agent/serve"
	"github.com/seamount-dev/seamount/discover/inventory"
)

func newAgentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Do with the disks and volumes of this node what the operator and kubelet ask for",
	}
	cmd.AddCommand(newAgentRunCommand(), newAgentBecomeCommand())
	return cmd
}

func newAgentRunCommand() *cobra.Command {
	var kubeconfig string
	c := serve.Config{Node: host.First, Become: []string{"/proc/self/exe", "agent", "become"}, Version: version}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Watch the StorageDisks of this node for requests, and serve volumes to the CSI node on a unix socket",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, err := restConfig(kubeconfig)
			if err != nil {
				return fmt.Errorf("find the API: %w", err)
			}
			c.Log = logr.FromSlogHandler(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			ctrllog.SetLogger(c.Log)
			return together(cmd.Context(),
				func(ctx context.Context) error {
					return request.Run(ctx, config, newRequests(c.Name, c.Log))
				},
				func(ctx context.Context) error { return serve.Run(ctx, c) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Name, "node", os.Getenv("NODE_NAME"), "name of this node in Kubernetes (NODE_NAME)")
	flags.StringVar(&c.Run, "run-dir", "/run/seamount", "directory of what holds until the node restarts, at the same path as on the node")
	flags.StringVar(&c.Keep, "keep-dir", "/var/lib/seamount/node", "directory of what outlasts restarts, at the same path as on the node")
	flags.StringVar(&c.Bundle, "bundle", "/bundle", "directory with the bundle of programs for the node")
	flags.StringVar(&c.Blkid, "blkid", "/usr/sbin/blkid", "path of util-linux' blkid")
	flags.Uint32Var(&c.User, "csi-user", 0, "user of the CSI node, who may call the agent beside root")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; in a pod its own service account is used")
	requireFlags(cmd, map[string]*string{"node": &c.Name})
	return cmd
}

// together runs parts of a program until ctx ends. Each ends with the others.
func together(ctx context.Context, parts ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, part := range parts {
		group.Go(func() error {
			err := part(ctx)
			if err == nil && ctx.Err() == nil {
				err = errors.New("a part of the agent ended by itself")
			}
			return err
		})
	}
	return group.Wait()
}

// newAgentBecomeCommand is what the agent starts to start a helper. People do not call it.
func newAgentBecomeCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "become NAME COMMAND...",
		Short:              "Leave the pod's cgroups and become a helper",
		Hidden:             true,
		DisableFlagParsing: true, // all flags are the helper's
		Args:               cobra.MinimumNArgs(2),
		RunE:               func(_ *cobra.Command, args []string) error { return launch.Become(args[0], args[1:]) },
	}
}

func newRequests(node string, log logr.Logger) *request.Agent {
	disks := nodedisk.Disks{Inventory: inventory.Reader{Answers: &inventory.Answers{}}, Node: node}
	kernel := partition.Kernel{Sys: os.DirFS("/sys")}
	return &request.Agent{
		Node: node, Disks: partition.Node{Disks: disks, Kernel: kernel}, Eraser: erase.Node{Disks: disks, Kernel: kernel},
		Directories: hostdir.Node{Root: "/proc/1/root", Proc: "/proc"}, Log: log,
	}
}
