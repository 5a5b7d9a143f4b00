package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	apply "github.com/seamount-dev/seamount/api/applyconfiguration/api/v1alpha1"
	"github.com/seamount-dev/seamount/api/v1alpha1"
	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

// FieldOwner is this program's owner of fields in server-side apply: of approvals, and of nothing else.
const FieldOwner = "kubectl-seamount"

// approval is what approve prints.
type approval struct {
	Operation answer.Operation `json:"operation"`
	Approver  string           `json:"approver"`
	// DryRun is none, client or server; with the other two, nothing was changed.
	DryRun string `json:"dryRun"`
}

// approveFlags are the flags of "approve".
type approveFlags struct {
	yes     bool
	plan    string
	accept  []string
	comment string
	dryRun  string
	output  output
}

func newApprove(a *App) *cobra.Command {
	var f approveFlags
	cmd := &cobra.Command{
		Use:   "approve OPERATION",
		Short: "Show the plan of an operation, and approve it",
		Long: `Show the plan of an operation, ask, and approve it under your own user name. You need the verb "approve" on
storageoperations.

What is approved is the plan that was shown, by its ID: if a disk or the cluster changed since then, the API server refuses
the approval. Without a terminal nothing is asked: --yes is needed, and --accept-risk with the name of each risk of the plan.`,
		Example: `  kubectl seamount approve replace-osd-12-x7k2p
  kubectl seamount approve remove-n3 --yes --plan 7f3a9c --accept-risk RedundancyLoss --comment "ticket 4711"`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: a.completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(a); err != nil {
				return err
			}
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.approve(cmd.Context(), k, args[0], f)
		},
	}
	f.addTo(cmd)
	return cmd
}

func (f *approveFlags) addTo(cmd *cobra.Command) {
	f.output.addTo(cmd)
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask")
	cmd.Flags().StringVar(&f.plan, "plan", "", "approve only if this is the ID of the plan")
	cmd.Flags().StringSliceVar(&f.accept, "accept-risk", nil, "a risk of the plan that is accepted; needed for each one if nothing is asked")
	cmd.Flags().StringVar(&f.comment, "comment", "", "a note that stays with the approval, such as the number of a ticket")
	cmd.Flags().StringVar(&f.dryRun, "dry-run", "none", "none, client (only show what would be written) or server (let the API server check it)")
	completeFlag(cmd, "dry-run", []string{"none", "client", "server"})
}

// check refuses flags that contradict each other, before anything is read.
func (f *approveFlags) check(a *App) error {
	data := f.output.format == formatJSON || f.output.format == formatYAML
	switch {
	case !slices.Contains([]string{"none", "client", "server"}, f.dryRun):
		return usage("--dry-run=client or --dry-run=server", "--dry-run=%s is unknown", f.dryRun)
	case f.yes || f.dryRun != "none":
		return nil
	case !a.InTerminal:
		return usage("read the plan with --dry-run=client, then add --yes", "there is nobody to ask: stdin is no terminal")
	case data:
		return usage("add --yes, or leave out -o", "-o %s prints data alone, and asks nothing", f.output.format)
	}
	return nil
}

func (a *App) approve(ctx context.Context, k *Kubernetes, name string, f approveFlags) error {
	o, err := findOperation(ctx, k, name)
	if err != nil {
		return err
	}
	if err := f.approvable(o); err != nil {
		return err
	}
	result := approval{Operation: answer.DescribeOperation(o), DryRun: f.dryRun}
	if result.Approver, err = k.User(ctx); err != nil {
		return err
	}
	table := f.output.format == formatTable || f.output.format == formatWide
	if table {
		p := &paper{output: f.output}
		drawOperation(p, result.Operation)
		if _, err := a.Out.Write(p.Bytes()); err != nil {
			return err
		}
	}
	if err := a.confirm(f, o); err != nil {
		return err
	}
	if err := write(ctx, k, o, result.Approver, f); err != nil {
		return err
	}
	result.Operation.Approver = result.Approver
	return f.output.write(a.Out, result, func(p *paper) { p.linef("%s", approvedLine(o, result)) })
}

func approvedLine(o *v1alpha1.StorageOperation, result approval) string {
	line := fmt.Sprintf("storageoperation %s/%s: plan %s is approved by %s", o.Namespace, o.Name, o.Status.Plan.ID, result.Approver)
	if result.DryRun != "none" {
		line += fmt.Sprintf(" (dry run of the %s: nothing was changed)", result.DryRun)
	}
	return line
}

