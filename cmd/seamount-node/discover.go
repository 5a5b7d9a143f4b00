package main

import (
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/seamount-dev/seamount/discover/confine"
	"github.com/seamount-dev/seamount/discover/daemon"
	"github.com/seamount-dev/seamount/discover/reader"
	"github.com/seamount-dev/seamount/discover/scan"
)

func newDiscoverCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "discover",
		Short: "Find the disks of this node, and whether they may be used",
	}
	cmd.AddCommand(newDiscoverRunCommand(), newDiscoverScanCommand(), newDiscoverReadCommand())
	return cmd
}

func newDiscoverRunCommand() *cobra.Command {
	o := daemon.Options{Pace: scan.DefaultPace()}
	var kubeconfig string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Report the disks of this node as StorageDisks, and what becomes of them",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			means := confine.ReadOnly() // before anything is opened
			config, err := restConfig(kubeconfig)
			if err != nil {
				return fmt.Errorf("find the API: %w", err)
			}
			log := logr.FromSlogHandler(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
			ctrllog.SetLogger(log)
			return daemon.Run(cmd.Context(), config, o, means, log)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.Node, "node", os.Getenv("NODE_NAME"), "name of this node in Kubernetes (NODE_NAME)")
	flags.StringVar(&o.Namespace, "namespace", os.Getenv("POD_NAMESPACE"), "namespace that Seamount is in (POD_NAMESPACE)")
	flags.StringVar(&kubeconfig, "kubeconfig", "", "kubeconfig; in a pod its own service account is used")
	flags.StringVar(&o.Listen, "listen", ":9809", "address for probes and metrics")
	flags.DurationVar(&o.Pace.Poll, "poll", o.Pace.Poll, "time between two looks at the devices when the kernel announces nothing")
	flags.DurationVar(&o.Pace.Reread, "reread", o.Pace.Reread, "read a disk again after that, though nothing says that it changed")
	flags.DurationVar(&o.Pace.Bound, "bound", o.Pace.Bound, "what is reported counts as fresh as long as the last full scan is no older")
	readerFlags(cmd, &o)
	requireFlags(cmd, map[string]*string{"node": &o.Node, "namespace": &o.Namespace})
	return cmd
}

// restConfig is a pod's own where no kubeconfig is named.
func restConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		return rest.InClusterConfig()
	}
	return clientcmd.BuildConfigFromFlags("", kubeconfig)
}

// requireFlags refuses to run without values that the environment may give instead of flags.
func requireFlags(cmd *cobra.Command, values map[string]*string) {
	cmd.PreRunE = func(*cobra.Command, []string) error {
		for name, value := range values {
			if *value == "" {
				return fmt.Errorf("--%s is not set", name)
			}
		}
		return nil
	}
}

func readerFlags(cmd *cobra.Command, o *daemon.Options) {
	flags := cmd.Flags()
	flags.StringVar(&o.Kubelet, "kubelet-dir", "/var/lib/kubelet", "directory of kubelet on the node")
	flags.StringVar(&o.Blkid, "blkid", "/usr/sbin/blkid", "blkid of util-linux, the second reader of signatures")
	flags.StringVar(&o.Smartctl, "smartctl", "/usr/sbin/smartctl", "smartctl, which reads what disks report of their health")
	flags.StringVar(&o.Exe, "exe", "/proc/self/exe", "this program, which reads each disk in a process of its own")
	flags.DurationVar(&o.Deadline, "read-deadline", 15*time.Second, "how long the reading of one disk may take")
	flags.IntVar(&o.Parallel, "parallel", 4, "how many disks are read at a time")
	flags.IntVar(&o.Stuck, "max-stuck", 16, "start no reader while so many hang on disks that do not answer")
}

// newDiscoverReadCommand is what reads one disk. The flags are the reader's own, between it and its parent.
func newDiscoverReadCommand() *cobra.Command {
	return &cobra.Command{
		Use:                "read",
		Short:              "Read one disk and print what is on it as JSON; discover starts this for each disk",
		Hidden:             true,
		DisableFlagParsing: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			return reader.Child(cmd.Context(), args, cmd.OutOrStdout())
		},
	}
}
