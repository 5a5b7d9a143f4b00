package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newOperations(a *App) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:     "operations",
		Aliases: []string{"ops"},
		Short:   "List the operations on disks: what waits for approval, what runs, what was done",
		Args:    arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, a.operationsQuery(k))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	return cmd
}

func (a *App) operationsQuery(k *Kubernetes) query {
	return query{
		parts: []part{operations(k.scope())},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			found := answer.ListOperations(s)
			if len(found.Operations) == 0 {
				fmt.Fprintln(a.Err, "there are no operations")
			}
			return found, func(p *paper) { drawOperations(p, s, found.Operations) }, nil
		},
	}
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
		column[answer.Operation]{name: "STEP", cell: func(o answer.Operation) string { return o.Step }, wide: true},
		column[answer.Operation]{name: "PROGRESS", cell: func(o answer.Operation) string { return answer.Percent(o.Percent) }},
		column[answer.Operation]{name: "ETA", cell: func(o answer.Operation) string { return o.ETA }},
		column[answer.Operation]{name: "PLAN", cell: func(o answer.Operation) string { return o.PlanID }},
		column[answer.Operation]{name: "RISKS", cell: func(o answer.Operation) string { return strings.Join(o.Risks, ",") }},
		column[answer.Operation]{name: "APPROVER", cell: func(o answer.Operation) string { return o.Approver }, wide: true},
		column[answer.Operation]{name: "AGE", cell: func(o answer.Operation) string { return duration.HumanDuration(s.Now.Sub(o.Created.Time)) }},
		column[answer.Operation]{name: "MESSAGE", cell: func(o answer.Operation) string { return o.Message }},
	)
}