// findOperation finds an operation by its name, in the namespace that was given or in any.
func findOperation(ctx context.Context, k *Kubernetes, name string) (*v1alpha1.StorageOperation, error) {
	var list v1alpha1.StorageOperationList
	if err := k.List(ctx, &list, client.InNamespace(k.scope())); err != nil {
		return nil, explain(err, seamount("storageoperations"))
	}
	var found []*v1alpha1.StorageOperation
	for i := range list.Items {
		if list.Items[i].Name == name {
			found = append(found, &list.Items[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, hinted("kubectl seamount operations", "there is no StorageOperation %s", name)
	case 1:
		return found[0], nil
	}
	return nil, usage("name one with -n", "there are %d StorageOperations %s, in different namespaces", len(found), name)
}

// approvable says why an operation cannot be approved by this command line; nil: it can.
func (f *approveFlags) approvable(o *v1alpha1.StorageOperation) error {
	plan, given := o.Status.Plan, o.Spec.Approval
	const again = "kubectl seamount operations"
	switch {
	case answer.IsWhatIf(o):
		return askedOnly(o)
	case plan == nil:
		return hinted("wait for the operator, and look again: kubectl seamount why sop/"+o.Name, "StorageOperation %s has no plan yet", o.Name)
	case given != nil && given.PlanID == plan.ID:
		return hinted(again, "plan %s of StorageOperation %s is approved already, by %s", plan.ID, o.Name, given.Approver)
	case len(plan.Blockers) > 0:
		return hinted(plan.Blockers[0].Remedy, "StorageOperation %s is refused: %s", o.Name, plan.Blockers[0].Message)
	case o.Status.State != v1alpha1.OperationAwaitingApproval:
		return hinted(again, "StorageOperation %s does not wait for approval: it is %s", o.Name, orDash(string(o.Status.State)))
	case f.plan != "" && f.plan != plan.ID:
		return hinted("read it again: --dry-run=client", "the plan of StorageOperation %s is %s, not %s: something changed since it was read", o.Name, plan.ID, f.plan)
	}
	if open := f.unaccepted(plan.Risks); f.yes && f.dryRun == "none" && len(open) > 0 {
		return usage("read the plan with --dry-run=client, then add --accept-risk "+strings.Join(open, ","),
			"plan %s risks %s, and --yes alone does not accept that", plan.ID, strings.Join(open, ", "))
	}
	return nil
}

// askedOnly refuses to do what an operation only asks about.
func askedOnly(o *v1alpha1.StorageOperation) error {
	return hinted("create one to be carried out, as kubectl seamount plan --what-if shows it",
		"StorageOperation %s only asks what if, and is deleted when its answer is read", o.Name)
}

// unaccepted returns the risks that no flag names.
func (f *approveFlags) unaccepted(risks []v1alpha1.Risk) []string {
	var open []string
	for _, r := range risks {
		if !slices.Contains(f.accept, string(r)) {
			open = append(open, string(r))
		}
	}
	return open
}

var errDeclined = errors.New("not approved")

// confirm asks for the approval, unless the command line says that nobody is to be asked.
func (a *App) confirm(f approveFlags, o *v1alpha1.StorageOperation) error {
	if f.yes || f.dryRun != "none" {
		return nil
	}
	question := "Approve plan " + o.Status.Plan.ID
	if risks := o.Status.Plan.Risks; len(risks) > 0 {
		question += ", and accept its risks"
	}
	return a.consent(question+"? Type yes to approve: ", errDeclined)
}

// consent asks the person at the terminal; with any reply but the whole word yes it returns the error that is given.
func (a *App) consent(question string, declined error) error {
	fmt.Fprint(a.Err, question)
	reply, err := bufio.NewReader(a.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the reply: %w", err)
	}
	if strings.TrimSpace(reply) != "yes" {
		return declined
	}
	return nil
}

// write sends the approval of the plan that was shown: its ID, every risk, and the uid of the very object. The API server
// refuses it if one of them is not so any more.
func write(ctx context.Context, k *Kubernetes, o *v1alpha1.StorageOperation, approver string, f approveFlags) error {
	if f.dryRun == "client" {
		return nil
	}
	given := apply.OperationApproval().WithPlanID(o.Status.Plan.ID).WithApprover(approver).WithAcceptedRisks(o.Status.Plan.Risks...)
	if f.comment != "" {
		given.WithComment(f.comment)
	}
	intent := apply.StorageOperation(o.Name, o.Namespace).WithUID(o.UID).WithSpec(apply.StorageOperationSpec().WithApproval(given))
	options := []client.ApplyOption{client.FieldOwner(FieldOwner), client.ForceOwnership} // an approval may be renewed by another
	if f.dryRun == "server" {
		options = append(options, client.DryRunAll)
	}
	err := k.Apply(ctx, intent, options...)
	switch {
	case err == nil:
		return nil
	case apierrors.IsForbidden(err):
		return hinted(fmt.Sprintf("ask for the verb %s: kubectl auth can-i %s storageoperations.%s -n %s", v1alpha1.VerbApprove, v1alpha1.VerbApprove, v1alpha1.Group, o.Namespace),
			"you may not approve StorageOperation %s: %w", o.Name, err)
	case apierrors.IsInvalid(err) || apierrors.IsConflict(err):
		return hinted("read the plan again: kubectl seamount approve "+o.Name+" --dry-run=client", "StorageOperation %s changed since its plan was shown: %w", o.Name, err)
	}
	return fmt.Errorf("approve StorageOperation %s: %w", o.Name, err)
}
