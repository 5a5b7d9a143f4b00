// Package cli holds the commands of kubectl-seamount: it reads objects from the API server as the user, asks package
// answer what they mean, and prints that. It talks to Kubernetes alone; the one command that reaches Ceph runs Ceph's own
// program in a pod. It decides nothing, and changes nothing but the approval and
// the intent of operations, as it is told to; to ask what an operation would do it creates one that is held, and deletes it.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericclioptions"
)

// Exit codes.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUsage     = 2
	exitUnhealthy = 3 // status --check: a cluster is not healthy
)

// App is the program and the world it runs in.
type App struct {
	// Version of this program.
	Version string
	In      io.Reader
	Out     io.Writer
	Err     io.Writer
	// InTerminal and OutTerminal say whether a person sits at the end of In and Out.
	InTerminal, OutTerminal bool
	Now                     func() time.Time
	// Connect reaches the API server that the flags name. No request is sent yet.
	Connect func(*genericclioptions.ConfigFlags, io.Writer) (*Kubernetes, error)

	flags *genericclioptions.ConfigFlags
}

// New returns the program on the process's own streams.
func New(version string) *App {
	return &App{
		Version: version, In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now, Connect: connect,
		InTerminal: term.IsTerminal(int(os.Stdin.Fd())), OutTerminal: term.IsTerminal(int(os.Stdout.Fd())),
	}
}

// Run executes one command line and returns the exit code.
func (a *App) Run(ctx context.Context, args []string) int {
	root := a.Command()
	root.SetArgs(args)
	root.SetIn(a.In)
	root.SetOut(a.Out)
	root.SetErr(a.Err)
	return a.exitCode(root.ExecuteContext(ctx))
}

// exitCode says what went wrong, with what to do about it, and how the process is to end.
func (a *App) exitCode(err error) int {
	var passed exitError
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnhealthy):
		return exitUnhealthy
	case errors.As(err, &passed):
		return int(passed)
	case errors.Is(err, context.Canceled):
		return exitFailed
	}
	fmt.Fprintf(a.Err, "error: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(a.Err, "hint: %s\n", hint)
	}
	var usage usageError
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitFailed
}

// Command is the tree of the commands, as a command line is read.
func (a *App) Command() *cobra.Command {
	root := &cobra.Command{
		Use:   "kubectl-seamount",
		Short: "Look after the storage that Seamount makes of this cluster's disks",
		Long: `Look after the storage that Seamount makes of this cluster's disks.

Exit codes: 0 it worked; 1 it did not, with the reason and a hint on stderr; 2 the command line is wrong;
3 a cluster is not healthy (status --check).`,
		Annotations:       map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl seamount"},
		Args:              noCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	a.flags = genericclioptions.NewConfigFlags(true)
	a.flags.CacheDir = nil // nothing is cached
	a.flags.AddFlags(root.PersistentFlags())
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{err, cmd.CommandPath() + " --help"}
	})
	root.AddCommand(
		newStatus(a), newDisks(a), newPlan(a), newOperations(a), newApprove(a), newHold(a), newCancel(a), newVolumes(a), newWhy(a), newCeph(a),
		newVersion(a), newCompletion(a),
	)
	return root
}

// noCommand refuses a word that is no command.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("there is no command %q", args[0])
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		return usageError{err, "did you mean " + cmd.CommandPath() + " " + near[0] + "?"}
	}
	return usageError{err, cmd.CommandPath() + " --help"}
}
