package cli

import (
	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newPlan(a *App) *cobra.Command {
	var o output
	cmd := &cobra.Command{
		Use:   "plan [CLUSTER]",
		Short: "Show what the operator will do with each disk, and why",
		Long: `Show what the operator will do with each disk, and why. With spec.pause: All of the StorageCluster this is a dry run:
everything is planned and shown, and nothing is made.

ACTION is Add (make OSDs of it), Provide (make a DB disk of it), Wait, Keep (it is in service) or Skip (leave it alone).`,
		Example:           `  kubectl seamount plan main`,
		Args:              arguments(cobra.MaximumNArgs(1)),
		ValidArgsFunction: a.completeClusters,
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := a.kubernetes()
			if err != nil {
				return err
			}
			return a.ask(cmd.Context(), k, o, planQuery(k, argument(args)))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	return cmd
}

func planQuery(k *Kubernetes, name string) query {
	ns := k.scope()
	return query{
		parts: []part{clusters(ns), disks()},
		answer: func(s *answer.Snapshot) (any, func(*paper), error) {
			if err := pickClusters(s, ns, name); err != nil {
				return nil, nil, err
			}
			plan := answer.MakePlan(s)
			return plan, func(p *paper) { drawPlan(p, plan) }, nil
		},
	}
}

func drawPlan(p *paper, plan answer.Plan) {
	for _, c := range plan.Clusters {
		p.linef("%s/%s: %s", c.Namespace, c.Name, c.Message)
		if c.ID != "" {
			p.linef("  plan %s: %d to add, %d to provide space for DBs, %d wait, %d in service, %d left alone%s",
				c.ID, c.Add, c.Provide, c.Wait, c.Keep, c.Skip, orNone("; adds ", orSuffix(answer.Size(c.RawAddedBytes), " of raw space")))
		}
		if c.Held != "" {
			p.linef("  held: %s", c.Held)
			p.linef("    do: %s", c.Do)
		}
	}
	if len(plan.Disks) == 0 {
		return
	}
	p.linef("")
	table(p, "", plan.Disks,
		column[answer.Disk]{name: "ACTION", cell: func(d answer.Disk) string { return d.Action }},
		column[answer.Disk]{name: "DISK", cell: func(d answer.Disk) string { return d.Name }},
		column[answer.Disk]{name: "NODE", cell: func(d answer.Disk) string { return d.Node }},
		column[answer.Disk]{name: "DEVICE", cell: func(d answer.Disk) string { return d.Device }},
		column[answer.Disk]{name: "SIZE", cell: func(d answer.Disk) string { return answer.Size(d.SizeBytes) }},
		column[answer.Disk]{name: "CLUSTER", cell: func(d answer.Disk) string { return d.Cluster }, wide: true},
		column[answer.Disk]{name: "RULE", cell: func(d answer.Disk) string { return d.Rule }},
		column[answer.Disk]{name: "REASON", cell: func(d answer.Disk) string { return d.Reason }},
		column[answer.Disk]{name: "MESSAGE", cell: func(d answer.Disk) string { return d.Message }},
		column[answer.Disk]{name: "REMEDY", cell: func(d answer.Disk) string { return d.Remedy }, wide: true},
	)
}
