package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apply "github.com/seamount-dev/seamount/api/applyconfiguration/api/v1alpha1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// FieldOwnerIntent is this program's owner of the intent of operations. It is another than that of approvals, because what
// an owner leaves out when it applies is taken away.
const FieldOwnerIntent = FieldOwner + "-intent"

func newHold(a *App) *cobra.Command {
	var release bool
	cmd := &cobra.Command{
		Use:   "hold OPERATION",
		Short: "Stop an operation between two steps, or let it go on",
		Long: `Stop an operation between two steps. With --release it goes on. What a step has begun it ends first, and nothing is
undone: that is what cancel does.`,
		Example: `  kubectl seamount hold replace-osd-12-x7k2p
  kubectl seamount hold replace-osd-12-x7k2p --release`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			if release {
				return a.intend(cmd.Context(), args[0], v1alpha1.IntentProceed, true)
			}
			return a.intend(cmd.Context(), args[0], v1alpha1.IntentHold, true)
		},
	}
	cmd.Flags().BoolVar(&release, "release", false, "let the operation go on")
	return cmd
}

func newCancel(a *App) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "cancel OPERATION",
		Short: "Cancel an operation for good",
		Long: `Cancel an operation: what can be undone is undone. That works until the first Final step begins, and is for good:
to do it all the same, create another operation. Without a terminal nothing is asked: --yes is needed.`,
		Example:           `  kubectl seamount cancel replace-osd-12-x7k2p`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes && !a.InTerminal {
				return usage("add --yes", "there is nobody to ask: stdin is no terminal")
			}
			return a.intend(cmd.Context(), args[0], v1alpha1.IntentCancel, yes)
		},
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	return cmd
}

var errKept = errors.New("not cancelled")

// intend writes what is to become of an operation.
func (a *App) intend(ctx context.Context, name string, intent v1alpha1.OperationIntent, yes bool) error {
	k, err := a.kubernetes()
	if err != nil {
		return err
	}
	o, err := findOperation(ctx, k, name)
	if err != nil {
		return err
	}
	if answer.Finished(o.Status.State) || o.Spec.Intent == v1alpha1.IntentCancel {
		return hinted("create another operation", "StorageOperation %s has come to its end: it is %s", name, orDash(string(o.Status.State)))
	}
	if answer.IsWhatIf(o) && intent == v1alpha1.IntentProceed {
		return askedOnly(o)
	}
	if !yes {
		if err := a.consent("Cancel "+name+" for good? Type yes to cancel: ", errKept); err != nil {
			return err
		}
	}
	wanted := apply.StorageOperation(o.Name, o.Namespace).WithUID(o.UID).WithSpec(apply.StorageOperationSpec().WithIntent(intent))
	if err := k.Apply(ctx, wanted, client.FieldOwner(FieldOwnerIntent), client.ForceOwnership); err != nil {
		return hinted("kubectl seamount operations "+o.Name, "the intent of StorageOperation %s cannot be set: %w", o.Name, err)
	}
	_, err = fmt.Fprintf(a.Out, "storageoperation %s/%s: intent is %s\n", o.Namespace, o.Name, intent)
	return err
}
