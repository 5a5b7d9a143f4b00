package cli

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/seamount-dev/seamount/api/v1alpha1"
)

// errUnhealthy makes status --check end with exitUnhealthy. What is wrong was printed.
var errUnhealthy = errors.New("not healthy")

// exitError ends the process with the exit code of a program that ran elsewhere, which has said itself what is wrong.
type exitError int

// Error names the exit code.
func (e exitError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a command line that is wrong.
type usageError struct {
	err  error
	hint string
}

// Error is what is wrong.
func (e usageError) Error() string { return e.err.Error() }

// Unwrap returns what is wrong.
func (e usageError) Unwrap() error { return e.err }

// hintedError is an error with what to do about it.
type hintedError struct {
	err  error
	hint string
}

// Error is what went wrong.
func (e hintedError) Error() string { return e.err.Error() }

// Unwrap returns what went wrong.
func (e hintedError) Unwrap() error { return e.err }

func hinted(hint, format string, args ...any) error {
	return hintedError{fmt.Errorf(format, args...), hint}
}

func usage(hint, format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...), hint}
}

// arguments makes a wrong number of arguments a usageError.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usageError{err, cmd.UseLine()}
		}
		return nil
	}
}

// hintOf returns what to do about an error; empty: the error says it.
func hintOf(err error) string {
	var usage usageError
	var hinted hintedError
	var network net.Error
	switch {
	case errors.As(err, &usage):
		return usage.hint
	case errors.As(err, &hinted):
		return hinted.hint
	case clientcmd.IsEmptyConfig(err):
		return "name a cluster with --kubeconfig or --context, or set KUBECONFIG"
	case apierrors.IsUnauthorized(err):
		return "log in again: the API server does not know you (kubectl auth whoami)"
	case apierrors.IsForbidden(err):
		return "ask for that right, or name a namespace that you may read with -n (kubectl auth can-i --list)"
	case errors.As(err, &network), errors.As(err, new(*url.Error)):
		return "is it the right cluster? kubectl cluster-info; --kubeconfig, --context or KUBECONFIG name another"
	}
	return ""
}

// notInstalled tells the answer of an API server that does not know a kind: there is no such path, and so no name of an
// object in the answer.
func notInstalled(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsNotFound(err) || !errors.As(err, &status) {
		return false
	}
	details := status.Status().Details
	return details == nil || details.Name == ""
}

// explain says of a failed read what was read, and what is missing.
func explain(err error, kind string) error {
	switch {
	case err == nil:
		return nil
	case notInstalled(err) && strings.Contains(kind, v1alpha1.Group):
		return hinted("install them (kubectl apply -f deploy/crds), or look at another cluster with --context",
			"the kinds of %s are not installed in this cluster: %w", v1alpha1.Group, err)
	}
	return fmt.Errorf("list %s: %w", kind, err)
}
