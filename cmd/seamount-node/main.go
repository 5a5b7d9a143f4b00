// Command seamount-node is Seamount's program for a node. It is static and
// needs nothing of the container it runs in.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set when the program is linked.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := newCommand().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "seamount-node:", err)
		os.Exit(exitCode(err, lastWords)) //nolint:gocritic // the process ends, and with it what stop would undo
	}
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "seamount-node",
		Short:         "Seamount's program for a node",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newVersionCommand(), newBundleCommand(), newDiscoverCommand(), newAgentCommand(), newCephCommand(), newCSICommand())
	return root
}

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "seamount-node %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}
