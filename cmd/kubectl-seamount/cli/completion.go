package cli

import (
	"context"
	_ "embed" // the script below
	"fmt"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// completionScript is what kubectl runs to complete the command lines of this plugin.
//
//go:embed kubectl_complete-seamount
var completionScript string

func newCompletion(a *App) *cobra.Command {
	return &cobra.Command{
		Use:   "completion",
		Short: "Print the program by which kubectl completes the command lines of this plugin",
		Long: `Print the program by which kubectl completes the command lines of this plugin. It belongs into a directory of PATH,
under the name kubectl_complete-seamount; kubectl's own completion must be set up.`,
		Example: `  kubectl seamount completion > ~/.local/bin/kubectl_complete-seamount
  chmod +x ~/.local/bin/kubectl_complete-seamount`,
		Args: arguments(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.Out, completionScript)
			return err
		},
	}
}

// completeFlag completes a flag that has a few values.
func completeFlag(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag is not defined, or completed twice: cannot be
	}
}

// names lists the names of objects, for completion: whatever goes wrong, there is nothing to complete.
func (a *App) names(ctx context.Context, of func(*Kubernetes) part, prefix string) ([]string, cobra.ShellCompDirective) {
	k, err := a.kubernetes()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	p := of(k)
	list := p.list()
	if err := k.List(ctx, list, p.options...); err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	_ = meta.EachListItem(list, func(o runtime.Object) error {
		if object, err := meta.Accessor(o); err == nil && wanted(o) {
			names = append(names, prefix+object.GetName())
		}
		return nil
	})
	return names, cobra.ShellCompDirectiveNoFileComp
}

// wanted says that an object is worth completing: of operations, those that have not come to their end.
func wanted(o runtime.Object) bool {
	operation, is := o.(*v1alpha1.StorageOperation)
	return !is || !answer.Finished(operation.Status.State)
}

func (a *App) completeFirst(cmd *cobra.Command, args []string, of func(*Kubernetes) part) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.names(cmd.Context(), of, "")
}

func (a *App) completeClusters(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeFirst(cmd, args, func(k *Kubernetes) part { return clusters(k.scope()) })
}

func (a *App) completeClaims(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeFirst(cmd, args, func(k *Kubernetes) part { return claims(k.Namespace) })
}

func (a *App) completeOperations(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.completeFirst(cmd, args, func(k *Kubernetes) part { return operations(k.scope()) })
}

func (a *App) completeNodes(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.names(cmd.Context(), func(*Kubernetes) part { return nodes() }, "")
}
