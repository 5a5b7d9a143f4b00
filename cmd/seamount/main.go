// Command seamount is Seamount's program with librados in it: what talks to Ceph
// runs from it, each part as a command of its own.
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
)

// Exit codes.
const (
	exitOK        = 0
	exitFailed    = 1
	exitUnhealthy = 3 // the cluster answers, and is not HEALTH_OK
)

// errUnhealthy makes the program end with exitUnhealthy. What is wrong was printed.
var errUnhealthy = errors.New("the cluster is not HEALTH_OK")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errUnhealthy):
		return exitUnhealthy
	default:
		fmt.Fprintf(stderr, "seamount: %v\n", err)
		return exitFailed
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "seamount",
		Short:         "Seamount turns the disks of a Kubernetes cluster into a Ceph cluster",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newVersion(), newCeph(), newOperator(), newCSI(), newUninstallCheck())
	return root
}

// output is the format that a command prints.
type output string

const (
	outputText output = "text"
	outputJSON output = "json"
)

// String, Set and Type make output a flag's value.
func (o *output) String() string { return string(*o) }

// Type names the value in the usage text.
func (o *output) Type() string { return "text|json" }

// Set refuses what is no format.
func (o *output) Set(s string) error {
	switch output(s) {
	case outputText, outputJSON:
		*o = output(s)
		return nil
	}
	return errors.New("want text or json")
}

func (o *output) addTo(cmd *cobra.Command) {
	*o = outputText
	cmd.Flags().VarP(o, "output", "o", "how to print the result")
}
