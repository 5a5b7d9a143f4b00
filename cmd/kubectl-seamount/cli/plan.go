package cli

import (
	"github.com/spf13/cobra"

	"github.com/seamount-dev/seamount/cmd/kubectl-seamount/answer"
)

func newPlan(a *App) *cobra.Command {
	var o output
	var f whatIfFlags
	cmd := &cobra.Command{
		Use:   "plan [CLUSTER | --what-if TYPE DISK...]",
		Short: "Show what the operator will do with each disk, and why; or what an operation would do",
		Long: `Show what the operator will do with each disk, and why. With spec.pause: All of the StorageCluster this is a dry run:
everything is planned and shown, and nothing is made.

ACTION is Add (make OSDs of it), Provide (make a DB disk of it), Wait, Keep (it is in service) or Skip (leave it alone).

With --what-if it shows instead what an operation on disks would do: its steps, what data moves, how full the rest becomes, what
it risks, whether it could be carried out now, and what to type to do it. TYPE is remove, drain, replace or wipe. The operator
plans it: for that a StorageOperation is created that is held, and deleted again when its plan is there. You need the verbs
create, get, list, watch and delete on storageoperations. Nothing is approved, and nothing is done to disks.`,
		Example: `  kubectl seamount plan main
  kubectl seamount plan --what-if remove wwn-5000c50093282dee
  kubectl seamount plan --what-if drain --node n3`,
		Args: f.arguments,
		ValidArgsFunction: func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if f.kind != "" {
				return a.names(cmd.Context(), func(*Kubernetes) part { return disks() }, "")
			}
			return a.completeClusters(cmd, args, typed)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(args, o); err != nil {
				return err
			}
			k, err := a.kubernetes()
			switch {
			case err != nil:
				return err
			case f.kind != "":
				return a.whatIf(cmd.Context(), k, f, args, o)
			}
			return a.ask(cmd.Context(), k, o, planQuery(k, argument(args)))
		},
	}
	o.addTo(cmd)
	o.addWatch(cmd)
	f.addTo(a, cmd)
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
