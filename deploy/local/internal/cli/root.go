package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
)

// exitError ends the program with a code of its own and without a message:
// `exec` passes on how the command in the node ended.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main runs the command line and returns the exit code. An interrupt ends the
// command in an orderly way; a second one ends it at once.
func Main(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	root := NewCommand()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return int(exit)
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "seamount-local: interrupted:", err)
		return 130
	default:
		fmt.Fprintln(os.Stderr, "seamount-local:", err)
		return 1
	}
}

// NewCommand is the whole command tree.
func NewCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "seamount-local",
		Short: "A real Kubernetes of one to five nodes on this machine",
		Long: `seamount-local runs a real Kubernetes on one Linux machine: kube-apiserver, etcd and
the controllers on the machine itself, and one to five nodes, each with its own
kubelet and containerd in its own network, mount, process and control-group
namespaces. It compiles what it needs once, keeps its state in one directory, and
removes everything again with "down".`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(
		newUp(), newDown(), newStatus(), newPreflight(), newBuild(), newKubeconfig(), newLogs(),
		newExec(), newNode(), newDisk(), newLoad(), newTrial(),
	)
	return root
}

// group is a command that only has subcommands. By itself cobra would answer a
// mistyped one with the help text and success.
func group(use, short, long string, commands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("unknown command %q: `%s --help` lists them", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(commands...)
	return cmd
}
