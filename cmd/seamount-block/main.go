// Command seamount-block serves images of Ceph as files that a loop device makes block devices of, on nodes whose kernel
// has neither rbd nor nbd. Its keeper holds what must not be lost, its worker does the work and may die at any time.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/agent/block/keeper"
)

// version is set when the program is linked.
var version = "dev"

// Exit codes.
const (
	exitFailed = 1
	// exitHeld: another keeper holds the directory.
	exitHeld = 3
	// exitLost: a worker lost an image's lock, or its client was fenced.
	exitLost = 4
)

func main() {
	// Whoever reads what is logged may end. That must not end those who serve volumes.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "seamount-block:", err)
	if errors.Is(err, keeper.ErrHeld) {
		return exitHeld
	}
	return exitFailed
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "seamount-block",
		Short:         "Serve images of Ceph as block devices, on kernels without rbd and nbd",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newVersion(), newKeeper(), newWorker(), newStatus(), newMetadata())
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "seamount-block %s\n", version)
			return err
		},
	}
}
