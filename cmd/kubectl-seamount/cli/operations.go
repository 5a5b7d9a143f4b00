package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newOperations(a *App) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:     "operations [OPERATION]",
		Aliases: []string{"ops"},
		Short:   "List the operations on disks: what waits for approval, what runs, what was done; or show the plan of one",
		Example: `  kubectl seamount operations
  kubectl seamount operations replace-osd-12-x7k2p`,
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeOperations,
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, a.operationsQuery(k, argument(args)))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	return cmd
}

// operationsQuery lists all operations, or shows those of a name.
func (a *App) operationsQuery(k *Kubernetes, name string) query {
	return query{
		parts: []part{operations(k.scope())},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			found := answer.ListOperations(s)
			if name != "" {
				return oneOperation(found, name)
			}
			if len(found.Operations) == 0 {
				fmt.Fprintln(a.Err, "there are no operations")
			}
			return found, func(p *paper) { drawOperations(p, s, found.Operations) }, nil
		},
	}
}

func oneOperation(all answer.Operations, name string) (any, func(*paper), error) {
	all.Operations = slices.DeleteFunc(all.Operations, func(o answer.Operation) bool { return o.Name != name })
	if len(all.Operations) == 0 {
		return nil, nil, hinted("kubectl seamount operations", "there is no StorageOperation %s", name)
	}
	return all, func(p *paper) {
		for _, o := range all.Operations {
			drawOperation(p, o)
			drawProgress(p, o)
		}
	}, nil
}

func drawOperations(p *paper, s *answer.Snapshot, found []answer.Operation) {
	if len(found) == 0 {
		return
	}
	table(p, "", found,
		column[answer.Operation]{name: "NAME", cell: func(o answer.Operation) string { return o.Name }},
		column[answer.Operation]{name: "NAMESPACE", cell: func(o answer.Operation) string { return o.Namespace }, wide: true},
		column[answer.Operation]{name: "CLUSTER", cell: func(o answer.Operation) string { return o.Cluster }, wide: true},
		column[answer.Operation]{name: "TYPE", cell: func(o answer.Operation) string { return o.Type }},
		column[answer.Operation]{name: "TARGETS", cell: func(o answer.Operation) string { return o.Targets }},
		column[answer.Operation]{name: "STATE", cell: func(o answer.Operation) string { return o.State }},
		column[answer.Operation]{name: "STEP", cell: func(o answer.Operation) string { return o.Step }},
		column[answer.Operation]{name: "PROGRESS", cell: func(o answer.Operation) string { return answer.Percent(o.Percent) }},
		column[answer.Operation]{name: "PGS LEFT", cell: func(o answer.Operation) string { return answer.Count(o.PGsLeft) }, wide: true},
		column[answer.Operation]{name: "LEFT", cell: func(o answer.Operation) string { return answer.Size(o.BytesLeft) }, wide: true},
		column[answer.Operation]{name: "ETA", cell: func(o answer.Operation) string { return o.ETA }},
		column[answer.Operation]{name: "PLAN", cell: func(o answer.Operation) string { return o.PlanID }},
		column[answer.Operation]{name: "RISKS", cell: func(o answer.Operation) string { return strings.Join(o.Risks, ",") }},
		column[answer.Operation]{name: "APPROVER", cell: func(o answer.Operation) string { return o.Approver }, wide: true},
		column[answer.Operation]{name: "AGE", cell: func(o answer.Operation) string { return duration.HumanDuration(s.Now.Sub(o.Created.Time)) }},
		column[answer.Operation]{name: "MESSAGE", cell: func(o answer.Operation) string { return o.Message }},
	)
}
